//! What each server speaks: how a client says hello, publishes, and cuts what comes into events.
//!
//! A delivery is 295 bytes in every dialect but echo's, the size of the classic chat's 223; what
//! it carries ([`Mark`]) is the same everywhere.

use super::platform;
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
            Self::Redis => format!("HELLO 3\r\nSUBSCRIBE {}\r\n", channel(room)).into_bytes(),
            Self::Nats => {
                let connect = r#"CONNECT {"verbose":false,"pedantic":false,"echo":true}"#;
                format!("{connect}\r\nSUB {} 1\r\nPING\r\n", channel(room)).into_bytes()
            }
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
            Self::Redis => {
                let channel = channel(room);
                let payload = self.payload(&text, room);
                let head = format!("*3\r\n$7\r\nPUBLISH\r\n${}\r\n{channel}\r\n", channel.len());
                out.extend_from_slice(head.as_bytes());
                out.extend_from_slice(format!("${}\r\n{payload}\r\n", payload.len()).as_bytes());
            }
            Self::Nats => {
                let payload = self.payload(&text, room);
                let head = format!("PUB {} {}\r\n{payload}\r\n", channel(room), payload.len());
                out.extend_from_slice(head.as_bytes());
            }
        }
    }

    /// The payload that makes a delivery [`DELIVERY_BYTES`] long.
    fn payload(self, text: &str, room: u32) -> String {
        let channel = channel(room);
        let around = match self {
            Self::Redis => {
                let head = format!(
                    ">3\r\n$7\r\nmessage\r\n${}\r\n{channel}\r\n$200\r\n\r\n",
                    channel.len()
                );
                head.len()
            }
            _ => format!("MSG {channel} 1 200\r\n\r\n").len(),
        };
        format!("{text:x<width$}", width = DELIVERY_BYTES - around)
    }

    /// The first whole event of `input` and its bytes; `None` if it is not whole yet.
    pub fn cut(self, input: &[u8]) -> Option<(usize, Event)> {
        match self {
            Self::Echo | Self::Classic | Self::ClassicEcho => cut_frame(input),
            Self::Platform => platform::cut(input),
            Self::Redis => cut_resp(input),
            Self::Nats => cut_nats(input),
        }
    }
}

fn channel(room: u32) -> String {
    format!("r{room:04}")
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

/// The end of the line that begins at `at`, behind its CRLF, and its text.
fn line(input: &[u8], at: usize) -> Option<(usize, &[u8])> {
    let rest = input.get(at..)?;
    let end = rest.iter().position(|&byte| byte == b'\r')?;
    rest.get(end + 1)?;
    Some((at + end + 2, &rest[..end]))
}

fn number(text: &[u8]) -> Option<usize> {
    str::from_utf8(text).ok()?.parse().ok()
}

fn cut_resp(input: &[u8]) -> Option<(usize, Event)> {
    let (mut at, head) = line(input, 0)?;
    let count = number(&head[1..]);
    match head[0] {
        b'-' => Some((at, Event::Wrong(String::from_utf8_lossy(head).into_owned()))),
        // A push: `message channel payload` or `subscribe channel count`.
        b'>' => {
            let (behind, kind) = bulk(input, at)?;
            let (behind, _) = bulk(input, behind)?;
            if kind == b"subscribe" {
                return Some((line(input, behind)?.0, Event::Ready));
            }
            let (end, payload) = bulk(input, behind)?;
            let mark = Mark::read(payload);
            Some((
                end,
                mark.map_or_else(
                    || Event::Wrong("a push without a mark".into()),
                    Event::Delivery,
                ),
            ))
        }
        // The answer to HELLO: pairs, each part a line or a bulk string; and a list of modules.
        b'%' => {
            for _ in 0..2 * count? {
                let (behind, part) = line(input, at)?;
                at = if part[0] == b'$' {
                    bulk(input, at)?.0
                } else {
                    behind
                };
            }
            Some((at, Event::Other))
        }
        _ => Some((at, Event::Other)),
    }
}

fn bulk(input: &[u8], at: usize) -> Option<(usize, &[u8])> {
    let (at, head) = line(input, at)?;
    let end = at + number(&head[1..])?;
    input.get(end + 1)?;
    Some((end + 2, &input[at..end]))
}

fn cut_nats(input: &[u8]) -> Option<(usize, Event)> {
    let (at, head) = line(input, 0)?;
    if head.starts_with(b"-ERR") {
        return Some((at, Event::Wrong(String::from_utf8_lossy(head).into_owned())));
    }
    if head == b"PONG" {
        return Some((at, Event::Ready));
    }
    if !head.starts_with(b"MSG ") {
        return Some((at, Event::Other));
    }
    let length = number(head.rsplit(|&byte| byte == b' ').next()?)?;
    let payload = input.get(at..at + length)?;
    input.get(at + length + 1)?;
    let mark = Mark::read(payload);
    let event = mark.map_or_else(
        || Event::Wrong("a message without a mark".into()),
        Event::Delivery,
    );
    Some((at + length + 2, event))
}

#[cfg(test)]
mod tests {
    use super::*;

    const MARK: Mark = Mark {
        sender: 7,
        serial: 9,
        due_ns: 1 << 40,
    };

    /// `bytes`, cut at any place, is one event, which takes all of it.
    fn assert_cut(dialect: Dialect, bytes: &[u8], event: &Event) {
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
    fn a_push_of_redis_is_a_delivery_of_the_same_size() {
        let mut text = String::new();
        MARK.write(&mut text);
        let payload = Dialect::Redis.payload(&text, 3);
        let push = format!(
            ">3\r\n$7\r\nmessage\r\n$5\r\nr0003\r\n${}\r\n{payload}\r\n",
            payload.len()
        );
        assert_eq!(push.len(), DELIVERY_BYTES);
        assert_cut(Dialect::Redis, push.as_bytes(), &Event::Delivery(MARK));
        assert_cut(
            Dialect::Redis,
            b">3\r\n$9\r\nsubscribe\r\n$5\r\nr0003\r\n:1\r\n",
            &Event::Ready,
        );
        assert_cut(
            Dialect::Redis,
            b"%2\r\n$6\r\nserver\r\n$5\r\nredis\r\n$7\r\nmodules\r\n*0\r\n",
            &Event::Other,
        );
    }

    #[test]
    fn a_message_of_nats_is_a_delivery_of_the_same_size() {
        let mut text = String::new();
        MARK.write(&mut text);
        let payload = Dialect::Nats.payload(&text, 3);
        let message = format!("MSG r0003 1 {}\r\n{payload}\r\n", payload.len());
        assert_eq!(message.len(), DELIVERY_BYTES);
        assert_cut(Dialect::Nats, message.as_bytes(), &Event::Delivery(MARK));
        assert_cut(Dialect::Nats, b"PONG\r\n", &Event::Ready);
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
