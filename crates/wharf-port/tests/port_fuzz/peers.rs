//! Peers: the ends that are not under test, and as random as the port's.

use crate::backends::{Backend, Peer, Seen};
use crate::links::{Leave, LinkId, Side};
use crate::run::Run;

/// Peers at once.
const PEERS_MAX: usize = 12;
/// Bytes that a peer writes at once, at the most: more than the pool holds.
const WRITE_BYTES_MAX: u64 = 20_000;

/// A connection's end outside of the port.
pub(crate) struct PeerEnd<P> {
    peer: P,
    pub(crate) link: LinkId,
    pub(crate) side: Side,
    finished: bool,
    /// The kernel refused a write, and may have told the reason with that.
    broken: bool,
    pub(crate) saw_end: bool,
}

impl<P: Peer> PeerEnd<P> {
    fn new(peer: P, link: LinkId, side: Side) -> Self {
        Self {
            peer,
            link,
            side,
            finished: false,
            broken: false,
            saw_end: false,
        }
    }
}

impl<B: Backend> Run<B> {
    pub(crate) fn peer_connects(&mut self) {
        if self.peers.len() < PEERS_MAX {
            let link = self.links.connect(true);
            let to = self.listener.address;
            let peer = self.backend.connect_from(link.client(), to);
            self.peers.push(PeerEnd::new(peer, link, Side::Client));
        }
    }

    /// Takes the connections that came to the peers' listener.
    pub(crate) fn peers_accept(&mut self) {
        while let Some((peer, from)) = self.backend.accept() {
            let link = LinkId::from(from.ip());
            self.links.accepted(link);
            self.peers.push(PeerEnd::new(peer, link, Side::Server));
        }
    }

    pub(crate) fn any_peer(&mut self) -> Option<usize> {
        let count = self.peers.len() as u64;
        (count > 0).then(|| self.rng.below(count) as usize)
    }

    pub(crate) fn peer_writes(&mut self, at: usize) {
        let len = self.rng.below(WRITE_BYTES_MAX) as usize;
        let end = &mut self.peers[at];
        if end.finished || end.broken {
            return;
        }
        let bytes = self.links.bytes_to_send(end.link, end.side, len);
        match end.peer.write(&bytes) {
            Some(written) => self.links.stream(end.link, end.side).sent += written as u64,
            None => {
                self.links.saw_reset(end.link, end.side.other());
                self.links.stream(end.link, end.side).torn = true;
                end.broken = true;
            }
        }
    }

    /// Reads until nothing is there, or `times` times.
    pub(crate) fn peer_reads(&mut self, at: usize, times: usize) {
        let end = &mut self.peers[at];
        for _ in 0..times {
            let from = end.side.other();
            match end.peer.read() {
                Seen::Bytes(bytes) => self.links.arrived(end.link, from, &bytes),
                Seen::NothingYet => return,
                Seen::End => {
                    if !end.broken && !end.saw_end {
                        self.links.saw_end(end.link, from);
                    }
                    end.saw_end = true;
                    return;
                }
                Seen::Reset => {
                    self.links.saw_reset(end.link, from);
                    end.saw_end = true;
                    end.broken = true;
                    return;
                }
            }
        }
    }

    pub(crate) fn peer_finishes(&mut self, at: usize) {
        let end = &mut self.peers[at];
        if !end.finished && !end.broken {
            end.finished = true;
            self.links.stream(end.link, end.side).ended = true;
            end.peer.shutdown_write();
        }
    }

    pub(crate) fn peer_leaves(&mut self, at: usize, how: Leave) {
        let end = self.peers.swap_remove(at);
        self.links.leave(end.link, end.side, how);
        match how {
            Leave::InOrder => drop(end.peer),
            Leave::Reset => end.peer.reset(),
        }
    }
}
