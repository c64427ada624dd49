//! The completion port that can tell its story: each submission, each completion, and when.

use crate::sys::{self, Event, Guest, Kernel, Kind, Memory, Operation};
use std::io;
use std::net::TcpStream;
use std::time::{Duration, Instant};

/// A [`sys::Port`] that prints a timeline if asked to.
pub struct Port<B> {
    inner: sys::Port<B>,
    /// When the story begins, if it is to be told.
    told_since: Option<Instant>,
}

impl<B: Memory> Port<B> {
    /// Opens a port.
    ///
    /// # Errors
    /// As [`sys::Port::new`].
    pub fn new(is_told: bool) -> io::Result<Self> {
        Ok(Port {
            inner: sys::Port::new()?,
            told_since: is_told.then(Instant::now),
        })
    }

    /// As [`sys::Port::add`].
    ///
    /// # Errors
    /// The same.
    pub fn add(&self, socket: &TcpStream) -> io::Result<()> {
        self.inner.add(socket)
    }

    /// As [`sys::Port::receive`].
    pub fn receive(&self, socket: &TcpStream, operation: Box<Operation<B>>) {
        let bytes = operation.span.len();
        let what = format!("submitted: room for {bytes} bytes");
        self.tell(operation.session, Kind::Receive, &what);
        self.inner.receive(socket, operation);
    }

    /// As [`sys::Port::send`].
    pub fn send(&self, socket: &TcpStream, operation: Box<Operation<B>>) {
        let bytes = operation.span.len();
        let what = format!("submitted: {bytes} bytes");
        self.tell(operation.session, Kind::Send, &what);
        self.inner.send(socket, operation);
    }

    /// As [`sys::Port::cancel`].
    pub fn cancel(&self, socket: &TcpStream) {
        self.inner.cancel(socket);
    }

    /// As [`sys::Port::wake`].
    pub fn wake(&self) {
        self.inner.wake();
    }

    /// As [`sys::Port::wait`].
    ///
    /// # Errors
    /// The same.
    pub fn wait(&self, at_most: Option<Duration>) -> io::Result<Event<B>> {
        let event = self.inner.wait(at_most)?;
        self.tell_of(&event);
        Ok(event)
    }

    /// As [`sys::Port::wait_with_guests`].
    ///
    /// # Errors
    /// The same.
    pub fn wait_with_guests(
        &self,
        at_most: Option<Duration>,
    ) -> io::Result<Result<Event<B>, Guest>> {
        let event = self.inner.wait_with_guests(at_most)?;
        if let Ok(event) = &event {
            self.tell_of(event);
        }
        Ok(event)
    }

    /// As [`sys::Port::kernel`].
    pub fn kernel(&self) -> &Kernel {
        self.inner.kernel()
    }

    fn tell_of(&self, event: &Event<B>) {
        if let Event::Completed(operation, result) = event {
            let how = match result {
                Ok(bytes) => format!("completed: {bytes} bytes"),
                Err(error) => format!("completed: {error}"),
            };
            self.tell(operation.session, operation.kind, &how);
        }
    }

    fn tell(&self, session: usize, kind: Kind, what: &str) {
        if let Some(beginning) = self.told_since {
            let ms = beginning.elapsed().as_secs_f64() * 1000.0;
            let kind = match kind {
                Kind::Receive => "receive",
                Kind::Send => "send",
            };
            println!("{ms:10.3} ms  session {session}: {kind:7} {what}");
        }
    }
}
