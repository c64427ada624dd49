//! The classic packets, typed.

use super::{ChatText, ResultCode, UserName, id};
use crate::{HEADER_BYTES, Packet, Violation};

/// 1, both directions: text that comes back as it was sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Echo {
    /// Any UTF-8 up to the frame limit.
    pub text: String,
}

impl Packet for Echo {
    const ID: u16 = id::ECHO;

    fn decode(body: &[u8]) -> Result<Self, Violation> {
        let text = str::from_utf8(body).map_err(|_| Violation::InvalidText { id: Self::ID })?;
        Ok(Self {
            text: text.to_owned(),
        })
    }

    fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(self.text.as_bytes());
    }
}

/// 201: who wants in. Total 71 bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LoginRequest {
    /// The user's id.
    pub user: UserName,
    /// The password, in the clear: classic links belong behind TLS or on a trusted network.
    pub password: UserName,
}

impl Packet for LoginRequest {
    const ID: u16 = id::LOGIN_REQUEST;

    fn decode(body: &[u8]) -> Result<Self, Violation> {
        let (user, password) = split(Self::ID, body, 33)?;
        Ok(Self {
            user: UserName::from_wire(Self::ID, user)?,
            password: UserName::from_wire(Self::ID, password)?,
        })
    }

    fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(self.user.wire_bytes());
        out.extend_from_slice(self.password.wire_bytes());
    }
}

/// 206: into which room. Total 9 bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EnterRequest {
    /// The room's number, from 0.
    pub room: i32,
}

impl Packet for EnterRequest {
    const ID: u16 = id::ENTER_REQUEST;

    fn decode(body: &[u8]) -> Result<Self, Violation> {
        Ok(Self {
            room: i32::from_le_bytes(exact(Self::ID, body)?),
        })
    }

    fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.room.to_le_bytes());
    }
}

/// 215: out of the room. Total 5 bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LeaveRequest;

impl Packet for LeaveRequest {
    const ID: u16 = id::LEAVE_REQUEST;

    fn decode(body: &[u8]) -> Result<Self, Violation> {
        exact::<0>(Self::ID, body).map(|_| Self)
    }

    fn encode(&self, _: &mut Vec<u8>) {}
}

/// 221: a line of chat to the room. Total 262 bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChatRequest {
    /// What is said.
    pub message: ChatText,
}

impl Packet for ChatRequest {
    const ID: u16 = id::CHAT_REQUEST;

    fn decode(body: &[u8]) -> Result<Self, Violation> {
        Ok(Self {
            message: ChatText::from_wire(Self::ID, body)?,
        })
    }

    fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(self.message.wire_bytes());
    }
}

/// 223: what somebody said, to everybody in the room, the sender included. Total 295 bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChatNotify {
    /// Who.
    pub user: UserName,
    /// What.
    pub message: ChatText,
}

impl Packet for ChatNotify {
    const ID: u16 = id::CHAT_NOTIFY;

    fn decode(body: &[u8]) -> Result<Self, Violation> {
        let (user, message) = split(Self::ID, body, 33)?;
        Ok(Self {
            user: UserName::from_wire(Self::ID, user)?,
            message: ChatText::from_wire(Self::ID, message)?,
        })
    }

    fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(self.user.wire_bytes());
        out.extend_from_slice(self.message.wire_bytes());
    }
}

/// 202, 207, 216 and 222: the result of a request. Total 7 bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Response<const ID: u16> {
    /// How it went.
    pub result: ResultCode,
}

impl<const ID: u16> Packet for Response<ID> {
    const ID: u16 = ID;

    fn decode(body: &[u8]) -> Result<Self, Violation> {
        let code = u16::from_le_bytes(exact(ID, body)?);
        Ok(Self {
            result: ResultCode::from_wire(code),
        })
    }

    fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.result.to_wire().to_le_bytes());
    }
}

/// 202, the answer to a login.
pub fn login_response(result: ResultCode) -> Response<{ id::LOGIN_RESPONSE }> {
    Response { result }
}

/// 207, the answer to entering.
pub fn enter_response(result: ResultCode) -> Response<{ id::ENTER_RESPONSE }> {
    Response { result }
}

/// 216, the answer to leaving.
pub fn leave_response(result: ResultCode) -> Response<{ id::LEAVE_RESPONSE }> {
    Response { result }
}

/// 222, the answer to a line of chat.
pub fn chat_response(result: ResultCode) -> Response<{ id::CHAT_RESPONSE }> {
    Response { result }
}

/// A user as 208 and 209 name one: `i64` unique id, `i8` length, that many bytes of UTF-8.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UserEntry {
    /// Unique while the server runs, positive.
    pub unique_id: i64,
    /// The user's id as typed at login.
    pub name: UserName,
}

impl UserEntry {
    fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.unique_id.to_le_bytes());
        out.push(self.name.as_bytes().len() as u8);
        out.extend_from_slice(self.name.as_bytes());
    }

    /// Reads one entry off the front of `body`.
    fn decode(packet: u16, body: &mut &[u8]) -> Result<Self, Violation> {
        let wrong = Violation::BodyLength {
            id: packet,
            body_bytes: body.len() as u16,
        };
        let (unique_id, rest) = body.split_first_chunk::<8>().ok_or(wrong)?;
        let (&length, rest) = rest.split_first().ok_or(wrong)?;
        let length = usize::try_from(length as i8).map_err(|_| Violation::InvalidField {
            id: packet,
            field: "name length",
        })?;
        let (name, rest) = rest.split_at_checked(length).ok_or(wrong)?;
        *body = rest;
        Ok(Self {
            unique_id: i64::from_le_bytes(*unique_id),
            name: UserName::from_wire(packet, name)?,
        })
    }
}

/// 208: somebody entered. Total 14 bytes and the name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NewUserNotify {
    /// Who.
    pub user: UserEntry,
}

impl Packet for NewUserNotify {
    const ID: u16 = id::NEW_USER_NOTIFY;

    fn decode(mut body: &[u8]) -> Result<Self, Violation> {
        let user = UserEntry::decode(Self::ID, &mut body)?;
        exact::<0>(Self::ID, body)?;
        Ok(Self { user })
    }

    fn encode(&self, out: &mut Vec<u8>) {
        self.user.encode(out);
    }
}

/// 209: who is in the room already, without oneself. A large room sends several; the client
/// appends.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UserListNotify {
    /// At most [`UserListNotify::ENTRIES_MAX`].
    pub users: Vec<UserEntry>,
}

impl UserListNotify {
    /// Entries of one packet: its count is a signed byte.
    pub const ENTRIES_MAX: usize = 100;
}

impl Packet for UserListNotify {
    const ID: u16 = id::USER_LIST_NOTIFY;

    fn decode(body: &[u8]) -> Result<Self, Violation> {
        let wrong = Violation::BodyLength {
            id: Self::ID,
            body_bytes: body.len() as u16,
        };
        let (&count, mut rest) = body.split_first().ok_or(wrong)?;
        let count = usize::try_from(count as i8).map_err(|_| Violation::InvalidField {
            id: Self::ID,
            field: "count",
        })?;
        let users = (0..count)
            .map(|_| UserEntry::decode(Self::ID, &mut rest))
            .collect::<Result<_, _>>()?;
        exact::<0>(Self::ID, rest)?;
        Ok(Self { users })
    }

    fn encode(&self, out: &mut Vec<u8>) {
        assert!(
            self.users.len() <= Self::ENTRIES_MAX,
            "a longer list goes as several packets"
        );
        out.push(self.users.len() as u8);
        for user in &self.users {
            user.encode(out);
        }
    }
}

/// 217: somebody left. Total 13 bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LeaveUserNotify {
    /// Who.
    pub unique_id: i64,
}

impl Packet for LeaveUserNotify {
    const ID: u16 = id::LEAVE_USER_NOTIFY;

    fn decode(body: &[u8]) -> Result<Self, Violation> {
        Ok(Self {
            unique_id: i64::from_le_bytes(exact(Self::ID, body)?),
        })
    }

    fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.unique_id.to_le_bytes());
    }
}

fn exact<const N: usize>(packet: u16, body: &[u8]) -> Result<[u8; N], Violation> {
    body.try_into().map_err(|_| wrong_length(packet, body))
}

fn split(packet: u16, body: &[u8], at: usize) -> Result<(&[u8], &[u8]), Violation> {
    body.split_at_checked(at)
        .ok_or_else(|| wrong_length(packet, body))
}

fn wrong_length(packet: u16, body: &[u8]) -> Violation {
    debug_assert!(HEADER_BYTES + body.len() <= usize::from(u16::MAX));
    Violation::BodyLength {
        id: packet,
        body_bytes: body.len() as u16,
    }
}

#[cfg(test)]
mod tests {
    use super::super::{FROM_CLIENT, FROM_SERVER};
    use super::*;
    use crate::{BodyLength, Header};

    fn round<P: Packet + PartialEq + core::fmt::Debug>(packet: P, total_bytes: usize) {
        let frame = packet.to_frame();
        assert_eq!(frame.len(), total_bytes);
        let header = Header::from_bytes(*frame.first_chunk().unwrap());
        assert_eq!(
            (header.id, usize::from(header.frame_bytes)),
            (P::ID, total_bytes)
        );
        assert_eq!(P::decode(&frame[HEADER_BYTES..]), Ok(packet));
        let known = FROM_CLIENT
            .check(header, 16_384)
            .or(FROM_SERVER.check(header, 16_384));
        assert_eq!(known, Ok(()), "{} is in a table", P::ID);
    }

    #[test]
    fn every_packet_has_the_length_of_the_specification() {
        let name = UserName::truncated("jacking75");
        let message = ChatText::truncated("안녕하세요");
        let user = UserEntry { unique_id: 7, name };
        round(Echo { text: "hi".into() }, 7);
        round(
            LoginRequest {
                user: name,
                password: name,
            },
            71,
        );
        round(login_response(ResultCode::LoginUserUsedAll), 7);
        round(EnterRequest { room: -1 }, 9);
        round(enter_response(ResultCode::None), 7);
        round(NewUserNotify { user }, 14 + 9);
        round(
            UserListNotify {
                users: vec![user; 3],
            },
            6 + 3 * (9 + 9),
        );
        round(UserListNotify::default(), 6);
        round(LeaveRequest, 5);
        round(leave_response(ResultCode::RoomInvalidIndex), 7);
        round(LeaveUserNotify { unique_id: -1 }, 13);
        round(ChatRequest { message }, 262);
        round(chat_response(ResultCode::ChatRoomInvalid), 7);
        round(
            ChatNotify {
                user: name,
                message,
            },
            295,
        );
    }

    #[test]
    fn a_reply_is_filled_with_zeros() {
        let frame = ChatNotify {
            user: UserName::from_wire(201, b"a\0secret").unwrap(),
            message: ChatText::truncated("b"),
        }
        .to_frame();
        let used = [HEADER_BYTES, HEADER_BYTES + 33];
        for (index, &byte) in frame.iter().enumerate().skip(HEADER_BYTES) {
            assert_eq!(byte != 0, used.contains(&index), "byte {index}");
        }
    }

    #[test]
    fn the_largest_list_fits_a_frame() {
        let user = UserEntry {
            unique_id: 1,
            name: UserName::truncated(&"x".repeat(33)),
        };
        let list = UserListNotify {
            users: vec![user; UserListNotify::ENTRIES_MAX],
        };
        assert!(list.to_frame().len() < 16_384);
    }

    #[test]
    fn a_list_that_says_more_than_it_has_is_refused() {
        for body in [
            &[1u8][..],
            &[255],
            &[1, 0, 0, 0, 0, 0, 0, 0, 0, 5, b'a'],
            &[0, 0],
        ] {
            assert!(UserListNotify::decode(body).is_err(), "{body:?}");
        }
    }

    #[test]
    fn only_listed_ids_may_come_from_a_client() {
        let allowed: Vec<u16> = (0..=u16::MAX)
            .filter(|&id| FROM_CLIENT.rules().iter().any(|rule| rule.id == id))
            .collect();
        assert_eq!(allowed, [1, 201, 206, 215, 221]);
        for id in [
            0,
            11,
            12,
            30,
            199,
            202,
            223,
            1000,
            1001,
            1002,
            1023,
            1024,
            u16::MAX,
        ] {
            let header = Header::new(id, 0);
            assert_eq!(
                FROM_CLIENT.check(header, 16_384),
                Err(Violation::UnknownId { id })
            );
        }
    }

    #[test]
    fn the_tables_agree_where_both_sides_speak() {
        for rule in FROM_SERVER.rules() {
            let twin = FROM_CLIENT
                .rules()
                .iter()
                .find(|client| client.id == rule.id);
            assert_eq!(twin.is_some(), rule.id == id::ECHO, "{}", rule.name);
            assert!(!matches!(rule.body, BodyLength::Exactly(bytes) if bytes > 290));
        }
    }
}
