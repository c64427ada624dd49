//! An application with urgent messages and a great many others. It takes commands, a line each:
//!
//! ```text
//! bulk 1000 4096    a thousand lines of 4,096 bytes, numbered
//! ping hello        pong hello, before all bulk that waits
//! quit              goodbye, behind everything
//! ```

use crate::{Application, Class, Network, SessionId};
use std::collections::BTreeMap;

/// The longest command, without its end.
const COMMAND_BYTES_MAX: usize = 256;
/// The shortest line of bulk: its number, and its end.
const LINE_BYTES_MIN: usize = 9;

/// Who is here, each with the beginning of a command whose end has not come yet.
#[derive(Default)]
pub struct Feed {
    begun: BTreeMap<SessionId, Vec<u8>>,
}

impl Application for Feed {
    fn on_receive(&mut self, network: &mut Network, session: SessionId, bytes: &[u8]) {
        let begun = self.begun.entry(session).or_default();
        begun.extend_from_slice(bytes);
        let mut lines: Vec<Vec<u8>> = begun.split(|&byte| byte == b'\n').map(Vec::from).collect();
        // Whole or only begun: what is too long does not depend on where TCP has cut it.
        let too_long = lines.iter().position(|line| line.len() > COMMAND_BYTES_MAX);
        *begun = lines.pop().unwrap_or_default();
        for line in lines.iter().take(too_long.unwrap_or(usize::MAX)) {
            obey(network, session, String::from_utf8_lossy(line).trim());
        }
        if too_long.is_some() {
            let why = format!("a command may have {COMMAND_BYTES_MAX} bytes\n");
            network.send(session, Class::Bulk, why.as_bytes());
            network.close(session, "its command is too long");
        }
    }

    fn on_close(&mut self, _: &mut Network, session: SessionId) {
        self.begun.remove(&session);
    }
}

fn obey(network: &mut Network, session: SessionId, command: &str) {
    let words: Vec<&str> = command.split_whitespace().collect();
    match words[..] {
        ["ping", word] => {
            network.send(session, Class::Control, format!("pong {word}\n").as_bytes());
        }
        ["bulk", count, bytes] => match (count.parse::<usize>(), bytes.parse()) {
            (Ok(count), Ok(bytes)) if bytes >= LINE_BYTES_MIN => {
                for number in 0..count {
                    network.send(session, Class::Bulk, &line(number, bytes));
                }
            }
            _ => {
                let advice = format!("bulk COUNT BYTES, at least {LINE_BYTES_MIN} of them\n");
                network.send(session, Class::Control, advice.as_bytes());
            }
        },
        ["quit"] => {
            network.send(session, Class::Bulk, b"goodbye\n");
            network.close(session, "it wished to");
        }
        _ => network.send(
            session,
            Class::Control,
            b"bulk COUNT BYTES, ping WORD, quit\n",
        ),
    }
}

/// A line of bulk: `00000042 xxx...`, and its end.
#[must_use]
pub fn line(number: usize, bytes: usize) -> Vec<u8> {
    let mut line = format!("{number:08}").into_bytes();
    line.resize(bytes - 1, b'x');
    line.push(b'\n');
    line
}
