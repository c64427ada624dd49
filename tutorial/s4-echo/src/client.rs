//! One connection: what it is doing, and what it does next.
//!
//! A client has two [`Io`]s. One receives while the other sends, and when a message has come they
//! change places: what was received is sent from where it lies. If the peer does not read, one
//! waits to be sent behind the other, none is left to receive into, and the peer has to wait too.
//!
//! ```text
//!            recv                     send
//!   spare ----------> kernel ------> to_send ----------> kernel ----+
//!     ^                  bytes came                bytes went       |
//!     +-------------------------------------------------------------+
//! ```

use crate::injured::Port;
use s3_port::sys::{Handle, Io, Operation};
use std::collections::VecDeque;
use std::io;
use std::mem;
use std::net::Shutdown;
use std::ops::{AddAssign, Range};
use std::sync::Arc;

/// A connection, and what it is doing.
///
/// Invariant: while it is not `Ending` its two [`Io`]s are in `spare`, in
/// `to_send`, or with the kernel, as `receiving` and `sending` say.
pub struct Client {
    handle: Arc<Handle>,
    phase: Phase,
    spare: VecDeque<Box<Io>>,
    to_send: VecDeque<(Box<Io>, Range<usize>)>,
    receiving: bool,
    /// The part of the buffer that is being sent.
    sending: Option<Range<usize>>,
    /// The peer will send no more.
    input_ended: bool,
    output_ended: bool,
    counts: Counts,
}

/// How far a client has come in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// It is served.
    Serving,
    /// What it has said is still answered; what it says from now on is thrown away, until it
    /// has understood.
    Draining,
    /// Nothing begins any more. It is over when the kernel has let go of everything.
    Ending,
}

/// Bytes, counted for one client or for all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Received, and not thrown away.
    pub taken: u64,
    /// Sent.
    pub echoed: u64,
}

impl AddAssign for Counts {
    fn add_assign(&mut self, other: Self) {
        self.taken += other.taken;
        self.echoed += other.echoed;
    }
}

impl Client {
    /// Begins to serve a connection.
    pub fn new(handle: Arc<Handle>, port: &Port) -> Self {
        Self {
            handle,
            phase: Phase::Serving,
            spare: [port.io(), port.io()].into(),
            to_send: VecDeque::new(),
            receiving: false,
            sending: None,
            input_ended: false,
            output_ended: false,
            counts: Counts::default(),
        }
    }

    /// A receive has brought so much; nothing is the end of what the peer had to say.
    pub fn handle_received(&mut self, io: Box<Io>, bytes: usize) {
        self.receiving = false;
        match self.phase {
            _ if bytes == 0 => self.input_ended = true,
            Phase::Serving => {
                self.counts.taken += bytes as u64;
                self.to_send.push_back((io, 0..bytes));
            }
            Phase::Draining => self.spare.push_back(io),
            Phase::Ending => {}
        }
    }

    /// So much of what was to be sent has gone. The rest goes next, before all else.
    pub fn handle_sent(&mut self, io: Box<Io>, bytes: usize) {
        // There is a range, unless the packet is put down to the wrong client.
        let sent = self.sending.take().unwrap_or_default();
        self.counts.echoed += bytes as u64;
        match sent.start + bytes..sent.end {
            rest if rest.is_empty() => self.spare.push_back(io),
            rest => self.to_send.push_front((io, rest)),
        }
    }

    /// An operation has failed. The kernel has let go of it, too.
    pub fn handle_failed(&mut self, operation: Operation) {
        match operation {
            Operation::Recv => self.receiving = false,
            Operation::Send => self.sending = None,
        }
    }

    /// Answers what has come, and listens to no more.
    pub fn drain(&mut self) {
        if self.phase == Phase::Serving {
            self.phase = Phase::Draining;
        }
    }

    /// Gives up: asks the kernel for whatever it has of this client.
    pub fn end(&mut self, port: &Port) {
        if mem::replace(&mut self.phase, Phase::Ending) != Phase::Ending {
            self.to_send.clear();
            self.spare.clear();
            port.cancel(&self.handle);
        }
    }

    /// Starts what can be started.
    ///
    /// # Errors
    /// What the system has against it; then nothing of it has begun, and the client should
    /// [`end`](Self::end).
    pub fn go_on(&mut self, port: &Port) -> io::Result<()> {
        if self.phase == Phase::Ending {
            return Ok(());
        }
        if !self.receiving
            && !self.input_ended
            && let Some(io) = self.spare.pop_front()
        {
            port.recv(self.handle.clone(), io)?;
            self.receiving = true;
        }
        if self.sending.is_none()
            && let Some((io, range)) = self.to_send.pop_front()
        {
            port.send(self.handle.clone(), io, range.clone())?;
            self.sending = Some(range);
        }
        if self.phase == Phase::Draining && self.sending.is_none() && !self.output_ended {
            self.output_ended = true;
            self.handle.socket().shutdown(Shutdown::Write)?;
        }
        Ok(())
    }

    /// Whether the kernel has nothing of it, and there is nothing to do. Only then may its place
    /// be given to somebody else.
    pub fn is_over(&self) -> bool {
        let idle = !self.receiving && self.sending.is_none();
        let done = self.input_ended && self.to_send.is_empty();
        idle && (done || self.phase == Phase::Ending)
    }

    /// Whose connection it is.
    pub fn handle(&self) -> &Arc<Handle> {
        &self.handle
    }

    /// What it has sent and received.
    pub fn counts(&self) -> Counts {
        self.counts
    }
}
