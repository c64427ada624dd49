//! Hashing passwords: the jobs, how one is done, and how many may wait.

use crate::password::{Cost, HASH_BYTES, Parsed, Password, SALT_BYTES, phc};
use argon2::password_hash::phc::Output;
use argon2::{Algorithm, Argon2, Block, Version};
use core::fmt;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use wharf_base::{Duration, Instant};

/// What a job is known by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct JobId(pub u64);

/// One hash to be computed, away from the threads that serve people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HashJob {
    /// Comes back with its result.
    pub id: JobId,
    /// What is to be done.
    pub work: HashWork,
}

/// What is to be hashed, and why.
#[derive(Clone, PartialEq, Eq)]
pub enum HashWork {
    /// A new hash of a password.
    Make {
        /// The password.
        password: Password,
        /// Made for it alone.
        salt: [u8; SALT_BYTES],
        /// What it is to cost.
        cost: Cost,
    },
    /// Whether a password is the one that was hashed.
    Check {
        /// The password.
        password: Password,
        /// The hash (PHC string).
        against: String,
    },
}

impl fmt::Debug for HashWork {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Make { .. } => "Make(..)",
            Self::Check { .. } => "Check(..)",
        })
    }
}

/// What came of a job.
#[derive(Clone, PartialEq, Eq)]
pub enum HashResult {
    /// The new hash (PHC string).
    Made(String),
    /// Whether the password is right.
    Checked(bool),
    /// It could not be done: the stored hash cannot be read, the worker had no room or memory.
    Failed,
}

impl fmt::Debug for HashResult {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Made(_) => f.write_str("Made(..)"),
            Self::Checked(is_right) => write!(f, "Checked({is_right})"),
            Self::Failed => f.write_str("Failed"),
        }
    }
}

/// What came of a job, and how long a worker was at it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hashed {
    /// What came of it.
    pub result: HashResult,
    /// Without the time that it waited.
    pub took: Duration,
}

/// Computes hashes one after the other, in memory that it keeps.
#[derive(Debug)]
pub struct Hasher {
    blocks: Vec<Block>,
    arrange: fn(&mut [Block]),
}

impl Hasher {
    /// One that has no memory yet. Whenever it has taken some, 19 MiB by default, `arrange` is
    /// given all of it once, before it is used: to have the system back it by large pages, say.
    /// What `arrange` writes does not matter.
    pub fn new(arrange: fn(&mut [Block])) -> Self {
        Self {
            blocks: Vec::new(),
            arrange,
        }
    }

    /// Does a job. Takes tens of milliseconds.
    pub fn run(&mut self, work: &HashWork) -> HashResult {
        perform(work, |parsed, password, out| {
            let argon2 = Argon2::new(parsed.algorithm, parsed.version, parsed.params.clone());
            let count = parsed.params.block_count();
            if self.blocks.len() < count {
                self.blocks.resize(count, Block::new());
                (self.arrange)(&mut self.blocks);
            }
            let blocks = &mut self.blocks[..count];
            let done = argon2.hash_password_into_with_memory(password, &parsed.salt, out, blocks);
            done.is_ok()
        })
    }
}

/// Does a job as it is done in simulated worlds: parameters, texts and answers are those of
/// [`Hasher::run`], but a hash costs nothing, and is worth nothing.
pub fn imitate(work: &HashWork) -> HashResult {
    perform(work, |parsed, password, out| {
        let digest = Sha256::new().chain_update(&*parsed.salt);
        let digest = digest.chain_update(password).finalize();
        let count = out.len().min(digest.len());
        out[..count].copy_from_slice(&digest[..count]);
        true
    })
}

/// Does a job with `hash`, which fills the last slice and says whether it could.
fn perform(work: &HashWork, mut hash: impl FnMut(&Parsed, &[u8], &mut [u8]) -> bool) -> HashResult {
    let result = match work {
        HashWork::Make {
            password,
            salt,
            cost,
        } => make(password, salt, *cost, &mut hash).map(HashResult::Made),
        HashWork::Check { password, against } => {
            check(password, against, &mut hash).map(HashResult::Checked)
        }
    };
    result.unwrap_or(HashResult::Failed)
}

type Hash<'a> = &'a mut dyn FnMut(&Parsed, &[u8], &mut [u8]) -> bool;

fn make(password: &Password, salt: &[u8], cost: Cost, hash: Hash<'_>) -> Option<String> {
    let mut out = [0; HASH_BYTES];
    let parsed = Parsed {
        algorithm: Algorithm::Argon2id,
        version: Version::V0x13,
        params: cost.params(),
        salt: argon2::password_hash::phc::Salt::new(salt).ok()?,
        hash: Output::new(&out).ok()?,
    };
    hash(&parsed, password.as_bytes(), &mut out).then_some(())?;
    phc(cost, salt, &out)
}

fn check(password: &Password, against: &str, hash: Hash<'_>) -> Option<bool> {
    let parsed = Parsed::of(against)?;
    let mut out = vec![0; parsed.hash.len()];
    hash(&parsed, password.as_bytes(), &mut out).then_some(())?;
    // Compared in constant time, says the library.
    Some(Output::new(&out).ok()? == parsed.hash)
}

/// How many jobs are with the workers, and how long the next would wait.
///
/// Invariant: an entry for each job that was given out and has neither come back nor been given
/// up.
#[derive(Debug)]
pub(crate) struct HashQueue {
    /// Until when each is waited for.
    given: BTreeMap<JobId, Instant>,
    /// A moving mean of what jobs take.
    mean: Duration,
    workers: u32,
    jobs_max: usize,
    wait_max: Duration,
    patience: Duration,
    /// Times that one more could not wait.
    refused: u64,
}

impl HashQueue {
    /// `jobs_max` at the most, and none that would wait longer than `wait_max`; one that has not
    /// come back after `patience` was lost.
    pub(crate) fn new(
        workers: u32,
        jobs_max: usize,
        wait_max: Duration,
        patience: Duration,
        mean: Duration,
    ) -> Self {
        Self {
            given: BTreeMap::new(),
            mean,
            workers: workers.max(1),
            jobs_max,
            wait_max,
            patience,
            refused: 0,
        }
    }

    /// Whether one more may wait.
    ///
    /// # Errors
    /// After how long that is worth asking again, in whole seconds.
    pub(crate) fn admit(&mut self) -> Result<(), Duration> {
        if self.has_room() {
            return Ok(());
        }
        self.refused += 1;
        // Until half of what waits is done.
        let half = self.wait(self.given.len().div_ceil(2));
        Err(Duration::from_secs(half.as_secs() + 1))
    }

    /// The same, for who does not ask for it yet.
    pub(crate) fn has_room(&self) -> bool {
        self.given.len() < self.jobs_max && self.wait(self.given.len()) <= self.wait_max
    }

    /// How many could not wait so far.
    pub(crate) fn refused(&self) -> u64 {
        self.refused
    }

    /// Whether there is so much room that work which nobody waits for does not hurt.
    pub(crate) fn is_idle(&self) -> bool {
        self.given.len() < self.workers as usize
    }

    /// A job is given out.
    pub(crate) fn give(&mut self, job: JobId, now: Instant) {
        self.given.insert(job, now + self.patience);
    }

    /// A job came back; how long it took, if it was done.
    pub(crate) fn take(&mut self, job: JobId, took: Option<Duration>) {
        if self.given.remove(&job).is_some()
            && let Some(took) = took
        {
            self.mean = (self.mean * 7).saturating_add(took) / 8;
        }
    }

    /// Gives up the jobs that must have been lost.
    pub(crate) fn give_up(&mut self, now: Instant) {
        while let Some(oldest) = self.given.first_entry()
            && *oldest.get() <= now
        {
            oldest.remove();
        }
    }

    /// Jobs with the workers.
    pub(crate) fn len(&self) -> usize {
        self.given.len()
    }

    fn wait(&self, jobs: usize) -> Duration {
        let jobs = u32::try_from(jobs).unwrap_or(u32::MAX);
        self.mean.saturating_mul(jobs) / self.workers
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secret::{Chance, Hidden};
    use std::cell::RefCell;

    fn password(text: &str) -> Password {
        Password::typed("password", &Hidden::from(text)).unwrap()
    }

    fn made(text: &str, run: &mut dyn FnMut(&HashWork) -> HashResult) -> String {
        let work = HashWork::Make {
            password: password(text),
            salt: [7; SALT_BYTES],
            cost: Cost::FLOOR,
        };
        match run(&work) {
            HashResult::Made(phc) => phc,
            other => panic!("{other:?}"),
        }
    }

    fn checked(text: &str, phc: &str, run: &mut dyn FnMut(&HashWork) -> HashResult) -> HashResult {
        run(&HashWork::Check {
            password: password(text),
            against: phc.to_owned(),
        })
    }

    struct Zeros;

    impl Chance for Zeros {
        fn fill(&mut self, bytes: &mut [u8]) {
            bytes.fill(0);
        }
    }

    fn keeps_its_promise(run: &mut dyn FnMut(&HashWork) -> HashResult) {
        let phc = made("correct horse", run);
        assert!(phc.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{phc}");
        assert_eq!(
            checked("correct horse", &phc, run),
            HashResult::Checked(true)
        );
        assert_eq!(
            checked("correct horsf", &phc, run),
            HashResult::Checked(false)
        );
        let dummy = Cost::FLOOR.dummy(&mut Zeros);
        assert_eq!(
            checked("correct horse", &dummy, run),
            HashResult::Checked(false)
        );
        assert_eq!(checked("x", "no hash", run), HashResult::Failed);
    }

    #[test]
    fn a_right_password_is_told_from_a_wrong_one() {
        let mut hasher = Hasher::new(|_| ());
        keeps_its_promise(&mut |work| hasher.run(work));
        assert_eq!(hasher.blocks.len(), 19_456, "the memory is kept");
    }

    #[test]
    fn memory_is_arranged_when_it_is_taken_and_not_again() {
        thread_local! {
            static ARRANGED: RefCell<Vec<usize>> = const { RefCell::new(Vec::new()) };
        }
        let mut hasher = Hasher::new(|blocks| {
            ARRANGED.with_borrow_mut(|arranged| arranged.push(blocks.len()));
        });
        let floor = HashWork::Check {
            password: Password::of("correct horse").unwrap(),
            against: Cost::FLOOR.dummy(&mut Zeros),
        };
        assert_eq!(hasher.run(&floor), HashResult::Checked(false));
        assert_eq!(hasher.run(&floor), HashResult::Checked(false));
        assert_eq!(ARRANGED.take(), [19_456]);
    }

    #[test]
    fn an_imitation_answers_alike() {
        keeps_its_promise(&mut imitate);
    }

    #[test]
    fn the_hash_is_that_of_everybody_elses_argon2() {
        // By the command `argon2 somesalt -id -t 2 -k 65536 -p 1` of the reference.
        let phc = "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ\
                   $CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc";
        let mut hasher = Hasher::new(|_| ());
        let mut run = |work: &HashWork| hasher.run(work);
        assert_eq!(
            checked("password", phc, &mut run),
            HashResult::Checked(true)
        );
    }

    #[test]
    fn what_waits_is_bounded_and_the_wait_is_told_from_what_was_measured() {
        let second = Duration::from_secs(1);
        let mut queue = HashQueue::new(2, 10, 60 * second, 90 * second, second);
        let now = Instant::ZERO;
        for job in 0..10 {
            assert_eq!(queue.admit(), Ok(()));
            queue.give(JobId(job), now);
        }
        assert_eq!(queue.admit(), Err(3 * second));
        // They turn out to take longer.
        for job in 0..5 {
            queue.take(JobId(job), Some(80 * second));
        }
        queue.take(JobId(0), Some(Duration::ZERO));
        queue.take(JobId(5), None);
        assert!(queue.admit().is_err(), "room, but it would take too long");
        queue.give_up(now + 89 * second);
        assert_eq!(queue.len(), 4);
        queue.give_up(now + 90 * second);
        assert_eq!(queue.admit(), Ok(()), "the rest was lost");
        assert_eq!(queue.refused(), 2);
    }

    #[test]
    fn a_job_shows_no_secret() {
        let job = HashJob {
            id: JobId(3),
            work: HashWork::Check {
                password: password("correct horse"),
                against: "$argon2id$secret".into(),
            },
        };
        assert_eq!(
            format!("{job:?}"),
            "HashJob { id: JobId(3), work: Check(..) }"
        );
        let made = HashResult::Made("$argon2id$secret".into());
        assert_eq!(format!("{made:?}"), "Made(..)");
    }
}
