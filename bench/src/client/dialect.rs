//! What each server speaks: how a client says hello, publishes, and cuts what comes into events.
//!
//! A delivery is 295 bytes in every dialect but echo's, the size of the classic chat's 223; what
//! it carries ([`Mark`]) is the same everywhere.

use super::{nats, platform, redis};
use std::fmt::Write as _;

/// Bytes of a delivery on the wire.
pub const DELIVERY_BYTES: usize = 295;
/// Bytes of an echoed frame.
pub const ECHO_BYTES: usize = 64;
const HEADER_BYTES: usize = 5;

/// What a message says: who sent it, the how-manieth of that sender it is, and when it was due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mark {
    pub sender: u32,
    pub serial: u32,
    pub due_ns: u64,
}

impl Mark {
    pub fn write(self, text: &mut String) {
        let Self {
            sender,
            serial,
            due_ns,
        } = self;
        write!(text, "{sender:08x}{serial:08x}{due_ns:016x}").expect("a string grows");
    }

    pub fn read(text: &[u8]) -> Option<Self> {
        let number =
            |from, to| u64::from_str_radix(str::from_utf8(text.get(from..to)?).ok()?, 16).ok();
        Some(Self {
            sender: number(0, 8)? as u32,
            serial: number(8, 16)? as u32,
            due_ns: number(16, 32)?,
        })
    }
}

/// What came.
#[derive(Debug, PartialEq, Eq)]
pub enum Event {
    /// The hello is done: this client gets what is published from now on.
    Ready,
    Delivery(Mark),
    /// An echo of [`tick`].
    Tick,
    /// The room was left.
    Left,
    /// The same of the platform's clients: they are in the room of that id.
    Entered {
        room: i64,
    },
    /// Somebody is logged in to an account of the platform, with a token for the next time.
    LoggedIn {
        account: i64,
        token: Vec<u8>,
    },
    /// The answer to that request: something was said, and whether it is durable.
    Said {
        request: u32,
        stored: bool,
    },
    /// Too much waits already: that request is to be made again later.
    Busy,
    /// An answer, or a notice, that no workload counts.
    Other,
    /// The server said something that it must not say.
    Wrong(String),
}

/// A server's language.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    /// Frames that come back as they went: no hello, no rooms.
    Echo,
    /// The classic chat protocol of `docs/PROTOCOL.md`.
    Classic,
    /// The same, with clients that only echo once they are in.
    ClassicEcho,
    /// The platform's packets: guests by a device's secret, in the numbered rooms.
    Platform,
    /// RESP3, so that one connection may publish and subscribe.
    Redis,
    Nats,
}

impl Dialect {
    /// Whether clients have nothing to say before they are ready.
    pub fn is_ready_at_once(self) -> bool {
        self == Self::Echo
    }

    /// What a client says first; `name` is unique.
    pub fn hello(self, name: u32, room: u32) -> Vec<u8> {
        match self {
            Self::Echo => Vec::new(),
            Self::Classic | Self::ClassicEcho => [login(name), enter(room)].concat(),
            Self::Platform => platform::guest(name, room),
            Self::Redis => redis::hello(room),
            Self::Nats => nats::hello(room),
        }
    }

    /// Appends a message to `room` to `out`.
    pub fn publish(self, out: &mut Vec<u8>, room: u32, mark: Mark) {
        let mut text = String::with_capacity(DELIVERY_BYTES);
        mark.write(&mut text);
        match self {
            Self::Echo | Self::ClassicEcho => {
                frame(out, 1, ECHO_BYTES - HEADER_BYTES, |body| fill(body, &text));
            }
            Self::Classic => frame(out, 221, 257, |body| {
                body[..text.len()].copy_from_slice(text.as_bytes())
            }),
            Self::Platform => platform::say(out, &mut text, mark.serial),
            Self::Redis => redis::publish(out, room, &text),
            Self::Nats => nats::publish(out, room, &text),
        }
    }

    /// The first whole event of `input` and its bytes; `None` if it is not whole yet.
    pub fn cut(self, input: &[u8]) -> Option<(usize, Event)> {
        match self {
            Self::Echo | Self::Classic | Self::ClassicEcho => cut_frame(input),
            Self::Platform => platform::cut(input),
            Self::Redis => redis::cut(input),
            Self::Nats => nats::cut(input),
        }
    }
}

fn fill(body: &mut [u8], text: &str) {
    body.fill(b'x');
    body[..text.len()].copy_from_slice(text.as_bytes());
}

fn frame(out: &mut Vec<u8>, id: u16, body_bytes: usize, write: impl FnOnce(&mut [u8])) {
    let start = out.len();
    out.resize(start + HEADER_BYTES + body_bytes, 0);
    let (header, body) = out[start..].split_at_mut(HEADER_BYTES);
    header[..2].copy_from_slice(&((HEADER_BYTES + body_bytes) as u16).to_le_bytes());
    header[2..4].copy_from_slice(&id.to_le_bytes());
    write(body);
}

fn login(name: u32) -> Vec<u8> {
    let mut out = Vec::new();
    let name = format!("bench{name}");
    frame(&mut out, 201, 66, |body| {
        body[..name.len()].copy_from_slice(name.as_bytes())
    });
    out
}

fn enter(room: u32) -> Vec<u8> {
    let mut out = Vec::new();
    frame(&mut out, 206, 4, |body| {
        body.copy_from_slice(&room.to_le_bytes())
    });
    out
}

/// The smallest echo of the classic protocol that says something: 8 bytes.
pub fn tick() -> Vec<u8> {
    let mut out = Vec::new();
    frame(&mut out, 1, 3, |body| body.copy_from_slice(b"yo!"));
    out
}

/// The leave request of the classic protocol, for churn.
pub fn leave() -> Vec<u8> {
    let mut out = Vec::new();
    frame(&mut out, 215, 0, |_| {});
    out
}

fn cut_frame(input: &[u8]) -> Option<(usize, Event)> {
    let length = usize::from(u16::from_le_bytes(*input.first_chunk()?));
    let id = u16::from_le_bytes(*input.get(2..)?.first_chunk()?);
    if length < HEADER_BYTES {
        return Some((
            input.len(),
            Event::Wrong(format!("a frame of {length} bytes")),
        ));
    }
    let body = input.get(HEADER_BYTES..length)?;
    let marked = |at: usize| {
        let mark = body.get(at..).and_then(Mark::read);
        mark.map_or_else(
            || Event::Wrong(format!("packet {id} without a mark")),
            Event::Delivery,
        )
    };
    let event = match id {
        1 if body == b"yo!" => Event::Tick,
        1 => marked(0),
        223 => marked(33),
        // Anything but 0 is a refusal.
        202 | 207 | 216 | 222 if body != [0, 0] => {
            Event::Wrong(format!("packet {id}: result {body:?}"))
        }
        207 => Event::Ready,
        216 => Event::Left,
        _ => Event::Other,
    };
    Some((length, event))
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub const MARK: Mark = Mark {
        sender: 7,
        serial: 9,
        due_ns: 1 << 40,
    };

    /// `bytes`, cut at any place, is one event, which takes all of it.
    pub fn assert_cut(dialect: Dialect, bytes: &[u8], event: &Event) {
        for end in 0..bytes.len() {
            assert_eq!(
                dialect.cut(&bytes[..end]),
                None,
                "{end} of {} bytes",
                bytes.len()
            );
        }
        let cut = dialect.cut(bytes).expect("whole");
        assert_eq!((cut.0, &cut.1), (bytes.len(), event));
    }

    #[test]
    fn an_echo_is_what_was_sent() {
        let mut sent = Vec::new();
        Dialect::Echo.publish(&mut sent, 0, MARK);
        assert_eq!(sent.len(), ECHO_BYTES);
        assert_cut(Dialect::Echo, &sent, &Event::Delivery(MARK));
    }

    #[test]
    fn a_chat_of_the_classic_protocol_is_a_delivery() {
        let mut sent = Vec::new();
        Dialect::Classic.publish(&mut sent, 3, MARK);
        assert_eq!(sent.len(), 262);
        let mut came = Vec::new();
        frame(&mut came, 223, 290, |body| {
            body[33..].copy_from_slice(&sent[HEADER_BYTES..])
        });
        assert_eq!(came.len(), DELIVERY_BYTES);
        assert_cut(Dialect::Classic, &came, &Event::Delivery(MARK));
    }

    #[test]
    fn a_refusal_is_wrong() {
        let mut refused = Vec::new();
        frame(&mut refused, 202, 2, |body| body[0] = 32);
        assert!(matches!(
            Dialect::Classic.cut(&refused),
            Some((7, Event::Wrong(_)))
        ));
    }
}
