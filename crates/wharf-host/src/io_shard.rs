//! An I/O thread's work: the port, its sessions and, in the fused placement, its logic shard.

use crate::doorman::Doorman;
use crate::router::Router;
use crate::services::{ClassicLogin, Replies, Services};
use crate::switchboard::{Control, ShardReport, Switchboard};
use std::collections::BTreeSet;
use std::sync::Arc;
use wharf_base::{Batch, Instant, SessionId};
use wharf_content::{
    Asker, Commands, ContentCommand, ContentEvent, Dismissal, Inbox, LogicShard, LoginRefusal,
    LoginRequest, Origin, Outbox, Payload, Query,
};
use wharf_net::{Arrival, CloseReason, Net, Outgoing};
use wharf_port::{Completion, Event, Port};

/// Completions that one turn takes at the most; more wait for the next in the kernel's queue. So
/// many that under load everybody's lines of one turn leave together (docs/decisions/0006).
const COMPLETIONS_PER_TURN: usize = 2_048;
/// Receives that one turn handles with few sessions, whose answers would else all wait for the end
/// of one long turn. What it has taken besides it handles in the next.
const RECEIVES_OF_FEW: usize = 32;
/// So many sessions are few. With more, the longer turn saves more than the wait costs
/// (docs/decisions/0006).
const FEW_SESSIONS: u32 = 128;
/// Rounds of logic in one turn: what a round causes (a verdict, a marker) is handled in the next.
/// What is left after the last goes on in the next turn, which then does not sleep.
const LOGIC_ROUNDS_PER_TURN: usize = 4;

/// One I/O thread as a thing with turns; the simulator runs many on one thread.
///
/// A turn is: wait, handle completions, take what other threads gave, let due deadlines fire, run
/// logic (if it is fused here), flush every dirty session once, give away what others must do.
pub struct IoShard<P: Port> {
    index: u8,
    port: P,
    net: Net,
    router: Router,
    /// The logic shard of the same index, in the fused placement.
    logic: Option<Box<LogicShard>>,
    outbox: Outbox,
    cut: Cut,
    switchboard: Arc<Switchboard>,
    doorman: Arc<Doorman>,
    services: Arc<dyn Services>,
    replies: Replies,
    completions: Vec<Completion>,
    commands: Commands,
    letters: Inbox,
    words: Inbox,
    arrivals: Vec<Arrival>,
    controls: Vec<Control>,
    /// When the next turn is due.
    due: Option<Instant>,
    /// Set once when the last session has ended after a stop was asked for.
    ended: bool,
}

impl<P: Port> IoShard<P> {
    /// A shard around a port that was opened on this thread, and connects it to the switchboard.
    pub fn new(
        index: u8,
        port: P,
        net: Net,
        logic: Option<LogicShard>,
        switchboard: Arc<Switchboard>,
        (doorman, services): (Arc<Doorman>, Arc<dyn Services>),
    ) -> Self {
        let (io_shards, logic_shards) = (switchboard.io.len(), switchboard.logic.len());
        switchboard.connect_io(index, port.waker());
        if logic.is_some() {
            switchboard.connect_logic(index, port.waker());
        }
        Self {
            index,
            port,
            net,
            router: Router::new(
                index,
                logic_shards as u8,
                Arc::clone(&doorman),
                Arc::clone(&services),
            ),
            logic: logic.map(Box::new),
            outbox: Outbox::new(io_shards, logic_shards),
            cut: vec![BTreeSet::new(); io_shards],
            replies: Replies::new(Arc::clone(&switchboard)),
            switchboard,
            doorman,
            services,
            completions: Vec::with_capacity(COMPLETIONS_PER_TURN),
            commands: Commands::default(),
            letters: Inbox::default(),
            words: Inbox::default(),
            arrivals: Vec::new(),
            controls: Vec::new(),
            due: Some(Instant::ZERO),
            ended: false,
        }
    }

    /// One turn. Blocks in the port's wait if there is nothing to do (the simulated port never
    /// does). Returns when the next deadline is.
    ///
    /// # Panics
    /// If the port itself is broken: no server can go on without its completion queue.
    pub fn turn(&mut self) -> Option<Instant> {
        let now = self
            .port
            .wait(&mut self.completions, self.due)
            .expect("the completion port works");
        self.handle_completions(now, self.share());
        self.take_mail(now);
        self.net.handle_timeout(now);
        self.run_logic(now);
        self.net.flush(now, &mut self.port, &mut self.router);
        self.give_away();
        self.end_if_shut_down();
        let is_behind = self.router.has_events() || !self.completions.is_empty();
        self.due = if is_behind {
            Some(now)
        } else {
            self.next_deadline()
        };
        self.due
    }

    fn handle_completions(&mut self, now: Instant, count: usize) {
        for completion in self.completions.drain(..count) {
            self.net
                .handle_completion(now, completion, &mut self.port, &mut self.router);
        }
    }

    /// How many of the completions that were taken are handled in this turn.
    fn share(&self) -> usize {
        if self.net.stats().sessions > FEW_SESSIONS {
            return self.completions.len();
        }
        let is_receive = |completion: &Completion| matches!(completion.event, Event::Received(_));
        let mut receives = 0;
        let is_last = |completion| {
            receives += usize::from(is_receive(completion));
            receives == RECEIVES_OF_FEW
        };
        let last = self.completions.iter().position(is_last);
        last.map_or(self.completions.len(), |last| last + 1)
    }

    /// Whether every session of the server has ended and nothing is left to do here.
    pub fn is_over(&self) -> bool {
        self.switchboard.is_over() && !self.router.has_events()
    }

    /// What was counted so far.
    pub fn report(&self) -> ShardReport {
        ShardReport {
            shard: self.index,
            net: self.net.stats().clone(),
            port: self.port.stats(),
            logic: self.logic.as_ref().map(|logic| logic.stats().clone()),
        }
    }

    fn next_deadline(&self) -> Option<Instant> {
        let logic = self.logic.as_ref().and_then(|logic| logic.next_deadline());
        Instant::sooner(self.net.next_deadline(), logic)
    }

    fn take_mail(&mut self, now: Instant) {
        let switchboard = Arc::clone(&self.switchboard);
        let mailbox = &switchboard.io[usize::from(self.index)];
        if mailbox.controls.take(&mut self.controls) {
            for control in std::mem::take(&mut self.controls) {
                self.handle_control(now, control);
            }
        }
        if mailbox.arrivals.take(&mut self.arrivals) {
            for arrival in self.arrivals.drain(..) {
                self.net
                    .handle_arrival(now, arrival, &mut self.port, &mut self.router);
            }
        }
        if mailbox.words.take(&mut self.words) {
            let router = &mut self.router;
            self.words.drain(|word| router.push_word(word));
        }
        if mailbox.commands.take(&mut self.commands) {
            let mut commands = std::mem::take(&mut self.commands);
            self.apply(now, &mut commands);
            self.commands = commands;
        }
    }

    fn handle_control(&mut self, now: Instant, control: Control) {
        // Whoever asked may have gone; then nobody needs the answer.
        match control {
            Control::Listen { local, reply } => {
                let _ = reply.send(self.net.listen(&mut self.port, local));
            }
            Control::Shutdown => {
                // What was taken from the kernel before the stop is served.
                self.handle_completions(now, self.completions.len());
                self.net.begin_shutdown(now, &mut self.router);
            }
            Control::Report(answer) => answer(self.report()),
            Control::TellAll(notice) => self.router.push_to_all(self.index, &notice),
        }
    }

    /// Runs the fused logic shard while there is something for it, which it may cause itself.
    fn run_logic(&mut self, now: Instant) {
        let Some(mut logic) = self.logic.take() else {
            return;
        };
        let mut outbox = std::mem::take(&mut self.outbox);
        let own = usize::from(self.index);
        look_ahead(&self.switchboard, &mut outbox);
        for _ in 0..LOGIC_ROUNDS_PER_TURN {
            self.take_letters(own);
            let is_due = logic.next_deadline().is_some_and(|due| due <= now);
            if self.router.inboxes[own].is_empty() && !is_due {
                break;
            }
            logic.handle_batch(now, &mut self.router.inboxes[own], &mut outbox);
            self.apply(now, &mut outbox.commands[own]);
        }
        self.outbox = outbox;
        self.logic = Some(logic);
    }

    /// Takes what other threads have for the logic shard that is fused here.
    fn take_letters(&mut self, own: usize) {
        let local = &mut self.router.inboxes[own];
        if local.is_empty() {
            self.switchboard.logic[own].inbox.take(local);
        } else {
            self.switchboard.logic[own].inbox.take(&mut self.letters);
            local.append(&mut self.letters);
        }
    }

    fn apply(&mut self, now: Instant, commands: &mut Commands) {
        commands.drain(|mut command| match command {
            ContentCommand::Send {
                session,
                class,
                origin,
                ref mut payload,
            } => {
                let frames = match payload {
                    Payload::Run(frames) => Outgoing::Run(frames),
                    Payload::Shared(frame) => Outgoing::Shared(std::mem::take(frame)),
                };
                let origin = match origin {
                    Origin::Own => wharf_net::Origin::Own,
                    Origin::Others => wharf_net::Origin::Others,
                };
                self.net.send(now, session, class, origin, frames);
            }
            ContentCommand::Authenticate { session, request } => {
                // Checked here, on the thread that closes sessions: an id is never claimed for one
                // that has gone.
                self.authenticate(session, request);
            }
            ContentCommand::Query(query) => self.query(*query),
            ContentCommand::LogIn { session } => self.net.log_in(session),
            ContentCommand::Wait { session, waits } => {
                self.net.set_waiting(now, session, waits);
            }
            ContentCommand::Release { session } => self.router.release(session),
            ContentCommand::Credit { session, frames } => self.net.return_credit(session, frames),
            ContentCommand::SetHome { session, logic } => self.router.switch(session, logic),
            ContentCommand::Finish { session } => {
                self.net.finish(now, session, CloseReason::PeerClosed);
            }
            ContentCommand::Close { session, reason } => {
                // What it was sent before, the reason for this perhaps, still leaves.
                self.net.finish(now, session, close_reason(reason));
            }
        });
    }

    /// Where accounts are needed, those who look after them say whether; else the doorman does.
    fn authenticate(&mut self, session: SessionId, request: LoginRequest<'_>) {
        let LoginRequest { user, password } = request;
        if !self.doorman.wants_accounts() {
            if self.router.is_open(session) {
                let verdict = match self.services.bulletin().maintenance {
                    None => self.doorman.log_in(session, user, password),
                    Some(_) => Err(LoginRefusal::Full),
                };
                self.router
                    .push(session, ContentEvent::Verdict { session, verdict });
            }
        } else if let Some(from) = self.router.asks(session) {
            let login = ClassicLogin {
                session,
                from,
                user,
                password,
            };
            self.services.log_in(login, &self.replies);
        }
    }

    /// Passes a query on. As with logins, nothing is asked for a session that has gone: services
    /// would never hear of its end.
    fn query(&mut self, query: Query) {
        let from = match query.asker {
            Asker::Room(_) => None,
            Asker::Session(session) => match self.router.asks(session) {
                None => return,
                from => from,
            },
        };
        let (asker, id) = (query.asker, query.id);
        if let Some(reply) = self.services.query(query, from, &self.replies) {
            match asker {
                Asker::Session(_) => {
                    let (query, reply) = (id, Box::new(reply));
                    self.router.push_word(ContentEvent::Reply {
                        asker,
                        query,
                        reply,
                    });
                }
                Asker::Room(_) => self.replies.reply(asker, id, reply),
            }
        }
    }

    /// Gives everybody what is theirs, and wakes each of them at most once.
    fn give_away(&mut self) {
        while let Some((shard, arrival)) = self.net.poll_arrival() {
            self.switchboard.give_arrival(shard, arrival);
        }
        let fused = self.logic.is_some().then_some(usize::from(self.index));
        for (shard, inbox) in self.router.inboxes.iter_mut().enumerate() {
            if Some(shard) != fused {
                self.switchboard.give_events(shard, inbox);
            }
        }
        let own = usize::from(self.index) % self.switchboard.logic.len();
        self.net
            .set_overloaded(self.switchboard.is_logic_overloaded(own));
        give_outbox(&self.switchboard, &mut self.outbox, &mut self.cut);
    }

    fn end_if_shut_down(&mut self) {
        if !self.ended && self.net.is_shut_down() {
            self.ended = true;
            self.switchboard.shard_ended(self.index);
        }
    }
}

/// Sessions that were cut because their I/O shard takes nothing, for each such shard.
pub(crate) type Cut = Vec<BTreeSet<SessionId>>;

/// Publishes everything that a logic shard has caused.
pub(crate) fn give_outbox(switchboard: &Switchboard, outbox: &mut Outbox, cut: &mut Cut) {
    for ((shard, commands), cut) in outbox.commands.iter_mut().enumerate().zip(cut) {
        switchboard.give_commands(shard, commands, cut);
    }
    for (shard, letters) in outbox.mail.iter_mut().enumerate() {
        if !letters.is_empty() {
            switchboard.give_events(shard, letters);
            outbox.ahead[shard] = switchboard.mail_load(shard);
        }
    }
}

/// Before a batch: looks whether the letters that waited for others still do.
pub(crate) fn look_ahead(switchboard: &Switchboard, outbox: &mut Outbox) {
    for (shard, ahead) in outbox.ahead.iter_mut().enumerate() {
        if ahead.letters > 0 {
            *ahead = switchboard.mail_load(shard);
        }
    }
}

fn close_reason(dismissal: Dismissal) -> CloseReason {
    match dismissal {
        Dismissal::Violation(violation) => CloseReason::Protocol(violation),
        Dismissal::Kicked(_) => CloseReason::Kicked,
        Dismissal::Panicked => CloseReason::HandlerPanicked,
        Dismissal::Overloaded => CloseReason::Overloaded,
    }
}
