//! Entries whose acknowledgements are remembered, and what must be true of them whatever happened.

#![allow(dead_code, reason = "each test program uses its part")]

use std::collections::BTreeSet;
use std::sync::Arc;
use wharf_base::Instant;
use wharf_data::account::{self, Identity, IdentityKind, NewLogin, NewToken, TokenHash};
use wharf_data::message::{self, NewMessage};
use wharf_data::{AccountId, Ask, ConversationId, DisplayName, LoginId};
use wharf_store::{Clock, Database, SqlError};

/// Who writes all messages; entry 1 makes the account.
const AUTHOR: i64 = 1;
/// Whom they wait for; entry 2 makes the account.
const READER: i64 = 2;

/// What was found to be wrong with a database.
#[derive(Debug, Default)]
pub(crate) struct Verdict {
    /// Entries that were acknowledged and are not there.
    pub(crate) lost: Vec<i64>,
    /// What contradicts itself.
    pub(crate) wrong: Vec<String>,
    /// How many entries are there.
    pub(crate) kept: usize,
}

impl Verdict {
    /// Whether nothing is wrong.
    pub(crate) fn is_sound(&self) -> bool {
        self.lost.is_empty() && self.wrong.is_empty()
    }
}

/// The entry of a number from 1 on: an account, which is a row in each of six tables, or a message
/// that waits for its reader, which is three. The first two must be there before the others.
pub(crate) fn entry(number: i64) -> Ask {
    match number > READER && number % 2 == 0 {
        true => Ask::Message(whisper(number)),
        false => Ask::Account(create(number)),
    }
}

/// Looks whether all that was acknowledged is there, once and whole, and nothing is there in part.
///
/// # Errors
/// When the database cannot be read.
pub(crate) fn check(
    database: &mut dyn Database,
    acknowledged: &BTreeSet<i64>,
) -> Result<Verdict, SqlError> {
    let begin = database.begin_read();
    database.execute(begin, &[])?;
    let accounts = numbers(database, "SELECT id FROM account ORDER BY id")?;
    let whole = "SELECT a.id FROM account a JOIN person p ON p.account = a.id \
                 JOIN name n ON n.account = a.id JOIN identity i ON i.account = a.id \
                 JOIN login l ON l.account = a.id JOIN token t ON t.login = l.id ORDER BY a.id";
    let whole = numbers(database, whole)?;
    let sequence = format!("SELECT seq FROM message WHERE author = {AUTHOR} ORDER BY seq");
    let sequence = numbers(database, &sequence)?;
    let messages = format!("SELECT client_id FROM message WHERE author = {AUTHOR}");
    let messages = numbers(database, &messages)?;
    let waiting = format!("SELECT seq FROM waiting WHERE account = {READER} ORDER BY seq");
    let waiting = numbers(database, &waiting)?;
    database.execute("ROLLBACK", &[])?;

    let mut verdict = Verdict::default();
    if whole != accounts {
        let (whole, all) = (whole.len(), accounts.len());
        verdict
            .wrong
            .push(format!("{all} accounts, {whole} of them whole"));
    }
    if !sequence.iter().copied().eq(1..=sequence.len() as i64) {
        verdict
            .wrong
            .push("the numbers of messages have gaps".into());
    }
    if waiting != sequence {
        let (messages, waiting) = (sequence.len(), waiting.len());
        verdict
            .wrong
            .push(format!("{messages} messages, {waiting} wait"));
    }
    let count = accounts.len() + messages.len();
    let kept: BTreeSet<i64> = accounts.into_iter().chain(messages).collect();
    if kept.len() != count {
        verdict.wrong.push("an entry is there twice".into());
    }
    verdict.kept = count;
    verdict.lost = acknowledged.difference(&kept).copied().collect();
    Ok(verdict)
}

/// A clock for a store in a test.
pub(crate) fn clock() -> Clock {
    let begun = std::time::Instant::now();
    Arc::new(move || Instant::ZERO + begun.elapsed())
}

fn numbers(database: &mut dyn Database, sql: &str) -> Result<Vec<i64>, SqlError> {
    let rows = database.query(sql, &[])?;
    rows.iter().map(|row| row.integer(0)).collect()
}

fn create(number: i64) -> account::Ask {
    let name = DisplayName::new(&format!("Somebody {number}")).expect("it is a name");
    let mut hash = [0; 32];
    hash[..8].copy_from_slice(&number.to_le_bytes());
    account::Ask::Create {
        account: AccountId::new(number),
        identity: Identity {
            kind: IdentityKind::Device,
            subject: format!("device {number}"),
        },
        name,
        password: None,
        login: NewLogin {
            id: LoginId::new(number),
            device: "device".into(),
            token: NewToken {
                hash: TokenHash(hash),
                expires: i64::MAX,
            },
        },
        at: number,
    }
}

fn whisper(number: i64) -> message::Ask {
    message::Ask::Whisper {
        to: AccountId::new(READER),
        conversation: ConversationId::new(1),
        message: NewMessage {
            author: AccountId::new(AUTHOR),
            client_id: Some(number as u64),
            seq: None,
            kind: 1,
            body: format!("message {number}").into_bytes(),
            at: number,
        },
        waits: true,
    }
}
