//! The figures that Wharf promises, measured: `figures echo | idle | memory | slow`.
//!
//! Needs `cargo build --release` in the root and in here. Server and client are pinned to a core
//! each; CPU is the server's own accounting (`/proc/PID/task/*/schedstat`), never wall-clock.
//! Ratios are of runs beside each other, the order drawn anew in each round.

mod echo;
mod idle;
mod memory;
mod process;
mod slow;

use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let number = |index: usize, default: u32| {
        arguments
            .get(index)
            .map_or(default, |text| text.parse().expect("a number"))
    };
    match arguments.first().map(String::as_str) {
        Some("echo") => echo::run(number(1, 10), number(2, 64)),
        Some("idle") => idle::run(number(1, 1_000), number(2, 60)),
        Some("memory") => memory::run(number(1, 19_000)),
        Some("slow") => slow::run(),
        _ => {
            eprintln!("usage: figures echo [ROUNDS] [SESSIONS] | idle [SESSIONS] [SECONDS]");
            eprintln!("               | memory [SESSIONS] | slow");
            return ExitCode::from(2);
        }
    }
    ExitCode::SUCCESS
}
