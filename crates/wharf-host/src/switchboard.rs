//! The mailboxes between threads, and who is woken when something is put into them.

use crate::watchdog::Handlers;
use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::mpsc::SyncSender;
use std::sync::{Arc, OnceLock};
use wharf_base::{Handover, SessionId};
use wharf_content::{Commands, Inbox, LogicStats, MailLoad};
use wharf_data::Notice;
use wharf_net::{Arrival, NetStats};
use wharf_port::{OpenError, PortStats, Waker};

/// Bytes that wait for a shard which does not take them, as one in a handler that does not return:
/// about what its sessions may ask with all their credit. Above it sessions are refused and cut.
pub const MAILBOX_BYTES_MAX: usize = 64 << 20;

/// All mailboxes of the server, shared by all its threads.
///
/// In the fused placement a logic shard's waker is that of the I/O shard that runs it.
pub struct Switchboard {
    /// To each I/O shard.
    pub io: Vec<IoMailbox>,
    /// To each logic shard.
    pub logic: Vec<LogicMailbox>,
    /// I/O shards whose sessions have not all ended.
    open_shards: AtomicU32,
    /// Whether the server was told to stop.
    stopping: AtomicBool,
    /// What runs on the logic shards.
    pub(crate) handlers: Arc<Handlers>,
}

/// What other threads give to an I/O shard.
#[derive(Default)]
pub struct IoMailbox {
    /// From logic shards.
    pub commands: Handover<Commands>,
    /// Sockets accepted elsewhere.
    pub arrivals: Handover<Vec<Arrival>>,
    /// What services say to sessions.
    pub words: Handover<Inbox>,
    /// From the main thread.
    pub controls: Handover<Vec<Control>>,
    waker: OnceLock<Waker>,
    /// Whether its sessions have all ended.
    ended: AtomicBool,
}

/// What other threads give to a logic shard: session events and letters.
#[derive(Default)]
pub struct LogicMailbox {
    /// From I/O shards and other logic shards.
    pub inbox: Handover<Inbox>,
    /// From whoever wants to know what was counted, where logic has a thread of its own.
    questions: Handover<Vec<Answer<LogicStats>>>,
    waker: OnceLock<Waker>,
}

/// What a shard calls with what it has counted; dropped uncalled if it never will.
pub type Answer<T> = Box<dyn FnOnce(T) + Send>;

/// What the main thread, or the services, ask of an I/O shard.
pub enum Control {
    /// Open a listener.
    Listen {
        /// Where.
        local: SocketAddr,
        /// The address that it got, or why not.
        reply: SyncSender<Result<SocketAddr, OpenError>>,
    },
    /// Stop accepting, finish every session.
    Shutdown,
    /// Tell what was counted so far.
    Report(Answer<ShardReport>),
    /// Say something to every session.
    TellAll(Notice),
}

/// What an I/O shard counted.
#[derive(Clone, Debug)]
pub struct ShardReport {
    /// Which.
    pub shard: u8,
    /// Sessions.
    pub net: NetStats,
    /// Operations.
    pub port: PortStats,
    /// Rooms of the logic shard with the same index: at once where it is fused, and when the
    /// server has ended where it is split.
    pub logic: Option<LogicStats>,
}

impl Switchboard {
    /// The mailboxes of so many shards.
    pub fn new(io_shards: u8, logic_shards: u8) -> Self {
        Self {
            io: (0..io_shards).map(|_| IoMailbox::default()).collect(),
            logic: (0..logic_shards).map(|_| LogicMailbox::default()).collect(),
            open_shards: AtomicU32::new(io_shards.into()),
            stopping: AtomicBool::new(false),
            handlers: Arc::new(Handlers::new(logic_shards)),
        }
    }

    /// Tells who is woken for an I/O shard. Called once; the shard is woken for what came before.
    ///
    /// # Panics
    /// If the shard has a waker already.
    pub fn connect_io(&self, shard: u8, waker: Waker) {
        let mailbox = &self.io[usize::from(shard)];
        mailbox.waker.set(waker).expect("a shard is connected once");
        // What was given before found nobody to wake, and the shard looks only when it is woken.
        mailbox.wake();
    }

    /// Tells who is woken for a logic shard. Called once; the shard is woken for what came before.
    ///
    /// # Panics
    /// If the shard has a waker already.
    pub fn connect_logic(&self, shard: u8, waker: Waker) {
        let mailbox = &self.logic[usize::from(shard)].waker;
        mailbox
            .set(waker.clone())
            .expect("a shard is connected once");
        waker.wake();
    }

    /// Gives commands to an I/O shard. Where too much waits, the receivers of what others say are
    /// cut instead; `cut` remembers them from one call to the next.
    pub fn give_commands(
        &self,
        shard: usize,
        commands: &mut Commands,
        cut: &mut BTreeSet<SessionId>,
    ) {
        if commands.is_empty() && cut.is_empty() {
            return;
        }
        let mailbox = &self.io[shard];
        let waiting = mailbox.commands.look(Commands::size_bytes);
        if waiting.is_some_and(|bytes| bytes > MAILBOX_BYTES_MAX) {
            commands.cut_receivers(cut);
        } else if !cut.is_empty() {
            cut.clear();
        }
        if mailbox.commands.publish(commands) {
            mailbox.wake();
        }
    }

    /// Gives an accepted socket to an I/O shard.
    pub fn give_arrival(&self, shard: u8, arrival: Arrival) {
        let mailbox = &self.io[usize::from(shard)];
        if mailbox.arrivals.publish(&mut vec![arrival]) {
            mailbox.wake();
        }
    }

    /// Asks something of an I/O shard.
    pub fn control(&self, shard: u8, control: Control) {
        let mailbox = &self.io[usize::from(shard)];
        if mailbox.controls.publish(&mut vec![control]) {
            mailbox.wake();
        }
        if mailbox.ended.load(Ordering::Acquire) {
            mailbox.drop_controls();
        }
    }

    /// Asks a logic shard that has a thread of its own what it has counted. A fused one tells with
    /// its I/O shard ([`Control::Report`]), and never here.
    pub fn ask_logic(&self, shard: u8, answer: Answer<LogicStats>) {
        let mailbox = &self.logic[usize::from(shard)];
        if mailbox.questions.publish(&mut vec![answer])
            && let Some(waker) = mailbox.waker.get()
        {
            waker.wake();
        }
    }

    /// Answers who has asked a logic shard.
    pub(crate) fn answer_for_logic(&self, shard: usize, stats: &LogicStats) {
        let mut questions = Vec::new();
        if self.logic[shard].questions.take(&mut questions) {
            for answer in questions {
                answer(stats.clone());
            }
        }
    }

    /// Gives an I/O shard what services say to its sessions. Bounded by the queries of sessions,
    /// and by what services say unasked.
    pub(crate) fn give_words(&self, shard: u8, words: &mut Inbox) {
        let mailbox = &self.io[usize::from(shard)];
        if mailbox.words.publish(words) {
            mailbox.wake();
        }
    }

    /// Gives events and letters to a logic shard.
    pub fn give_events(&self, shard: usize, events: &mut Inbox) {
        let mailbox = &self.logic[shard];
        if mailbox.inbox.publish(events)
            && let Some(waker) = mailbox.waker.get()
        {
            waker.wake();
        }
    }

    /// The letters that wait for a logic shard.
    pub fn mail_load(&self, shard: usize) -> MailLoad {
        let waiting = self.logic[shard].inbox.look(Inbox::mail_load);
        waiting.unwrap_or_default()
    }

    /// Whether so much waits for a logic shard that it should get no more sessions.
    pub fn is_logic_overloaded(&self, shard: usize) -> bool {
        let waiting = self.logic[shard].inbox.look(Inbox::size_bytes);
        waiting.is_some_and(|bytes| bytes > MAILBOX_BYTES_MAX)
    }

    /// Says that an I/O shard's sessions have all ended, or that they never will have begun; once
    /// or more often. When the last shard says so, everybody is woken to go home.
    pub fn shard_ended(&self, shard: u8) {
        let again = self.io[usize::from(shard)]
            .ended
            .swap(true, Ordering::AcqRel);
        self.io[usize::from(shard)].drop_controls();
        if !again && self.open_shards.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.wake_all();
        }
    }

    /// Asks for a graceful stop: no more accepts, every session finished.
    pub fn begin_stop(&self) {
        self.stopping.store(true, Ordering::Release);
        for shard in 0..self.io.len() {
            self.control(shard as u8, Control::Shutdown);
        }
    }

    /// Whether the server was told to stop.
    pub fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::Acquire)
    }

    /// Whether every session of every shard has ended.
    pub fn is_over(&self) -> bool {
        self.open_shards.load(Ordering::Acquire) == 0
    }

    /// Makes every thread look around.
    pub fn wake_all(&self) {
        self.io.iter().for_each(IoMailbox::wake);
        self.logic
            .iter()
            .filter_map(|mailbox| mailbox.waker.get())
            .for_each(Waker::wake);
    }
}

impl IoMailbox {
    /// Nobody will answer them any more, and whoever waits for an answer must hear that.
    fn drop_controls(&self) {
        self.controls.discard();
    }

    fn wake(&self) {
        // A shard that connects later is woken then.
        if let Some(waker) = self.waker.get() {
            waker.wake();
        }
    }
}
