//! The whole server: shards on threads, from the first to the last moment.

use crate::doorman::Doorman;
use crate::io_shard::IoShard;
use crate::logic_thread::LogicThread;
use crate::services::{Replies, Services};
use crate::switchboard::{Control, ShardReport, Switchboard};
use crate::watchdog::Watchdog;
use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, Sender, SyncSender};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use wharf_content::{App, LogicOptions, LogicShard, LogicStats};
use wharf_net::{Admission, Net, NetLimits};
use wharf_port::{NativePort, OpenError, Port, PortOptions, Waiter};

/// Where a logic shard runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Placement {
    /// On the I/O thread of the same index: the cheapest path.
    Fused,
    /// On a thread of its own.
    Split,
}

/// What a server is made of. Everything is decided; nothing is read from anywhere.
#[derive(Clone)]
pub struct ServerOptions {
    /// I/O shards, and as many logic shards.
    pub shards: u8,
    /// Where logic runs.
    pub placement: Placement,
    /// Sizes and modes of each port.
    pub port: PortOptions,
    /// Sessions.
    pub limits: NetLimits,
    /// Rooms; its `index` is set for each shard.
    pub logic: LogicOptions,
    /// The game.
    pub app: Arc<App>,
    /// Who comes in.
    pub doorman: Arc<Doorman>,
    /// What answers content's queries.
    pub services: Arc<dyn Services>,
    /// How many come in.
    pub admission: Arc<Admission>,
    /// Whether slow handlers are named in the log; the simulator, whose clock is not the
    /// machine's, does without.
    pub watch_handlers: bool,
}

impl ServerOptions {
    /// The sessions of one I/O shard.
    pub fn net(&self, shard: u8) -> Net {
        Net::new(shard, self.limits.clone(), Arc::clone(&self.admission))
    }

    /// One logic shard.
    pub fn logic(&self, index: u8, switchboard: &Switchboard) -> LogicShard {
        let options = LogicOptions {
            index,
            ..self.logic
        };
        let mut shard = LogicShard::new(Arc::clone(&self.app), options);
        if self.watch_handlers {
            let handlers = Arc::clone(&switchboard.handlers);
            shard.set_watch(Box::new(Watchdog::new(handlers, index)));
        }
        shard
    }

    /// One I/O shard around `port`, with its logic shard if that is fused.
    pub fn io_shard<P: Port>(
        &self,
        index: u8,
        port: P,
        switchboard: Arc<Switchboard>,
    ) -> IoShard<P> {
        let logic = (self.placement == Placement::Fused).then(|| self.logic(index, &switchboard));
        let knowing = (Arc::clone(&self.doorman), Arc::clone(&self.services));
        IoShard::new(index, port, self.net(index), logic, switchboard, knowing)
    }

    /// One logic thread of the split placement.
    pub fn logic_thread(&self, index: u8, switchboard: Arc<Switchboard>) -> LogicThread {
        LogicThread::new(index, self.logic(index, &switchboard), switchboard)
    }
}

/// Why a server did not start.
#[derive(Debug)]
pub enum StartError {
    /// A port, or the listener, could not be opened.
    Open(OpenError),
    /// A thread could not be started.
    Thread(std::io::Error),
    /// A shard ended before the server listened; its panic is in the log.
    ShardEnded,
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Open(error) => error.fmt(f),
            Self::Thread(error) => write!(f, "a thread could not be started: {error}"),
            Self::ShardEnded => f.write_str("a shard ended before the server listened"),
        }
    }
}

impl std::error::Error for StartError {}

/// How much longer than the sessions' drain time a thread may take to end. One that is later is
/// in a handler that does not return.
const STOP_GRACE: Duration = Duration::from_secs(5);

/// A server whose threads run. Dropping it stops it and waits, as [`Server::join`] does.
pub struct Server {
    switchboard: Arc<Switchboard>,
    threads: Vec<JoinHandle<Option<Counts>>>,
    local: SocketAddr,
    on_thread_end: OnThreadEnd,
    /// A word from each thread that has ended.
    ended: Receiver<()>,
    end: Sender<()>,
    drain: Duration,
}

/// Called on each of a server's threads when that thread ends, a panic included.
pub type OnThreadEnd = Arc<dyn Fn() + Send + Sync>;

impl Server {
    /// Opens a port on each of its threads, then the listener, and serves.
    ///
    /// # Errors
    /// [`StartError`]; every thread that was started has ended by then.
    pub fn start<P: NativePort>(
        options: &ServerOptions,
        listen: SocketAddr,
        on_thread_end: OnThreadEnd,
    ) -> Result<Self, StartError> {
        let switchboard = Arc::new(Switchboard::new(options.shards, options.shards));
        options
            .services
            .begin(&Replies::new(Arc::clone(&switchboard)));
        let unspecified = SocketAddr::from(([0, 0, 0, 0], 0));
        let (end, ended) = mpsc::channel();
        let mut server = Self {
            switchboard,
            threads: Vec::new(),
            local: unspecified,
            on_thread_end,
            ended,
            end,
            drain: options.limits.drain,
        };
        if options.watch_handlers {
            server.start_onlooker()?;
        }
        server.start_threads::<P>(options)?;
        let (reply, answer) = mpsc::sync_channel(1);
        server.switchboard.control(
            0,
            Control::Listen {
                local: listen,
                reply,
            },
        );
        server.local = answer
            .recv()
            .map_err(|_| StartError::ShardEnded)?
            .map_err(StartError::Open)?;
        Ok(server)
    }

    /// Where it listens.
    pub fn local_addr(&self) -> SocketAddr {
        self.local
    }

    /// The mailboxes of its threads, for whoever looks after it.
    pub(crate) fn switchboard(&self) -> &Arc<Switchboard> {
        &self.switchboard
    }

    /// Asks for a graceful stop: no more accepts, every session finished within the drain time.
    pub fn begin_stop(&self) {
        self.switchboard.begin_stop();
    }

    /// Waits until every thread has ended, which [`Server::begin_stop`] has them do; the last
    /// counts of each I/O shard. No longer than the drain time and some seconds: a thread that is
    /// in a handler that does not return is left behind.
    ///
    /// # Errors
    /// A message for each thread that panicked or did not end.
    pub fn join(mut self) -> Result<Vec<ShardReport>, String> {
        self.join_threads()
    }

    fn join_threads(&mut self) -> Result<Vec<ShardReport>, String> {
        self.await_threads();
        let (mut reports, mut logic, mut problems) = (Vec::new(), Vec::new(), Vec::new());
        for thread in self.threads.drain(..) {
            let name = thread.thread().name().unwrap_or("a thread").to_owned();
            if !thread.is_finished() {
                problems.push(format!("{name} did not end: a handler does not return"));
                continue;
            }
            match thread.join() {
                Ok(Some(Counts::Io(report))) => reports.push(*report),
                Ok(Some(Counts::Logic(index, stats))) => logic.push((index, *stats)),
                Ok(None) => {}
                Err(_) => problems.push(format!("{name} panicked")),
            }
        }
        for (index, stats) in logic {
            let mut ours = reports.iter_mut().filter(|report| report.shard == index);
            if let Some(report) = ours.next() {
                report.logic = Some(stats);
            }
        }
        if problems.is_empty() {
            Ok(reports)
        } else {
            Err(problems.join(", "))
        }
    }

    /// Waits until every thread is about to end, or the time is up.
    fn await_threads(&self) {
        let deadline = Instant::now() + self.drain + STOP_GRACE;
        for _ in 0..self.threads.len() {
            let left = deadline.saturating_duration_since(Instant::now());
            if self.ended.recv_timeout(left).is_err() {
                return;
            }
        }
        // The word is the last that a thread does of its own; what follows is the runtime's.
        while self.threads.iter().any(|thread| !thread.is_finished()) && Instant::now() < deadline {
            std::thread::yield_now();
        }
    }

    /// A thread that names handlers which do not return; it ends with the server.
    fn start_onlooker(&self) -> Result<(), StartError> {
        let handlers = Arc::clone(&self.switchboard.handlers);
        let builder = std::thread::Builder::new().name("onlooker".into());
        let thread = builder.spawn(move || handlers.look_on());
        thread.map(drop).map_err(StartError::Thread)
    }

    fn start_threads<P: NativePort>(&mut self, options: &ServerOptions) -> Result<(), StartError> {
        let (ready, answers) = mpsc::sync_channel(options.shards.into());
        // All of them at once: if one thread cannot be started, the others are not waited for.
        let presences: Vec<Presence> = (0..options.shards)
            .map(|shard| Presence(Arc::clone(&self.switchboard), shard))
            .collect();
        for presence in presences {
            let (options, ready) = (options.clone(), ready.clone());
            self.spawn(format!("io-{}", presence.1), move || {
                io_thread::<P>(&presence, &options, ready)
            })?;
        }
        drop(ready);
        // Ends when every thread has answered or panicked: none keeps its sender longer.
        let mut opened = 0;
        for answer in answers {
            answer.map_err(StartError::Open)?;
            opened += 1;
        }
        if opened < options.shards {
            return Err(StartError::ShardEnded);
        }
        if options.placement == Placement::Split {
            for index in 0..options.shards {
                let (options, switchboard) = (options.clone(), Arc::clone(&self.switchboard));
                self.spawn(format!("logic-{index}"), move || {
                    Some(logic_thread(index, &options, switchboard))
                })?;
            }
        }
        Ok(())
    }

    fn spawn(
        &mut self,
        name: String,
        work: impl FnOnce() -> Option<Counts> + Send + 'static,
    ) -> Result<(), StartError> {
        let end = TellEnd(Arc::clone(&self.on_thread_end), self.end.clone());
        let thread = std::thread::Builder::new().name(name).spawn(move || {
            let _end = end;
            work()
        });
        self.threads.push(thread.map_err(StartError::Thread)?);
        Ok(())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if !self.threads.is_empty() {
            self.begin_stop();
            // A panic has been reported by the thread itself; there is nobody left to tell.
            let _ = self.join_threads();
        }
        self.switchboard.handlers.end();
    }
}

/// What a thread has counted when it ends.
enum Counts {
    Io(Box<ShardReport>),
    /// Of the logic shard with this index, in the split placement.
    Logic(u8, Box<LogicStats>),
}

/// Tells that a thread ends, however it ends.
struct TellEnd(OnThreadEnd, Sender<()>);

impl Drop for TellEnd {
    fn drop(&mut self) {
        (self.0)();
        // Nobody listens to the threads of a start that failed.
        let _ = self.1.send(());
    }
}

/// An I/O shard's thread, or the intention of one; when it goes, however it goes, the shard has no
/// session that anybody should wait for.
struct Presence(Arc<Switchboard>, u8);

impl Drop for Presence {
    fn drop(&mut self) {
        self.0.shard_ended(self.1);
    }
}

fn io_thread<P: NativePort>(
    Presence(switchboard, index): &Presence,
    options: &ServerOptions,
    ready: SyncSender<Result<(), OpenError>>,
) -> Option<Counts> {
    let port = match P::open(&options.port) {
        Ok(port) => port,
        Err(error) => {
            let _ = ready.send(Err(error));
            return None;
        }
    };
    let mut shard = options.io_shard(*index, watched(port), Arc::clone(switchboard));
    let _ = ready.send(Ok(()));
    drop(ready);
    while !shard.is_over() {
        shard.turn();
    }
    Some(Counts::Io(Box::new(shard.report())))
}

/// Debug builds watch the port, and what is asked of it, for breaches of the contract.
#[cfg(debug_assertions)]
fn watched(port: impl Port) -> impl Port {
    wharf_port::Checked::new(port)
}

#[cfg(not(debug_assertions))]
fn watched(port: impl Port) -> impl Port {
    port
}

fn logic_thread(index: u8, options: &ServerOptions, switchboard: Arc<Switchboard>) -> Counts {
    let mut waiter = Waiter::new();
    switchboard.connect_logic(index, waiter.waker());
    let mut thread = options.logic_thread(index, switchboard);
    let mut until = Some(wharf_base::Instant::ZERO);
    while !thread.is_over() {
        let now = waiter.wait(until);
        until = thread.turn(now);
    }
    Counts::Logic(index, Box::new(thread.stats().clone()))
}
