//! The guide's protocol, as somebody at a terminal speaks it. What is told is told in the
//! platform's packets, so that people and scripts see the same.

mod engine;

use super::commands::find;
use super::engine::{Moment, Output, Question};
use super::event::{About, Done, Event, InRoom, Problem};
use super::parse::Call;
use super::talk::Wish;
use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};
use wharf_proto::ServerPacket;
use wharf_proto::account::LoggedIn;
use wharf_proto::chat::{Content, Message, Said, SaidSo, content::What};
use wharf_proto::room::{Entered, Info, Joined, Left, Member, Members, Parted, Rank, Reason};
use wharf_wire::Packet;
use wharf_wire::classic::{
    ChatNotify, ChatRequest, ChatText, Echo, EnterRequest, LeaveRequest, LoginRequest, ResultCode,
    UserEntry, UserListNotify, UserName, id,
};

/// How long an answer may take. Content of one's own may have none for what was asked.
const ANSWER_PATIENCE: Duration = Duration::from_secs(10);
/// How long a room may take to tell who is there. Not every room tells.
const LIST_PATIENCE: Duration = Duration::from_secs(2);

/// A conversation by the guide's protocol.
pub(super) struct Classic {
    target: String,
    wish: Wish,
    outputs: VecDeque<Output>,
    /// What waits for its answer; answers come in the order of the requests.
    asked: VecDeque<Asked>,
    me: Option<String>,
    room: Option<Room>,
    /// Who one was, and where, before the connection went.
    was: String,
    /// The room that is entered again.
    rejoin: Option<i32>,
    held: Option<Call>,
    is_here: bool,
    /// Somebody was logged in, and wants to be again.
    comes_back: bool,
    is_ready: bool,
    now: Moment,
}

struct Room {
    number: i32,
    members: BTreeMap<i64, String>,
    /// Whoever waits to be told who is there, and how long.
    entering: Option<(Option<Call>, Instant)>,
}

struct Asked {
    /// The id of the answer.
    reply: u16,
    /// `None` for what goes by itself.
    call: Option<Call>,
    what: Want,
    until: Instant,
}

enum Want {
    LogIn {
        user: String,
        password: String,
    },
    Enter(i32),
    Leave,
    Say,
    /// Since when.
    Ping(Instant),
}

impl Want {
    /// As people type it.
    fn name(&self) -> String {
        match self {
            Self::LogIn { .. } => "the login".to_owned(),
            Self::Enter(room) => format!("/enter {room}"),
            Self::Leave => "/leave".to_owned(),
            Self::Say => "what was said".to_owned(),
            Self::Ping(_) => "/ping".to_owned(),
        }
    }
}

impl Classic {
    pub(super) fn new(target: &str, wish: Wish, now: Moment) -> Self {
        Self {
            target: target.to_owned(),
            wish,
            outputs: VecDeque::new(),
            asked: VecDeque::new(),
            me: None,
            room: None,
            was: String::new(),
            rejoin: None,
            held: None,
            is_here: false,
            comes_back: false,
            is_ready: false,
            now,
        }
    }

    fn tell(&mut self, event: Event) {
        self.outputs.push_back(Output::Tell(event.into()));
    }

    fn fail(&mut self, call: Option<Call>, problem: Problem) {
        self.tell(Event::Failed { call, problem });
    }

    /// Tells an answer to whoever asked, and what goes by itself as a notice.
    fn done(&mut self, call: Option<Call>, packet: ServerPacket) {
        let about = self.about();
        match call {
            Some(call) => {
                let done = Done::Packet(packet);
                self.tell(Event::Done { call, done, about });
            }
            None => self.tell(Event::Notice { packet, about }),
        }
    }

    fn about(&self) -> About {
        About {
            room: self.room.as_ref().map(|room| InRoom {
                id: 0,
                name: name_of(room.number),
            }),
            ..About::default()
        }
    }

    fn ready(&mut self, is_in: bool) {
        if !self.is_ready {
            self.is_ready = true;
            self.outputs.push_back(Output::Ready { is_in });
        }
    }

    fn ask(&mut self, packet: &impl Packet, reply: u16, call: Option<Call>, what: Want) {
        self.outputs.push_back(Output::Send(packet.to_frame()));
        let until = self.now.at + ANSWER_PATIENCE;
        self.asked.push_back(Asked {
            reply,
            call,
            what,
            until,
        });
    }

    /// What has waited too long for its answer is told so, and holds up nothing that comes behind.
    fn give_up(&mut self) {
        let now = self.now.at;
        while let Some(asked) = self.asked.pop_front_if(|it| it.until <= now) {
            let seconds = ANSWER_PATIENCE.as_secs();
            let what = asked.what.name();
            let text = format!("the server has not answered {what} within {seconds} s");
            let hint = "perhaps nothing in it answers that; it may have been done or not";
            self.fail(asked.call, Problem::new("timeout", text).hint(hint));
            if matches!(asked.what, Want::LogIn { .. }) {
                self.comes_back = false;
                self.ready(false);
            }
        }
        let entering = self.room.as_mut().map(|room| &mut room.entering);
        let is_late = |it: &mut (_, Instant)| it.1 <= now;
        if let Some((call, _)) = entering.and_then(|it| it.take_if(is_late)) {
            self.entered(call);
            let hint = "the room has not told who is there";
            self.tell(Event::Hint(hint.to_owned()));
        }
    }

    fn log_in(&mut self, call: Option<Call>, user: String, password: String) {
        let names = [&user, &password];
        if names
            .iter()
            .any(|it| UserName::truncated(it).as_str() != **it)
        {
            let problem = Problem::new("invalid", "the classic protocol has 33 bytes for a name");
            self.fail(call, problem);
            return self.ready(false);
        }
        let request = LoginRequest {
            user: UserName::truncated(&user),
            password: UserName::truncated(&password),
        };
        let what = Want::LogIn { user, password };
        self.ask(&request, id::LOGIN_RESPONSE, call, what);
    }

    fn enter(&mut self, call: Option<Call>, room: i32) {
        let request = EnterRequest { room };
        self.ask(&request, id::ENTER_RESPONSE, call, Want::Enter(room));
    }

    fn do_call(&mut self, call: Call) {
        match call.command.name {
            "login" => {
                let (user, password) = (call.text("name"), call.text("password"));
                self.log_in(Some(call), user, password);
            }
            "enter" => match call.number("room") {
                Ok(Some(room)) => self.enter(Some(call), room),
                _ => {
                    let problem = call.mistake("the classic protocol has rooms by number");
                    self.fail(Some(call), problem.into());
                }
            },
            "leave" => self.ask(&LeaveRequest, id::LEAVE_RESPONSE, Some(call), Want::Leave),
            "say" => {
                let text = call.text("text");
                let message = ChatText::truncated(&text);
                if message.as_str() != text {
                    let problem = "the classic protocol has 257 bytes for a line";
                    return self.fail(Some(call), Problem::new("invalid", problem));
                }
                let request = ChatRequest { message };
                self.ask(&request, id::CHAT_RESPONSE, Some(call), Want::Say);
            }
            "ping" => {
                let text = "ping".to_owned();
                let what = Want::Ping(self.now.at);
                self.ask(&Echo { text }, id::ECHO, Some(call), what);
            }
            "members" => {
                let members = self.members();
                let next_page = String::new();
                let members = Members { members, next_page };
                self.done(Some(call), ServerPacket::Members(members));
            }
            "connect" => {
                let (done, about) = (Done::is_there(&self.target), About::default());
                self.tell(Event::Done { call, done, about });
            }
            _ => {
                let problem = Problem::new("usage", "the classic protocol has nothing for that");
                let hint = "/help lists what it has; without --classic there is more";
                self.fail(Some(call), problem.hint(hint));
            }
        }
    }

    fn answered(&mut self, asked: Asked, result: ResultCode) {
        let Asked { call, what, .. } = asked;
        if result != ResultCode::None {
            return self.refused(call, what, result);
        }
        match what {
            Want::LogIn { user, password } => {
                let logged_in = LoggedIn {
                    display_name: user.clone(),
                    ..LoggedIn::default()
                };
                self.comes_back = true;
                self.me = Some(user.clone());
                self.wish.user = Some(user);
                self.wish.password = Some(password);
                self.done(call, ServerPacket::LoggedIn(logged_in));
                self.ready(true);
                if let Some(room) = self.rejoin.take() {
                    self.enter(None, room);
                }
            }
            Want::Enter(number) => {
                self.room = Some(Room {
                    number,
                    members: BTreeMap::new(),
                    entering: Some((call, self.now.at + LIST_PATIENCE)),
                });
            }
            Want::Leave => {
                self.room = None;
                self.done(call, ServerPacket::Left(Left {}));
            }
            Want::Say => self.done(call, ServerPacket::SaidSo(SaidSo::default())),
            Want::Ping(sent_at) => {
                let done = Done::Pong(self.now.at.saturating_duration_since(sent_at));
                if let Some(call) = call {
                    let about = About::default();
                    self.tell(Event::Done { call, done, about });
                }
            }
        }
    }

    /// Most servers want no password, so that one is asked for only when the server has said no.
    fn refused(&mut self, call: Option<Call>, what: Want, result: ResultCode) {
        let Want::LogIn { user, password } = what else {
            return self.fail(call, refusal(result));
        };
        self.comes_back = false;
        let is_asked = password.is_empty() && result == ResultCode::LoginUserInvalid;
        if is_asked && self.wish.can_be_asked {
            let by_itself = || Call::of(find("login").expect("it is in the table"));
            let mut call = call.unwrap_or_else(by_itself);
            call.set("name", user);
            let question = Question {
                call,
                secrets: vec![("password", false)],
                problem: refusal(result),
            };
            self.outputs.push_back(Output::Ask(question.into()));
        } else {
            self.fail(call, refusal(result));
        }
        self.ready(false);
    }

    /// Those who were there already; the first such list is the answer to entering.
    fn listed(&mut self, list: &UserListNotify) {
        let Some(room) = &mut self.room else {
            return;
        };
        let users = list.users.iter();
        room.members
            .extend(users.map(|it| (it.unique_id, it.name.to_string())));
        if let Some((call, _)) = room.entering.take() {
            self.entered(call);
        }
    }

    /// The room is entered, with those who are known to be there.
    fn entered(&mut self, call: Option<Call>) {
        let Some(number) = self.room.as_ref().map(|room| room.number) else {
            return;
        };
        let members = self.members();
        let info = Info {
            name: name_of(number),
            number: u32::try_from(number).ok(),
            members: members.len() as u32,
            ..Info::default()
        };
        let entered = Entered {
            info: Some(info),
            rank: Rank::Member.into(),
            members,
            last_seq: 0,
        };
        self.done(call, ServerPacket::Entered(entered));
    }

    /// Oneself, whose number is not told, and the others.
    fn members(&self) -> Vec<Member> {
        let Some(room) = &self.room else {
            return Vec::new();
        };
        let me = self.me.iter().map(|name| member(0, name));
        let others = room.members.iter();
        me.chain(others.map(|(account, name)| member(*account, name)))
            .collect()
    }

    fn came(&mut self, user: &UserEntry) {
        let name = user.name.to_string();
        let packet = ServerPacket::Joined(Joined {
            member: Some(member(user.unique_id, &name)),
        });
        if let Some(room) = &mut self.room {
            room.members.insert(user.unique_id, name);
        }
        self.done(None, packet);
    }

    fn went(&mut self, account: i64) {
        let room = self.room.as_mut();
        let name = room.and_then(|room| room.members.remove(&account));
        let mut about = self.about();
        about.names.extend(name.map(|name| (account, name)));
        let reason = Reason::Left.into();
        let packet = ServerPacket::Parted(Parted { account, reason });
        self.tell(Event::Notice { packet, about });
    }

    fn said(&mut self, chat: &ChatNotify) {
        let name = chat.user.to_string();
        let members = self.room.as_ref().map(|room| &room.members);
        let known = members.and_then(|all| all.iter().find(|(_, it)| **it == name));
        let what = Some(What::Text(chat.message.to_string()));
        let message = Message {
            author: known.map(|(account, _)| *account).unwrap_or_default(),
            content: Some(Content { what }),
            at_ms: self.now.unix_ms,
            author_name: name.clone(),
            ..Message::default()
        };
        let about = About {
            is_own: self.me == Some(name),
            ..self.about()
        };
        let message = Some(message);
        let packet = ServerPacket::Said(Said { message });
        self.tell(Event::Notice { packet, about });
    }
}

fn member(account: i64, name: &str) -> Member {
    Member {
        account,
        display_name: name.to_owned(),
        rank: Rank::Member.into(),
        is_classic: true,
        ..Member::default()
    }
}

fn name_of(room: i32) -> String {
    format!("Room {room}")
}

/// A result as an error of the platform would be told.
fn refusal(result: ResultCode) -> Problem {
    let code = match result {
        ResultCode::LoginUserAlready => "in_use",
        ResultCode::LoginUserUsedAll | ResultCode::EnterRoomFull => "full",
        ResultCode::LoginUserInvalid => "credentials",
        ResultCode::RoomInvalidIndex => "not_found",
        _ => "wrong_state",
    };
    Problem::new(code, result.to_string())
}
