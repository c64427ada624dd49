//! The classic chat protocol: what the guide's C# client speaks, byte by byte.
//!
//! `docs/PROTOCOL.md` is the specification for people; this module is the one for machines.
//! All integers are little-endian and packed; text arrays are UTF-8 filled with 0x00.

mod packets;
mod results;

pub use packets::{
    ChatNotify, ChatRequest, Echo, EnterRequest, LeaveRequest, LeaveUserNotify, LoginRequest,
    NewUserNotify, Response, UserEntry, UserListNotify, chat_response, enter_response,
    leave_response, login_response,
};
pub use results::ResultCode;

use crate::{BodyLength, FlagRule, PacketRule, PacketTable, Text};

/// A user's id as typed at login: up to 33 bytes.
pub type UserName = Text<33>;
/// A line of chat: up to 257 bytes.
pub type ChatText = Text<257>;

/// Packet ids.
pub mod id {
    /// `DEV_ECHO`, both directions.
    pub const ECHO: u16 = 1;
    /// `LOGIN_REQUEST`, from the client.
    pub const LOGIN_REQUEST: u16 = 201;
    /// `LOGIN_RESPONSE`, from the server.
    pub const LOGIN_RESPONSE: u16 = 202;
    /// `ROOM_ENTER_REQUEST`, from the client.
    pub const ENTER_REQUEST: u16 = 206;
    /// `ROOM_ENTER_RESPONSE`, from the server.
    pub const ENTER_RESPONSE: u16 = 207;
    /// `ROOM_NEW_USER_NTF`, from the server.
    pub const NEW_USER_NOTIFY: u16 = 208;
    /// `ROOM_USER_LIST_NTF`, from the server.
    pub const USER_LIST_NOTIFY: u16 = 209;
    /// `ROOM_LEAVE_REQUEST`, from the client.
    pub const LEAVE_REQUEST: u16 = 215;
    /// `ROOM_LEAVE_RESPONSE`, from the server.
    pub const LEAVE_RESPONSE: u16 = 216;
    /// `ROOM_LEAVE_USER_NTF`, from the server.
    pub const LEAVE_USER_NOTIFY: u16 = 217;
    /// `ROOM_CHAT_REQUEST`, from the client.
    pub const CHAT_REQUEST: u16 = 221;
    /// `ROOM_CHAT_RESPONSE`, from the server.
    pub const CHAT_RESPONSE: u16 = 222;
    /// `ROOM_CHAT_NOTIFY`, from the server.
    pub const CHAT_NOTIFY: u16 = 223;
}

const fn exactly(id: u16, name: &'static str, body_bytes: u16) -> PacketRule {
    PacketRule {
        id,
        name,
        body: BodyLength::Exactly(body_bytes),
        flags: FlagRule::NONE,
    }
}

const fn at_least(id: u16, name: &'static str, body_bytes: u16) -> PacketRule {
    PacketRule {
        id,
        name,
        body: BodyLength::AtLeast(body_bytes),
        flags: FlagRule::NONE,
    }
}

/// What a client may send.
pub const FROM_CLIENT: PacketTable = PacketTable::new(&[
    at_least(id::ECHO, "echo", 0),
    exactly(id::LOGIN_REQUEST, "login request", 66),
    exactly(id::ENTER_REQUEST, "room enter request", 4),
    exactly(id::LEAVE_REQUEST, "room leave request", 0),
    exactly(id::CHAT_REQUEST, "room chat request", 257),
]);

/// What a server may send.
pub const FROM_SERVER: PacketTable = PacketTable::new(&[
    at_least(id::ECHO, "echo", 0),
    exactly(id::LOGIN_RESPONSE, "login response", 2),
    exactly(id::ENTER_RESPONSE, "room enter response", 2),
    at_least(id::NEW_USER_NOTIFY, "room new user", 9),
    at_least(id::USER_LIST_NOTIFY, "room user list", 1),
    exactly(id::LEAVE_RESPONSE, "room leave response", 2),
    exactly(id::LEAVE_USER_NOTIFY, "room leave user", 8),
    exactly(id::CHAT_RESPONSE, "room chat response", 2),
    exactly(id::CHAT_NOTIFY, "room chat", 290),
]);
