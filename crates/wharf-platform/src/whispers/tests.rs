//! What was acknowledged is told once, by random steps of people and of their store.

use super::*;
use proptest::prelude::*;
use std::collections::BTreeSet;
use wharf_data::people::Addressee;

const AT: UnixMs = UniqueIds::EPOCH_UNIX_MS as i64 + 1;

/// What the store promises of whispers, by numbers instead of texts.
#[derive(Default)]
struct MapStore {
    waiting: BTreeMap<AccountId, Vec<i64>>,
    deliveries: BTreeMap<i64, Vec<i64>>,
    last: i64,
}

impl MapStore {
    fn ask(&mut self, ask: &Ask) -> Reply {
        match ask {
            Ask::Message(message::Ask::Whisper { to, .. }) => {
                self.last += 1;
                self.waiting.entry(*to).or_default().push(self.last);
                Ok(kept(self.last))
            }
            Ask::Message(message::Ask::TakeWaiting {
                account,
                delivery,
                limit,
            }) => {
                let waiting = self.waiting.entry(*account).or_default();
                let taken = self.deliveries.entry(*delivery).or_insert_with(|| {
                    let count = waiting.len().min(*limit as usize);
                    waiting.drain(..count).collect()
                });
                let messages = taken.iter().map(|seq| told(*seq)).collect();
                let has_more = !waiting.is_empty();
                Ok(wharf_data::Answer::Message(message::Answer::Messages {
                    messages,
                    has_more,
                }))
            }
            other => panic!("nobody asks {other:?}"),
        }
    }
}

fn kept(seq: i64) -> wharf_data::Answer {
    let kept = message::Kept {
        conversation: ConversationId::new(1),
        seq,
        is_duplicate: false,
    };
    wharf_data::Answer::Message(message::Answer::Kept(vec![kept]))
}

fn told(seq: i64) -> Message {
    Message {
        conversation: ConversationId::new(1),
        seq,
        author: AccountId::new(9),
        author_name: String::new(),
        kind: 1,
        body: Vec::new(),
        at: AT,
        removed_by: None,
    }
}

/// Two people, of whom the store knows, and what it has not answered yet.
struct Rig {
    whispers: Whispers,
    store: MapStore,
    asked: VecDeque<(Pending, Ask)>,
    here: BTreeSet<AccountId>,
    now: Instant,
    tickets: u64,
    acknowledged: Vec<i64>,
    told: Vec<i64>,
}

impl Rig {
    fn pump(&mut self) {
        while let Some(step) = self.whispers.poll() {
            match step {
                Step::Ask(pending, ask) => self.asked.push_back((pending, *ask)),
                Step::Reply(_, kept) => self.acknowledged.extend(kept.map(|(_, kept)| kept.seq)),
                Step::Tell(_, message) => self.told.push(message.seq),
            }
        }
    }

    /// Answers the oldest question; `is_done` and `is_known` tell whether the store does it,
    /// and whether its answer comes through.
    fn answer(&mut self, is_done: bool, is_known: bool) {
        let Some((pending, ask)) = self.asked.pop_front() else {
            return;
        };
        let reply = match is_done {
            true => self.store.ask(&ask),
            false => Err(Refusal::Unavailable),
        };
        let reply = match is_known {
            true => reply,
            false => Err(Refusal::Unavailable),
        };
        let here = self.here.clone();
        let is_here = |account| here.contains(&account);
        self.whispers.stored(self.now, AT, pending, reply, is_here);
        self.pump();
    }

    fn step(&mut self, kind: u8, account: AccountId) {
        match kind {
            0 | 1 => {
                self.tickets += 1;
                let whisper = Whisper {
                    to: Addressee::Account(account),
                    client_id: None,
                    kind: 1,
                    body: Vec::new(),
                };
                let (ticket, by) = (Ticket(self.tickets), AccountId::new(9));
                self.whispers.whisper(AT, ticket, by, whisper, Ok(account));
            }
            2 => {
                if self.here.insert(account) {
                    self.whispers.deliver(AT, account);
                }
            }
            3 => drop(self.here.remove(&account)),
            4 => self.answer(false, false),
            5 => self.answer(true, false),
            6 => {
                self.now += RETRY;
                self.whispers.handle_timeout(self.now);
            }
            _ => self.answer(true, true),
        }
        self.pump();
    }
}

proptest! {
    #[test]
    fn what_was_acknowledged_is_told_once_whatever_the_store_does(
        steps in prop::collection::vec((0u8..10, 1i64..3), 0..60)
    ) {
        let mut rig = Rig {
            whispers: Whispers::new(0, true),
            store: MapStore::default(),
            asked: VecDeque::new(),
            here: BTreeSet::new(),
            now: Instant::ZERO,
            tickets: 0,
            acknowledged: Vec::new(),
            told: Vec::new(),
        };
        for (kind, account) in steps {
            // Whoever has been given a delivery is not gone before it is told; what is given
            // to a session that ends is in their history.
            if kind != 3 || rig.asked.is_empty() {
                rig.step(kind, AccountId::new(account));
            }
        }
        for account in [1, 2].map(AccountId::new) {
            rig.step(2, account);
        }
        // The store is well again.
        while !rig.asked.is_empty() || rig.whispers.next_deadline().is_some() {
            rig.step(9, AccountId::new(1));
            rig.step(6, AccountId::new(1));
        }
        let told: BTreeSet<i64> = rig.told.iter().copied().collect();
        prop_assert_eq!(told.len(), rig.told.len(), "nothing is told twice");
        for seq in rig.acknowledged {
            prop_assert!(told.contains(&seq), "{} was acknowledged and not told", seq);
        }
        prop_assert_eq!(told.len() as i64, rig.store.last, "what may have been kept is told");
    }
}
