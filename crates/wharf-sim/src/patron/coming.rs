//! How a patron comes in, and goes.

use super::{Asked, How, Patron};
use crate::books::Books;
use crate::guesses::key_of;
use crate::people::{name_of, password_of};
use wharf_base::Rng;
use wharf_proto::VERSION;
use wharf_proto::account::{
    ListLogins, LogIn, LogInByTicket, LogInByToken, LogOut, Register, RevokeLogins,
};
use wharf_proto::session::Hello;

impl Patron {
    fn ask_hello(&mut self, out: &mut Vec<u8>) {
        self.is_greeted = true;
        let hello = Hello {
            version: VERSION,
            ..Hello::default()
        };
        self.send(&hello, Asked::Hello, out);
    }

    pub(super) fn ask_as_guest(&mut self, rng: &mut Rng, books: &mut Books, out: &mut Vec<u8>) {
        if !self.is_greeted {
            match rng.chance(0.05) {
                true => self.send(&ListLogins {}, Asked::TooEarly, out),
                false => self.ask_hello(out),
            }
        } else if self.is_logging_in || self.is_visitor || rng.chance(0.1) {
            self.ask_ping(rng, out);
        } else if rng.chance(0.05) {
            self.ask_by_ticket(rng, books, out);
        } else {
            let person = match rng.below(10) {
                0 => books.people.some_mortal(rng),
                // Often the same, so that somebody fails in a row.
                1 | 2 => 0,
                _ => rng.below(books.people.count() as u64) as usize,
            };
            let back = rng.below(6).saturating_sub(3) as usize;
            let token = books.people.some_token(person, back);
            let how = match (books.people.is_registered(person), token, rng.below(10)) {
                (false, ..) => How::Register,
                (_, Some(token), 0..=4) => How::Token(token, books.people.tokens[token].is_dead),
                (.., 9) if person == 0 || rng.chance(0.5) => How::WrongPassword,
                (.., 5..=8) if person == 0 => How::WrongPassword,
                _ => How::Password,
            };
            self.ask_login(person, how, books, out);
        }
    }

    fn ask_login(&mut self, person: usize, how: How, books: &mut Books, out: &mut Vec<u8>) {
        self.is_logging_in = true;
        self.login_asked = books.when().moment;
        let is_try = matches!(how, How::Password | How::WrongPassword);
        let now = books.now;
        let is_wrong = how == How::WrongPassword;
        let number = is_try.then(|| books.guesses.ask(person, now, (self.link, is_wrong)));
        let (name, asked) = (name_of(person), Asked::LogIn(person, how, number));
        let password = match how {
            How::WrongPassword => "another password".to_owned(),
            _ => password_of(person),
        };
        match how {
            How::Register => {
                books.people.ask_to_register(person);
                let device = None;
                let register = Register {
                    name,
                    password,
                    device,
                };
                self.send(&register, asked, out);
            }
            How::Password | How::WrongPassword => {
                let device = None;
                self.send(
                    &LogIn {
                        name,
                        password,
                        device,
                    },
                    asked,
                    out,
                );
            }
            How::Token(token, _) | How::Resume(token) => {
                let token = books.people.tokens[token].secret.clone();
                let device = None;
                self.send(&LogInByToken { token, device }, asked, out);
            }
        }
    }

    /// Shows a ticket that somebody else may have shown.
    fn ask_by_ticket(&mut self, rng: &mut Rng, books: &mut Books, out: &mut Vec<u8>) {
        let Some(ticket) = books.guesses.show_ticket(rng) else {
            return;
        };
        self.is_logging_in = true;
        let request = LogInByTicket {
            ticket: key_of(ticket),
            device: None,
        };
        self.send(&request, Asked::ShowTicket(ticket), out);
    }

    pub(super) fn ask_revoke(&mut self, books: &Books, out: &mut Vec<u8>) {
        let Some((me, _, login)) = self.user else {
            return;
        };
        let others = books.people.tokens_of(me, login, false);
        self.send(&RevokeLogins { login: 0 }, Asked::Revoke(others), out);
    }

    pub(super) fn ask_log_out(&mut self, books: &Books, out: &mut Vec<u8>) {
        let Some((me, _, login)) = self.user else {
            return;
        };
        let own = books.people.tokens_of(me, login, true);
        self.send(&LogOut {}, Asked::LogOut(own), out);
    }

    /// Logs in as `person`, until that has succeeded.
    pub(crate) fn come_back(&mut self, person: usize, books: &mut Books, out: &mut Vec<u8>) {
        if !self.is_greeted {
            return self.ask_hello(out);
        }
        if self.user.is_none() && !self.is_logging_in {
            let how = match books.people.is_registered(person) {
                true => How::Password,
                false => How::Register,
            };
            self.ask_login(person, how, books, out);
        }
    }

    /// Logs in as `person` by what that one was given last; then looks into a room, if there is
    /// one.
    pub(crate) fn resume(
        &mut self,
        person: usize,
        rng: &mut Rng,
        books: &mut Books,
        out: &mut Vec<u8>,
    ) {
        if !self.is_greeted {
            return self.ask_hello(out);
        }
        if self.user.is_none() && !self.is_logging_in {
            let token = books.people.some_token(person, 0);
            let token = token.expect("everybody was here");
            return self.ask_login(person, How::Resume(token), books, out);
        }
        if self.is_in() && !self.has_looked {
            self.has_looked = true;
            if let Some(room) = books.halls.some_hall(rng) {
                self.ask_enter_hall(room, rng, books, out);
            }
        }
    }
}
