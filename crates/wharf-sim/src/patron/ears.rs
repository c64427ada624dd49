//! What a patron hears: answers, refusals and notices, and what must be true of each.

use super::{Asked, How, Patron};
use crate::books::{Books, Stay};
use crate::guesses::TryNumber;
use crate::halls::Order;
use crate::people::{People, person_of};
use wharf_proto::account::{Done, LoggedIn};
use wharf_proto::chat::content::What;
use wharf_proto::chat::{Blocked, Message, Said, SaidSo, WasRemoved, Whispered};
use wharf_proto::room::{
    Entered, Joined, Left, Member, MemberChanged, MutedHere, NowChanged, Parted, Removed, Users,
};
use wharf_proto::session::{Code, Error, Goodbye, Muted, Pong, Welcome};
use wharf_wire::{Extensions, Frame, Packet};

impl Patron {
    /// Hears a frame, and panics if it is not right.
    pub(crate) fn hear(&mut self, frame: Frame<'_>, books: &mut Books) {
        let me = &self.label;
        assert!(
            !self.is_over,
            "{me}: hears {} behind the last word",
            frame.id
        );
        let (extensions, body) = Extensions::split(frame).expect("extensions");
        let Some(number) = extensions.request.filter(|_| extensions.is_reply) else {
            return self.on_notice(frame.id, body, books);
        };
        self.last_answered = self.last_answered.max(number);
        let asked = self.owed.remove(&number);
        let asked = asked.unwrap_or_else(|| panic!("{me}: an answer to nothing: {frame:?}"));
        if frame.id == Error::ID {
            let error = Error::decode(body).expect("an error");
            self.on_error(asked, &error, books);
        } else {
            self.on_reply(asked, frame.id, body, books);
        }
    }

    fn on_reply(&mut self, asked: Asked, id: u16, body: &[u8], books: &mut Books) {
        match (asked, id) {
            (Asked::Hello, Welcome::ID) | (Asked::Users, Users::ID) => {}
            (Asked::Logins, wharf_proto::account::Logins::ID) => {}
            (Asked::Ping(sent), Pong::ID) => {
                assert_eq!(Pong::decode(body).expect("a pong").sent_ms, sent);
            }
            (Asked::LogIn(person, how, number), LoggedIn::ID) => {
                if let Some(number) = number {
                    let now = books.now;
                    books.guesses.tried(person, number, Some(false), now);
                }
                self.on_logged_in(person, how, LoggedIn::decode(body).expect("a login"), books);
            }
            (Asked::ShowTicket(ticket), LoggedIn::ID) => {
                self.is_logging_in = false;
                self.is_visitor = true;
                books.guesses.took_ticket(ticket);
            }
            (Asked::Enter(stay), Entered::ID) => {
                self.on_entered(stay, Entered::decode(body).expect("an entry"), books);
            }
            (Asked::Leave, Left::ID) => {
                self.is_moving = false;
                let stay = self.stay.take().expect("it was in a room");
                books.end_stay(stay);
                self.others.clear();
                self.hearing.end();
            }
            (Asked::Hall(asked), id) => self.on_hall_reply(asked, id, body, books),
            (Asked::Say(stay), SaidSo::ID) => books.accept_line(stay),
            (Asked::Mutter(number), SaidSo::ID) => {
                let orders = &books.people.orders;
                books.mutters.accepted(number, (orders, books.now));
            }
            (Asked::Whisper(whisper), SaidSo::ID) => {
                let said = SaidSo::decode(body).expect("an answer");
                assert!(said.stored && said.seq > 0, "{}: {said:?}", self.label);
                books.people.kept(whisper);
            }
            (Asked::Block(other, is_blocked), Blocked::ID) => {
                let (me, ..) = self.user.expect("somebody asked");
                books.people.blocked(me, other, is_blocked);
            }
            (Asked::Revoke(tokens), Done::ID) => books.people.kill(&tokens),
            (Asked::LogOut(tokens), Done::ID) => {
                books.people.kill(&tokens);
                self.is_over = true;
            }
            (asked, id) => panic!("{}: {id} came to {asked:?}", self.label),
        }
    }

    fn on_logged_in(&mut self, person: usize, how: How, it: LoggedIn, books: &mut Books) {
        let me = &self.label;
        assert!(how != How::WrongPassword, "{me}: in by a wrong password");
        assert!(
            !matches!(how, How::Token(_, true)),
            "{me}: {how:?} is worth nothing"
        );
        assert_eq!(person_of(&it.display_name), Some(person), "{me}: {it:?}");
        books.people.logged_in(person, it.account);
        let of = match how {
            How::Token(token, _) | How::Resume(token) => Some(token),
            _ => None,
        };
        match of.filter(|shown| books.people.tokens[*shown].secret == it.token) {
            Some(_) => books.people.token_logins += 1,
            None => {
                let token = People::token(it.token, person, it.login);
                books.people.give(token, of);
            }
        }
        let ban = Order::Ban(person);
        let is_banned = books.people.orders.holds(ban, self.login_asked, books.now);
        assert!(!is_banned, "{me}: {person} is banned, and logs in");
        let is_erased = books.people.is_erased(it.account, self.login_asked);
        assert!(!is_erased, "{me}: {person} is erased, and logs in");
        books.logins += 1;
        self.is_logging_in = false;
        self.came = books.when().moment;
        self.user = Some((person, it.account, it.login));
    }

    fn on_entered(&mut self, stay: Stay, entered: Entered, books: &Books) {
        let room = books.of(stay).room;
        let (me, account) = (&self.label, self.account());
        assert!(
            books.rules.has_room(room),
            "{me}: in a room that there is none"
        );
        assert_eq!(
            entered.members.first().map(|it| it.account),
            account,
            "{me}"
        );
        self.is_moving = false;
        self.stay = Some(stay);
        self.hearing.begin(room, books);
        for member in entered.members {
            // An older session of its own may not be gone yet.
            if Some(member.account) != account {
                self.others.insert(member.account, member.display_name);
            }
        }
    }

    pub(super) fn account(&self) -> Option<i64> {
        self.user.map(|(_, account, _)| account)
    }

    fn on_error(&mut self, asked: Asked, error: &Error, books: &mut Books) {
        let code = error.code();
        // What the services are asked may fail at any time; what they do not know is not known.
        let may_fail = matches!(code, Code::Busy | Code::Rate | Code::Unavailable);
        let is_right = match &asked {
            Asked::TooEarly => code == Code::WrongState,
            Asked::ShowTicket(ticket) => {
                self.is_logging_in = false;
                may_fail || code == Code::Token && books.guesses.refused_ticket(*ticket)
            }
            Asked::LogIn(person, how, number) => {
                self.is_logging_in = false;
                if let Some(number) = number {
                    on_try_refused(*person, *number, code, books);
                }
                let is_banned = code == Code::Banned && books.people.may_be_banned(*person);
                may_fail
                    || is_banned
                    || match how {
                        How::Register => {
                            books.people.taken(*person);
                            code == Code::Taken && books.people.may_be_taken(*person)
                        }
                        How::Password => {
                            code == Code::Credentials && books.people.may_be_erased(*person)
                        }
                        How::WrongPassword => code == Code::Credentials,
                        How::Resume(_) => false,
                        How::Token(..) => {
                            books.people.refused_tokens += 1;
                            code == Code::Token
                        }
                    }
            }
            Asked::Enter(stay) => {
                self.is_moving = false;
                let room = books.of(*stay).room;
                let crowded = books.may_be_crowded(*stay);
                books.rooms_full += u64::from(code == Code::Full);
                books.end_stay(*stay);
                match books.rules.has_room(room) {
                    true => code == Code::Full && crowded,
                    false => code == Code::NotFound,
                }
            }
            Asked::Whisper(whisper) => {
                let is_final = matches!(code, Code::Muted | Code::NotFound | Code::WrongState);
                if is_final {
                    books.people.refused(*whisper, code == Code::Muted);
                }
                is_final || may_fail
            }
            // Whoever has been taken over hears of it later.
            Asked::Users | Asked::Logins | Asked::Revoke(_) | Asked::LogOut(_) => {
                may_fail || code == Code::WrongState
            }
            Asked::Block(..) => may_fail,
            Asked::Hall(asked) => return self.on_hall_error(asked, error, books),
            Asked::Mutter(number) => {
                books.mutters.refused(*number);
                let (me, ..) = self.user.expect("somebody said it");
                books.mutters.silenced += u64::from(code == Code::Muted);
                code == Code::Muted && books.people.may_be_muted(me)
            }
            Asked::Hello | Asked::Ping(_) | Asked::Leave | Asked::Say(_) => false,
        };
        let is_right = is_right || self.may_be_unserved(code);
        let (me, user) = (&self.label, self.user);
        assert!(is_right, "{me}, {user:?}: {asked:?} and {error:?}");
    }

    /// Whether something was not begun because the session ends; then that must follow.
    pub(super) fn may_be_unserved(&mut self, code: Code) -> bool {
        self.is_unserved |= code == Code::Unavailable;
        code == Code::Unavailable
    }

    /// The server has said its last word: all that it has begun was answered, and what was asked
    /// behind that is not done.
    fn end_by_goodbye(&mut self, books: &mut Books) {
        let answered = self.last_answered;
        for (number, asked) in core::mem::take(&mut self.owed) {
            // A room that was left may have begun that, and cannot say so in time.
            if matches!(&asked, Asked::Hall(asked) if self.has_left(asked)) {
                continue;
            }
            let me = &self.label;
            assert!(
                number > answered,
                "{me}: {asked:?}, {number}, has no answer, and {answered} has"
            );
            match asked {
                Asked::Whisper(whisper) => books.people.refused(whisper, false),
                Asked::Mutter(number) => books.mutters.refused(number),
                Asked::Hall(asked) => super::hall_refusals::is_not_done(&asked, books),
                _ => {}
            }
        }
        self.is_over = true;
    }

    fn on_notice(&mut self, id: u16, body: &[u8], books: &mut Books) {
        let me = self.label.clone();
        match id {
            Said::ID => {
                let said = Said::decode(body).expect("a line").message;
                let message = said.expect("a message");
                match self.stay {
                    Some(_) => self.on_said(&message, books),
                    None => self.on_said_inside(&message, books),
                }
            }
            Whispered::ID => {
                let whispered = Whispered::decode(body).expect("a whisper").message;
                self.on_whisper(&whispered.expect("a message"), books);
            }
            Joined::ID => {
                let joined = Joined::decode(body).expect("a 1207").member;
                self.meet(joined.expect("somebody"));
                self.assert_has_seat(books);
            }
            Parted::ID => {
                let left = Parted::decode(body).expect("a 1208").account;
                let known = self.others.remove(&left).is_some();
                let is_own = Some(left) == self.account();
                assert!(known || is_own, "{me}: {left} left, who was not there");
            }
            MemberChanged::ID => {
                self.on_member_changed(MemberChanged::decode(body).expect("a change"), books);
            }
            NowChanged::ID => {}
            MutedHere::ID => {
                MutedHere::decode(body).expect("a mute");
                assert!(self.hall.is_some(), "{me}: muted in a room it is not in");
            }
            Muted::ID => {
                let muted = Muted::decode(body).expect("a mute");
                let person = self.user.map(|(person, ..)| person);
                let is_right = person.is_some_and(|it| books.people.may_be_muted(it));
                assert!(is_right, "{me}, {person:?}: {muted:?}");
            }
            WasRemoved::ID => {
                self.on_was_removed(&WasRemoved::decode(body).expect("a number"), books);
            }
            Removed::ID => {
                self.on_removed(&Removed::decode(body).expect("a reason"), books);
            }
            Goodbye::ID => {
                let goodbye = Goodbye::decode(body).expect("a goodbye");
                let person = self.user.map(|(person, ..)| person);
                let is_right = match goodbye.code() {
                    Code::Banned => person.is_some_and(|it| books.people.may_be_banned(it)),
                    Code::Kicked => books.people.kicks > 0,
                    code => matches!(code, Code::TakenOver | Code::Revoked),
                };
                assert!(is_right, "{me}, {person:?}: {goodbye:?}");
                self.end_by_goodbye(books);
            }
            _ => panic!("{me}: hears {id}"),
        }
    }

    fn meet(&mut self, member: Member) {
        assert!(
            self.stay.is_some() || self.hall.is_some(),
            "{}: hears of a room it is not in",
            self.label
        );
        if Some(member.account) == self.account() {
            return;
        }
        let again = crate::people::may_come_again(&member.display_name);
        let before = self.others.insert(member.account, member.display_name);
        let is_right = before.is_none() || again;
        assert!(is_right, "{}: {} came twice", self.label, member.account);
    }

    fn on_said(&mut self, message: &Message, books: &mut Books) {
        let me = &self.label;
        let text = text_of(message);
        let here = self.stay.map(|stay| books.of(stay).room);
        let Some(line) = books.hear(me, (text, usize::MAX), here) else {
            return;
        };
        let author = message.author;
        let present = Some(author) == self.account() || self.others.contains_key(&author);
        assert!(present, "{me}: hears {author}, who is not there");
        self.hearing.hear(me, line, books);
    }

    fn on_whisper(&mut self, message: &Message, books: &mut Books) {
        let me = &self.label;
        let (person, ..) = self
            .user
            .unwrap_or_else(|| panic!("{me}: nobody hears a whisper"));
        let number = text_of(message)
            .strip_prefix("w/")
            .and_then(|text| text.parse().ok());
        let number = number.unwrap_or_else(|| panic!("{me}: {message:?}"));
        books.people.told(number, person, message.author);
        let last = self.whispers.insert(message.author, message.seq);
        assert!(
            last < Some(message.seq),
            "{me}: {} behind {last:?}",
            message.seq
        );
    }
}

/// A login by a password was refused: at once, or after a look.
fn on_try_refused(person: usize, number: TryNumber, code: Code, books: &mut Books) {
    let now = books.now;
    let guesses = &mut books.guesses;
    match code {
        Code::Rate => guesses.delayed(person, number),
        Code::Credentials => guesses.tried(person, number, Some(true), now),
        _ => guesses.tried(person, number, None, now),
    }
}

pub(super) fn text_of(message: &Message) -> &str {
    let content = message.content.as_ref();
    match content.and_then(|content| content.what.as_ref()) {
        Some(What::Text(text)) => text,
        other => panic!("no text: {other:?}"),
    }
}
