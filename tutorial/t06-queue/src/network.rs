//! Sessions on a completion port. Where they come from is not known here: step 6 has a thread that
//! accepts, step 7 has none.

use crate::application::Application;
use crate::queue::{Class, Queue, Rules};
use crate::session::{Memory, Own, Session};
use socket2::SockRef;
use std::collections::VecDeque;
use std::io;
use std::mem;
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use t01_echo::port::Port;
use t01_echo::sys::Kind;
use t02_memory::sys::{Lent, Slab};
use t04_logic::SessionId;
use t04_logic::sys::Buffer;
use t05_gather::sys::Gathered;

/// Buffers to receive into; as in step 3 a session has one for a moment only.
const BUFFERS: usize = 64;
const BUFFER_BYTES: usize = 4096;

/// What may be chosen on the command line.
#[derive(Clone, Debug, clap::Args)]
#[group(skip)]
pub struct Settings {
    /// How many clients may be here at once
    #[arg(long, default_value_t = 100)]
    pub clients_max: usize,
    /// What the kernel may hold for one client, about; as it likes, unless told
    #[arg(long)]
    pub kernel_bytes: Option<usize>,
    /// Print each submission and each completion
    #[arg(long)]
    pub trace: bool,
    /// What holds for each queue.
    #[command(flatten)]
    pub rules: Rules,
}

/// The sessions, as an application sees them.
pub struct Network {
    port: Arc<Port<Memory>>,
    slots: Vec<Slot>,
    free: Vec<usize>,
    slab: Slab,
    /// Sessions with input and no buffer, the first of them first.
    line: VecDeque<usize>,
    /// Sessions that may have ended.
    ending: Vec<usize>,
    kernel_bytes: Option<usize>,
}

/// Where one session after another is kept. Its queue stays, with the memory that it has.
struct Slot {
    session: Option<Session>,
    queue: Queue,
    generation: u32,
}

/// What an application asks.
impl Network {
    /// Sends the message: before all bulk that waits, or behind it. Who leaves too much unread is
    /// cut; for who is gone nothing happens.
    pub fn send(&mut self, id: SessionId, class: Class, message: &[u8]) {
        if self.session(id).is_none_or(|session| session.is_cut) {
            return;
        }
        match self.slots[id.index].queue.push(class, message) {
            Ok(()) => self.send_next(id.index),
            Err(_) => self.cut(id, "it leaves too much unread"),
        }
    }

    /// Ends the session, once all that waits has been sent.
    pub fn close(&mut self, id: SessionId, why: &str) {
        if self.session(id).is_some() {
            self.end(id.index, why);
        }
    }

    /// Ends the session, whatever waits; and whatever it ends for already, this is why.
    pub fn cut(&mut self, id: SessionId, why: &str) {
        if self.session(id).is_some_and(|session| !session.is_cut) {
            let session = at(&mut self.slots, id.index);
            session.is_cut = true;
            session.ends = Some(why.to_string());
            self.port.cancel(&session.socket);
            self.ending.push(id.index);
        }
    }

    /// Who it is, if it is still here.
    #[must_use]
    pub fn address(&self, id: SessionId) -> Option<SocketAddr> {
        self.session(id).map(|session| session.address)
    }

    fn session(&self, id: SessionId) -> Option<&Session> {
        let session = self.slots.get(id.index)?.session.as_ref();
        session.filter(|session| session.id == id)
    }
}

/// What whoever runs the loop calls.
impl Network {
    /// No session yet, on that port.
    #[must_use]
    pub fn on(port: Arc<Port<Memory>>, settings: &Settings) -> Network {
        let slot = || Slot {
            session: None,
            queue: Queue::new(settings.rules),
            generation: 0,
        };
        Network {
            port,
            slots: std::iter::repeat_with(slot)
                .take(settings.clients_max)
                .collect(),
            free: (0..settings.clients_max).rev().collect(),
            slab: Slab::new(BUFFERS, BUFFER_BYTES),
            line: VecDeque::new(),
            ending: Vec::new(),
            kernel_bytes: settings.kernel_bytes,
        }
    }

    /// Where its operations end, and others may.
    #[must_use]
    pub fn port(&self) -> &Arc<Port<Memory>> {
        &self.port
    }

    /// Makes a session of a connection. There must be a free slot.
    ///
    /// # Errors
    /// The system's: the client may be gone already.
    ///
    /// # Panics
    /// If all slots are taken.
    pub fn adopt(
        &mut self,
        application: &mut impl Application,
        socket: TcpStream,
    ) -> io::Result<()> {
        let address = socket.peer_addr()?;
        socket.set_nodelay(true)?;
        if let Some(bytes) = self.kernel_bytes {
            SockRef::from(&socket).set_send_buffer_size(bytes)?;
        }
        self.port.add(&socket)?;
        let index = self.free.pop().expect("whoever is let in has a slot");
        let slot = &mut self.slots[index];
        let generation = slot.generation;
        let id = SessionId { index, generation };
        slot.session = Some(Session::new(id, socket, address));
        println!("{address} connected as {id}");
        application.on_connect(self, id);
        self.receive(index);
        Ok(())
    }

    /// Takes what the kernel has done, and tells the application what that means.
    pub fn handle(
        &mut self,
        application: &mut impl Application,
        operation: Box<Own>,
        result: io::Result<usize>,
    ) {
        match operation.kind {
            Kind::Receive => self.on_received(application, operation, result),
            Kind::Send => self.on_sent(operation, result),
        }
    }

    /// Takes leave of the sessions of which nothing is under way any more, and says of how many. To
    /// be called after whatever may have ended one, before the next wait.
    pub fn settle(&mut self, application: &mut impl Application) -> usize {
        let free = self.free.len();
        while let Some(index) = self.ending.pop() {
            self.settle_one(application, index);
        }
        self.free.len() - free
    }
}

/// What the kernel answers.
impl Network {
    fn on_received(
        &mut self,
        application: &mut impl Application,
        mut operation: Box<Own>,
        result: io::Result<usize>,
    ) {
        let index = operation.session;
        let buffer = mem::take(&mut operation.buffer);
        let session = at(&mut self.slots, index);
        let id = session.id;
        session.receiving = Some(operation);
        match (buffer, result) {
            (Buffer::Lent(mut lent), Ok(bytes)) => {
                match bytes {
                    0 => self.end(index, "it said goodbye"),
                    // Who is to leave is not listened to.
                    _ if session.ends.is_some() => {}
                    _ => application.on_receive(self, id, &lent.bytes_mut()[..bytes]),
                }
                self.give_back(lent);
                self.receive(index);
            }
            // Something has come; what it is, be it the end, takes a buffer to find out.
            (_, Ok(_)) if session.ends.is_none() => self.borrow(index),
            (_, Ok(_)) => {}
            (buffer, Err(error)) => {
                if let Buffer::Lent(lent) = buffer {
                    self.give_back(lent);
                }
                // Who ends already was cancelled for that.
                if at(&mut self.slots, index).ends.is_none() {
                    self.cut(id, &error.to_string());
                }
            }
        }
        self.ending.push(index);
    }

    /// A send that brought a part sends the rest; one that brought all makes room for the next.
    fn on_sent(&mut self, mut operation: Box<Own>, result: io::Result<usize>) {
        let index = operation.session;
        let slot = &mut self.slots[index];
        let session = slot.session.as_mut().expect(HERE);
        let id = session.id;
        operation.span.start += *result.as_ref().unwrap_or(&0);
        let is_all = operation.span.is_empty();
        if result.is_ok() && !is_all && !session.is_cut {
            return self.port.send(&session.socket, operation);
        }
        operation.buffer = Buffer::None;
        session.sending = Some(operation);
        match result {
            Err(error) => self.cut(id, &error.to_string()),
            Ok(_) if is_all => {
                slot.queue.handle_sent();
                self.send_next(index);
            }
            Ok(_) => {}
        }
        self.ending.push(index);
    }

    fn settle_one(&mut self, application: &mut impl Application, index: usize) {
        let slot = &mut self.slots[index];
        let Some(session) = slot.session.as_mut().filter(|it| it.ends.is_some()) else {
            return;
        };
        let id = session.id;
        let is_sent = session.is_cut || slot.queue.is_idle();
        if is_sent && session.receiving.is_some() && session.sending.is_some() {
            return self.remove(application, index);
        }
        if is_sent {
            self.port.cancel(&session.socket);
        }
        if !mem::replace(&mut session.is_leave_told, true) {
            application.on_leave(self, id);
        }
    }

    fn remove(&mut self, application: &mut impl Application, index: usize) {
        let slot = &mut self.slots[index];
        let session = slot.session.take().expect(HERE);
        let Session {
            id, address, ends, ..
        } = session;
        slot.queue.clear();
        slot.generation += 1;
        self.line.retain(|&waiting| waiting != index);
        self.free.push(index);
        let why = ends.unwrap_or_default();
        application.on_close(self, id);
        println!("{address} disconnected, which was {id}: {why}");
    }
}

/// What goes on within.
impl Network {
    /// Waits for input, without a buffer. Other than in step 3, this goes on while something waits
    /// to be sent: what is urgent is often an answer.
    fn receive(&mut self, index: usize) {
        let session = at(&mut self.slots, index);
        if session.ends.is_some() {
            return;
        }
        if let Some(mut operation) = session.receiving.take() {
            operation.span = 0..0;
            self.port.receive(&session.socket, operation);
        }
    }

    /// Borrows a buffer to receive into, or stands in line for one.
    fn borrow(&mut self, index: usize) {
        let Some(mut lent) = self.slab.lend() else {
            return self.line.push_back(index);
        };
        let session = at(&mut self.slots, index);
        let Some(mut operation) = session.receiving.take() else {
            return self.give_back(lent);
        };
        operation.span = 0..lent.bytes_mut().len();
        operation.buffer = Buffer::Lent(lent);
        self.port.receive(&session.socket, operation);
    }

    /// Gives a buffer back, and lets the first in line have it.
    fn give_back(&mut self, lent: Lent) {
        self.slab.give_back(lent);
        if let Some(first) = self.line.pop_front() {
            self.borrow(first);
        }
    }

    /// Sends what the queue says, if it says anything.
    fn send_next(&mut self, index: usize) {
        let slot = &mut self.slots[index];
        let session = slot.session.as_mut().expect(HERE);
        if session.is_cut {
            return;
        }
        if let Some(messages) = slot.queue.next_send() {
            let operation = session.sending.take();
            let mut operation = operation.expect("home, for nothing is being sent");
            operation.span = 0..messages.iter().map(|message| message.len()).sum();
            operation.buffer = Buffer::Portion(Gathered::new(messages));
            self.port.send(&session.socket, operation);
        }
    }

    fn end(&mut self, index: usize, why: &str) {
        let session = at(&mut self.slots, index);
        session.ends.get_or_insert_with(|| why.to_string());
        self.ending.push(index);
    }
}

const HERE: &str = "here until nothing is away";

/// The session in that slot.
fn at(slots: &mut [Slot], index: usize) -> &mut Session {
    slots[index].session.as_mut().expect(HERE)
}
