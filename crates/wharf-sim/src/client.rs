//! One simulated client: does anything that a client may do, and checks all that it hears.

use crate::books::{Books, Stay};
use crate::claims::{LinkNumber, Moment};
use crate::hearing::Hearing;
use crate::people::{CLASSIC_LINE, may_come_again};
use crate::roll_call::Belief;
use std::collections::{BTreeMap, VecDeque};
use wharf_base::Rng;
use wharf_wire::classic::{
    ChatNotify, ChatRequest, ChatText, Echo, EnterRequest, LeaveRequest, LeaveUserNotify,
    LoginRequest, NewUserNotify, ResultCode, UserListNotify, UserName, id,
};
use wharf_wire::{Frame, Packet};

/// What the server owes a client, in the order in which it was asked for.
#[derive(Debug, PartialEq, Eq)]
enum Owed {
    Echo(String),
    /// As whom, and when that was asked.
    Login(String, Moment),
    /// Into which stay, if that is granted.
    Enter(Stay),
    Leave,
    /// A 222 for a line of this stay.
    Chat(Option<Stay>),
}

/// A client's link, from connecting to its end. Its next link is another `Client`.
///
/// It keeps what it believes: who it is, where it is, who else is there, and what it is owed. The
/// server may end the link at any time; what it says until then must all be right.
#[derive(Debug)]
pub(crate) struct Client {
    /// What it is called here; at the server it has the name that it logs in with.
    label: String,
    link: LinkNumber,
    owed: VecDeque<Owed>,
    /// As whom it is logged in.
    user: Option<String>,
    /// Where it is, by what the server has said.
    stay: Option<Stay>,
    /// Where it will be, by what it has asked for: one request ahead of `stay` at the most.
    asked: bool,
    /// Who else is in the room, by unique id.
    others: BTreeMap<i64, String>,
    hearing: Hearing,
    echoes: u64,
}

impl Client {
    pub(crate) fn new(label: String, link: LinkNumber) -> Self {
        Self {
            label,
            link,
            owed: VecDeque::new(),
            user: None,
            stay: None,
            asked: false,
            others: BTreeMap::new(),
            hearing: Hearing::default(),
            echoes: 0,
        }
    }

    /// Appends something to say: a request, sometimes a wrong one.
    pub(crate) fn ask(&mut self, rng: &mut Rng, books: &mut Books, out: &mut Vec<u8>) {
        books.packets += 1;
        match rng.below(10) {
            0 => self.ask_echo(rng, out),
            1 | 2 => self.ask_login(rng, books, out),
            3 | 4 => self.ask_enter(rng, books, out),
            5 if rng.chance(0.3) => {
                self.owed.push_back(Owed::Leave);
                self.asked = true;
                LeaveRequest.encode_frame(out);
            }
            _ => self.ask_chat(books, out),
        }
    }

    fn ask_echo(&mut self, rng: &mut Rng, out: &mut Vec<u8>) {
        self.echoes += 1;
        let length = rng.below(700) as usize;
        let text = format!("{}:{}:{}", self.label, self.echoes, "e".repeat(length));
        Echo { text: text.clone() }.encode_frame(out);
        self.owed.push_back(Owed::Echo(text));
    }

    /// As one of a few, so that two want the same name; sometimes as nobody.
    fn ask_login(&mut self, rng: &mut Rng, books: &mut Books, out: &mut Vec<u8>) {
        let name = match rng.below(u64::from(books.rules.names) + 1) {
            0 => String::new(),
            number => format!("u{number}"),
        };
        LoginRequest {
            user: UserName::truncated(&name),
            password: UserName::EMPTY,
        }
        .encode_frame(out);
        let asked = books.claim_name(&name, self.link);
        self.owed.push_back(Owed::Login(name, asked));
    }

    fn ask_enter(&mut self, rng: &mut Rng, books: &mut Books, out: &mut Vec<u8>) {
        // The last of these does not exist.
        let room = rng.below(u64::from(books.rules.rooms) + 1) as i32;
        let stay = books.begin_stay(room, self.link);
        self.owed.push_back(Owed::Enter(stay));
        self.asked = true;
        EnterRequest { room }.encode_frame(out);
    }

    fn ask_chat(&mut self, books: &mut Books, out: &mut Vec<u8>) {
        // A line names its stay; while a change of room is under way nobody knows which.
        if self.asked {
            return;
        }
        let text = match self.stay {
            Some(stay) => books.next_line(stay, false),
            None => "to nobody".to_owned(),
        };
        ChatRequest {
            message: ChatText::truncated(&text),
        }
        .encode_frame(out);
        self.owed.push_back(Owed::Chat(self.stay));
    }

    /// Hears a frame, and panics if it is not right.
    pub(crate) fn hear(&mut self, frame: Frame<'_>, books: &mut Books) {
        let body = frame.body;
        match frame.id {
            id::NEW_USER_NOTIFY => self.on_new_user(NewUserNotify::decode(body).expect("a 208")),
            id::USER_LIST_NOTIFY => {
                for user in UserListNotify::decode(body).expect("a 209").users {
                    self.meet(user.unique_id, user.name.to_string());
                }
            }
            id::LEAVE_USER_NOTIFY => {
                let left = LeaveUserNotify::decode(body).expect("a 217").unique_id;
                let known = self.others.remove(&left).is_some();
                assert!(known, "{}: {left} left, who was not there", self.label);
            }
            id::CHAT_NOTIFY => self.on_chat(ChatNotify::decode(body).expect("a 223"), books),
            _ => self.on_answer(frame, books),
        }
    }

    fn on_new_user(&mut self, new: NewUserNotify) {
        self.meet(new.user.unique_id, new.user.name.to_string());
    }

    fn meet(&mut self, unique_id: i64, name: String) {
        assert!(
            self.stay.is_some(),
            "{}: hears of a room it is not in",
            self.label
        );
        let again = may_come_again(&name);
        let before = self.others.insert(unique_id, name);
        let is_right = before.is_none() || again;
        assert!(is_right, "{}: {unique_id} came twice", self.label);
    }

    fn on_chat(&mut self, chat: ChatNotify, books: &mut Books) {
        let me = &self.label;
        let text = chat.message.as_str();
        let here = self.stay.map(|stay| books.of(stay).room);
        let Some(line) = books.hear(me, (text, CLASSIC_LINE), here) else {
            return;
        };
        let user = chat.user.as_str();
        let is_me = self.user.as_deref() == Some(user);
        let present = is_me || self.others.values().any(|other| other == user);
        assert!(present, "{me}: hears {user}, who is not there");
        self.hearing.hear(me, line, books);
    }

    fn on_answer(&mut self, frame: Frame<'_>, books: &mut Books) {
        let me = self.label.clone();
        let owed = self.owed.pop_front();
        let owed = owed.unwrap_or_else(|| panic!("{me}: an answer to nothing: {frame:?}"));
        match (owed, frame.id) {
            (Owed::Echo(text), id::ECHO) => {
                assert_eq!(frame.body, text.as_bytes(), "{me}: another echo");
            }
            (Owed::Login(name, asked), id::LOGIN_RESPONSE) => {
                self.on_login(name, asked, result(frame), books);
            }
            (Owed::Enter(stay), id::ENTER_RESPONSE) => {
                self.on_enter(stay, result(frame), books);
                self.settle();
            }
            (Owed::Leave, id::LEAVE_RESPONSE) => {
                let right = match self.stay {
                    Some(_) => ResultCode::None,
                    None => ResultCode::RoomInvalidIndex,
                };
                assert_eq!(result(frame), right, "{me}: left, or not");
                self.leave(books);
                self.settle();
            }
            (Owed::Chat(stay), id::CHAT_RESPONSE) => {
                let right = match stay {
                    Some(_) => ResultCode::None,
                    None => ResultCode::ChatRoomInvalid,
                };
                assert_eq!(result(frame), right, "{me}: a line accepted, or not");
                if let Some(stay) = stay {
                    books.accept_line(stay);
                }
            }
            (owed, id) => panic!("{me}: {id} came, and owed was {owed:?}"),
        }
    }

    /// Answers come in order, so this side knows who it was when the server decided.
    fn on_login(&mut self, name: String, asked: Moment, result: ResultCode, books: &mut Books) {
        let is_in = self.user.is_some();
        let is_taken = books.may_be_in_use(&name, self.link, asked);
        let is_right = match result {
            ResultCode::None => !is_in && !name.is_empty(),
            ResultCode::LoginUserAlready => is_in || !name.is_empty() && is_taken,
            ResultCode::LoginUserInvalid => !is_in && name.is_empty(),
            ResultCode::LoginUserUsedAll => !is_in && books.may_be_full(),
            _ => false,
        };
        let me = &self.label;
        assert!(is_right, "{me}, {:?}, as {name:?}: {result}", self.user);
        if result == ResultCode::None {
            books.logins += 1;
            self.user = Some(name);
        } else {
            books.names_in_use += u64::from(!is_in && result == ResultCode::LoginUserAlready);
            books.give_up_name(&name, self.link);
        }
    }

    fn on_enter(&mut self, stay: Stay, result: ResultCode, books: &mut Books) {
        let room = books.of(stay).room;
        let may_enter = self.user.is_some() && self.stay.is_none();
        let is_room = books.rules.has_room(room);
        let is_right = match result {
            ResultCode::None => may_enter && is_room,
            ResultCode::EnterRoomInvalidStatus => !may_enter,
            ResultCode::RoomInvalidIndex => may_enter && !is_room,
            ResultCode::EnterRoomFull => may_enter && is_room && books.may_be_crowded(stay),
            _ => false,
        };
        let me = &self.label;
        let (user, now) = (&self.user, self.stay);
        assert!(is_right, "{me}, {user:?}, in {now:?}, to {room}: {result}");
        if result == ResultCode::None {
            self.begin(stay, books);
        } else {
            books.rooms_full += u64::from(result == ResultCode::EnterRoomFull);
            books.end_stay(stay);
        }
    }

    fn begin(&mut self, stay: Stay, books: &Books) {
        self.stay = Some(stay);
        let room = books.of(stay).room;
        self.hearing.begin(room, books);
    }

    fn leave(&mut self, books: &mut Books) {
        if let Some(stay) = self.stay.take() {
            books.end_stay(stay);
        }
        self.others.clear();
        self.hearing.end();
    }

    /// Whether a change of room is still under way.
    fn settle(&mut self) {
        let changes = |owed: &Owed| matches!(owed, Owed::Enter(_) | Owed::Leave);
        self.asked = self.owed.iter().any(changes);
    }

    pub(crate) fn is_owed(&self) -> bool {
        !self.owed.is_empty()
    }

    /// When all is quiet: nothing is owed any more, and of each stay that spoke in this room after
    /// this one began, the last accepted line was heard.
    pub(crate) fn assert_settled(&self, books: &Books) {
        let me = &self.label;
        assert!(self.owed.is_empty(), "{me}: still owed {:?}", self.owed);
        let Some(stay) = self.stay else { return };
        let room = books.of(stay).room;
        self.hearing.assert_settled(me, room, books);
    }

    /// Who and where it is, and whom it sees there.
    pub(crate) fn belief(&self, books: &Books) -> Belief {
        Belief {
            label: self.label.clone(),
            user: self.user.clone(),
            login: None,
            room: self.stay.map(|stay| books.of(stay).room),
            hall: None,
            others: self.others.clone(),
            is_classic: true,
        }
    }
}

fn result(frame: Frame<'_>) -> ResultCode {
    let code = frame.body.try_into().expect("a result of two bytes");
    ResultCode::from_wire(u16::from_le_bytes(code))
}
