//! A chat over the library, which did not have to change for it: lines go to everybody else.
//!
//! ```text
//! cargo run -p t03-events --bin t03-chat
//! telnet 127.0.0.1 11021
//! ```

use clap::Parser;
use std::collections::BTreeMap;
use std::io;
use std::process::ExitCode;
use t03_events::{Application, Network, SessionId, Settings};

/// The longest line that anybody may say, without its end.
const LINE_BYTES_MAX: usize = 512;

/// Tells everybody what one says
#[derive(Parser)]
struct Args {
    #[command(flatten)]
    settings: Settings,
}

/// Who is here, each with the beginning of a line whose end has not come yet.
#[derive(Default)]
struct Chat {
    people: BTreeMap<SessionId, Vec<u8>>,
}

impl Application for Chat {
    fn on_connect(&mut self, network: &mut Network, session: SessionId) {
        self.tell_others(network, session, "has come");
        let others = self.people.len();
        network.send(
            session,
            format!("you are {session}, others: {others}\r\n").as_bytes(),
        );
        self.people.insert(session, Vec::new());
    }

    fn on_receive(&mut self, network: &mut Network, session: SessionId, bytes: &[u8]) {
        let Some(begun) = self.people.get_mut(&session) else {
            return;
        };
        begun.extend_from_slice(bytes);
        let mut lines: Vec<Vec<u8>> = begun.split(|&byte| byte == b'\n').map(Vec::from).collect();
        // Whole or only begun: what is too long does not depend on where TCP has cut it.
        let too_long = lines.iter().position(|line| line.len() > LINE_BYTES_MAX);
        // Behind the last line's end there is nothing, or the beginning of the next line.
        *begun = lines.pop().unwrap_or_default();
        for line in lines.iter().take(too_long.unwrap_or(usize::MAX)) {
            let line = String::from_utf8_lossy(line);
            self.tell_others(network, session, &format!("says: {}", line.trim_end()));
        }
        if too_long.is_some() {
            let why = format!("a line may have {LINE_BYTES_MAX} bytes\r\n");
            network.send(session, why.as_bytes());
            network.close(session, "its line is too long");
        }
    }

    fn on_timeout(&mut self, network: &mut Network, session: SessionId) {
        network.send(session, b"you were silent for too long\r\n");
        network.close(session, "it was silent for too long");
    }

    fn on_close(&mut self, network: &mut Network, session: SessionId) {
        self.people.remove(&session);
        self.tell_others(network, session, "has gone");
    }
}

impl Chat {
    fn tell_others(&self, network: &mut Network, session: SessionId, what: &str) {
        let line = format!("{session} {what}\r\n");
        for &other in self.people.keys().filter(|&&other| other != session) {
            network.send(other, line.as_bytes());
        }
    }
}

fn main() -> ExitCode {
    lesson_lab::exit("t03-chat", serve(&Args::parse().settings))
}

fn serve(settings: &Settings) -> io::Result<()> {
    let network = Network::open(settings)?;
    lesson_lab::announce(network.address());
    network.run(&mut Chat::default())
}
