//! What clients wrote until the server was killed, what they were told of it, and what must be
//! there afterwards.

use crate::asker::{Asker, Outcome, body_of, device};
use crate::sleeper::{history, text_of, whispers};
use crate::support::Server;
use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::mpsc::Sender;
use wharf::Rng;
use wharf::proto::account::{GetProfile, SetProfile};
use wharf::proto::chat::content::What;
use wharf::proto::chat::whisper::To;
use wharf::proto::chat::{Block, Content, ListBlocks, SaidSo, Whisper};
use wharf::proto::session::Code;
use wharf::wire::Packet;

/// Requests that are on their way at once, at most.
const BURST_MAX: u64 = 8;

/// What one writer has asked for.
pub(crate) struct Diary {
    number: usize,
    /// The accounts of all writers, then the sleeper's.
    accounts: Vec<i64>,
    rng: Rng,
    lines: Vec<Line>,
    /// Accounts that it made beside its own.
    made: Vec<Made>,
    avatar: Setting<u32>,
    /// Whether it does not hear the sleeper, which says nothing.
    is_blocked: Setting<bool>,
    /// Up to where each conversation was looked at.
    looked_at: BTreeMap<usize, i64>,
    /// What was told to it.
    told: BTreeSet<String>,
    acknowledged: usize,
}

/// Something whispered.
struct Line {
    to: usize,
    fate: Fate,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    /// Nobody has said whether it is kept.
    Unknown,
    /// Acknowledged, with that number.
    Kept(i64),
    /// Not to be there.
    Refused,
}

/// An account of a device's secret.
struct Made {
    secret: u32,
    /// Once that was acknowledged.
    account: Option<i64>,
    is_looked_at: bool,
}

/// A value that is overwritten.
struct Setting<T> {
    acknowledged: T,
    /// What was asked for since, and not answered.
    asked: Option<T>,
}

/// A request of a burst.
enum Deed {
    Whisper(usize),
    Avatar,
    Block,
}

impl Diary {
    pub(crate) fn new(number: usize, accounts: &[i64]) -> Self {
        Self {
            number,
            accounts: accounts.to_vec(),
            rng: Rng::from_seed(number as u64),
            lines: Vec::new(),
            made: Vec::new(),
            avatar: Setting::new(0),
            is_blocked: Setting::new(false),
            looked_at: BTreeMap::new(),
            told: BTreeSet::new(),
            acknowledged: 0,
        }
    }

    /// How many requests were acknowledged.
    pub(crate) fn acknowledged(&self) -> usize {
        self.acknowledged
    }

    fn secret(&self) -> u32 {
        self.number as u32 + 1
    }

    fn sleeper(&self) -> usize {
        self.accounts.len() - 1
    }

    fn text(&self, line: usize) -> String {
        format!("{} of {}", line, self.number)
    }

    /// Writes until the server is gone; `None` then.
    pub(crate) fn write(&mut self, address: SocketAddr, told: &Sender<()>) -> Option<()> {
        let mut asker = Asker::reach(address)?;
        asker.done_or_ended(&device(self.secret()))?;
        loop {
            if self.rng.chance(0.1) {
                self.make_account(address)?;
                self.acknowledge(told);
            }
            let burst = self.burst();
            let requests: Vec<_> = burst.iter().map(|(id, body, _)| (*id, &body[..])).collect();
            let first = asker.send_all(&requests) + 1 - burst.len() as u32;
            let outcomes = asker.outcomes(first);
            let is_over = outcomes.len() < burst.len();
            for (number, outcome) in outcomes {
                self.note(&burst[(number - first) as usize].2, &outcome);
                self.acknowledge(told);
            }
            assert_eq!(self.hear(&mut asker), Vec::<String>::new());
            if is_over {
                return None;
            }
        }
    }

    fn acknowledge(&mut self, told: &Sender<()>) {
        self.acknowledged += 1;
        // Whoever counts has counted enough.
        let _ = told.send(());
    }

    fn make_account(&mut self, address: SocketAddr) -> Option<()> {
        let secret = 1_000_000 * self.secret() + self.made.len() as u32;
        self.made.push(Made {
            secret,
            account: None,
            is_looked_at: false,
        });
        let made = Asker::reach(address)?.done_or_ended(&device(secret))?;
        assert!(made.is_new, "{secret} is somebody's already");
        self.made.last_mut()?.account = Some(made.account);
        Some(())
    }

    fn burst(&mut self) -> Vec<(u16, Vec<u8>, Deed)> {
        let mut burst = Vec::new();
        if self.rng.chance(0.3) {
            let avatar = self.avatar.acknowledged + 1;
            self.avatar.asked = Some(avatar);
            let avatar = Some(avatar);
            let set = SetProfile {
                avatar,
                ..SetProfile::default()
            };
            burst.push((SetProfile::ID, body_of(&set), Deed::Avatar));
        }
        if self.rng.chance(0.3) {
            let block = Block {
                account: self.accounts[self.sleeper()],
                is_blocked: !self.is_blocked.acknowledged,
            };
            self.is_blocked.asked = Some(block.is_blocked);
            burst.push((Block::ID, body_of(&block), Deed::Block));
        }
        for _ in 0..=self.rng.below(BURST_MAX) {
            // Each writes to the next alone: a conversation has one author.
            let next = (self.number + 1) % self.sleeper();
            let to = if self.rng.chance(0.5) {
                self.sleeper()
            } else {
                next
            };
            let fate = Fate::Unknown;
            self.lines.push(Line { to, fate });
            let line = self.lines.len() - 1;
            burst.push((
                Whisper::ID,
                body_of(&self.whisper(line)),
                Deed::Whisper(line),
            ));
        }
        burst
    }

    fn whisper(&self, line: usize) -> Whisper {
        let what = Some(What::Text(self.text(line)));
        Whisper {
            to: Some(To::Account(self.accounts[self.lines[line].to])),
            content: Some(Content { what }),
            client_id: line as u64 + 1,
        }
    }

    fn note(&mut self, deed: &Deed, outcome: &Outcome) {
        let body = match outcome {
            Outcome::Reply(_, body) => body,
            Outcome::Error(error) => {
                // It may have been done or not, as if nobody had answered.
                if error.code() == Code::Unavailable {
                    return;
                }
                // Too much at once: nothing was done.
                let may_be = matches!(error.code(), Code::Busy | Code::Rate);
                assert!(may_be, "{error:?}");
                match deed {
                    Deed::Whisper(line) => self.lines[*line].fate = Fate::Refused,
                    Deed::Avatar => self.avatar.asked = None,
                    Deed::Block => self.is_blocked.asked = None,
                }
                return;
            }
            Outcome::Ended => return,
        };
        match deed {
            Deed::Whisper(line) => {
                let said = SaidSo::decode(body).expect("an answer");
                assert!(said.stored && !said.is_duplicate, "line {line}: {said:?}");
                self.lines[*line].fate = Fate::Kept(said.seq);
            }
            Deed::Avatar => self.avatar.done(),
            Deed::Block => self.is_blocked.done(),
        }
    }

    /// Takes note of what was told; what of it had been told before.
    fn hear(&mut self, asker: &mut Asker) -> Vec<String> {
        let mut again = whispers(asker);
        again.retain(|text| !self.told.insert(text.clone()));
        again
            .iter()
            .map(|text| format!("{text:?} is told twice"))
            .collect()
    }

    /// From now on nothing was looked at.
    pub(crate) fn forget_what_was_looked_at(&mut self) {
        self.looked_at.clear();
        self.made
            .iter_mut()
            .for_each(|made| made.is_looked_at = false);
    }

    /// Looks at what is there; what is wrong with it. What was not answered is asked for again.
    pub(crate) fn audit(&mut self, server: &Server) -> Vec<String> {
        let mut wrong = Vec::new();
        let mut asker = Asker::greeted(server);
        let login = asker.done(&device(self.secret()));
        if login.is_new || login.account != self.accounts[self.number] {
            return vec![format!("the account of {} is lost", self.number)];
        }
        for to in [(self.number + 1) % self.sleeper(), self.sleeper()] {
            self.audit_lines(&mut asker, to, &mut wrong);
        }
        let profile = asker.done(&GetProfile::default());
        if !self.avatar.may_be(profile.avatar) {
            wrong.push(format!("the avatar of {} is lost", self.number));
        }
        let blocks = asker.done(&ListBlocks {}).accounts;
        let is_blocked = blocks.contains(&self.accounts[self.sleeper()]);
        if !self.is_blocked.may_be(is_blocked) {
            wrong.push(format!("a block of {} is lost", self.number));
        }
        for made in self.made.iter_mut().filter(|made| !made.is_looked_at) {
            let login = Asker::greeted(server).done(&device(made.secret));
            // One that was not acknowledged may be made now.
            let is_right = |known| !login.is_new && login.account == known;
            if !made.account.is_none_or(is_right) {
                wrong.push(format!("the account of secret {} is lost", made.secret));
            }
            made.account = Some(login.account);
            made.is_looked_at = true;
        }
        wrong.extend(self.hear(&mut asker));
        wrong
    }

    /// The conversation with `to`, as far as it is new.
    fn audit_lines(&mut self, asker: &mut Asker, to: usize, wrong: &mut Vec<String>) {
        let mut last = self.looked_at.get(&to).copied().unwrap_or(0);
        let begin = last;
        let mut there: BTreeMap<String, i64> = BTreeMap::new();
        for message in history(asker, self.accounts[to], last) {
            if message.seq != last + 1 {
                wrong.push(format!("{} follows {last} in a history", message.seq));
            }
            last = message.seq;
            let text = text_of(&message);
            if there.insert(text.clone(), message.seq).is_some() {
                wrong.push(format!("{text:?} is there twice"));
            }
        }
        for line in 0..self.lines.len() {
            let Line { to: whom, fate } = self.lines[line];
            if whom != to || matches!(fate, Fate::Kept(seq) if seq <= begin) {
                continue;
            }
            let text = self.text(line);
            match (fate, there.remove(&text)) {
                (Fate::Kept(seq), None) => wrong.push(format!("{text:?}, {seq}, is lost")),
                (Fate::Kept(seq), Some(found)) if found != seq => {
                    wrong.push(format!("{text:?} is {found}, and was {seq}"));
                }
                (Fate::Refused, Some(_)) => wrong.push(format!("{text:?} is there")),
                (Fate::Unknown, found) => {
                    let said = asker.done(&self.whisper(line));
                    let expected = found.unwrap_or(last + 1);
                    if (said.is_duplicate, said.seq) != (found.is_some(), expected) {
                        wrong.push(format!("{text:?} said again, of {found:?}: {said:?}"));
                    }
                    last = last.max(said.seq);
                    self.lines[line].fate = Fate::Kept(said.seq);
                }
                (Fate::Kept(_), Some(_)) | (Fate::Refused, None) => {}
            }
        }
        wrong.extend(
            there
                .into_keys()
                .map(|text| format!("nobody said {text:?}")),
        );
        self.looked_at.insert(to, last);
    }

    /// What is kept for the sleeper.
    pub(crate) fn for_the_sleeper(&self) -> impl Iterator<Item = String> {
        let lines = self.lines.iter().enumerate();
        let theirs = lines
            .filter(|(_, line)| line.to == self.sleeper() && matches!(line.fate, Fate::Kept(_)));
        theirs.map(|(number, _)| self.text(number))
    }
}

impl<T: Clone + PartialEq> Setting<T> {
    fn new(acknowledged: T) -> Self {
        Self {
            acknowledged,
            asked: None,
        }
    }

    /// What was asked for is acknowledged.
    fn done(&mut self) {
        self.acknowledged = self.asked.take().expect("it was asked for");
    }

    /// Whether `found` may be the value; it is known then.
    fn may_be(&mut self, found: T) -> bool {
        let is_known = found == self.acknowledged || self.asked.take() == Some(found.clone());
        self.acknowledged = found;
        self.asked = None;
        is_known
    }
}
