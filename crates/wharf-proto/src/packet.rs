//! What a packet of the platform is, beside its message.

use crate::validate::Validate;
use wharf_wire::extensions::{LATEST, REPLY, REQUEST, ROOM};
use wharf_wire::{BodyLength, FlagRule, Packet, PacketRule, SendClass};

/// Everything about one packet but its fields.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PacketInfo {
    /// Its id.
    pub id: u16,
    /// Its name, as in `docs/PROTOCOL.md`.
    pub name: &'static str,
    /// Who may send it, and what it is to the other side.
    pub role: Role,
    /// How it leaves.
    pub class: SendClass,
    /// The longest body, extensions not counted.
    pub bytes_max: u16,
    /// Whether the handle of a room may stand before it.
    pub about_room: bool,
}

/// Who may send a packet, and what it is to the other side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// From the client; gets exactly one reply, or one [`Error`](crate::session::Error).
    Request {
        /// When it may be sent.
        state: State,
        /// What it is counted with.
        rate: Rate,
        /// The id of its reply.
        reply: u16,
    },
    /// The server's answer to a request.
    Reply,
    /// From the server, unasked.
    Notice,
}

/// When a request may be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// At any time after Hello.
    Any,
    /// As the first packet only.
    First,
    /// Before logging in.
    Guest,
    /// After logging in.
    User,
    /// In a room.
    Member,
}

/// Which requests are counted together against flooding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rate {
    /// What changes something.
    Command,
    /// What costs next to nothing.
    Control,
    /// What proves who somebody is: dear by intention.
    Login,
    /// What reads lists and histories.
    Query,
    /// What others hear.
    Chat,
}

impl Rate {
    /// All of them.
    pub const ALL: [Self; 5] = [
        Self::Command,
        Self::Control,
        Self::Login,
        Self::Query,
        Self::Chat,
    ];
}

/// A packet that asks for exactly one answer.
pub trait Request: Packet + Validate {
    /// The answer, unless it is an [`Error`](crate::session::Error).
    type Reply: Packet;

    /// Reads a body, its fields unchecked.
    ///
    /// # Errors
    /// What is answered to one that cannot be read, with the field at which reading ended.
    fn parse(body: &[u8]) -> Result<Self, crate::session::Error>;
}

/// What there is to know about the packet with that id.
pub fn packet_info(id: u16) -> Option<&'static PacketInfo> {
    let packets = crate::PACKETS;
    let place = packets.binary_search_by_key(&id, |packet| packet.id).ok()?;
    packets.get(place)
}

/// The flags of packets that are never about a room, and of those that may be.
pub(crate) const NO_ROOM: u8 = 0;
pub(crate) const ABOUT_ROOM: u8 = ROOM;

const fn rule(id: u16, name: &'static str, bytes_max: u16, flags: FlagRule) -> PacketRule {
    PacketRule {
        id,
        name,
        body: BodyLength::AtMost(bytes_max),
        flags,
    }
}

pub(crate) const fn request_rule(id: u16, name: &'static str, bytes: u16, room: u8) -> PacketRule {
    rule(id, name, bytes, FlagRule::new(REQUEST, room))
}

pub(crate) const fn reply_rule(id: u16, name: &'static str, bytes: u16, room: u8) -> PacketRule {
    rule(id, name, bytes, FlagRule::new(REQUEST | REPLY, room))
}

pub(crate) const fn notice_rule(id: u16, name: &'static str, bytes: u16, room: u8) -> PacketRule {
    rule(id, name, bytes, FlagRule::new(0, room))
}

pub(crate) const fn latest_rule(id: u16, name: &'static str, bytes: u16, room: u8) -> PacketRule {
    rule(id, name, bytes, FlagRule::new(LATEST, room))
}

pub(crate) const fn id_of<P: Packet>() -> u16 {
    P::ID
}

/// Makes a message a packet.
macro_rules! packet {
    ($message:ty, $id:literal, $class:ident) => {
        impl wharf_wire::Packet for $message {
            const ID: u16 = $id;
            const CLASS: wharf_wire::SendClass = wharf_wire::SendClass::$class;

            fn decode(body: &[u8]) -> Result<Self, wharf_wire::Violation> {
                prost::Message::decode(body)
                    .map_err(|_| wharf_wire::Violation::InvalidBody { id: $id })
            }

            fn encode(&self, out: &mut Vec<u8>) {
                prost::Message::encode(self, out).expect("a vector has room");
            }
        }
    };
}

/// Makes a packet a request.
macro_rules! request {
    ($message:ty, $reply:ty) => {
        impl Request for $message {
            type Reply = $reply;

            fn parse(body: &[u8]) -> Result<Self, session::Error> {
                let parsed = <Self as prost::Message>::decode(body);
                let id = <Self as wharf_wire::Packet>::ID;
                parsed.map_err(|error| crate::error::unreadable(id, &error))
            }
        }
    };
}

/// An enum of packets, which reads and writes any of them.
macro_rules! packets {
    ($(#[$about:meta])* $name:ident { $($variant:ident: $message:ty,)+ }) => {
        $(#[$about])*
        #[derive(Clone, Debug, PartialEq)]
        #[allow(clippy::large_enum_variant, reason = "one is made at a time, and soon gone")]
        pub enum $name {
            $(
                #[doc = concat!("A [`", stringify!($message), "`].")]
                $variant($message),
            )+
        }

        impl $name {
            /// Reads the body of packet `id`, extensions taken off.
            ///
            /// # Errors
            /// The [`wharf_wire::Violation`] of an unknown id, or of a body that cannot be read.
            pub fn decode(id: u16, body: &[u8]) -> Result<Self, wharf_wire::Violation> {
                match id {
                    $(
                        <$message as wharf_wire::Packet>::ID => {
                            <$message as wharf_wire::Packet>::decode(body).map(Self::$variant)
                        }
                    )+
                    _ => Err(wharf_wire::Violation::UnknownId { id }),
                }
            }

            /// Appends its body.
            pub fn encode(&self, out: &mut Vec<u8>) {
                match self {
                    $(Self::$variant(packet) => wharf_wire::Packet::encode(packet, out),)+
                }
            }

            /// Its id.
            pub fn id(&self) -> u16 {
                match self {
                    $(Self::$variant(_) => <$message as wharf_wire::Packet>::ID,)+
                }
            }
        }
    };
}

/// Lets an enum of requests check its fields.
macro_rules! validated {
    ($name:ident, $($variant:ident),+) => {
        impl crate::validate::Validate for $name {
            fn validate(&self) -> Result<(), crate::validate::Broken> {
                match self {
                    $(Self::$variant(packet) => packet.validate(),)+
                }
            }
        }
    };
}

pub(crate) use {packet, packets, request, validated};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{FROM_CLIENT, FROM_SERVER, PACKETS};
    use wharf_wire::PacketTable;

    const CLIENT: PacketTable = PacketTable::new(FROM_CLIENT);
    const SERVER: PacketTable = PacketTable::new(FROM_SERVER);

    #[test]
    fn every_packet_may_be_sent_by_exactly_one_side() {
        for packet in PACKETS {
            let of_client = CLIENT.rules().iter().any(|rule| rule.id == packet.id);
            let of_server = SERVER.rules().iter().any(|rule| rule.id == packet.id);
            let is_request = matches!(packet.role, Role::Request { .. });
            assert_eq!(
                (of_client, of_server),
                (is_request, !is_request),
                "{packet:?}"
            );
            assert_eq!(packet_info(packet.id), Some(packet));
        }
        assert_eq!(FROM_CLIENT.len() + FROM_SERVER.len(), PACKETS.len());
        assert_eq!(packet_info(1_023), None);
    }

    #[test]
    fn every_reply_answers_something_but_the_error() {
        let answered = PACKETS.iter().filter_map(|packet| match packet.role {
            Role::Request { reply, .. } => Some(reply),
            Role::Reply | Role::Notice => None,
        });
        let answered: Vec<u16> = answered.collect();
        for packet in PACKETS.iter().filter(|packet| packet.role == Role::Reply) {
            let is_error = packet.id == id_of::<crate::session::Error>();
            assert_eq!(answered.contains(&packet.id), !is_error, "{packet:?}");
        }
    }

    #[test]
    fn flags_follow_from_the_role() {
        let flags = |rules: &[PacketRule], id: u16| {
            let rule = rules.iter().find(|rule| rule.id == id).unwrap();
            (rule.flags.must(), rule.flags.may())
        };
        assert_eq!(flags(FROM_CLIENT, 1_024), (REQUEST, REQUEST), "Hello");
        assert_eq!(flags(FROM_CLIENT, 1_300), (REQUEST, REQUEST | ROOM), "Say");
        let reply = REQUEST | REPLY;
        assert_eq!(flags(FROM_SERVER, 1_204), (reply, reply | ROOM), "Entered");
        assert_eq!(flags(FROM_SERVER, 1_302), (0, ROOM), "Said");
        assert_eq!(flags(FROM_SERVER, 1_030), (LATEST, LATEST), "QueuePlace");
    }
}
