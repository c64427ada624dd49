//! The laboratory of the lessons: what each of them needs and none of them is about.
//!
//! A lesson's own files hold what it teaches; how one connects, waits, measures and draws stands
//! here, once. Three minutes are enough for all of it.
//!
//! # Servers
//!
//! Each server takes `--port` (0 for any; [`PORT`] unless told) and calls [`announce`] once it
//! listens, which prints `listening on ADDR`. A test starts it as a process of its own and waits
//! for that line:
//!
//! ```no_run
//! use lesson_lab::{Client, Server};
//!
//! // In a test or in `figures`: env!("CARGO_BIN_EXE_s1-sockets"), or std::env::current_exe().
//! let mut server = Server::start("target/debug/s1-sockets", &["--port", "0"])?;
//! let mut client = Client::connect(server.address())?;
//! client.send(b"hello")?;
//! assert_eq!(client.receive(5)?, b"hello");
//! client.half_close()?;
//! assert_eq!(client.receive_to_end()?, b"");
//! server.wait_for_line(|line| line.contains("disconnected"))?;
//! # Ok::<(), std::io::Error>(())
//! ```
//!
//! [`run`] is the whole command line of a lesson that serves with its settings, or measures with
//! `figures`; [`run_beside`] of one that can also be the server of the step before.
//!
//! The process is killed when the [`Server`] is dropped. A server that runs inside the test needs
//! none of this: have it return its address, and connect.
//!
//! # Clients
//!
//! [`Client`] is a plain blocking socket with [`PATIENCE`]: what does not come in time is an error
//! that says what was waited for and what came. [`Client::reset`] ends with a RST,
//! [`Client::narrow`] has a small receive buffer (it stalls a sender soon, see
//! [`Client::send_until_stalled`]), [`crowd`] connects many; [`check_classic_echo`] is the guide's
//! C# client at a server that says back what it hears.
//!
//! What nobody announces is waited for by [`wait_until`].
//!
//! # Faults
//!
//! A package has one feature for all its faults, and they end soon:
//!
//! ```toml
//! [features]
//! faulty = ["lesson-lab/hasty"]
//! ```
//!
//! `hasty` shortens [`PATIENCE`], so that a test of something that never comes fails within ten
//! seconds. In the code `if cfg!(feature = "faulty") { .. }` stands beside what is right.
//!
//! # Figures
//!
//! `cargo run --release -p NAME -- figures` measures and writes `tutorial/NAME/figures/`. Cases are
//! measured side by side, in rounds, and compared round by round, because on a shared machine only
//! ratios of one round mean anything:
//!
//! ```no_run
//! use lesson_lab::{Figures, Plot, Table, cpu, number, side_by_side};
//!
//! # fn spin(_: &usize) {}
//! let figures = Figures::of(env!("CARGO_MANIFEST_DIR"), env!("CARGO_PKG_NAME"));
//! let sizes = [64, 512, 4096];
//! let measured = side_by_side(5, &sizes, |size| {
//!     cpu::of_this_thread(|| spin(size)).as_nanos() as f64 / 1_000.0
//! });
//!
//! let table = Table::of_cases("buffer", "CPU a message, us", &sizes, &measured);
//! figures.write_table("sizes", "CPU a message by buffer size", &table)?;
//!
//! let medians = measured.iter().map(|it| it.figure.median).collect();
//! let plot = Plot::new("CPU a message by buffer size (us)", &sizes).line("echo", medians);
//! figures.write_plot("sizes", &plot)?;
//!
//! // Anything else is a table of texts.
//! let mut table = Table::new(&["what", "bytes a session"]);
//! table.row(&["as it was", &number(8192.0)]);
//! figures.write_table("memory", "Memory a session", &table)?;
//! # Ok::<(), std::io::Error>(())
//! ```
//!
//! A README shows `figures/sizes.md` between two lines, which `cargo xtask tidy --bless` (and
//! `cargo xtask lessons --figures`, behind the measuring) fill in:
//!
//! ```text
//! <!-- figures: sizes -->
//! <!-- end -->
//! ```
//!
//! What a server process uses comes from [`Server::usage`]: CPU, context switches (Linux), memory.
//! Nothing measured is ever asserted in a test.

mod classic;
mod client;
mod command_line;
pub mod cpu;
mod figures;
mod number;
mod plot;
mod rounds;
mod server;
mod table;
mod wait;

use std::io::{self, Write as _};
use std::net::SocketAddr;
use std::process::ExitCode;
use std::time::Duration;

pub use classic::check_classic_echo;
pub use client::{Client, crowd};
pub use command_line::{run, run_beside};
pub use cpu::Usage;
pub use figures::Figures;
pub use number::number;
pub use plot::Plot;
pub use rounds::{Measured, Spread, side_by_side};
pub use server::Server;
pub use table::Table;
pub use wait::wait_until;

/// Where the lessons' servers listen unless `--port` says otherwise.
pub const PORT: u16 = 11021;

/// How long anything is waited for before that is an error.
pub const PATIENCE: Duration = Duration::from_secs(if cfg!(feature = "hasty") { 7 } else { 30 });

/// What a program that is called `program` ends with; why it failed, if so, is told on stderr.
pub fn exit(program: &str, done: io::Result<()>) -> ExitCode {
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{program}: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Tells on stdout where the server listens, in the line that [`Server::start`] waits for.
pub fn announce(address: SocketAddr) {
    println!("listening on {address}");
    // A pipe holds lines back; who waits for this one has nothing else to go by.
    let _ = std::io::stdout().flush();
}
