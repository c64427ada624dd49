//! The contract: what every backend promises, in one trait.

use crate::{
    AcceptError, ConnectError, ConnectOptions, DetachedSocket, ListenOptions, OpId, OpenError,
    PortOptions, PortStats, RecvBuf, RecvEnd, SendBatch, SendError, SocketId, Token, Waker,
};
use core::fmt;
use std::io;
use std::net::SocketAddr;
use wharf_base::Instant;

/// A completion port: submit operations, then wait for completions.
///
/// One per I/O thread; neither `Send` nor `Sync`. Only its [`Waker`] and [`DetachedSocket`]s cross
/// threads. The trait has no `unsafe`, because no caller can break it.
///
/// # The contract
///
/// - **C1** Every accepted submission produces one or more completions; exactly the last has
///   `more == false`. A refused submission produces none and returns what it was given.
///   `more == false` with data means "arm again", never the end of the stream.
/// - **C2** From submission to the last completion the port owns slot, scratch and buffers.
///   Nothing the caller does (drop, panic, forget) changes that.
/// - **C3** Per socket at most one send and one armed receive. A second is refused and counted.
/// - **C4** Completions are delivered only from [`Port::wait`], never from inside a submission,
///   even if the kernel finished, or failed, at once.
/// - **C5** `cancel` is idempotent, may lose the race and never fails; a stale id is ignored and
///   counted. Cancelling a receive that is parked for want of a buffer completes it.
/// - **C6** After `close` only completions of operations already in flight may arrive for that
///   socket, then `Closed`, then nothing. A [`SocketId`] is never used again.
/// - **C7** A socket's handle is closed only when nothing is in flight on it.
/// - **C8** A [`RecvBuf`] is valid until dropped and stays on its port's thread. An empty pool
///   postpones receives in the order in which they starved; it never ends them.
/// - **C9** A short send is legal at any time. Zero bytes sent is an error unless the batch was
///   empty.
/// - **C10** `wait` never blocks while completions are ready, rounds timeouts up, and returns at
///   the latest shortly after `until`.
/// - **C11** Every wake requested is delivered as [`Event::Woken`] unless the port is dropped;
///   any number of wakes before a `wait` make one.
/// - **C12** Dropping a port cancels everything, drains for a bounded time, and if something is
///   still in flight leaks exactly that memory, loudly. It never frees what the kernel may write.
/// - **C13** After a failed or cancelled send the stream is undefined; only `close` is legal.
pub trait Port {
    /// Opens a listening socket.
    ///
    /// # Errors
    /// [`OpenError`] names the address and the reason.
    fn listen(&mut self, local: SocketAddr, options: &ListenOptions)
    -> Result<SocketId, OpenError>;

    /// Takes over an accepted socket that no port owns yet. It has the socket options of the port
    /// that accepted it, or of this one: ports that share sockets are opened with equal options.
    ///
    /// # Errors
    /// [`OpenError::SocketsFull`], or what the system said; the socket is closed.
    fn adopt(&mut self, socket: DetachedSocket) -> Result<SocketId, OpenError>;

    /// The address a socket is bound to; for a listener on port 0, the port that it was given.
    ///
    /// # Errors
    /// What `getsockname(2)` says, or `NotFound` for a stale id.
    fn local_addr(&self, socket: SocketId) -> io::Result<SocketAddr>;

    /// Delivers `Accepted` until a completion says `more == false`.
    ///
    /// # Errors
    /// [`OpsFull`] when no slot is free, the id is stale, the listener is closing, or an accept
    /// is armed on it already.
    fn arm_accept(&mut self, listener: SocketId, token: Token) -> Result<OpId, OpsFull>;

    /// Connects; delivers one `Connected`.
    ///
    /// # Errors
    /// [`OpsFull`] when `connects_max` are in flight. Everything else comes as a completion (C4).
    fn connect(
        &mut self,
        remote: SocketAddr,
        options: &ConnectOptions,
        token: Token,
    ) -> Result<OpId, OpsFull>;

    /// Delivers `Received` until a completion says `more == false`.
    ///
    /// # Errors
    /// [`OpsFull`] when a receive is armed already (C3), the id is stale, or the socket is closing.
    fn arm_recv(&mut self, socket: SocketId, token: Token) -> Result<OpId, OpsFull>;

    /// Sends what the batch holds, in order. The batch comes back with the completion, or in the
    /// refusal. The completion may be short: the caller advances the batch and sends the rest.
    ///
    /// # Errors
    /// [`Refused`] with the batch when a send is in flight already (C3), the id is stale, the
    /// socket is closing, or its sending direction was shut down.
    fn send(
        &mut self,
        socket: SocketId,
        batch: SendBatch,
        token: Token,
    ) -> Result<OpId, Refused<SendBatch>>;

    /// Asks for an operation to end. It still completes: as cancelled, or with its result (C5).
    fn cancel(&mut self, op: OpId);

    /// Ends our direction (`shutdown(2)` with `SHUT_WR`): acts at once, has no completion.
    /// A stale or closing socket is ignored.
    ///
    /// # Errors
    /// [`SendInFlight`] while a send is in flight.
    fn shutdown_send(&mut self, socket: SocketId) -> Result<(), SendInFlight>;

    /// Cancels what is in flight, waits for it, closes the handle, then delivers `Closed` with
    /// this token. On a stale or closing socket it is ignored and counted.
    ///
    /// Draining is the caller's: flush, `shutdown_send`, discard input until its end, then
    /// `close`. Closing with unread input makes the kernel reset the link, goodbye included.
    fn close(&mut self, socket: SocketId, how: CloseHow, token: Token);

    /// Flushes submissions, waits until `until` (for ever if `None`) for at least one completion,
    /// appends to `batch` up to its spare capacity (at least one), and returns the time that it saw
    /// on leaving. May return early and with nothing. A time in the past means "look, do not wait".
    ///
    /// # Errors
    /// Only what no server can go on after: the completion queue itself is broken.
    fn wait(&mut self, batch: &mut Vec<Completion>, until: Option<Instant>) -> io::Result<Instant>;

    /// A handle with which any thread ends this port's wait.
    fn waker(&self) -> Waker;

    /// What has happened so far.
    fn stats(&self) -> PortStats;
}

/// A port that an operating system provides.
pub trait NativePort: Port + Sized {
    /// Its name in configuration and logs: `uring`, `readiness`, `iocp`.
    const NAME: &'static str;

    /// Makes a port on the calling thread, which must be the one that uses it.
    ///
    /// # Errors
    /// [`OpenError::Unsupported`] names what the kernel lacks or forbids.
    fn open(options: &PortOptions) -> Result<Self, OpenError>;
}

/// One answer to one operation.
#[derive(Debug)]
pub struct Completion {
    /// The caller's mark.
    pub token: Token,
    /// The operation, [`OpId::NONE`] for `Closed` and `Woken`.
    pub op: OpId,
    /// Whether the operation goes on.
    pub more: bool,
    /// What happened.
    pub event: Event,
}

/// What happened to an operation.
#[derive(Debug)]
pub enum Event {
    /// A connection was accepted; it belongs to nobody until a port adopts it.
    Accepted(Result<DetachedSocket, AcceptError>),
    /// A connect ended.
    Connected(Result<SocketId, ConnectError>),
    /// Bytes arrived (never none; the end of the stream is [`RecvEnd::Eof`]).
    Received(Result<RecvBuf, RecvEnd>),
    /// A send ended; `result` counts the bytes that left.
    Sent {
        /// The batch, as it was submitted.
        batch: SendBatch,
        /// Bytes taken by the kernel; may be fewer than the batch holds.
        result: Result<u32, SendError>,
    },
    /// The last event that this socket ever produces.
    Closed,
    /// Somebody called [`Waker::wake`].
    Woken,
}

/// How a socket is closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CloseHow {
    /// Orderly: the peer reads everything sent, then the end of the stream.
    Fin,
    /// At once (linger 0): for readers that stopped, so that the kernel keeps nothing for them.
    Reset,
}

/// No operation was submitted. See each method for the reasons.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OpsFull;

impl fmt::Display for OpsFull {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the port refused the operation: stale or closing socket, or no free slot")
    }
}

impl std::error::Error for OpsFull {}

/// A refused submission, with what was handed in.
#[derive(Debug)]
pub struct Refused<T>(pub T);

/// Our direction cannot be ended: a send is in flight.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SendInFlight;
