//! The result codes of classic responses.

use core::fmt;

/// A result as the classic server names it (`ErrorCode.h`). Codes that Wharf never sends are not
/// listed; a client reads them as [`ResultCode::Other`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ResultCode {
    /// 0: done.
    None,
    /// 31: that id is logged in already, or this session is.
    LoginUserAlready,
    /// 32: the server is full, or being looked after.
    LoginUserUsedAll,
    /// 33: no such user, wrong password, or an empty id.
    LoginUserInvalid,
    /// 52: not logged in, or in a room already.
    EnterRoomInvalidStatus,
    /// 54: the room is full.
    EnterRoomFull,
    /// 61: no such room, or in none.
    RoomInvalidIndex,
    /// 81: not in a room.
    ChatRoomInvalid,
    /// A number that Wharf does not send.
    Other(u16),
}

impl ResultCode {
    /// The number on the wire.
    pub fn to_wire(self) -> u16 {
        match self {
            Self::None => 0,
            Self::LoginUserAlready => 31,
            Self::LoginUserUsedAll => 32,
            Self::LoginUserInvalid => 33,
            Self::EnterRoomInvalidStatus => 52,
            Self::EnterRoomFull => 54,
            Self::RoomInvalidIndex => 61,
            Self::ChatRoomInvalid => 81,
            Self::Other(code) => code,
        }
    }

    /// The name of a number.
    pub fn from_wire(code: u16) -> Self {
        match code {
            0 => Self::None,
            31 => Self::LoginUserAlready,
            32 => Self::LoginUserUsedAll,
            33 => Self::LoginUserInvalid,
            52 => Self::EnterRoomInvalidStatus,
            54 => Self::EnterRoomFull,
            61 => Self::RoomInvalidIndex,
            81 => Self::ChatRoomInvalid,
            code => Self::Other(code),
        }
    }
}

impl fmt::Display for ResultCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let meaning = match self {
            Self::None => "done",
            Self::LoginUserAlready => "that id is in use",
            Self::LoginUserUsedAll => "the server is full or in maintenance",
            Self::LoginUserInvalid => "no such user, or a wrong password",
            Self::EnterRoomInvalidStatus => "not logged in, or in a room already",
            Self::EnterRoomFull => "the room is full",
            Self::RoomInvalidIndex => "no such room, or in none",
            Self::ChatRoomInvalid => "not in a room",
            Self::Other(_) => "a code that Wharf does not send",
        };
        write!(f, "{} ({meaning})", self.to_wire())
    }
}
