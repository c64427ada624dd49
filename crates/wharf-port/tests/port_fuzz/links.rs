//! What the model knows of each connection: who is there, what was sent, what arrived.

use std::net::{IpAddr, Ipv4Addr};

/// One connection. Each comes from an address of its own, by which both ends know it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct LinkId(u16);

impl LinkId {
    /// The address that its client connects from.
    pub(crate) fn client(self) -> IpAddr {
        let [high, low] = self.0.to_be_bytes();
        Ipv4Addr::new(127, 1, high, low).into()
    }

    /// The connection that came from `client`.
    pub(crate) fn from(client: IpAddr) -> Self {
        match client {
            IpAddr::V4(address) => {
                let [.., high, low] = address.octets();
                Self(u16::from_be_bytes([high, low]))
            }
            IpAddr::V6(_) => unreachable!("every client has an address of version 4"),
        }
    }
}

/// Which end of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    /// The one that connects.
    Client,
    /// The one that accepts.
    Server,
}

impl Side {
    pub(crate) fn other(self) -> Self {
        match self {
            Self::Client => Self::Server,
            Self::Server => Self::Client,
        }
    }
}

/// How an end goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Leave {
    InOrder,
    Reset,
}

/// All connections of one run.
#[derive(Default)]
pub(crate) struct Links {
    links: Vec<Link>,
    /// Bytes that have arrived anywhere: whether the run gets on.
    pub(crate) bytes_arrived: u64,
}

struct Link {
    client: Presence,
    server: Presence,
    /// What the client sends, what the server sends.
    streams: [Stream; 2],
}

/// Whether one end exists.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Presence {
    /// Not heard of: perhaps it lies in the backlog of a listener, ours or another.
    Awaited {
        ours: bool,
    },
    /// Not heard of, and its listener has been closed: perhaps it was accepted before.
    Doubtful,
    Present,
    Gone,
}

/// One direction of a connection.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Stream {
    /// Bytes that the sender was told have left.
    pub(crate) sent: u64,
    /// Bytes in flight beyond those.
    pub(crate) in_flight: u64,
    pub(crate) received: u64,
    /// The sender has ended it in order, so that its end may be seen.
    pub(crate) ended: bool,
    /// A send was cut short, so that an unknown part of it has left (C13).
    pub(crate) torn: bool,
}

impl Links {
    /// A connection that is about to be made, to our listener or to a peer's.
    pub(crate) fn connect(&mut self, ours: bool) -> LinkId {
        let id = LinkId(u16::try_from(self.links.len()).expect("a run is shorter"));
        self.links.push(Link {
            client: Presence::Present,
            server: Presence::Awaited { ours },
            streams: [Stream::default(); 2],
        });
        id
    }

    /// Somebody accepted it.
    pub(crate) fn accepted(&mut self, id: LinkId) {
        let server = &mut self.link(id).server;
        assert!(
            matches!(server, Presence::Awaited { .. } | Presence::Doubtful),
            "{id:?} was accepted twice"
        );
        *server = Presence::Present;
    }

    fn link(&mut self, id: LinkId) -> &mut Link {
        &mut self.links[usize::from(id.0)]
    }

    /// What `side` sends.
    pub(crate) fn stream(&mut self, id: LinkId, side: Side) -> &mut Stream {
        &mut self.link(id).streams[side as usize]
    }

    /// Notes that an end is about to go.
    pub(crate) fn leave(&mut self, id: LinkId, side: Side, how: Leave) {
        let link = self.link(id);
        match side {
            Side::Client => link.client = Presence::Gone,
            Side::Server => link.server = Presence::Gone,
        }
        let stream = &mut link.streams[side as usize];
        stream.ended |= how == Leave::InOrder;
        stream.torn |= how == Leave::Reset || stream.in_flight > 0;
    }

    /// Notes that our listener was closed: what it had not accepted is reset.
    pub(crate) fn close_backlog(&mut self) {
        for link in &mut self.links {
            if link.server == (Presence::Awaited { ours: true }) {
                link.server = Presence::Doubtful;
            }
        }
    }

    /// Notes that our port is dropped, with whatever it had accepted and not said.
    pub(crate) fn drop_backlog(&mut self) {
        self.close_backlog();
        for link in &mut self.links {
            link.streams[Side::Server as usize].ended |= link.server == Presence::Doubtful;
        }
    }

    fn presence(&self, id: LinkId, side: Side) -> Presence {
        let link = &self.links[usize::from(id.0)];
        match side {
            Side::Client => link.client,
            Side::Server => link.server,
        }
    }

    /// Whether what `side` does may be that of somebody who is going.
    pub(crate) fn is_going(&self, id: LinkId, side: Side) -> bool {
        matches!(self.presence(id, side), Presence::Gone | Presence::Doubtful)
    }

    /// Checks bytes that arrived from `from` against what it sent.
    pub(crate) fn arrived(&mut self, id: LinkId, from: Side, bytes: &[u8]) {
        self.bytes_arrived += bytes.len() as u64;
        let seed = seed(id, from);
        let stream = self.stream(id, from);
        for (&byte, offset) in bytes.iter().zip(stream.received..) {
            assert!(
                byte == byte_at(seed, offset),
                "{id:?}: byte {offset} from the {from:?} is not what it sent"
            );
        }
        stream.received += bytes.len() as u64;
        assert!(
            stream.torn || stream.received <= stream.sent + stream.in_flight,
            "{id:?}: more arrived from the {from:?} than it sent: {stream:?}"
        );
    }

    /// Checks that an end of the stream from `from` is one: it was ended in order, and everything
    /// came before.
    pub(crate) fn saw_end(&mut self, id: LinkId, from: Side) {
        let stream = *self.stream(id, from);
        // Wine forgets a reset that comes while nobody receives. Going resets what was torn, what
        // lay in a closed listener's backlog, and what had not been read by the one who went.
        let answer = *self.stream(id, from.other());
        let was_reset = stream.torn
            || self.presence(id, from) == Presence::Doubtful
            || answer.received < answer.sent + answer.in_flight;
        if cfg!(windows) && was_reset && self.is_going(id, from) {
            return;
        }
        assert!(
            stream.ended,
            "{id:?}: an end that the {from:?} did not make: {stream:?}"
        );
        assert!(
            stream.torn || stream.received == stream.sent,
            "{id:?}: an end before everything came from the {from:?}: {stream:?}"
        );
    }

    /// Checks that a reset has a cause.
    pub(crate) fn saw_reset(&self, id: LinkId, from: Side) {
        assert!(
            self.is_going(id, from),
            "{id:?}: a reset, but the {from:?} is there"
        );
    }

    /// Whether bytes from `from` must still arrive, since both ends are there.
    pub(crate) fn is_owed(&self, id: LinkId, from: Side) -> bool {
        let stream = self.links[usize::from(id.0)].streams[from as usize];
        self.presence(id, Side::Client) == Presence::Present
            && self.presence(id, Side::Server) == Presence::Present
            && !stream.torn
            && stream.received < stream.sent + stream.in_flight
    }

    /// The next `len` bytes that `from` is to send.
    pub(crate) fn bytes_to_send(&mut self, id: LinkId, from: Side, len: usize) -> Vec<u8> {
        let seed = seed(id, from);
        let start = self.stream(id, from).sent;
        let offsets = start..start + len as u64;
        offsets.map(|offset| byte_at(seed, offset)).collect()
    }
}

/// The bytes of a stream follow from who sends it and where they stand in it.
fn byte_at(seed: u64, offset: u64) -> u8 {
    ((offset ^ seed).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 56) as u8
}

fn seed(id: LinkId, from: Side) -> u64 {
    u64::from(id.0) << 40 | (from as u64) << 39
}
