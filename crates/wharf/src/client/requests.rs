//! Requests of the platform, numbered, and what comes back.

use std::collections::BTreeMap;
use wharf_proto::session::{Code, Error};
use wharf_proto::{ClientPacket, Role, ServerPacket, Validate as _, packet_info};
use wharf_wire::{Extensions, Frame, Packet as _, Violation};

/// Requests that may wait for their answers.
pub const OPEN_MAX: usize = 256;

/// Requests that wait for their answers, each with a note of the asker's.
///
/// Invariant: a number is open from when its frame was made until it is answered or lost, and each
/// answer takes exactly one.
#[derive(Debug)]
pub struct Requests<T> {
    last: u32,
    open: BTreeMap<u32, Open<T>>,
}

#[derive(Debug)]
struct Open<T> {
    reply: u16,
    note: T,
}

/// What a frame of the server's was.
#[derive(Debug, PartialEq)]
pub enum Heard<T> {
    /// The answer to a request.
    Reply {
        /// What was noted beside the request.
        note: T,
        /// The handle of the room that it is about.
        room: Option<u16>,
        /// The answer.
        packet: ServerPacket,
    },
    /// A request was not done.
    Refused {
        /// What was noted beside the request.
        note: T,
        /// Why.
        error: Error,
    },
    /// Something that nobody asked for.
    Notice {
        /// The handle of the room that it is about.
        room: Option<u16>,
        /// What.
        packet: ServerPacket,
    },
    /// A notice of a newer server, or an answer to what is not open: to be skipped.
    Unknown,
}

impl<T> Default for Requests<T> {
    fn default() -> Self {
        Self {
            last: 0,
            open: BTreeMap::new(),
        }
    }
}

impl<T> Requests<T> {
    /// Appends the frame of a request to `out`.
    ///
    /// # Errors
    /// [`Code::Invalid`] for what the server would refuse by the schema, [`Code::Busy`] if
    /// [`OPEN_MAX`] wait already; nothing is appended then.
    #[expect(clippy::missing_panics_doc, reason = "the table has every packet")]
    pub fn ask(
        &mut self,
        request: &ClientPacket,
        room: Option<u16>,
        note: T,
        out: &mut Vec<u8>,
    ) -> Result<(), Error> {
        request.validate()?;
        let info = packet_info(request.id()).expect("every packet is in the table");
        let Role::Request { reply, .. } = info.role else {
            unreachable!("what a client sends is a request")
        };
        if self.open.len() >= OPEN_MAX {
            return Err(Error::new(Code::Busy, "too much waits for its answer"));
        }
        let mut body = Vec::new();
        request.encode(&mut body);
        if body.len() > info.bytes_max.into() {
            return Err(Error::new(Code::Invalid, "that is too long"));
        }
        let number = self.next_number();
        let room = room.filter(|_| info.about_room);
        let extensions = Extensions {
            room,
            ..Extensions::request(number)
        };
        extensions.encode_frame(info.id, out, |out| out.extend_from_slice(&body));
        self.open.insert(number, Open { reply, note });
        Ok(())
    }

    /// Reads a frame that came.
    ///
    /// # Errors
    /// The [`Violation`] of a server that breaks the protocol.
    pub fn hear(&mut self, frame: Frame<'_>) -> Result<Heard<T>, Violation> {
        let (extensions, body) = Extensions::split(frame)?;
        let room = extensions.room;
        if !extensions.is_reply {
            return match ServerPacket::decode(frame.id, body) {
                Ok(packet) => Ok(Heard::Notice { room, packet }),
                Err(Violation::UnknownId { .. }) => Ok(Heard::Unknown),
                Err(violation) => Err(violation),
            };
        }
        let number = extensions.request.unwrap_or_default();
        let Some(Open { reply, note }) = self.open.remove(&number) else {
            return Ok(Heard::Unknown);
        };
        if frame.id == Error::ID {
            let error = Error::decode(body)?;
            return Ok(Heard::Refused { note, error });
        }
        if frame.id != reply {
            return Err(Violation::UnknownId { id: frame.id });
        }
        let packet = ServerPacket::decode(frame.id, body)?;
        Ok(Heard::Reply { note, room, packet })
    }

    /// The connection is gone: what was noted beside all that has no answer, the oldest first.
    pub fn lose_all(&mut self) -> Vec<T> {
        let open = std::mem::take(&mut self.open);
        open.into_values().map(|open| open.note).collect()
    }

    /// How many wait.
    pub fn open_count(&self) -> usize {
        self.open.len()
    }

    fn next_number(&mut self) -> u32 {
        loop {
            self.last = self.last.wrapping_add(1);
            if !self.open.contains_key(&self.last) {
                return self.last;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use wharf_proto::chat::{Said, SaidSo, Say};
    use wharf_proto::session::{Ping, Pong, QueuePlace};
    use wharf_wire::{Packet, extensions};

    fn ask(requests: &mut Requests<&'static str>, note: &'static str) -> Vec<u8> {
        let mut out = Vec::new();
        let ping = ClientPacket::Ping(Ping { sent_ms: 5 });
        requests.ask(&ping, Some(3), note, &mut out).unwrap();
        out
    }

    fn answer(packet: &impl Packet, number: u32) -> (u16, Vec<u8>) {
        let mut body = number.to_le_bytes().to_vec();
        packet.encode(&mut body);
        (id_of(packet), body)
    }

    fn id_of<P: Packet>(_: &P) -> u16 {
        P::ID
    }

    fn hear(
        requests: &mut Requests<&'static str>,
        (id, body): (u16, Vec<u8>),
    ) -> Result<Heard<&'static str>, Violation> {
        let flags = extensions::REQUEST | extensions::REPLY;
        let body = &body[..];
        requests.hear(Frame { id, flags, body })
    }

    #[test]
    fn each_answer_finds_its_request_in_whatever_order_they_come() {
        let mut requests = Requests::default();
        ask(&mut requests, "first");
        ask(&mut requests, "second");
        let pong = Pong::default();
        let refusal = Error::new(Code::Rate, "too often");
        let heard = hear(&mut requests, answer(&refusal, 2)).unwrap();
        let (note, error) = ("second", refusal);
        assert_eq!(heard, Heard::Refused { note, error });
        let heard = hear(&mut requests, answer(&pong, 1)).unwrap();
        let (note, room, packet) = ("first", None, ServerPacket::Pong(pong));
        assert_eq!(heard, Heard::Reply { note, room, packet });
        let again = hear(&mut requests, answer(&pong, 1)).unwrap();
        assert_eq!(again, Heard::Unknown, "answered once");
        assert_eq!(requests.open_count(), 0);
    }

    #[test]
    fn only_what_is_about_a_room_bears_its_handle() {
        let mut requests = Requests::default();
        let ping = ask(&mut requests, "no room");
        assert_eq!(ping[4], extensions::REQUEST);
        let what = Some(wharf_proto::chat::content::What::Text("hi".into()));
        let content = Some(wharf_proto::chat::Content { what });
        let client_id = 1;
        let say = ClientPacket::Say(Say { content, client_id });
        let mut out = Vec::new();
        requests.ask(&say, Some(3), "say", &mut out).unwrap();
        assert_eq!(out[4], extensions::REQUEST | extensions::ROOM);
        assert_eq!(out[9..11], [3, 0]);
    }

    #[test]
    fn an_answer_of_another_kind_is_a_broken_rule() {
        let mut requests = Requests::default();
        ask(&mut requests, "ping");
        let wrong = hear(&mut requests, answer(&SaidSo::default(), 1));
        assert_eq!(wrong, Err(Violation::UnknownId { id: SaidSo::ID }));
    }

    #[test]
    fn notices_are_told_and_those_of_a_newer_server_skipped() {
        let mut requests = Requests::<&str>::default();
        let notice = |flags, id, body| Frame { id, flags, body };
        let heard = requests.hear(notice(extensions::ROOM, Said::ID, &[9, 0]));
        let (room, packet) = (Some(9), ServerPacket::Said(Said::default()));
        assert_eq!(heard, Ok(Heard::Notice { room, packet }));
        let place = notice(extensions::LATEST, QueuePlace::ID, &[8, 4]);
        let heard = requests.hear(place).unwrap();
        let packet = ServerPacket::QueuePlace(QueuePlace {
            before: 4,
            wait_ms: 0,
        });
        assert_eq!(heard, Heard::Notice { room: None, packet });
        let newer = requests.hear(notice(0, 9_999, &[1, 2, 3]));
        assert_eq!(newer, Ok(Heard::Unknown));
    }

    #[test]
    fn what_the_schema_forbids_is_not_sent() {
        let mut requests = Requests::default();
        let mut out = Vec::new();
        let say = ClientPacket::Say(Say::default());
        let error = requests.ask(&say, None, "say", &mut out).unwrap_err();
        assert_eq!((error.code(), &*error.field), (Code::Invalid, "content"));
        assert!(out.is_empty() && requests.open_count() == 0);
    }

    #[test]
    fn a_lost_connection_gives_back_what_has_no_answer_in_order() {
        let mut requests = Requests::default();
        for note in ["a", "b", "c"] {
            ask(&mut requests, note);
        }
        hear(&mut requests, answer(&Pong::default(), 2)).unwrap();
        assert_eq!(requests.lose_all(), ["a", "c"]);
        assert_eq!(requests.open_count(), 0);
    }

    #[test]
    fn what_waits_is_bounded() {
        let mut requests = Requests::default();
        (0..OPEN_MAX).for_each(|_| drop(ask(&mut requests, "one")));
        let ping = ClientPacket::Ping(Ping { sent_ms: 5 });
        let error = requests.ask(&ping, None, "more", &mut Vec::new());
        assert_eq!(error.unwrap_err().code(), Code::Busy);
    }
}
