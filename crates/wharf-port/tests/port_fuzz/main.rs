//! Random operations on real backends, checked against a model.
//!
//! Each seed draws its own port (queues of 4 and 8, a pool of 2) and how often it does what, then
//! submits, cancels, closes, stalls and resets at random, with peers that do the same. Every byte
//! is compared with what was sent, every refusal with the model's, every end with what the other
//! side did. At the end nothing may be stuck: every byte arrives, every socket is closed, every
//! buffer is home; or the port is dropped in the middle of it all, and every peer notices.
//!
//! The model is a second opinion beside [`wharf_port::Checked`], which wraps the port.
//!
//! `WHARF_PORT_FUZZ_SEEDS=5000` runs more seeds, `WHARF_PORT_FUZZ_SEED=17` runs one.

#[path = "../contract/backends.rs"]
mod backends;
mod completions;
mod ending;
mod links;
mod operations;
mod peers;
mod run;

use backends::{Backend, Calm, Native, Rough};

/// Seeds of the test command: a few seconds for each backend.
const SMOKE_SEEDS: u64 = 40;

fn fuzz<B: Backend>(name: &str) {
    let seeds = match number_of("WHARF_PORT_FUZZ_SEED") {
        Some(seed) => seed..seed + 1,
        None => 0..number_of("WHARF_PORT_FUZZ_SEEDS").unwrap_or(SMOKE_SEEDS),
    };
    let mut done = run::Tally::default();
    for seed in seeds {
        let _told = SeedOfFailure { name, seed };
        done.add(&run::run::<B>(seed));
    }
    println!("{name}: {done:?}");
    if std::env::var_os("WHARF_PORT_FUZZ_SEED").is_none() {
        done.assert_everything_happened();
    }
}

fn number_of(variable: &str) -> Option<u64> {
    let text = std::env::var(variable).ok()?;
    Some(text.parse().expect("a number of seeds, or a seed"))
}

/// Tells the seed if the run panics.
struct SeedOfFailure<'a> {
    name: &'a str,
    seed: u64,
}

impl Drop for SeedOfFailure<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let Self { name, seed } = self;
            eprintln!("again: WHARF_PORT_FUZZ_SEED={seed} cargo test --test port_fuzz {name}");
        }
    }
}

#[cfg(target_os = "linux")]
#[test]
fn uring() {
    fuzz::<Native<wharf_port::UringPort>>("uring");
}

#[cfg(unix)]
#[test]
fn readiness() {
    fuzz::<Native<wharf_port::ReadinessPort>>("readiness");
}

#[cfg(windows)]
#[test]
fn iocp() {
    fuzz::<Native<wharf_port::IocpPort>>("iocp");
}

#[test]
fn sim() {
    fuzz::<Calm>("sim");
}

#[test]
fn rough_sim() {
    fuzz::<Rough>("rough_sim");
}
