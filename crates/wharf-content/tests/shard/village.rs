//! A game for tests: everybody speaks in words, and halls do as they are told.

use std::time::Duration;
use wharf_base::CapacityError;
use wharf_content::{
    App, AppBuilder, Cause, Dialect, EnterRefusal, Fault, Foyer, FoyerCx, Handled, LeaveReason,
    LoginRefusal, MemberId, Note, Owed, Refusal, Room, RoomCx, RoomId, RoomKind, Tick, Ticket,
    User, UserId,
};
use wharf_data::service::{Call, Reply};
use wharf_data::{AccountId, Ask, Notice, account};
use wharf_wire::{FrameRun, Packet, Violation};

/// A packet of text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Words<const ID: u16>(pub(crate) String);

impl<const ID: u16> Packet for Words<ID> {
    const ID: u16 = ID;

    fn decode(body: &[u8]) -> Result<Self, Violation> {
        let text = str::from_utf8(body).map_err(|_| Violation::InvalidText { id: ID })?;
        Ok(Self(text.to_owned()))
    }

    fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(self.0.as_bytes());
    }
}

/// What a client can say, each verb with its packet id.
pub(crate) const VERBS: [&str; 27] = [
    "echo", "login", "enter", "leave", "whisper", "crash", "quit", // the foyer
    "say", "boom", "remind", "ask", "tell", "kick", "dismiss", "refuse", "foul", "raze",
    "answer", // the hall
    "rush", "insist", "look", "vouch", "adopt", // the foyer
    "store", "shout", // the hall
    "gather", "heap", // the foyer
];

pub(crate) fn id_of(verb: &str) -> u16 {
    let index = VERBS.iter().position(|known| *known == verb);
    1 + index.unwrap_or_else(|| panic!("nobody knows how to {verb}")) as u16
}

/// What a client asks of the gate, and of the hall, by modern packets.
pub(crate) const GATE_REQUEST: u16 = 1_024;
pub(crate) const HALL_REQUEST: u16 = 1_025;
/// What the gate is given together, of modern packets.
pub(crate) const GATE_RUN: u16 = 1_026;
/// What answers them.
pub(crate) const ANSWER: u16 = 1_100;

/// Everything that a client is told.
pub(crate) const LINE: u16 = 100;
type Line = Words<LINE>;
/// What halls tell and ask each other, and themselves later.
type Memo = Words<200>;

/// What the village is like.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Plan {
    pub(crate) tick: Option<Duration>,
    pub(crate) members_max: Option<u32>,
    /// How long a hall keeps the seat of whoever loses the link.
    pub(crate) grace: Duration,
}

pub(crate) fn village(plan: Plan) -> App {
    build(AppBuilder::new(), plan)
}

pub(crate) fn build(mut app: AppBuilder, plan: Plan) -> App {
    let mut hall = app
        .room_from("hall", move |_| Hall {
            grace: plan.grace,
            ..Hall::default()
        })
        .rooms(100);
    if let Some(period) = plan.tick {
        hall = hall.tick_every(period);
    }
    if let Some(seats) = plan.members_max {
        hall = hall.members_max(seats);
    }
    let kind = hall
        .on::<Words<8>, _>(Hall::say)
        .on::<Words<9>, _>(Hall::boom)
        .on::<Words<10>, _>(Hall::remind)
        .on::<Words<11>, _>(Hall::ask)
        .on::<Words<12>, _>(Hall::tell)
        .on::<Words<13>, _>(Hall::kick)
        .on::<Words<14>, _>(Hall::dismiss)
        .on::<Words<15>, _>(Hall::refuse)
        .on::<Words<16>, _>(Hall::foul)
        .on::<Words<17>, _>(Hall::raze)
        .on::<Words<18>, _>(Hall::answer)
        .on::<Words<24>, _>(Hall::store)
        .on::<Words<25>, _>(Hall::shout)
        .on::<Words<HALL_REQUEST>, _>(Hall::serve)
        .kind();
    app.foyer(Gate { hall: kind })
        .on::<Words<1>, _>(Gate::echo)
        .on::<Words<2>, _>(Gate::log_in)
        .on::<Words<3>, _>(Gate::enter)
        .on::<Words<4>, _>(Gate::leave)
        .on::<Words<5>, _>(Gate::whisper)
        .on::<Words<6>, _>(Gate::crash)
        .on::<Words<7>, _>(Gate::quit)
        .on::<Words<19>, _>(Gate::rush)
        .on::<Words<20>, _>(Gate::insist)
        .on::<Words<21>, _>(Gate::look)
        .on::<Words<22>, _>(Gate::vouch)
        .on::<Words<23>, _>(Gate::adopt)
        .on_run(id_of("gather"), Gate::gather)
        .on_run(id_of("heap"), Gate::heap)
        .on_run(GATE_RUN, Gate::heap)
        .on::<Words<GATE_REQUEST>, _>(Gate::serve);
    app.build()
}

struct Gate {
    hall: RoomKind,
}

impl Gate {
    fn echo(&self, cx: &mut FoyerCx, words: Words<1>) -> Handled {
        cx.reply(&Words::<LINE>(format!("echo {}", words.0)));
        Ok(())
    }

    fn log_in(&self, cx: &mut FoyerCx, words: Words<2>) -> Handled {
        if cx.user().is_some() {
            return Err(Fault::Refuse(1, "logged in already".into()));
        }
        cx.log_in(&words.0, "pw");
        Ok(())
    }

    fn enter(&self, cx: &mut FoyerCx, words: Words<3>) -> Handled {
        cx.enter(RoomId::new(self.hall, words.0.parse().unwrap()));
        Ok(())
    }

    fn leave(&self, cx: &mut FoyerCx, _: Words<4>) -> Handled {
        cx.reply(&Words::<LINE>("leaving".into()));
        cx.leave();
        Ok(())
    }

    fn whisper(&self, cx: &mut FoyerCx, words: Words<5>) -> Handled {
        let (user, text) = words.0.split_once(' ').unwrap();
        let user = UserId::new(user.parse().unwrap());
        cx.tell_user(user, &Words::<LINE>(format!("psst {text}")))
            .unwrap();
        Ok(())
    }

    fn crash(&self, _: &mut FoyerCx, _: Words<6>) -> Handled {
        panic!("the gate breaks")
    }

    fn quit(&self, cx: &mut FoyerCx, _: Words<7>) -> Handled {
        cx.reply(&Words::<LINE>("bye".into()));
        cx.finish();
        Ok(())
    }
}

impl Gate {
    /// Does not wait for the verdict.
    fn rush(&self, cx: &mut FoyerCx, words: Words<19>) -> Handled {
        cx.log_in(&words.0, "pw");
        cx.enter(RoomId::new(self.hall, 0));
        Ok(())
    }

    /// Answers one by one what is given together.
    fn heap(&self, cx: &mut FoyerCx, frames: &mut FrameRun<'_>) -> Handled {
        for frame in frames {
            let word = String::from_utf8_lossy(frame.body);
            assert_ne!(word, "boom", "the heap falls");
            cx.reply(&Words::<LINE>(format!("heap {word}")));
        }
        Ok(())
    }

    /// Answers all at once, up to one that is refused, or that the rest begins with.
    fn gather(&self, cx: &mut FoyerCx, frames: &mut FrameRun<'_>) -> Handled {
        let gathered = frames.take_front(|frame| !matches!(frame.body, b"no" | b"rest"));
        let words: Vec<_> = gathered
            .map(|frame| String::from_utf8_lossy(frame.body))
            .collect();
        if !words.is_empty() {
            cx.reply(&Words::<LINE>(format!("gathered {}", words.join("+"))));
        }
        let refused = frames.take_front(|frame| frame.body == b"no");
        match refused.frame_count() {
            0 => Ok(()),
            _ => Err(Fault::Refuse(5, "no".into())),
        }
    }

    /// Takes no refusal from hall 66.
    fn insist(&self, cx: &mut FoyerCx, _: Words<20>) -> Handled {
        cx.enter(RoomId::new(self.hall, STUBBORN));
        Ok(())
    }
}

/// What the gate asks of the services.
impl Gate {
    fn look(&self, cx: &mut FoyerCx, words: Words<21>) -> Handled {
        let (ask, context) = profile_of(&words.0);
        cx.query(ask, context).map_err(too_many)
    }

    /// The user with that number is let in when the services have answered.
    fn vouch(&self, cx: &mut FoyerCx, words: Words<22>) -> Handled {
        *cx.data::<i64>() = words.0.parse().unwrap();
        let (ask, _) = profile_of(&words.0);
        cx.query_first(ask, VOUCHED).map_err(too_many)
    }

    /// `no` is refused, `later` answered when the services have answered.
    fn serve(&self, cx: &mut FoyerCx, words: Words<GATE_REQUEST>) -> Handled {
        match words.0.as_str() {
            "no" => return Err(Fault::Refuse(4, "no".into())),
            "later" => {
                let (ask, _) = profile_of("1");
                let request = cx.request().unwrap_or_default();
                return cx.query(ask, LATER | u64::from(request)).map_err(too_many);
            }
            "enter" => {
                cx.enter(RoomId::new(self.hall, 0));
                return Ok(());
            }
            "quit" => {
                let open = cx.drop_queries().len();
                let bye = Words::<ANSWER>(format!("bye, {open} open"));
                cx.finish_with(cx.request(), &bye);
                return Ok(());
            }
            said => cx.reply(&Words::<ANSWER>(format!("gate: {said}"))),
        }
        cx.notify(&Words::<ANSWER>("noted".into()));
        Ok(())
    }

    fn adopt(&self, cx: &mut FoyerCx, _: Words<23>) -> Handled {
        cx.set_dialect(Dialect::Platform);
        Ok(())
    }
}

/// What the gate notes beside a query on whose answer somebody is let in.
const VOUCHED: u64 = 1 << 32;

/// And beside one on whose answer a request is answered.
const LATER: u64 = 1 << 33;

fn profile_of(number: &str) -> (Call, u64) {
    let number: i64 = number.parse().unwrap();
    let account = AccountId::new(number);
    let ask = Ask::Account(account::Ask::Profile { account });
    (Call::Store(ask), number as u64)
}

fn too_many(_: CapacityError) -> Fault {
    Fault::Refuse(3, "too many".into())
}

/// The hall that the gate tries to enter until it is in.
const STUBBORN: u32 = 66;

impl Foyer for Gate {
    fn on_verdict(&self, cx: &mut FoyerCx, verdict: Result<UserId, LoginRefusal>) {
        let outcome = verdict.map(UserId::get);
        cx.reply(&Words::<LINE>(format!("login {outcome:?}")));
    }

    fn on_entered(&self, cx: &mut FoyerCx, room: RoomId, outcome: Result<MemberId, EnterRefusal>) {
        if cx.request().is_some() && outcome.is_ok() {
            return;
        }
        if outcome.is_err() && room.number() == STUBBORN {
            return cx.enter(room);
        }
        let line = match outcome {
            Ok(_) => format!("entered {}", room.number()),
            Err(refusal) => format!("{refusal:?} {}", room.number()),
        };
        cx.reply(&Words::<LINE>(line));
    }

    fn on_left(&self, cx: &mut FoyerCx, room: RoomId, why: LeaveReason) {
        cx.reply(&Words::<LINE>(format!("out of {}: {why:?}", room.number())));
    }

    fn on_reply(&self, cx: &mut FoyerCx, context: u64, reply: Reply) {
        if context & LATER > 0 {
            let request = (context ^ LATER) as u32;
            return cx.reply_to(request, &Words::<ANSWER>("at last".into()));
        }
        let number = *cx.data::<i64>();
        if context == VOUCHED && reply.is_ok() {
            let (id, name) = (UserId::new(number), format!("u{number}").into());
            cx.admit(User { id, name });
        }
        let user = cx.user().map_or("nobody".into(), |user| user.name.clone());
        cx.reply(&Words::<LINE>(format!("{context} is {reply:?} for {user}")));
    }

    fn on_notice(&self, cx: &mut FoyerCx, notice: Notice) {
        if let Notice::Queued { before, .. } = notice {
            cx.reply(&Words::<LINE>(format!("{before} before")));
            return cx.set_waiting(true);
        }
        for request in cx.drop_held() {
            cx.reply_to(request, &Words::<ANSWER>("too late".into()));
        }
        cx.reply(&Words::<LINE>(format!("{notice:?}")));
        cx.finish();
    }

    /// Modern packets that make no sense are answered.
    fn forgives(&self, cx: &mut FoyerCx, packet: u16, violation: Violation) -> bool {
        let is_modern = packet >= GATE_REQUEST;
        if is_modern {
            cx.reply(&Words::<ANSWER>(format!("bad: {}", violation.name())));
        }
        is_modern
    }

    fn on_too_fast(&self, cx: &mut FoyerCx, packet: u16, retry_after: Duration) {
        let verb = VERBS[usize::from(packet) - 1];
        let line = format!("too fast: {verb}, again in {retry_after:?}");
        cx.reply(&Words::<LINE>(line));
    }

    fn on_unanswered(&self, cx: &mut FoyerCx) {
        cx.reply(&Words::<ANSWER>("unanswered".into()));
    }

    fn on_refused(&self, cx: &mut FoyerCx, packet: u16, refusal: Refusal) {
        if packet >= GATE_REQUEST {
            return cx.reply(&Words::<ANSWER>(format!("refused: {}", refusal.code)));
        }
        let verb = VERBS[usize::from(packet) - 1];
        let Refusal { code, text } = refusal;
        cx.reply(&Words::<LINE>(format!("no {verb}: {code} {text}")));
    }
}

#[derive(Default)]
struct Hall {
    grace: Duration,
    said: u32,
    tickets: Vec<Ticket>,
    /// Counts up in a member's data.
    lines: u32,
    owed: Vec<Owed>,
}

impl Hall {
    fn say(&mut self, cx: &mut RoomCx, from: MemberId, words: Words<8>) -> Handled {
        self.said += 1;
        *cx.data::<u32>(from).unwrap() += 1;
        let own = *cx.data::<u32>(from).unwrap();
        cx.reply(&Words::<LINE>(format!("said {own}")));
        let line = format!("{}: {} #{}", cx.name(from), words.0, self.said);
        cx.broadcast(&Words::<LINE>(line));
        Ok(())
    }

    fn boom(&mut self, cx: &mut RoomCx, _: MemberId, _: Words<9>) -> Handled {
        self.lines += 1;
        let first = cx.members().next().unwrap();
        cx.kick(first);
        panic!("the hall breaks")
    }

    fn remind(&mut self, cx: &mut RoomCx, _: MemberId, words: Words<10>) -> Handled {
        let (millis, text) = words.0.split_once(' ').unwrap();
        let delay = Duration::from_millis(millis.parse().unwrap());
        match cx.after(delay, &Words::<200>(text.into())) {
            Ok(_) => Ok(()),
            Err(full) => Err(Fault::Refuse(2, full.to_string().into())),
        }
    }

    fn ask(&mut self, cx: &mut RoomCx, _: MemberId, words: Words<11>) -> Handled {
        let (room, text) = words.0.split_once(' ').unwrap();
        let room = RoomId::new(cx.room().kind(), room.parse().unwrap());
        let patience = Duration::from_millis(100);
        match cx.ask(room, &Words::<200>(text.into()), patience) {
            Ok(_) => Ok(()),
            Err(full) => Err(Fault::Refuse(3, full.to_string().into())),
        }
    }

    fn tell(&mut self, cx: &mut RoomCx, _: MemberId, words: Words<12>) -> Handled {
        let (room, text) = words.0.split_once(' ').unwrap();
        let room = RoomId::new(cx.room().kind(), room.parse().unwrap());
        match cx.tell(room, &Words::<200>(text.into())) {
            Ok(()) => Ok(()),
            Err(full) => Err(Fault::Refuse(4, full.to_string().into())),
        }
    }

    fn kick(&mut self, cx: &mut RoomCx, _: MemberId, words: Words<13>) -> Handled {
        let who = self.find(cx, &words.0)?;
        cx.kick(who);
        Ok(())
    }

    fn dismiss(&mut self, cx: &mut RoomCx, _: MemberId, words: Words<14>) -> Handled {
        let who = self.find(cx, &words.0)?;
        cx.dismiss(who, 7);
        Ok(())
    }

    fn refuse(&mut self, _: &mut RoomCx, _: MemberId, words: Words<15>) -> Handled {
        Err(Fault::Refuse(5, words.0.into()))
    }

    fn foul(&mut self, _: &mut RoomCx, _: MemberId, _: Words<16>) -> Handled {
        let (id, field) = (16, "taste");
        Err(Violation::InvalidField { id, field }.into())
    }

    fn raze(&mut self, cx: &mut RoomCx, _: MemberId, _: Words<17>) -> Handled {
        cx.close();
        Ok(())
    }

    /// Answers what was asked first and is still open.
    fn answer(&mut self, cx: &mut RoomCx, _: MemberId, words: Words<18>) -> Handled {
        if self.tickets.is_empty() {
            return Err(Fault::Refuse(6, "nobody asks".into()));
        }
        let ticket = self.tickets.remove(0);
        if words.0.is_empty() {
            cx.decline(ticket);
        } else {
            cx.answer(ticket, &Words::<200>(words.0));
        }
        Ok(())
    }

    fn serve(&mut self, cx: &mut RoomCx, from: MemberId, words: Words<HALL_REQUEST>) -> Handled {
        match (words.0.as_str(), cx.request()) {
            ("boom", _) => panic!("the hall breaks"),
            ("answer and boom", _) => {
                cx.reply(&Words::<ANSWER>("answered".into()));
                panic!("the hall breaks")
            }
            ("owe", _) => {
                self.owed.extend(cx.owe());
                return Ok(());
            }
            ("owe and pay", _) => {
                if let Some(owed) = cx.owe() {
                    cx.pay(owed, &Words::<ANSWER>("paid".into()));
                }
                cx.reply(&Words::<ANSWER>("no answer".into()));
                return Ok(());
            }
            ("pay", _) => {
                for owed in self.owed.iter().chain(&self.owed) {
                    cx.pay(*owed, &Words::<ANSWER>("paid".into()));
                }
                cx.reply(&Words::<ANSWER>("all".into()));
                return Ok(());
            }
            ("later", Some(request)) => {
                cx.reply_to(from, request, &Words::<ANSWER>("at once".into()));
            }
            (said, _) => cx.reply(&Words::<ANSWER>(format!("hall: {said}"))),
        }
        cx.broadcast(&Words::<ANSWER>("to all".into()));
        Ok(())
    }

    fn store(&mut self, cx: &mut RoomCx, _: MemberId, words: Words<24>) -> Handled {
        let (ask, context) = profile_of(&words.0);
        cx.query(ask, context).map_err(too_many)
    }

    /// To those who speak the platform's packets, and a whisper of it to the others.
    fn shout(&mut self, cx: &mut RoomCx, from: MemberId, words: Words<25>) -> Handled {
        let said = Words::<LINE>(format!("{}!", words.0));
        cx.broadcast_in(Dialect::Platform, &said, Some(from));
        let whispered = Words::<LINE>(format!("({})", words.0));
        cx.broadcast_in(Dialect::Classic, &whispered, Some(from));
        Ok(())
    }

    fn find(&self, cx: &RoomCx, name: &str) -> Result<MemberId, Fault> {
        let found = cx.members().find(|&member| cx.name(member) == name);
        found.ok_or(Fault::Refuse(404, "nobody".into()))
    }

    fn announce(&self, cx: &mut RoomCx, line: String) {
        cx.broadcast(&Words::<LINE>(line));
    }
}

impl Room for Hall {
    fn admit(&mut self, _: &mut RoomCx, user: &User) -> Result<(), Refusal> {
        match &*user.name {
            "thief" => Err(Refusal::new(9, "no thieves")),
            "curse" => panic!("cursed"),
            _ => Ok(()),
        }
    }

    fn on_join(&mut self, cx: &mut RoomCx, who: MemberId) {
        assert_ne!(cx.name(who), "hex", "the newcomer breaks it");
        let line = format!("+{}", cx.name(who));
        cx.send_except(who, &Words::<LINE>(line));
        let line = format!("hello, {} here #{}", cx.count(), self.said);
        cx.send(who, &Words::<LINE>(line));
    }

    fn on_drop(&mut self, cx: &mut RoomCx, who: MemberId) -> Duration {
        if !self.grace.is_zero() {
            let line = format!("?{}", cx.name(who));
            self.announce(cx, line);
        }
        self.grace
    }

    fn on_resume(&mut self, cx: &mut RoomCx, who: MemberId) {
        let line = format!("!{}", cx.name(who));
        self.announce(cx, line);
    }

    fn on_leave(&mut self, cx: &mut RoomCx, who: MemberId, why: LeaveReason) {
        let line = format!("-{} {why:?}", cx.name(who));
        self.announce(cx, line);
    }

    fn on_tick(&mut self, cx: &mut RoomCx, tick: Tick) {
        let millis = tick.due.as_nanos() / 1_000_000;
        let line = format!(
            "tick {} at {millis} ms, {} skipped",
            tick.number, tick.skipped
        );
        self.announce(cx, line);
    }

    fn on_note(&mut self, cx: &mut RoomCx, note: Note) {
        let line = match note {
            Note::Timer { message, .. } => {
                let text = message.read::<Memo>().unwrap().0;
                if text == "again" {
                    cx.after(Duration::ZERO, &Words::<200>(text)).unwrap();
                    return;
                }
                assert_ne!(text, "boom", "the reminder breaks");
                format!("remember {text}")
            }
            Note::Told { by, message } => {
                let text = message.read::<Memo>().unwrap().0;
                format!("hall {} says {text}", by.number())
            }
            Note::Asked { ticket, message } => {
                let text = message.read::<Memo>().unwrap().0;
                assert_ne!(text, "boom", "the question breaks");
                self.tickets.push(ticket);
                format!("hall {} asks {text}", ticket.from().number())
            }
            Note::Answered { answer, .. } => {
                let answer = answer.map(|message| message.read::<Memo>().unwrap().0);
                format!("answer {answer:?}")
            }
        };
        self.announce(cx, line);
    }

    fn on_reply(&mut self, cx: &mut RoomCx, context: u64, reply: Reply) {
        self.announce(cx, format!("{context} is {reply:?}"));
    }

    fn close(&mut self, cx: &mut RoomCx) {
        self.announce(cx, "the hall closes".into());
    }
}

/// Names what is called, for a watch.
pub(crate) fn name_of(cause: Cause) -> String {
    match cause {
        Cause::Packet(id) => VERBS[usize::from(id) - 1].to_owned(),
        Cause::Note(id) => format!("note {id}"),
        Cause::Tick => "tick".to_owned(),
        Cause::Occasion(name) => name.to_owned(),
    }
}

/// The line that a body of packet [`LINE`] is.
pub(crate) fn read_line(body: &[u8]) -> String {
    Line::decode(body).unwrap().0
}
