//! What a port counts about itself.

/// Counters since the port was made, and what is in flight now.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PortStats {
    /// Accepts in flight.
    pub accepts_in_flight: u32,
    /// Connects in flight.
    pub connects_in_flight: u32,
    /// Receives in flight, parked ones included.
    pub recvs_in_flight: u32,
    /// Sends in flight.
    pub sends_in_flight: u32,
    /// Sockets open, closing ones included.
    pub sockets: u32,
    /// Receive buffers lent to the caller or the kernel's only for one operation; 0 when all are
    /// home. Buffers that merely lie in a ring, ready for any socket, are home.
    pub recv_buffers_out: u32,
    /// Returns from `wait`.
    pub waits: u64,
    /// Calls into the kernel to submit or wait.
    pub enters: u64,
    /// Completions delivered.
    pub completions: u64,
    /// Times a receive found the pool empty.
    pub starved_recvs: u64,
    /// `Woken` events delivered.
    pub wakes: u64,
    /// Submissions refused for a receive or send in flight already (C3).
    pub refused: u64,
    /// Cancels and closes of ids that were stale (C5).
    pub stale: u64,
    /// Times the kernel's completion queue overflowed (nothing is lost, but it costs).
    pub overflows: u64,
}
