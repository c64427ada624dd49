//! Step 5: what waits to be sent leaves together.
//!
//! ```text
//! cargo run -p t05-gather -- --times 1000
//! telnet 127.0.0.1 11021
//! ```
//!
//! Type `sums` into the server's own terminal to see how much waits, and what became of it.

mod figures;

use std::io;
use std::process::ExitCode;
use std::sync::Arc;
use std::thread;
use t04_logic::{Server, Settings};
use t05_gather::outgoing::{Gathering, Limits};
use t05_gather::overflow::{Account, Sums};
use t05_gather::room::Room;

/// What may be chosen on the command line.
#[derive(clap::Args)]
struct Choice {
    #[command(flatten)]
    settings: Settings,
    #[command(flatten)]
    limits: Limits,
    /// How often each is told
    #[arg(long, default_value_t = 1)]
    times: usize,
    /// Tell whoever said it, and nobody else
    #[arg(long)]
    echo: bool,
}

fn main() -> ExitCode {
    lesson_lab::run(
        "t05-gather",
        "Tells everybody what one says",
        serve,
        figures::write,
    )
}

fn serve(choice: &Choice) -> io::Result<()> {
    let account = Arc::new(Account::default());
    let outgoing = Gathering::new(choice.limits, account.clone());
    let room = Room::new(choice.times, choice.limits, account.clone());
    let room = if choice.echo { room.echo() } else { room };
    let server = Server::start(&choice.settings, outgoing, room)?;
    lesson_lab::announce(server.address());
    for line in io::stdin().lines() {
        match line?.trim() {
            "sums" => println!("{}", told(account.read())),
            _ => println!("say sums"),
        }
    }
    // Nobody types any more; the threads go on.
    loop {
        thread::park();
    }
}

fn told(sums: Sums) -> String {
    let Sums {
        given,
        lost,
        left,
        sends,
        bytes,
        most_bytes,
    } = sums;
    format!(
        "{given} messages given, {left} left by {sends} sends, {lost} lost; \
         {bytes} bytes wait, {most_bytes} at most"
    )
}
