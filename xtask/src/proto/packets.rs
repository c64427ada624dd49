//! The packets: messages with an id, as their options describe them.

use std::collections::BTreeMap;

use prost_reflect::{DescriptorPool, MessageDescriptor};

use super::options::Options;
use super::rules;
use super::schema::camel;
use crate::Outcome;

/// The platform's ids.
const IDS: std::ops::RangeInclusive<u32> = 1_024..=9_999;
/// The longest body of a packet that says nothing else.
const BYTES_MAX: u32 = 1_024;
/// What fits a frame of 16 KiB behind its header and extensions.
const FRAME_BODY_BYTES: u32 = 16 * 1_024 - 5 - 6;

/// What a packet is to the side that gets it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Role {
    Request {
        /// The full name of its reply.
        reply: String,
        /// When it may be sent, as in `State`.
        state: String,
        /// What it is counted with, as in `Rate`.
        rate: String,
    },
    Reply,
    Notice,
}

/// One packet.
#[derive(Clone, Debug)]
pub(super) struct Packet {
    pub(super) id: u16,
    pub(super) message: MessageDescriptor,
    pub(super) role: Role,
    /// As in `Class`.
    pub(super) class: String,
    pub(super) bytes_max: u32,
    /// Whether the handle of a room may stand before it.
    pub(super) about_room: bool,
}

/// All packets by their ids.
pub(super) struct Packets(BTreeMap<u16, Packet>);

impl Packets {
    /// # Errors
    ///
    /// Options that contradict each other, by the message's name.
    pub(super) fn of(pool: &DescriptorPool) -> Outcome<Self> {
        let mut packets: BTreeMap<u16, Packet> = BTreeMap::new();
        for message in pool.all_messages() {
            let name = message.full_name().to_owned();
            let Some(packet) = Packet::of(pool, message).map_err(|why| format!("{name}: {why}"))?
            else {
                continue;
            };
            if let Some(other) = packets.insert(packet.id, packet) {
                let (id, other) = (other.id, other.message.full_name().to_owned());
                return Err(format!("{name}: id {id} is that of {other}"));
            }
        }
        let packets = Self(packets);
        packets.check_replies()?;
        for packet in packets.requests() {
            packet.check_length(pool)?;
        }
        Ok(packets)
    }

    /// All, by rising id.
    pub(super) fn all(&self) -> impl Iterator<Item = &Packet> {
        self.0.values()
    }

    /// Those of clients.
    pub(super) fn requests(&self) -> impl Iterator<Item = &Packet> {
        self.all().filter(|it| it.is_request())
    }

    /// The packet that a message is.
    pub(super) fn find(&self, full_name: &str) -> Option<&Packet> {
        self.all().find(|it| it.message.full_name() == full_name)
    }

    fn check_replies(&self) -> Outcome {
        for packet in self.all() {
            let Role::Request { reply, .. } = &packet.role else {
                continue;
            };
            if self.find(reply).is_none_or(|it| it.role != Role::Reply) {
                let name = packet.message.full_name();
                return Err(format!(
                    "{name}: its reply {reply} is no packet with ROLE_REPLY"
                ));
            }
        }
        Ok(())
    }
}

impl Packet {
    pub(super) fn is_request(&self) -> bool {
        matches!(self.role, Role::Request { .. })
    }

    fn of(pool: &DescriptorPool, message: MessageDescriptor) -> Outcome<Option<Self>> {
        let options = Options {
            pool,
            given: message.options(),
        };
        let id = options.number("id")?;
        let role = options.word("role")?;
        if id == 0 {
            return match role.as_str() {
                "NONE" => Ok(None),
                _ => Err("a role without an id".into()),
            };
        }
        if !IDS.contains(&id) {
            return Err(format!(
                "id {id} is not from {} to {}",
                IDS.start(),
                IDS.end()
            ));
        }
        let state = camel(&options.word("state")?);
        let rate = camel(&options.word("rate")?);
        let reply = options.text("reply")?;
        let about_room = options.flag("about_room")?;
        let role = match (role.as_str(), reply.is_empty()) {
            ("REQUEST", false) => Role::Request { reply, state, rate },
            ("REPLY", true) => Role::Reply,
            ("NOTICE", true) => Role::Notice,
            ("NONE", _) => return Err("an id without a role".into()),
            _ => return Err("a request names its reply, and nothing else does".into()),
        };
        let is_of_members = matches!(&role, Role::Request { state, .. } if state == "Member");
        if is_of_members && !about_room {
            return Err("a request of members is about a room".into());
        }
        let bytes_max = match options.number("bytes_max")? {
            0 => BYTES_MAX,
            bytes if bytes <= FRAME_BODY_BYTES => bytes,
            bytes => return Err(format!("a body of {bytes} bytes does not fit a frame")),
        };
        Ok(Some(Self {
            id: id as u16,
            message,
            role,
            class: camel(&options.word("class")?),
            bytes_max,
            about_room,
        }))
    }

    /// What keeps its fields' rules is never too long for its packet, so that whoever breaks one is
    /// told so.
    fn check_length(&self, pool: &DescriptorPool) -> Outcome {
        let bytes = rules::bytes_max(pool, &self.message)?;
        if bytes > self.bytes_max {
            return Err(format!(
                "{}: its fields may have {bytes} bytes, more than the {} of its bytes_max",
                self.message.full_name(),
                self.bytes_max
            ));
        }
        Ok(())
    }
}
