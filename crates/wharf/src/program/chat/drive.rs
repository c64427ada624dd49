//! What connects the machine that speaks with the socket, the one who types, and what is shown.

mod connecting;
mod pausing;

use super::engine::{Engine, Moment, Output, Question};
use super::event::{About, Done, Event, Problem};
use super::happening::{Ends, Happening, Input, Manner, Outcome, Want};
use super::help;
use super::parse::{Call, Mistake, parse};
use super::plan::logs_in;
use super::screen::Screen;
use super::script::Waits;
use super::terminal::Shared;
use crate::client::{FromServer, Link};
use connecting::RETRY_MIN;
use std::sync::PoisonError;
use std::sync::mpsc::RecvTimeoutError;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use wharf_bots::target::with_port;
use wharf_proto::ServerPacket;

/// How long the next prompt waits for the answer to the last command, so that it stands below it.
const PROMPT_PATIENCE: Duration = Duration::from_millis(400);

/// The same where the answer may be that a secret is wanted, which is asked for before that prompt.
const SECRET_PATIENCE: Duration = Duration::from_secs(10);

/// Whether a line is wanted from whoever types.
enum Turn {
    /// What goes by itself at the start comes first.
    Starting,
    /// The next line may be wanted.
    Free,
    /// A line was wanted.
    Typing,
    /// Those secrets were wanted for that call.
    Secrets {
        call: Call,
        names: Vec<&'static str>,
    },
    /// That call has no answer yet; people wait for it only so long.
    Running { serial: u64, until: Option<Instant> },
    /// That call of a script was too fast, and is asked again then.
    Pausing { call: Call, until: Instant },
    /// That call waits for an event.
    Waiting,
}

/// Makes what speaks with the server at an address.
pub(super) type Engines = Box<dyn FnMut(&str) -> Box<dyn Engine>>;

/// The driver of one run.
pub(super) struct Driver {
    manner: Manner,
    engines: Engines,
    engine: Box<dyn Engine>,
    /// Where it was connected, or tried to be: what may be completed.
    targets: Vec<String>,
    screen: Screen,
    ends: Ends,
    sight: Shared,
    link: Option<Link>,
    /// Which connection this is.
    generation: u64,
    retry_at: Option<Instant>,
    retry_delay: Duration,
    turn: Turn,
    serial: u64,
    waits: Waits,
    has_failed: bool,
    outcome: Option<Outcome>,
}

impl Driver {
    pub(super) fn new(
        manner: Manner,
        mut engines: Engines,
        screen: Screen,
        ends: Ends,
        sight: Shared,
    ) -> Self {
        Self {
            engine: engines(&manner.target),
            engines,
            targets: vec![manner.target.clone()],
            manner,
            screen,
            ends,
            sight,
            link: None,
            generation: 0,
            retry_at: None,
            retry_delay: RETRY_MIN,
            turn: Turn::Starting,
            serial: 0,
            waits: Waits::default(),
            has_failed: false,
            outcome: None,
        }
    }

    /// Runs to its end.
    ///
    /// # Errors
    /// When there is no server at the start.
    pub(super) fn run(mut self) -> Result<Outcome, String> {
        self.connect()?;
        loop {
            self.do_all();
            if let Some(outcome) = self.outcome {
                return Ok(outcome);
            }
            self.want();
            match self.next() {
                Some(Happening::Input(input)) => self.handle_input(input),
                Some(Happening::FromServer(generation, told)) if generation == self.generation => {
                    self.handle_server(told);
                }
                Some(Happening::FromServer(..)) => {}
                Some(Happening::Stop) => self.end(),
                None => self.handle_time(),
            }
        }
    }

    /// The next thing that happens; `None` when it is time for something.
    fn next(&mut self) -> Option<Happening> {
        let running = match &self.turn {
            Turn::Running { until, .. } => *until,
            Turn::Pausing { until, .. } => Some(*until),
            Turn::Waiting => self.waits.until(),
            _ => None,
        };
        let times = [self.engine.wake_at(), self.retry_at, running];
        let happening = match times.into_iter().flatten().min() {
            None => self.ends.happenings.recv().ok(),
            Some(until) => {
                let left = until.saturating_duration_since(Instant::now());
                match self.ends.happenings.recv_timeout(left) {
                    Ok(happening) => Some(happening),
                    Err(RecvTimeoutError::Timeout) => return None,
                    Err(RecvTimeoutError::Disconnected) => None,
                }
            }
        };
        Some(happening.unwrap_or(Happening::Stop))
    }

    fn handle_time(&mut self) {
        let now = moment();
        if self.engine.wake_at().is_some_and(|at| at <= now.at) {
            self.engine.wake(now);
        }
        if self.retry_at.take_if(|at| *at <= now.at).is_some()
            && let Err(why) = self.connect()
        {
            self.lost(why);
        }
        match &self.turn {
            Turn::Pausing { call, until } if *until <= now.at => {
                let call = call.clone();
                self.go_on(call, now);
            }
            // The answer comes when it comes.
            Turn::Running { until, .. } if until.is_some_and(|at| at <= now.at) => {
                self.turn = Turn::Free;
            }
            Turn::Waiting if self.waits.until().is_some_and(|at| at <= now.at) => {
                if let Some(call) = self.waits.give_up() {
                    let what = call.text("for");
                    let problem = Problem::new("timeout", format!("no such {what} came in time"));
                    let call = Some(call);
                    self.tell(Event::Failed { call, problem });
                }
                self.turn = Turn::Free;
            }
            _ => {}
        }
    }

    fn handle_server(&mut self, told: FromServer) {
        match told {
            FromServer::Frame(frame) => {
                if let Err(violation) = self.engine.hear(&frame, moment()) {
                    self.lost(format!("the server breaks the protocol: {violation}"));
                }
            }
            FromServer::Ended(end) => self.lost(end.to_string()),
        }
    }

    fn handle_input(&mut self, input: Input) {
        match (input, std::mem::replace(&mut self.turn, Turn::Free)) {
            (Input::Ended, _) => self.end(),
            (Input::Line(line), _) => self.handle_line(&line),
            (Input::Unreadable(text), _) => self.refuse(Mistake {
                text,
                hint: "it was left out".to_owned(),
                cmd: None,
                id: None,
            }),
            (Input::Secrets(secrets), Turn::Secrets { mut call, names }) => {
                for (name, secret) in names.into_iter().zip(secrets) {
                    call.set(name, secret);
                }
                self.run_call(call);
            }
            (Input::NoSecrets, _) => {}
            (Input::Secrets(_), turn) => self.turn = turn,
        }
    }

    fn handle_line(&mut self, line: &str) {
        let call = match parse(line, self.manner.is_script) {
            Ok(Some(call)) => call,
            Ok(None) => return,
            Err(mistake) => {
                self.remember(line);
                return self.refuse(mistake);
            }
        };
        if !call.has_secret() {
            self.remember(line);
        }
        let missing: Vec<_> = call.missing_secrets().collect();
        // The guide's servers may want no password; those that do say so.
        let is_open = missing.is_empty() || self.manner.is_script || self.manner.is_classic;
        if is_open || call.check_open().is_err() {
            return self.run_call(call);
        }
        self.want_secrets(call, missing);
    }

    fn want_secrets(&mut self, call: Call, secrets: Vec<(&'static str, bool)>) {
        let names = secrets.iter().map(|(name, _)| *name).collect();
        self.turn = Turn::Secrets { call, names };
        self.send_want(Want::Secrets(secrets));
    }

    /// The server wants a secret for a call. Where nobody can type it now, the problem is told.
    fn ask(&mut self, question: Question) {
        let Question {
            call,
            secrets,
            problem,
        } = question;
        let is_free = matches!(
            self.turn,
            Turn::Starting | Turn::Free | Turn::Running { .. }
        );
        if is_free && !self.manner.is_script {
            return self.want_secrets(call, secrets);
        }
        let call = (call.serial > 0).then_some(call);
        self.tell(Event::Failed { call, problem });
    }

    fn remember(&self, line: &str) {
        if !self.manner.is_script {
            self.send_want(Want::Remember(line.to_owned()));
        }
    }

    fn refuse(&mut self, mistake: Mistake) {
        let problem = mistake.into();
        self.tell(Event::Failed {
            call: None,
            problem,
        });
    }

    fn run_call(&mut self, mut call: Call) {
        self.serial += 1;
        call.serial = self.serial;
        let now = moment();
        match call.command.name {
            "quit" => {
                self.done(call, Done::Nothing);
                self.end();
            }
            "help" => match help::help(&call, self.manner.is_classic) {
                Ok(lines) => self.done(call, Done::Lines(lines)),
                Err(mistake) => self.refuse(mistake),
            },
            "wait" => match self.waits.begin(call, now.at) {
                Ok(()) => {
                    self.turn = Turn::Waiting;
                    self.look_for_waited();
                }
                Err(mistake) => self.refuse(mistake),
            },
            _ => {
                if let ("connect", Some(address)) = (call.command.name, call.get("addr")) {
                    self.leave_for(&with_port(address));
                }
                if call.command.name == "say" {
                    self.screen.typed(&call.text("text"));
                }
                let patience = match call.command.takes.iter().any(|it| it.kind.is_secret()) {
                    true => SECRET_PATIENCE,
                    false => PROMPT_PATIENCE,
                };
                let until = (!self.manner.is_script).then(|| now.at + patience);
                let serial = call.serial;
                self.turn = Turn::Running { serial, until };
                self.engine.call(call, now);
            }
        }
    }

    fn look_for_waited(&mut self) {
        if let Some((call, event)) = self.waits.look() {
            self.turn = Turn::Free;
            self.done(call, Done::Heard(event));
        }
    }

    fn done(&mut self, call: Call, done: Done) {
        let about = About::default();
        self.tell(Event::Done { call, done, about });
    }

    /// Does all that the engine wants.
    fn do_all(&mut self) {
        while let Some(output) = self.engine.poll() {
            match output {
                Output::Send(bytes) => self.send(&bytes),
                Output::Tell(event) => self.tell(*event),
                Output::Connect => {
                    if let Err(why) = self.connect() {
                        self.lost(why);
                    }
                }
                Output::Ask(question) => self.ask(*question),
                Output::HangUp(why) => self.lost(why),
                Output::Ready { is_in } => {
                    // Of another server that comes behind the command that has led there.
                    if matches!(self.turn, Turn::Starting) {
                        self.turn = Turn::Free;
                        if !is_in && self.manner.is_script {
                            self.outcome = Some(Outcome::CannotStart);
                        }
                    }
                }
            }
        }
    }

    fn tell(&mut self, event: Event) {
        if self.pauses(&event) {
            return;
        }
        let serial = match &event {
            Event::Done { call, .. } => Some(call.serial),
            Event::Failed { call, .. } => {
                self.has_failed = true;
                let call = call.as_ref();
                if self.manner.is_script && call.is_some_and(|call| logs_in(call.command)) {
                    // What follows was meant to be done as somebody else.
                    self.outcome = Some(Outcome::Failed);
                }
                call.map(|call| call.serial)
            }
            _ => None,
        };
        if let Event::Done { done, .. } = &event
            && matches!(done, Done::Packet(ServerPacket::LoggedIn(_)))
        {
            self.retry_delay = RETRY_MIN;
        }
        if let Event::Notice { packet, .. } = &event
            && matches!(packet, ServerPacket::LoggedIn(_))
        {
            self.retry_delay = RETRY_MIN;
        }
        if !self.manner.is_script {
            // What is shown draws the prompt anew.
            self.look();
        }
        self.screen.show(&event);
        self.waits.heard(&event);
        match self.turn {
            Turn::Running {
                serial: running, ..
            } if serial == Some(running) => {
                self.turn = Turn::Free;
            }
            Turn::Waiting => self.look_for_waited(),
            _ => {}
        }
    }

    /// Wants the next line, when it is time for it.
    fn want(&mut self) {
        if !matches!(self.turn, Turn::Free) {
            return;
        }
        self.turn = Turn::Typing;
        let prompt = self.look();
        self.send_want(Want::Line { prompt });
    }

    /// Lets the editor know the names and the prompt as they are; gives the prompt.
    fn look(&self) -> String {
        let prompt = super::width::harmless(&self.engine.prompt());
        let names = [self.engine.names(), self.targets.clone()].concat();
        let mut sight = self.sight.lock().unwrap_or_else(PoisonError::into_inner);
        sight.names = names;
        sight.prompt.clone_from(&prompt);
        prompt
    }

    fn send_want(&self, want: Want) {
        // Whoever types has gone; that comes as the end of input.
        let _ = self.ends.wants.send(want);
    }

    fn end(&mut self) {
        let has_failed = self.has_failed && self.manner.is_script;
        self.outcome = Some(match has_failed {
            true => Outcome::Failed,
            false => Outcome::Done,
        });
    }
}

/// Now, by both clocks.
pub(super) fn moment() -> Moment {
    let unix = SystemTime::now().duration_since(UNIX_EPOCH);
    Moment {
        at: Instant::now(),
        unix_ms: unix.map_or(0, |unix| unix.as_millis() as i64),
    }
}
