//! How a run ends: everything arrives and everything closes, or the port is dropped busy.

use crate::backends::Backend;
use crate::links::{Leave, Side};
use crate::run::{EndId, Purpose, Run, Tally};
use core::mem;
use wharf_base::Duration;
use wharf_port::{Checked, CloseHow, Port};

/// How long a run may wait, without a byte that arrives, for what must happen.
const PATIENCE: Duration = Duration::from_secs(30);
/// How long one wait lasts while peers are served at the same time.
const GLANCE: Duration = Duration::from_millis(2);

impl<B: Backend> Run<B> {
    /// Nothing is stuck: bytes arrive, sockets close, buffers come home.
    pub(crate) fn finish(mut self) -> Tally {
        self.let_buffers_go();
        for noted in &mut self.connects {
            noted.cancelled = true;
            self.port.cancel(noted.op);
        }
        self.until("every byte arrives", |run| {
            run.serve_everybody();
            run.is_settled()
        });
        for id in self.ids() {
            let how = [CloseHow::Fin, CloseHow::Reset][self.rng.below(2) as usize];
            self.close_as(id, how);
        }
        self.close_listener();
        while !self.detached.is_empty() {
            self.drop_detached(0);
        }
        self.until("every socket closes", |run| {
            run.let_buffers_go();
            run.purposes.is_empty()
        });
        self.until("every peer sees the end", Self::every_peer_has_seen_the_end);
        self.port.assert_idle();
        let stats = self.port.stats();
        let in_flight = [
            stats.accepts_in_flight,
            stats.connects_in_flight,
            stats.recvs_in_flight,
            stats.sends_in_flight,
        ];
        assert_eq!(in_flight, [0; 4], "the port still counts operations");
        if stats.starved_recvs > 0 {
            self.tally.count("starved");
        }
        self.tally.count("ran to the end");
        self.tally
    }

    /// C12: whatever is in flight, the port goes, its sockets close, and what was lent stays.
    pub(crate) fn drop_while_busy(mut self) -> Tally {
        for end in self.ends.values() {
            self.links.leave(end.link, end.side, Leave::InOrder);
        }
        for purpose in self.purposes.values() {
            if let Purpose::Connect { link, .. } = purpose {
                self.links.leave(*link, Side::Client, Leave::InOrder);
            }
        }
        self.links.drop_backlog();
        while !self.detached.is_empty() {
            self.drop_detached(0);
        }
        // Another port, on which nothing happens, to wait with.
        let other = Checked::new(self.backend.open(&self.options));
        drop(mem::replace(&mut self.port, other));
        self.purposes.clear();
        self.let_buffers_go();
        self.until("every peer sees the end", Self::every_peer_has_seen_the_end);
        self.tally.count("dropped while busy");
        self.tally
    }

    /// Waits until `done`, as long as bytes keep arriving.
    pub(crate) fn until(&mut self, what: &str, mut done: impl FnMut(&mut Self) -> bool) {
        let mut arrived = self.links.bytes_arrived;
        let mut deadline = self.backend.now() + PATIENCE;
        while !done(self) {
            let now = self.backend.now();
            if arrived < self.links.bytes_arrived {
                arrived = self.links.bytes_arrived;
                deadline = now + PATIENCE;
            }
            assert!(
                now < deadline,
                "stuck, until {what}: {:?}, woken owed: {}, {:?}",
                self.purposes,
                self.is_woken_owed,
                self.port.stats()
            );
            self.wait(64, GLANCE);
        }
    }

    fn ids(&self) -> Vec<EndId> {
        self.ends.keys().copied().collect()
    }

    /// Everybody accepts, adopts, receives and reads.
    fn serve_everybody(&mut self) {
        self.let_buffers_go();
        if self.listener.accept.is_none() {
            self.arm_accept();
        }
        while !self.detached.is_empty() {
            self.adopt(0);
        }
        for id in self.ids() {
            let end = &self.ends[&id];
            if end.recv.is_none() && !end.closing && !end.deaf {
                self.arm_recv(id);
            }
        }
        self.peers_accept();
        for at in 0..self.peers.len() {
            self.peer_reads(at, 8);
        }
    }

    /// Whether nothing is left that must happen by itself.
    fn is_settled(&self) -> bool {
        let nothing_is_owed = self.ends.values().all(|end| {
            let heard = end.deaf || !self.links.is_owed(end.link, end.side.other());
            // Wine may forget a send when the other side resets: until the close, which cancels it.
            let forgotten = cfg!(windows) && self.links.is_going(end.link, end.side.other());
            let sent = end.send.is_none() || forgotten;
            heard && !self.links.is_owed(end.link, end.side) && sent && !end.closing
        });
        nothing_is_owed && self.connects.is_empty() && !self.is_woken_owed
    }

    fn every_peer_has_seen_the_end(&mut self) -> bool {
        self.peers_accept();
        for at in 0..self.peers.len() {
            if !self.peers[at].saw_end {
                self.peer_reads(at, 8);
            }
        }
        self.peers.iter().all(|end| end.saw_end)
    }
}
