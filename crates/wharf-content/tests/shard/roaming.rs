//! Sessions that roam between shards at random: nothing is lost, doubled or overtaken.

use crate::village::{Plan, build};
use crate::world::World;
use std::collections::{BTreeMap, VecDeque};
use wharf_base::Rng;
use wharf_content::{AppBuilder, ContentLimits};

#[test]
fn roaming_sessions_get_every_answer_and_every_line_in_order() {
    let mut moves = 0;
    let (mut off, mut full) = (0, 0);
    for seed in 0..1_500 {
        let mut run = Run::new(seed, AppBuilder::new());
        run.play(500);
        let log = run.finish();
        for logic in &run.world.logics {
            let stats = logic.shard.stats();
            moves += stats.moved_in;
            off += stats.moves_off;
            full += stats.outbox_full;
        }
        if seed % 20 == 0 {
            let mut again = Run::new(seed, AppBuilder::new());
            again.play(500);
            assert_eq!(log, again.finish(), "seed {seed} runs twice alike");
        }
    }
    assert!(moves > 5_000, "only {moves} moves happened");
    assert!(off > 100, "only {off} moves were called off");
    assert!(full > 100, "the outbox was full only {full} times");
}

const NAMES: [&str; 6] = ["ann", "bob", "cid", "dan", "eve", "fay"];

pub(crate) struct Run {
    seed: u64,
    rng: Rng,
    world: World,
    models: BTreeMap<&'static str, Model>,
    io_count: u64,
    serial: u32,
}

/// What a client must be answered, whatever the shards do: it follows from what it sent.
#[derive(Default)]
struct Model {
    is_user: bool,
    room: Option<u64>,
    said: u32,
    has_ended: bool,
    was_cut: bool,
    answers: VecDeque<String>,
}

impl Run {
    pub(crate) fn new(seed: u64, app: AppBuilder) -> Self {
        let mut rng = Rng::from_seed(seed);
        let (logic_count, io_count) = (rng.range(2..4), rng.range(1..3));
        let mut limits = ContentLimits::default();
        if rng.chance(0.3) {
            limits.outbox_bytes_max = 300;
        }
        let app = build(app, Plan::default());
        let mut world = World::with(app, limits, logic_count as usize, io_count as usize);
        world.delays_verdicts = true;
        Self {
            seed,
            rng,
            world,
            models: BTreeMap::new(),
            io_count,
            serial: 0,
        }
    }

    pub(crate) fn play(&mut self, steps: u32) {
        for _ in 0..steps {
            match self.rng.below(100) {
                0..50 => self.act(),
                50..75 => {
                    let logic = self.rng.below(self.world.logics.len() as u64);
                    self.world.turn_logic(logic as usize);
                }
                75..92 => {
                    let io = self.rng.below(self.io_count);
                    self.world.turn_io(io as usize);
                }
                92..97 => self.world.deliver_verdict(),
                _ => self.cut(),
            }
        }
    }

    /// Ends everybody in order, checks all, and returns the whole log.
    pub(crate) fn finish(&mut self) -> String {
        self.world.settle();
        self.check_rooms();
        for name in NAMES {
            let model = self.models.get(name);
            if model.is_some_and(|model| !model.has_ended) {
                self.world.act(name, "ends", "");
                self.models.get_mut(name).unwrap().has_ended = true;
            }
        }
        self.world.settle();
        for name in NAMES {
            self.check(name);
        }
        let seed = self.seed;
        assert!(
            self.world.unreleased.is_empty(),
            "seed {seed}: kept for ever"
        );
        for logic in &self.world.logics {
            let stats = logic.shard.stats();
            let left = (
                stats.sessions,
                stats.members,
                stats.users,
                stats.frames_held,
            );
            assert_eq!(
                left,
                (0, 0, 0, 0),
                "seed {}: something stays behind",
                self.seed
            );
        }
        self.world.take_log()
    }

    /// Somebody does something that the model can foretell.
    fn act(&mut self) {
        let name = NAMES[self.rng.below(NAMES.len() as u64) as usize];
        if !self.models.contains_key(name) || self.world.client(name).is_over {
            return self.open(name);
        }
        let life = self.world.client(name).session.key().generation();
        let model = self.models.get_mut(name).unwrap();
        if model.has_ended {
            return;
        }
        self.serial += 1;
        let (verb, words) = match self.rng.below(20) {
            0..2 => ("echo", self.serial.to_string()),
            2..4 => ("heap", self.serial.to_string()),
            4..6 => ("login", format!("{name}{life}")),
            6..11 => ("enter", self.rng.below(6).to_string()),
            11..14 => ("leave", String::new()),
            14 if self.serial.is_multiple_of(5) => {
                model.has_ended = true;
                ("ends", String::new())
            }
            _ if model.room.is_some() => ("say", self.serial.to_string()),
            _ => ("echo", self.serial.to_string()),
        };
        let number = NAMES.iter().position(|known| *known == name).unwrap();
        model.foresee(verb, &words, number + 1 + 100 * life as usize);
        self.world.act(name, verb, &words);
    }

    fn open(&mut self, name: &'static str) {
        self.check(name);
        // Slots are given in this order, so a user's number is known beforehand.
        for earlier in NAMES.iter().take_while(|known| **known != name) {
            if !self.models.contains_key(earlier) {
                return;
            }
        }
        let io = self.rng.below(self.io_count);
        self.world.act(name, "opens", &io.to_string());
        self.models.insert(name, Model::default());
    }

    /// Somebody's link is gone without a word.
    fn cut(&mut self) {
        let name = NAMES[self.rng.below(NAMES.len() as u64) as usize];
        if self.models.contains_key(name) && !self.world.client(name).is_over {
            self.world.act(name, "closes", "");
            self.models.get_mut(name).unwrap().was_cut = true;
        }
    }

    /// Everything that the session of `name` received was right.
    fn check(&mut self, name: &str) {
        let Some(model) = self.models.get(name) else {
            return;
        };
        let seed = self.seed;
        let client = self.world.client(name);
        let answers: Vec<&String> = client.received.iter().filter(|l| is_answer(l)).collect();
        let foretold: Vec<&String> = model.answers.iter().take(answers.len()).collect();
        assert_eq!(answers, foretold, "seed {seed}: {name}");
        if !model.was_cut {
            assert_eq!(answers.len(), model.answers.len(), "seed {seed}: {name}");
        }
        check_lines(seed, name, &client.received);
    }

    /// Whoever is in a room has heard the same last line and counts the same members.
    fn check_rooms(&mut self) {
        let mut rooms: BTreeMap<u64, Vec<(u32, u32)>> = BTreeMap::new();
        for name in NAMES {
            self.check(name);
            let Some(model) = self.models.get(name) else {
                continue;
            };
            let client = self.world.client(name);
            if client.is_over {
                continue;
            }
            assert_eq!(client.in_flight, 0, "seed {}: credit of {name}", self.seed);
            let heard = check_lines(self.seed, name, &client.received);
            assert_eq!(heard.is_some(), model.room.is_some());
            if let (Some(room), Some(heard)) = (model.room, heard) {
                rooms.entry(room).or_default().push(heard);
            }
        }
        for heard in rooms.values() {
            let present = heard.len() as u32;
            let last = heard[0].1;
            assert!(
                heard.iter().all(|&heard| heard == (present, last)),
                "seed {}",
                self.seed
            );
        }
    }
}

impl Model {
    fn foresee(&mut self, verb: &str, words: &str, user: usize) {
        let answer = match (verb, self.is_user, self.room) {
            ("ends", ..) => return,
            ("echo" | "heap", ..) => format!("{verb} {words}"),
            ("login", true, _) => "no login: 1 logged in already".to_owned(),
            ("login", false, _) => {
                self.is_user = true;
                format!("login Ok({user})")
            }
            ("enter", false, _) => format!("NotLoggedIn {words}"),
            ("enter", true, Some(_)) => format!("AlreadyInRoom {words}"),
            ("enter", true, None) => {
                self.room = Some(words.parse().unwrap());
                self.said = 0;
                format!("entered {words}")
            }
            ("leave", ..) => {
                self.room = None;
                "leaving".to_owned()
            }
            _ => {
                self.said += 1;
                format!("said {}", self.said)
            }
        };
        self.answers.push_back(answer);
    }
}

fn is_answer(line: &str) -> bool {
    let answers = [
        "echo ", "heap ", "login ", "no login", "entered ", "said ", "leaving", "NotL", "Alre",
    ];
    answers.iter().any(|answer| line.starts_with(answer))
}

/// Between a hello and a leave every line of the room is heard once and in order. Returns how many
/// are present and the number of the last line, if the client is in a room at the end.
fn check_lines(seed: u64, name: &str, received: &[String]) -> Option<(u32, u32)> {
    let mut inside = None;
    for line in received {
        let numbered = line.rsplit_once('#').map(|(text, number)| {
            let number: u32 = number.parse().unwrap();
            (text, number)
        });
        match (numbered, &mut inside) {
            (Some((hello, last)), inside @ None) => {
                let present = hello
                    .strip_prefix("hello, ")
                    .and_then(|rest| rest.split(' ').next());
                let present: u32 = present.expect("nothing is heard outside").parse().unwrap();
                *inside = Some((present, last));
            }
            (Some((_, number)), Some((_, last))) => {
                assert_eq!(number, *last + 1, "seed {seed}: {name} heard {line}");
                *last = number;
            }
            (None, Some((present, _))) if line.starts_with('+') => *present += 1,
            (None, Some((present, _))) if line.starts_with('-') => *present -= 1,
            (None, inside) if line == "leaving" => *inside = None,
            _ => {}
        }
    }
    inside
}
