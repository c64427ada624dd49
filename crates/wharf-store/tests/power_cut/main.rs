//! What is acknowledged survives a power cut: a thousand of them, in a model of a disk that
//! forgets what was not synced. `WHARF_POWER_CUT_SEED=7` replays one.

mod disk;
#[path = "../ledger/mod.rs"]
mod ledger;
mod vfs;

use core::time::Duration;
use disk::{Counts, Disk, Image};
use ledger::{Verdict, entry};
use rusqlite::{Connection, OpenFlags};
use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, channel, sync_channel};
use std::sync::{Arc, Mutex, OnceLock};
use std::thread;
use vfs::{SharedDisk, lock};
use wharf_base::{Instant, Rng};
use wharf_data::{Refusal, Reply};
use wharf_store::{Connect, Database, Durability, SqlError, Sqlite, Store, StoreOptions, Tag};

/// Power cuts of the test command. The disk is a model, so another system shows little that is new.
const SEEDS: u64 = if cfg!(windows) { 50 } else { 1_000 };

/// Operations on the disk until the power goes, at most: some lives end in the first statement,
/// some after dozens of transactions, some while they close the file.
const OPERATIONS_MAX: u64 = 600;

/// Entries of one transaction, at most.
const GROUP_MAX: u64 = 8;

/// No answer takes as long.
const PATIENCE: Duration = Duration::from_secs(60);

/// What came of a seed.
struct Run {
    acknowledged: usize,
    verdict: Verdict,
    counts: Counts,
}

#[test]
fn nothing_that_was_acknowledged_is_lost_in_a_power_cut() {
    if let Ok(seed) = std::env::var("WHARF_POWER_CUT_SEED") {
        let seed = seed.parse().expect("a seed is a number");
        let run = run(seed, Durability::Full);
        eprintln!(
            "seed {seed}: {} acknowledged, {:?}",
            run.acknowledged, run.counts
        );
        assert_sound(seed, &run);
        return;
    }
    let acknowledged = AtomicU64::new(0);
    let counts = each_seed(SEEDS, |seed| {
        let run = run(seed, Durability::Full);
        assert_sound(seed, &run);
        acknowledged.fetch_add(run.acknowledged as u64, Ordering::Relaxed);
        run.counts
    });
    // The disk has done what it is for.
    let acknowledged = acknowledged.into_inner();
    assert!(acknowledged > SEEDS, "{acknowledged} acknowledged");
    for count in [
        counts.cuts,
        counts.kept,
        counts.dropped,
        counts.torn,
        counts.syncs,
    ] {
        assert!(count > SEEDS / 2, "{counts:?}");
    }
}

#[test]
fn a_store_that_does_not_sync_fails_the_same_test() {
    let found = AtomicU64::new(0);
    each_seed(SEEDS / 10, |seed| {
        let run = run(seed, Durability::Off);
        found.fetch_add(u64::from(!run.verdict.is_sound()), Ordering::Relaxed);
        run.counts
    });
    let found = found.into_inner();
    assert!(found > SEEDS / 20, "{found} of {} found it", SEEDS / 10);
}

#[test]
fn a_seed_does_the_same_twice() {
    for seed in 0..20 {
        let (one, other) = (run(seed, Durability::Full), run(seed, Durability::Full));
        assert_eq!(one.acknowledged, other.acknowledged, "seed {seed}");
        assert_eq!(one.verdict.kept, other.verdict.kept, "seed {seed}");
        assert_eq!(one.counts.syncs, other.counts.syncs, "seed {seed}");
    }
}

fn assert_sound(seed: u64, run: &Run) {
    assert!(
        run.verdict.is_sound(),
        "seed {seed}: {:?} (WHARF_POWER_CUT_SEED={seed} replays it)",
        run.verdict
    );
}

/// Does something for each seed, on all processors; what the disks have done all together.
fn each_seed(seeds: u64, run: impl Fn(u64) -> Counts + Sync) -> Counts {
    let next = AtomicU64::new(0);
    let total = Mutex::new(Counts::default());
    let workers = thread::available_parallelism().map_or(1, usize::from);
    thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= seeds {
                        return;
                    }
                    let counts = run(seed);
                    let mut total = lock(&total);
                    total.cuts += counts.cuts;
                    total.kept += counts.kept;
                    total.dropped += counts.dropped;
                    total.torn += counts.torn;
                    total.syncs += counts.syncs;
                }
            });
        }
    });
    *lock(&total)
}

/// Lives a few lives, each ended by a cut, and looks after each of them.
fn run(seed: u64, durability: Durability) -> Run {
    let mut rng = Rng::from_seed(seed);
    // Most begin with tables, some with nothing: then the cut may come while they are made.
    let image = match rng.below(8) {
        0 => Image::new(),
        _ => with_tables().clone(),
    };
    let mut world = World::new(image, rng.fork(), durability);
    let mut verdict = Verdict::default();
    for _ in 0..rng.range(1..4) {
        lock(&world.disk).cut_after(1 + rng.below(OPERATIONS_MAX));
        world.live(&mut rng);
        let mut disk = lock(&world.disk);
        disk.cut();
        disk.power_on();
        drop(disk);
        verdict = world.inspect();
        if !verdict.is_sound() {
            break;
        }
    }
    let counts = lock(&world.disk).counts();
    Run {
        acknowledged: world.acknowledged.len(),
        verdict,
        counts,
    }
}

/// A disk, and what is known of those who used it.
struct World {
    /// Under which name SQLite knows the disk.
    name: String,
    disk: SharedDisk,
    durability: Durability,
    /// The next number that no entry has.
    next: i64,
    acknowledged: BTreeSet<i64>,
}

impl World {
    fn new(image: Image, rng: Rng, durability: Durability) -> Self {
        static MADE: AtomicU64 = AtomicU64::new(0);
        let name = format!("disk-{}", MADE.fetch_add(1, Ordering::Relaxed));
        let disk = Arc::new(Mutex::new(Disk::new(image, rng)));
        vfs::put_in(&name, &disk);
        Self {
            name,
            disk,
            durability,
            next: 3,
            acknowledged: BTreeSet::new(),
        }
    }

    /// Runs a store until the power goes, or it has had enough and ends by itself.
    ///
    /// The writer takes what waits in one transaction, and hands over its answers one by one: the
    /// last of them is left in its hand until the next transaction's entries wait. So the same
    /// seed has the same transactions, whatever the threads do.
    fn live(&mut self, rng: &mut Rng) {
        let (ready, gate) = channel::<()>();
        let (sender, replies) = sync_channel(0);
        // Nobody listens any more at the end of a life.
        let reply = move |tag: Tag, reply: Reply| drop(sender.send((tag, reply)));
        let options = StoreOptions {
            readers: 0,
            // Longer than a life: there is no second try.
            retry: PATIENCE,
            ..StoreOptions::default()
        };
        // Time stands still, so nothing is ever late.
        let clock = Arc::new(|| Instant::ZERO);
        let connect = connector(&self.name, self.durability, Mutex::new(gate));
        let store = Store::start(options, clock, connect, reply).expect("a thread");

        // The first two entries are asked for in each life: who has them already is told so.
        let mut waiting = self.ask(&store, [1, 2]);
        drop(ready);
        for _ in 0..rng.range(1..20) {
            for _ in 1..waiting {
                self.receive(&replies);
            }
            let first = self.next;
            // Of two at least: the answer to the first of them says that all were taken.
            self.next += 2 + rng.below(GROUP_MAX - 1) as i64;
            let asked = self.ask(&store, first..self.next);
            if waiting > 0 {
                self.receive(&replies);
            }
            waiting = asked;
        }
        for _ in 0..waiting {
            self.receive(&replies);
        }
        drop(replies);
        drop(store);
    }

    /// How many of them will be answered.
    fn ask(&self, store: &Store, numbers: impl IntoIterator<Item = i64>) -> usize {
        numbers
            .into_iter()
            .take_while(|&number| store.ask(Tag(number as u64), entry(number)).is_ok())
            .count()
    }

    fn receive(&mut self, replies: &Receiver<(Tag, Reply)>) {
        let (Tag(number), reply) = replies.recv_timeout(PATIENCE).expect("an answer");
        match reply {
            Ok(_) | Err(Refusal::Duplicate(_)) => {
                self.acknowledged.insert(number as i64);
            }
            // It may have been done, or not; or its account was not.
            Err(Refusal::Unavailable | Refusal::NotFound) => {}
            Err(other) => panic!("entry {number}: {other}"),
        }
    }

    /// What is there, after a cut.
    fn inspect(&self) -> Verdict {
        let read = || {
            let mut database = open(&self.name, self.durability)?;
            let mut damage = Vec::new();
            for mut row in database.query("PRAGMA integrity_check", &[])? {
                damage.push(row.text(0)?);
            }
            database.migrate()?;
            let mut verdict = ledger::check(&mut database, &self.acknowledged)?;
            verdict
                .wrong
                .extend(damage.into_iter().filter(|it| it != "ok"));
            Ok(verdict)
        };
        read().unwrap_or_else(|why: SqlError| Verdict {
            wrong: vec![why.to_string()],
            ..Verdict::default()
        })
    }
}

impl Drop for World {
    fn drop(&mut self) {
        vfs::take_out(&self.name);
    }
}

fn open(disk: &str, durability: Durability) -> Result<Sqlite, SqlError> {
    let path = format!("{disk}/wharf.db");
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
        | OpenFlags::SQLITE_OPEN_CREATE
        | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags_and_vfs(path, flags, vfs::NAME)
        .map_err(|why| SqlError::Broken(why.to_string()))?;
    Sqlite::with(connection, durability)
}

/// Connects when `gate` has opened, which it has when its other side is gone.
fn connector(disk: &str, durability: Durability, gate: Mutex<Receiver<()>>) -> Connect {
    let disk = disk.to_owned();
    Arc::new(move |_| {
        let _ = lock(&gate).recv();
        let database = open(&disk, durability)?;
        Ok(Box::new(database) as Box<dyn Database>)
    })
}

/// A disk on which tables have been made.
fn with_tables() -> &'static Image {
    static IMAGE: OnceLock<Image> = OnceLock::new();
    IMAGE.get_or_init(|| {
        let world = World::new(Image::new(), Rng::from_seed(0), Durability::Full);
        let mut database = open(&world.name, world.durability).expect("it is empty");
        database.migrate().expect("it is empty");
        drop(database);
        let image = lock(&world.disk).image();
        assert_eq!(image.len(), 1, "a database that was closed is one file");
        image
    })
}
