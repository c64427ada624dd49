//! `cargo run -p p0-primer -- PAGE` shows what a page of the primer tells; without a page, all.

use std::io;
use std::process::ExitCode;

use clap::{Parser, ValueEnum};
use p0_primer::{deadlock, errors, handles, ownership, packets, threads, traits};

#[derive(Parser)]
#[command(about = "What to know before the first stage, shown")]
struct Arguments {
    /// Which page; all of them but the last if none is named
    #[arg(value_enum)]
    page: Option<Page>,
}

#[derive(Clone, Copy, ValueEnum)]
enum Page {
    /// Buffers that come home by themselves
    Ownership,
    /// The system's numbers and our words
    Errors,
    /// Virtual and not
    Traits,
    /// 1 + 1 in three ways
    Threads,
    /// An event to wait for
    Handles,
    /// TCP's segments, step by step
    Packets,
    /// Two threads that wait for each other, told so
    Deadlock,
    /// The same, not told: hangs until you end it
    Hang,
}

fn main() -> ExitCode {
    let pages = match Arguments::parse().page {
        Some(page) => &[page][..],
        None => &Page::value_variants()[..Page::Hang as usize],
    };
    for &page in pages {
        let name = page.to_possible_value().expect("none is hidden");
        println!("== {}", name.get_name());
        if let Err(error) = show(page) {
            eprintln!("p0-primer: {error}");
            return ExitCode::FAILURE;
        }
    }
    ExitCode::SUCCESS
}

fn show(page: Page) -> io::Result<()> {
    match page {
        Page::Ownership => ownership::show(),
        Page::Errors => errors::show(),
        Page::Traits => traits::show(),
        Page::Threads => threads::show(),
        Page::Handles => handles::show()?,
        Page::Packets => packets::show()?,
        Page::Deadlock => deadlock::show(),
        Page::Hang => deadlock::hang(),
    }
    Ok(())
}
