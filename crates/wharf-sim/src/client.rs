//! One simulated client: does anything that a client may do, and checks all that it hears.

use crate::books::{Books, Stay, read_line};
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
    Login,
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
    pub(crate) name: String,
    owed: VecDeque<Owed>,
    logged_in: bool,
    /// Where it is, by what the server has said.
    stay: Option<Stay>,
    /// Where it will be, by what it has asked for: one request ahead of `stay` at the most.
    asked: bool,
    /// Who else is in the room, by unique id.
    others: BTreeMap<i64, String>,
    /// The next line expected of each stay, where one has been heard.
    heard: BTreeMap<Stay, u64>,
    /// What each stay in the room had sent when this one began: all that comes after is owed.
    before: BTreeMap<Stay, u64>,
    echoes: u64,
}

impl Client {
    pub(crate) fn new(name: String) -> Self {
        Self {
            name,
            owed: VecDeque::new(),
            logged_in: false,
            stay: None,
            asked: false,
            others: BTreeMap::new(),
            heard: BTreeMap::new(),
            before: BTreeMap::new(),
            echoes: 0,
        }
    }

    /// Appends something to say: a request, sometimes a wrong one.
    pub(crate) fn ask(&mut self, rng: &mut Rng, rooms: u32, books: &mut Books, out: &mut Vec<u8>) {
        books.packets += 1;
        match rng.below(10) {
            0 => self.ask_echo(rng, out),
            1 | 2 => self.ask_login(out),
            3 | 4 => self.ask_enter(rng, rooms, books, out),
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
        let text = format!("{}:{}:{}", self.name, self.echoes, "e".repeat(length));
        Echo { text: text.clone() }.encode_frame(out);
        self.owed.push_back(Owed::Echo(text));
    }

    fn ask_login(&mut self, out: &mut Vec<u8>) {
        let user = UserName::truncated(&self.name);
        LoginRequest {
            user,
            password: UserName::EMPTY,
        }
        .encode_frame(out);
        self.owed.push_back(Owed::Login);
    }

    fn ask_enter(&mut self, rng: &mut Rng, rooms: u32, books: &mut Books, out: &mut Vec<u8>) {
        // Room number `rooms` does not exist.
        let room = rng.below(u64::from(rooms) + 1) as i32;
        self.owed.push_back(Owed::Enter(books.begin_stay(room)));
        self.asked = true;
        EnterRequest { room }.encode_frame(out);
    }

    fn ask_chat(&mut self, books: &mut Books, out: &mut Vec<u8>) {
        // A line names its stay; while a change of room is under way nobody knows which.
        if self.asked {
            return;
        }
        let text = match self.stay {
            Some(stay) => books.next_line(stay),
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
                assert!(known, "{}: {left} left, who was not there", self.name);
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
            self.name
        );
        assert_ne!(name, self.name, "it is told of itself");
        let before = self.others.insert(unique_id, name);
        assert!(before.is_none(), "{}: {unique_id} came twice", self.name);
    }

    fn on_chat(&mut self, chat: ChatNotify, books: &mut Books) {
        books.lines_heard += 1;
        let me = &self.name;
        let text = chat.message.as_str();
        let (stay, number, room) = read_line(text).unwrap_or_else(|| panic!("{me}: {text:?}"));
        let here = self
            .stay
            .and_then(|stay| books.of(stay))
            .map(|said| said.room);
        assert_eq!(here, Some(room), "{me}: hears room {room}");
        let user = chat.user.as_str();
        let present = user == me || self.others.values().any(|other| other == user);
        assert!(present, "{me}: hears {user}, who is not there");
        let sent = books.of(stay).map_or(0, |said| said.sent);
        assert!(
            number < sent,
            "{me}: hears line {number} of {stay:?}, which was never sent"
        );
        if let Some(expected) = self.heard.insert(stay, number + 1) {
            assert_eq!(
                number, expected,
                "{me}: lost, doubled or out of order, of {stay:?}"
            );
        } else {
            let earliest = self.before.get(&stay).copied().unwrap_or(0);
            assert!(
                number <= earliest,
                "{me}: missed the lines before {number} of {stay:?}"
            );
        }
    }

    fn on_answer(&mut self, frame: Frame<'_>, books: &mut Books) {
        let me = self.name.clone();
        let owed = self.owed.pop_front();
        let owed = owed.unwrap_or_else(|| panic!("{me}: an answer to nothing: {frame:?}"));
        match (owed, frame.id) {
            (Owed::Echo(text), id::ECHO) => {
                assert_eq!(frame.body, text.as_bytes(), "{me}: another echo");
            }
            (Owed::Login, id::LOGIN_RESPONSE) => {
                if result(frame) == ResultCode::None {
                    assert!(!self.logged_in, "{me}: logged in twice");
                    self.logged_in = true;
                    books.logins += 1;
                }
            }
            (Owed::Enter(stay), id::ENTER_RESPONSE) => {
                if result(frame) == ResultCode::None {
                    assert!(
                        self.logged_in && self.stay.is_none(),
                        "{me}: entered like this"
                    );
                    self.begin(stay, books);
                }
                self.settle();
            }
            (Owed::Leave, id::LEAVE_RESPONSE) => {
                let left = result(frame) == ResultCode::None;
                assert_eq!(left, self.stay.is_some(), "{me}: left, or not");
                if left {
                    self.leave();
                }
                self.settle();
            }
            (Owed::Chat(stay), id::CHAT_RESPONSE) => {
                let accepted = result(frame) == ResultCode::None;
                assert_eq!(accepted, stay.is_some(), "{me}: a line accepted, or not");
                if let Some(stay) = stay {
                    books.accept_line(stay);
                }
            }
            (owed, id) => panic!("{me}: {id} came, and owed was {owed:?}"),
        }
    }

    fn begin(&mut self, stay: Stay, books: &Books) {
        self.stay = Some(stay);
        let room = books.of(stay).expect("it has begun").room;
        self.before = books.sent_in(room);
    }

    fn leave(&mut self) {
        self.stay = None;
        self.others.clear();
        self.heard.clear();
        self.before.clear();
    }

    /// Whether a change of room is still under way.
    fn settle(&mut self) {
        let changes = |owed: &Owed| matches!(owed, Owed::Enter(_) | Owed::Leave);
        self.asked = self.owed.iter().any(changes);
    }

    /// When all is quiet: nothing is owed any more, and of each stay that spoke in this room after
    /// this one began, the last accepted line was heard.
    pub(crate) fn assert_settled(&self, books: &Books) {
        let me = &self.name;
        assert!(self.owed.is_empty(), "{me}: still owed {:?}", self.owed);
        let Some(stay) = self.stay else { return };
        let room = books.of(stay).expect("it has begun").room;
        for other in books.sent_in(room).into_keys() {
            let accepted = books.of(other).expect("listed").accepted;
            let before = self.before.get(&other).copied().unwrap_or(0);
            if accepted > before {
                let heard = self.heard.get(&other).copied().unwrap_or(0);
                assert!(
                    heard >= accepted,
                    "{me}: heard {heard} of {accepted} lines of {other:?}"
                );
            }
        }
    }
}

fn result(frame: Frame<'_>) -> ResultCode {
    let code = frame.body.try_into().expect("a result of two bytes");
    ResultCode::from_wire(u16::from_le_bytes(code))
}
