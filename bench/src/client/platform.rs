//! The platform's packets, as far as workloads need them.

use super::dialect::{Event, Mark};
use wharf_proto::account::{Device, LogInAsGuest, LogInByToken, LoggedIn, Register};
use wharf_proto::chat::content::What;
use wharf_proto::chat::whisper::To;
use wharf_proto::chat::{Content, Message, Said, SaidSo, Say, Whisper};
use wharf_proto::room::enter::By;
use wharf_proto::room::{Create, Enter, Entered, History};
use wharf_proto::session::{Code, Error, Goodbye, Hello};
use wharf_proto::{Request, VERSION};
use wharf_wire::{Extensions, Frame, HEADER_BYTES, Header, Packet};

/// Bytes of a text with which a delivery is about as long as the classic one.
const TEXT_BYTES: usize = 250;
/// Requests up to this number are those with which a client comes.
const FIRST_OF_TALK: u32 = 16;

/// What a guest says to sit in a room: a new account for each new name.
pub fn guest(name: u32, room: u32) -> Vec<u8> {
    let mut out = visitor(name);
    append(&mut out, 3, &enter(By::Number(room)));
    out
}

/// What a guest says who is in no room yet.
pub fn visitor(name: u32) -> Vec<u8> {
    let mut out = Vec::new();
    append(&mut out, 1, &hello());
    append(&mut out, 2, &device(name));
    out
}

/// Makes a room in which nothing is heard before it is durable, and enters it.
pub fn make_durable_room(name: u32) -> Vec<u8> {
    let mut out = Vec::new();
    let mut create = Create {
        name: format!("kept for ever {name}"),
        is_persistent: true,
        ..Create::default()
    };
    create.set_history(History::Durable);
    append(&mut out, 3, &create);
    out
}

/// Enters a room that somebody made.
pub fn enter_room(room: i64) -> Vec<u8> {
    let mut out = Vec::new();
    append(&mut out, 3, &enter(By::Room(room)));
    out
}

/// What one says who comes again with a token.
pub fn returning(token: &[u8], room: u32) -> Vec<u8> {
    let mut out = Vec::new();
    append(&mut out, 1, &hello());
    let token = token.to_vec();
    append(
        &mut out,
        2,
        &LogInByToken {
            token,
            device: None,
        },
    );
    append(&mut out, 3, &enter(By::Number(room)));
    out
}

/// What one says who does not say yet who they are.
pub fn stranger() -> Vec<u8> {
    let mut out = Vec::new();
    append(&mut out, 1, &hello());
    out
}

/// Makes an account with a password, which is hashed.
pub fn register(name: u32) -> Vec<u8> {
    let mut out = Vec::new();
    let register = Register {
        name: format!("newcomer{name}"),
        password: "correct horse".into(),
        device: None,
    };
    append(&mut out, 2, &register);
    out
}

/// Appends a line of chat, whose text begins with `text`.
pub fn say(out: &mut Vec<u8>, text: &mut String, serial: u32) {
    let content = content(text);
    let client_id = 0;
    append(out, FIRST_OF_TALK + serial, &Say { content, client_id });
}

/// A whisper to an account, as request [`FIRST_OF_TALK`] and so many.
pub fn whisper(to: i64, serial: u32) -> Vec<u8> {
    let mut out = Vec::new();
    let whisper = Whisper {
        to: Some(To::Account(to)),
        content: content(&mut String::new()),
        client_id: u64::from(serial) + 1,
    };
    append(&mut out, FIRST_OF_TALK + serial, &whisper);
    out
}

/// Which of a client's whispers or lines that request was.
pub fn serial_of(request: u32) -> Option<u32> {
    request.checked_sub(FIRST_OF_TALK)
}

/// The first whole event of `input` and its bytes.
pub fn cut(input: &[u8]) -> Option<(usize, Event)> {
    let (header, rest) = input.split_first_chunk::<HEADER_BYTES>()?;
    let Header {
        frame_bytes,
        id,
        flags,
    } = Header::from_bytes(*header);
    let length = usize::from(frame_bytes);
    let body = rest.get(..length.saturating_sub(HEADER_BYTES))?;
    let event = event(Frame { id, flags, body });
    let wrong = |what| Event::Wrong(format!("packet {id}: {what}"));
    Some((length.max(HEADER_BYTES), event.unwrap_or_else(wrong)))
}

fn event(frame: Frame<'_>) -> Result<Event, String> {
    let (extensions, body) = Extensions::split(frame).map_err(|it| it.to_string())?;
    Ok(match frame.id {
        Said::ID => {
            let said: Said = read(body)?;
            let text = said.message.as_ref().and_then(text_of);
            let mark = text.and_then(|text| Mark::read(text.as_bytes()));
            Event::Delivery(mark.ok_or("no mark")?)
        }
        SaidSo::ID => Event::Said {
            request: extensions.request.ok_or("no request")?,
            stored: read::<SaidSo>(body)?.stored,
        },
        Entered::ID => {
            let info = read::<Entered>(body)?.info.ok_or("no room")?;
            Event::Entered { room: info.room }
        }
        LoggedIn::ID => {
            let LoggedIn { account, token, .. } = read(body)?;
            Event::LoggedIn { account, token }
        }
        Error::ID => {
            let error: Error = read(body)?;
            if error.code() == Code::Busy {
                return Ok(Event::Busy);
            }
            return Err(format!("{:?}: {}", error.code(), error.text));
        }
        Goodbye::ID => return Err(format!("{:?}", read::<Goodbye>(body)?)),
        _ => Event::Other,
    })
}

fn read<P: Packet>(body: &[u8]) -> Result<P, String> {
    P::decode(body).map_err(|it| it.to_string())
}

fn text_of(message: &Message) -> Option<&str> {
    match message.content.as_ref()?.what.as_ref()? {
        What::Text(text) => Some(text),
        _ => None,
    }
}

fn append<R: Request>(out: &mut Vec<u8>, number: u32, request: &R) {
    let encode = |out: &mut Vec<u8>| Packet::encode(request, out);
    Extensions::request(number).encode_frame(R::ID, out, encode);
}

fn hello() -> Hello {
    Hello {
        version: VERSION,
        client: "bench".into(),
        ..Hello::default()
    }
}

fn device(name: u32) -> LogInAsGuest {
    let device = Some(Device {
        name: "bench".into(),
    });
    let secret = name.to_le_bytes().repeat(8);
    LogInAsGuest { secret, device }
}

fn enter(by: By) -> Enter {
    Enter {
        by: Some(by),
        ..Enter::default()
    }
}

/// `text`, made as long as all are.
fn content(text: &mut String) -> Option<Content> {
    while text.len() < TEXT_BYTES {
        text.push('x');
    }
    let what = Some(What::Text(core::mem::take(text)));
    Some(Content { what })
}

#[cfg(test)]
mod tests {
    use super::super::dialect::DELIVERY_BYTES;
    use super::*;

    const MARK: Mark = Mark {
        sender: 7,
        serial: 9,
        due_ns: 1 << 40,
    };

    fn frame(extensions: Extensions, packet: &impl Packet) -> Vec<u8> {
        let mut out = Vec::new();
        let encode = |out: &mut Vec<u8>| packet.encode(out);
        extensions.encode_frame(id_of(packet), &mut out, encode);
        out
    }

    fn id_of<P: Packet>(_: &P) -> u16 {
        P::ID
    }

    #[test]
    fn a_line_is_a_delivery_as_long_as_the_classic_one() {
        let mut text = String::new();
        MARK.write(&mut text);
        let said = Said {
            message: Some(Message {
                author: 1 << 58,
                author_name: "Guest 1234".into(),
                content: content(&mut text),
                at_ms: 1_790_000_000_000,
                ..Message::default()
            }),
        };
        let bytes = frame(Extensions::room(1), &said);
        let longer = bytes.len().abs_diff(DELIVERY_BYTES);
        assert!(longer <= 8, "{} bytes", bytes.len());
        assert_eq!(cut(&bytes), Some((bytes.len(), Event::Delivery(MARK))));
        (0..bytes.len()).for_each(|end| assert_eq!(cut(&bytes[..end]), None));
    }

    #[test]
    fn who_is_to_come_again_later_is_told_from_who_is_wrong() {
        let mut error = Error::default();
        error.set_code(Code::Busy);
        let bytes = frame(Extensions::reply(1), &error);
        assert_eq!(cut(&bytes), Some((bytes.len(), Event::Busy)));
    }

    #[test]
    fn an_answer_tells_whether_it_is_durable_and_an_error_is_wrong() {
        let said = SaidSo {
            stored: true,
            ..SaidSo::default()
        };
        let request = FIRST_OF_TALK + 3;
        let bytes = frame(Extensions::reply(request), &said);
        let stored = true;
        assert_eq!(cut(&bytes).unwrap().1, Event::Said { request, stored });
        assert_eq!(serial_of(request), Some(3));
        let bytes = frame(Extensions::reply(1), &Error::default());
        assert!(matches!(cut(&bytes), Some((_, Event::Wrong(_)))));
    }
}
