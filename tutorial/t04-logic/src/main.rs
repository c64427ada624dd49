//! Step 4: threads for the network, and threads for the logic.
//!
//! ```text
//! cargo run -p t04-logic
//! telnet 127.0.0.1 11021
//! ```
//!
//! Type `load` into the server's own terminal to see what each thread has had to do.

mod figures;

use std::io;
use std::process::ExitCode;
use std::thread;
use std::time::{Duration, Instant};
use t04_logic::outgoing::Queue;
use t04_logic::{Application, Server, SessionId, Sessions, Settings};

/// What may be chosen on the command line.
#[derive(clap::Args)]
struct Choice {
    #[command(flatten)]
    settings: Settings,
    #[command(flatten)]
    thought: Thought,
}

/// What stands for a game's logic
#[derive(Clone, Copy, clap::Args)]
struct Thought {
    /// Have each packet computed on for so many microseconds
    #[arg(long, default_value_t = 0)]
    work_us: u64,
    /// Have each packet wait so many microseconds for something else, a database say
    #[arg(long, default_value_t = 0)]
    wait_us: u64,
}

/// The application: an echo that takes its time.
struct Echo(Thought);

impl Application for Echo {
    fn on_receive(&self, sessions: &dyn Sessions, session: SessionId, bytes: &[u8]) {
        let Echo(Thought { work_us, wait_us }) = self;
        let begun = Instant::now();
        while begun.elapsed() < Duration::from_micros(*work_us) {
            std::hint::spin_loop();
        }
        if *wait_us > 0 {
            thread::sleep(Duration::from_micros(*wait_us));
        }
        sessions.send(session, bytes);
    }
}

fn main() -> ExitCode {
    let about = "Says back what it hears, after some thought";
    lesson_lab::run("t04-logic", about, serve, figures::write)
}

fn serve(choice: &Choice) -> io::Result<()> {
    let echo = Echo(choice.thought);
    let server = Server::start(&choice.settings, Queue::default(), echo)?;
    lesson_lab::announce(server.address());
    for line in io::stdin().lines() {
        match line?.trim() {
            "load" => server.loads().iter().for_each(|load| println!("{load}")),
            _ => println!("say load"),
        }
    }
    // Nobody types any more; the threads go on.
    loop {
        thread::park();
    }
}
