//! What clients of the platform know between them: of people, their tokens, and what they have
//! whispered.

use crate::claims::Moment;
use crate::halls::{Order, Orders};
use std::collections::BTreeMap;
use wharf_base::{Instant, Rng};

/// Everybody who has an account, or will.
#[derive(Debug, Default)]
pub(crate) struct People {
    people: Vec<Person>,
    /// How many stay: those behind them are mortal.
    count: usize,
    whispers: Vec<Whisper>,
    pub(crate) tokens: Vec<Token>,
    /// What may go wrong does not any more: every whisper from this one on is told.
    certain_from: Option<usize>,
    pub(crate) token_logins: u64,
    pub(crate) refused_tokens: u64,
    pub(crate) muted: u64,
    /// Who was banned from the server, and who muted everywhere.
    pub(crate) orders: Orders,
    erasures: Vec<Erasure>,
    /// Accounts that are no more.
    erased: BTreeMap<i64, Moment>,
    /// Whom operators have sent away, for certain, and when they asked for that.
    pub(crate) sent_away: Vec<(usize, Moment)>,
    /// How often they wanted that without a ban.
    pub(crate) kicks: u64,
}

/// One of them.
#[derive(Debug, Default)]
struct Person {
    /// The account, once somebody has logged in to it.
    account: Option<i64>,
    /// How often somebody has asked to register.
    registrations: u32,
    /// Whether somebody was told that the name is taken, and did not hear that it was theirs.
    is_taken: bool,
    /// Whom they did not want to hear at some time.
    blocks: BTreeMap<usize, Wish>,
}

/// What somebody has asked for of another's whispers.
#[derive(Clone, Copy, Debug)]
struct Wish {
    block: Block,
    /// Requests without an answer: of a link that broke, or where the store did not know.
    open: u32,
    /// How often it was asked for.
    version: u32,
}

/// What is known of somebody's wish not to hear another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Block {
    /// It was never asked for, or was taken back.
    Open,
    /// It was asked for, or taken back, and not answered yet.
    Unknown,
    /// It holds.
    Shut,
}

/// The end of an account that was asked for.
#[derive(Clone, Debug)]
pub(crate) struct Erasure {
    person: usize,
    account: i64,
    asked: Moment,
    /// The tokens that are worth nothing afterwards.
    tokens: Vec<usize>,
}

/// A session's secret.
#[derive(Debug)]
pub(crate) struct Token {
    pub(crate) secret: Vec<u8>,
    pub(crate) person: usize,
    pub(crate) login: i64,
    /// For which it was exchanged.
    next: Option<usize>,
    /// Whether it must never be good for a login again.
    pub(crate) is_dead: bool,
}

/// Something that one whispers to another.
#[derive(Debug)]
struct Whisper {
    from: usize,
    to: usize,
    /// The other's wish when they said it, and its version.
    block: (Block, u32),
    /// How often they said it: it is not kept twice.
    tries: u32,
    fate: Fate,
    told: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    /// It is not known whether it is kept.
    Unknown,
    Kept,
    /// Nobody will hear it.
    Refused,
}

/// Accounts that may be ended, beside those who stay, where there are any.
const MORTALS: u32 = 2;

fn mortal_end(count: u32) -> u32 {
    if count > 0 { count + MORTALS } else { 0 }
}

/// The name of a person; no classic client has one like it.
///
/// Every other is too long for the classic packets.
pub(crate) fn name_of(person: usize) -> String {
    let tail = if person % 2 == 1 { 20 } else { 0 };
    format!("p{person}{}", TAIL.repeat(tail))
}

/// What names and lines end with that are long; it has three bytes.
pub(crate) const TAIL: &str = "긴";

pub(crate) fn person_of(name: &str) -> Option<usize> {
    let digits = name.strip_prefix('p')?.trim_end_matches(TAIL);
    digits.parse().ok()
}

/// What classic clients see of a name or a line: what fits, and no half of a character.
pub(crate) fn cut(text: &str, bytes_max: usize) -> &str {
    let ends = text
        .char_indices()
        .map(|(at, letter)| at + letter.len_utf8());
    let end = ends.take_while(|end| *end <= bytes_max).last();
    &text[..end.unwrap_or(0)]
}

/// Bytes of a name in the classic packets.
pub(crate) const CLASSIC_NAME: usize = 33;
/// Bytes of a line in the classic packets.
pub(crate) const CLASSIC_LINE: usize = 257;

/// Whether somebody of that name may be seen coming while they are there: by another link, before
/// the older one is known to be gone.
pub(crate) fn may_come_again(name: &str) -> bool {
    person_of(name).is_some()
}

pub(crate) fn password_of(person: usize) -> String {
    format!("the password of {person}")
}

impl People {
    pub(crate) fn new(count: u32) -> Self {
        Self {
            people: (0..mortal_end(count)).map(|_| Person::default()).collect(),
            count: count as usize,
            ..Self::default()
        }
    }

    /// Whether somebody may have been banned from the server.
    pub(crate) fn may_be_banned(&self, person: usize) -> bool {
        self.orders.may_hold(Order::Ban(person), Instant::ZERO)
    }

    /// Whether somebody may have been muted everywhere.
    pub(crate) fn may_be_muted(&self, person: usize) -> bool {
        self.orders.may_hold(Order::Mute(person), Instant::ZERO)
    }

    /// Whether somebody is among those whose accounts may be ended.
    pub(crate) fn is_mortal(&self, person: usize) -> bool {
        person >= self.count
    }

    /// One of those.
    pub(crate) fn some_mortal(&self, rng: &mut Rng) -> usize {
        self.count + rng.below((self.people.len() - self.count) as u64) as usize
    }

    /// Somebody's account is to be ended.
    pub(crate) fn ask_to_erase(&mut self, person: usize, account: i64, asked: Moment) -> Erasure {
        let all = self.tokens.iter().enumerate();
        let tokens = all.filter(|(_, token)| token.person == person);
        let erasure = Erasure {
            person,
            account,
            asked,
            tokens: tokens.map(|(index, _)| index).collect(),
        };
        self.erasures.push(erasure.clone());
        erasure
    }

    /// It was: whoever is called so is another from now on.
    pub(crate) fn erased(&mut self, erasure: &Erasure, now: Moment) {
        self.kill(&erasure.tokens);
        self.sent_away.push((erasure.person, erasure.asked));
        self.erased.entry(erasure.account).or_insert(now);
        let person = &mut self.people[erasure.person];
        if person.account == Some(erasure.account) {
            (person.account, person.is_taken) = (None, false);
        }
    }

    /// How many accounts are no more.
    pub(crate) fn erasures(&self) -> u64 {
        self.erased.len() as u64
    }

    /// Whether somebody's account may have been ended.
    pub(crate) fn may_be_erased(&self, person: usize) -> bool {
        self.erasures.iter().any(|it| it.person == person)
    }

    /// Whether an account was no more at that moment.
    pub(crate) fn is_erased(&self, account: i64, at: Moment) -> bool {
        self.erased.get(&account).is_some_and(|since| *since < at)
    }

    /// Whether somebody who was in since `since` must be gone by now.
    pub(crate) fn must_be_gone(&self, person: usize, since: Moment) -> bool {
        let mut sent = self.sent_away.iter();
        sent.any(|(whom, asked)| *whom == person && *asked > since)
    }

    /// How many there are who stay.
    pub(crate) fn count(&self) -> usize {
        self.count
    }

    /// Somebody asks to register as `person`.
    pub(crate) fn ask_to_register(&mut self, person: usize) {
        self.people[person].registrations += 1;
    }

    /// Whether another may have registered as `person` first.
    pub(crate) fn may_be_taken(&self, person: usize) -> bool {
        self.people[person].registrations > 1
    }

    /// It is.
    pub(crate) fn taken(&mut self, person: usize) {
        self.people[person].is_taken = true;
    }

    /// Whether it is known that there is an account.
    pub(crate) fn is_registered(&self, person: usize) -> bool {
        let person = &self.people[person];
        person.is_taken || person.account.is_some()
    }

    pub(crate) fn account(&self, person: usize) -> Option<i64> {
        self.people[person].account
    }

    /// Whose account that is.
    pub(crate) fn person_with(&self, account: i64) -> Option<usize> {
        self.people
            .iter()
            .position(|it| it.account == Some(account))
    }

    /// Somebody is logged in as `person`, to `account`.
    ///
    /// # Panics
    /// If that is another's account, or they had another before.
    pub(crate) fn logged_in(&mut self, person: usize, account: i64) {
        let owner = self.person_with(account);
        assert!(
            owner.is_none_or(|owner| owner == person),
            "{account} is another's"
        );
        let is_anew = self.may_be_erased(person);
        let known = self.people[person].account.replace(account);
        let is_right = is_anew || known.is_none_or(|known| known == account);
        assert!(is_right, "{person} has two accounts: {known:?}, {account}");
    }

    /// A login gave out a token, in exchange for `of` if it came by one.
    pub(crate) fn give(&mut self, token: Token, of: Option<usize>) -> usize {
        self.tokens.push(token);
        let new = self.tokens.len() - 1;
        if let Some(old) = of {
            self.token_logins += 1;
            // The one before it, if somebody lost the answer, is worth something for a while; that
            // one's own predecessor is not.
            for token in &mut self.tokens {
                token.is_dead |= token.next == Some(old);
            }
            self.tokens[old].next = Some(new);
        }
        new
    }

    /// A new token of a person.
    pub(crate) fn token(secret: Vec<u8>, person: usize, login: i64) -> Token {
        Token {
            secret,
            person,
            login,
            next: None,
            is_dead: false,
        }
    }

    /// The tokens of a person; of one login, or of all but that.
    pub(crate) fn tokens_of(&self, person: usize, login: i64, is_that: bool) -> Vec<usize> {
        let all = self.tokens.iter().enumerate();
        all.filter(|(_, token)| token.person == person && (token.login == login) == is_that)
            .map(|(index, _)| index)
            .collect()
    }

    /// A token of that person, the newest most often.
    pub(crate) fn some_token(&self, person: usize, back: usize) -> Option<usize> {
        let all = self.tokens.iter().enumerate().rev();
        let mut theirs = all.filter(|(_, token)| token.person == person);
        theirs.nth(back).map(|(index, _)| index)
    }

    /// They are worth nothing any more.
    pub(crate) fn kill(&mut self, tokens: &[usize]) {
        for token in tokens {
            self.tokens[*token].is_dead = true;
        }
    }

    /// The number of a new whisper.
    pub(crate) fn whisper(&mut self, from: usize, to: usize) -> usize {
        let block = self.block(to, from);
        self.whispers.push(Whisper {
            from,
            to,
            block,
            tries: 1,
            fate: Fate::Unknown,
            told: 0,
        });
        self.whispers.len() - 1
    }

    /// One of `from`'s of which it is not known whether it is kept; it is said again.
    pub(crate) fn whisper_again(&mut self, from: usize) -> Option<usize> {
        let is_it = |it: &Whisper| it.from == from && it.fate == Fate::Unknown;
        let whisper = self.whispers.iter().rposition(is_it)?;
        self.whispers[whisper].tries += 1;
        Some(whisper)
    }

    pub(crate) fn addressee(&self, whisper: usize) -> usize {
        self.whispers[whisper].to
    }

    /// It was acknowledged.
    ///
    /// # Panics
    /// If whom it was for had shut their ears before it was said, and never opened them.
    pub(crate) fn kept(&mut self, whisper: usize) {
        let now = self.block(self.whispers[whisper].to, self.whispers[whisper].from);
        let it = &mut self.whispers[whisper];
        let was_shut = it.block.0 == Block::Shut && it.block == now && it.tries == 1;
        assert!(!was_shut, "{it:?} is kept for one who blocks");
        it.fate = Fate::Kept;
    }

    /// It was refused for good; an earlier try may have been kept.
    ///
    /// # Panics
    /// If there is no reason for that.
    pub(crate) fn refused(&mut self, whisper: usize, is_muted: bool) {
        let (from, to) = (self.whispers[whisper].from, self.whispers[whisper].to);
        let was_blocked = self.people[to].blocks.contains_key(&from);
        assert!(
            !is_muted || was_blocked || self.may_be_muted(from),
            "{whisper}: muted without a reason"
        );
        self.muted += u64::from(is_muted);
        let it = &mut self.whispers[whisper];
        if it.tries == 1 && it.fate == Fate::Unknown {
            it.fate = Fate::Refused;
        }
    }

    /// Somebody is told.
    ///
    /// # Panics
    /// If it is not for them, or was told before, or was refused.
    pub(crate) fn told(&mut self, whisper: usize, to: usize, author: i64) {
        let it = self.whispers.get_mut(whisper).expect("somebody said it");
        it.told += 1;
        assert_eq!(it.to, to, "{it:?} is told to {to}");
        assert_eq!(it.told, 1, "{it:?} is told twice");
        assert_ne!(it.fate, Fate::Refused, "{it:?} is told");
        let from = it.from;
        assert_eq!(
            self.people[from].account,
            Some(author),
            "whisper {whisper}: another author"
        );
    }

    /// What `of` is known to wish of `other`, and which wish that is.
    fn block(&self, of: usize, other: usize) -> (Block, u32) {
        let wish = self.people[of].blocks.get(&other);
        wish.map_or((Block::Open, 0), |wish| (wish.block, wish.version))
    }

    /// `of` asks not to hear `other`, or to hear them again.
    pub(crate) fn ask_to_block(&mut self, of: usize, other: usize) {
        let wish = self.people[of].blocks.entry(other).or_insert(Wish {
            block: Block::Open,
            open: 0,
            version: 0,
        });
        wish.block = Block::Unknown;
        wish.open += 1;
        wish.version += 1;
    }

    /// That was done.
    pub(crate) fn blocked(&mut self, of: usize, other: usize, is_blocked: bool) {
        let wish = self.people[of]
            .blocks
            .get_mut(&other)
            .expect("it was asked for");
        wish.open -= 1;
        if wish.open == 0 {
            wish.block = match is_blocked {
                true => Block::Shut,
                false => Block::Open,
            };
        }
    }

    /// From here on nothing is lost.
    pub(crate) fn be_certain(&mut self) {
        self.certain_from = Some(self.whispers.len());
    }

    /// Asserts that what was acknowledged is in the history once and in the order in which it came,
    /// and that what was said when nothing went wrong was told.
    pub(crate) fn assert_all_told(
        &self,
        mut history: impl FnMut(usize, usize) -> Vec<(i64, usize)>,
    ) {
        let mut kept: BTreeMap<usize, u32> = BTreeMap::new();
        for one in 0..self.count() {
            for other in one + 1..self.count() {
                let mut last = 0;
                for (seq, whisper) in history(one, other) {
                    assert!(seq > last, "{one} and {other}: {seq} behind {last}");
                    last = seq;
                    *kept.entry(whisper).or_default() += 1;
                }
            }
        }
        for (number, whisper) in self.whispers.iter().enumerate() {
            let count = kept.get(&number).copied().unwrap_or(0);
            assert!(
                count <= 1,
                "{number}, {whisper:?}: {count} times in the history"
            );
            let is_kept = whisper.fate == Fate::Kept;
            assert!(
                !is_kept || count == 1,
                "{number}, {whisper:?}: not in the history"
            );
            let is_lost = whisper.fate == Fate::Refused && count > 0;
            assert!(!is_lost, "{number}, {whisper:?}: in the history");
            assert!(
                whisper.told == 0 || count == 1,
                "{number}, {whisper:?}: told, not kept"
            );
            let is_certain = self.certain_from.is_some_and(|from| number >= from);
            assert!(
                !is_certain || !is_kept || whisper.told == 1,
                "{number}, {whisper:?}: acknowledged and not told"
            );
        }
    }

    pub(crate) fn whispers(&self) -> u64 {
        self.whispers.len() as u64
    }
}
