//! The board over a store in memory that is slow, loses what it has, and is gone at times.

use super::*;
use wharf_base::Rng;
use wharf_data::Refusal;
use wharf_data::short::Ask as Short;

const AT: UnixMs = 1_796_000_000_000;

fn options() -> BriefOptions {
    BriefOptions {
        batch: 8,
        ..BriefOptions::with_redis(3)
    }
}

struct Rig {
    board: Board,
    truth: BTreeMap<Key, Item>,
    /// By key, in whatever space: what is there, and until when.
    store: BTreeMap<(Space, String), (Item, UnixMs)>,
    now: Instant,
    is_dead: bool,
    /// While it is held, nothing is answered.
    is_held: bool,
    held: VecDeque<(u64, Ask)>,
    writes: usize,
    reads: usize,
}

impl Rig {
    fn new() -> Self {
        let mut rig = Self {
            board: Board::new(options()),
            truth: BTreeMap::new(),
            store: BTreeMap::new(),
            now: Instant::ZERO,
            is_dead: false,
            is_held: false,
            held: VecDeque::new(),
            writes: 0,
            reads: 0,
        };
        rig.begin();
        rig
    }

    /// A process begins over what is stored.
    fn begin(&mut self) {
        self.board = Board::new(options());
        self.held.clear();
        self.board.open(self.now);
        self.pass(Duration::ZERO);
    }

    fn at(&self) -> UnixMs {
        AT + (self.now - Instant::ZERO).as_millis() as i64
    }

    fn set(&mut self, key: Key, score: Option<i64>) {
        match score {
            None => drop(self.truth.remove(&key)),
            Some(score) => {
                let value = vec![score as u8];
                self.truth.insert(key, Item { value, score });
            }
        }
        self.board.touch(self.now, key, score.is_some());
    }

    /// Time passes, in the steps that the board asks for.
    fn pass(&mut self, time: Duration) {
        let end = self.now + time;
        for _ in 0..100_000 {
            self.pump();
            match self.board.next_deadline().filter(|due| *due <= end) {
                None => {
                    self.now = end;
                    return;
                }
                Some(due) => self.now = self.now.max(due),
            }
            let (at, truth) = (self.at(), &self.truth);
            self.board
                .handle_timeout(self.now, at, |key| truth.get(&key).cloned());
        }
        panic!("it never rests");
    }

    fn pump(&mut self) {
        while let Some((number, ask)) = self.board.poll() {
            self.held.push_back((number, ask));
            assert!(self.held.len() <= options().batch, "a batch is bounded");
        }
        while !self.is_held
            && let Some((number, ask)) = self.held.pop_front()
        {
            let reply = self.reply(&ask);
            self.board.stored(self.now, number, &reply);
        }
    }

    fn reply(&mut self, ask: &Ask) -> Reply {
        let Ask::Short(ask) = ask else {
            panic!("nothing else is asked");
        };
        match ask {
            Short::Top { .. } => self.reads += 1,
            _ => self.writes += 1,
        }
        if self.is_dead {
            return Err(Refusal::Unavailable);
        }
        match ask {
            Short::Put {
                space,
                key,
                value,
                score,
                expires,
                ..
            } => {
                let (value, score) = (value.clone(), *score);
                let kept = (Item { value, score }, *expires);
                self.store.insert((*space, key.clone()), kept);
            }
            Short::Delete { space, key } => drop(self.store.remove(&(*space, key.clone()))),
            Short::Top {
                space,
                skip,
                limit,
                at,
            } => {
                let all = self.store.iter().filter(|((of, _), _)| of == space);
                let all = all.filter(|(_, (_, expires))| expires > at);
                let found = all.map(|((_, key), (item, expires))| Found {
                    key: key.clone(),
                    value: item.value.clone(),
                    score: item.score,
                    expires: *expires,
                });
                let found = found.skip(*skip as usize).take(*limit as usize);
                let top = short::Answer::Top(found.collect());
                return Ok(Answer::Short(top));
            }
            other => panic!("nobody asks {other:?}"),
        }
        Ok(Answer::Done)
    }

    /// What others see of this node now.
    fn seen(&self) -> BTreeMap<Key, Item> {
        let at = self.at();
        let lasting = self.store.iter().filter(|(_, (_, until))| *until > at);
        let own = lasting.filter_map(|((space, key), (item, _))| {
            let id = key.strip_prefix("3:")?.parse().ok()?;
            let shelf = match space {
                Space::Presence => Shelf::People,
                _ => Shelf::Rooms,
            };
            Some((Key { shelf, id }, item.clone()))
        });
        own.collect()
    }
}

fn kim(id: i64) -> Key {
    Key::of_person(AccountId::new(id))
}

fn tea(id: i64) -> Key {
    Key::of_room(RoomId::new(id))
}

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn changes_are_gathered_for_a_second_and_written_together() {
    let mut rig = Rig::new();
    for id in 0..4 {
        rig.set(kim(id), Some(id));
        rig.set(tea(9), Some(id));
    }
    rig.pass(SECOND - Duration::from_millis(1));
    assert_eq!(rig.writes, 0);
    rig.pass(Duration::from_millis(1));
    assert_eq!(rig.writes, 5, "a room that changed four times once");
    assert_eq!(rig.seen(), rig.truth);
    rig.set(kim(1), None);
    rig.pass(SECOND);
    assert_eq!((rig.writes, rig.seen()), (6, rig.truth.clone()));
}

#[test]
fn who_comes_and_goes_within_it_costs_nothing_and_is_not_remembered() {
    let mut rig = Rig::new();
    for id in 0..100 {
        rig.set(kim(id), Some(1));
        rig.set(kim(id), None);
    }
    assert!(rig.board.dirty.is_empty() && rig.board.order.is_empty());
    // Nor does what is as it was.
    rig.set(tea(1), Some(5));
    rig.pass(SECOND);
    rig.set(tea(1), Some(6));
    rig.set(tea(1), Some(5));
    rig.pass(SECOND);
    assert_eq!(rig.writes, 1);
}

#[test]
fn a_store_that_is_slow_gets_one_batch_at_a_time_and_everybody_comes_to_their_turn() {
    let mut rig = Rig::new();
    for id in 0..30 {
        rig.set(kim(id), Some(id));
    }
    rig.is_held = true;
    rig.pass(SECOND * 60);
    assert_eq!(rig.held.len(), options().batch);
    let next = rig.board.next_deadline();
    assert!(
        next.is_none_or(|due| due > rig.now),
        "nothing is done meanwhile"
    );
    rig.is_held = false;
    // Somebody low who never rests is no reason to leave out those behind.
    for step in 0..10 {
        rig.set(kim(0), Some(step));
        rig.pass(SECOND);
    }
    assert_eq!(rig.seen(), rig.truth);
}

#[test]
fn what_does_not_change_is_written_again_before_it_is_forgotten_and_seldom() {
    let mut rig = Rig::new();
    assert_eq!(rig.board.next_deadline(), None, "nobody is here");
    for id in 0..20 {
        rig.set(kim(id), Some(id));
        rig.pass(SECOND);
    }
    let (writes, hour) = (rig.writes, 3_600);
    for _ in 0..hour {
        rig.pass(SECOND);
        assert_eq!(rig.seen(), rig.truth);
    }
    let rounds = hour / options().refresh.as_secs() as usize + 5;
    let again = rig.writes - writes;
    assert!((20..=20 * rounds).contains(&again), "{again}");
    for id in 0..20 {
        rig.set(kim(id), None);
    }
    rig.pass(SECOND * 10);
    assert_eq!(rig.board.next_deadline(), None);
}

#[test]
fn a_store_that_is_down_is_tried_seldom_and_has_everything_again_when_it_is_back() {
    let mut rig = Rig::new();
    for id in 0..20 {
        rig.set(kim(id), Some(id));
    }
    rig.pass(SECOND * 5);
    assert_eq!(rig.seen(), rig.truth);
    // It dies with all that it had.
    rig.is_dead = true;
    rig.store.clear();
    rig.set(kim(1), Some(100));
    rig.set(kim(2), None);
    let writes = rig.writes;
    for id in 100..3_700 {
        rig.set(kim(id), Some(1));
        rig.set(kim(id), None);
        rig.pass(SECOND);
    }
    let tries = rig.writes - writes;
    assert!((10..=100).contains(&tries), "{tries} in an hour");
    assert!(rig.board.dirty.len() <= 21, "it is bounded");
    assert_eq!(rig.board.stats().failed, tries as u64);
    rig.is_dead = false;
    rig.pass(options().retry_max + SECOND * 10);
    assert_eq!(rig.seen(), rig.truth);
}

#[test]
fn what_an_earlier_process_left_is_taken_away_and_others_keep_theirs() {
    let mut rig = Rig::new();
    for id in 0..2_500 {
        let kept = (
            Item {
                value: vec![9],
                score: 9,
            },
            AT + 3_600_000,
        );
        rig.store
            .insert((Space::Presence, format!("3:{id}")), kept.clone());
        rig.store
            .insert((Space::BusyRooms, format!("3:{id}")), kept.clone());
        rig.store
            .insert((Space::Presence, format!("4:{id}")), kept.clone());
        rig.store
            .insert((Space::Presence, format!("33:{id}")), kept);
    }
    rig.store.insert(
        (Space::Presence, "rubbish".into()),
        rig.store.values().next().unwrap().clone(),
    );
    rig.begin();
    rig.set(kim(7), Some(7));
    rig.pass(SECOND * 1_000);
    assert_eq!(rig.seen(), rig.truth);
    assert_eq!(rig.store.len(), 5_000 + 1 + 1);
}

#[test]
fn leavings_are_looked_for_again_where_the_store_was_not_there() {
    let mut rig = Rig::new();
    rig.set(kim(1), Some(1));
    rig.pass(SECOND);
    rig.is_dead = true;
    rig.truth.clear();
    rig.begin();
    rig.pass(SECOND * 100);
    assert_eq!(rig.seen().len(), 1);
    rig.is_dead = false;
    rig.pass(options().retry_max + SECOND);
    assert!(rig.seen().is_empty());
    assert_eq!(rig.board.next_deadline(), None);
}

#[test]
fn at_the_end_everything_is_taken_away_unless_nobody_answers() {
    for is_dead in [false, true] {
        let mut rig = Rig::new();
        for id in 0..3 {
            rig.set(kim(id), Some(id));
        }
        rig.pass(SECOND);
        rig.is_dead = is_dead;
        rig.set(kim(3), Some(3));
        rig.pass(SECOND);
        let writes = rig.writes;
        rig.board.close();
        rig.pump();
        let expected = if is_dead { 0 } else { 4 };
        assert_eq!(rig.writes - writes, expected);
    }
}

#[test]
fn whatever_is_lost_what_is_seen_becomes_what_is_true() {
    for seed in 0..200 {
        let mut rng = Rng::from_seed(seed);
        let mut rig = Rig::new();
        for _ in 0..400 {
            match rng.below(100) {
                0..70 => {
                    let id = rng.below(12) as i64;
                    let key = if rng.chance(0.5) { kim(id) } else { tea(id) };
                    let score = rng.chance(0.6).then(|| rng.below(3) as i64);
                    rig.set(key, score);
                }
                70..80 => rig.is_dead = rng.chance(0.4),
                80..86 => rig.is_held = rng.chance(0.4),
                86..88 => rig.store.clear(),
                88..89 => {
                    rig.truth.clear();
                    rig.begin();
                }
                _ => rig.pass(Duration::from_millis(rng.below(3_000))),
            }
            let known = rig.truth.len() + rig.board.shown.len();
            assert!(rig.board.dirty.len() <= known, "seed {seed}");
            assert_eq!(rig.board.dirty.len(), rig.board.order.len());
        }
        (rig.is_dead, rig.is_held) = (false, false);
        // What was lost without a word comes by and by, what was left as well.
        rig.pass(options().retry_max + options().life);
        assert_eq!(rig.seen(), rig.truth, "seed {seed}");
        let mut due = rig.board.shown.values().filter_map(|shown| shown.due);
        assert!(due.all(|due| due > rig.now));
        assert_eq!(rig.board.due.len(), rig.truth.len(), "seed {seed}");
    }
}
