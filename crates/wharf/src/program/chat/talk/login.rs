//! Logging in: as somebody wished, by the token of the last time, and again after the connection
//! was lost.

use super::super::commands::find;
use super::super::engine::{Output, Question, Return};
use super::super::event::{Event, Problem};
use super::super::keep::Token;
use super::super::parse::{Call, quoted};
use super::super::plan::{Plan, plan, this_device};
use super::hints::login_refusal;
use super::{Asked, Talk};
use std::time::Duration;
use wharf_proto::ClientPacket;
use wharf_proto::account::{self, LoggedIn};
use wharf_proto::session::{Code, Error};

impl Talk {
    /// Logs in as somebody wished, or by the token of the last time.
    pub(super) fn log_in(&mut self) {
        let device = Some(this_device());
        let wish = &self.wish;
        let token = self.token.as_ref().filter(|token| {
            let is_theirs = wish.user.is_none() || wish.user == token.user;
            // Whoever gives a password at the start wants it to be looked at.
            let has_wish = wish.password.is_some() || wish.is_guest || wish.registers;
            let is_asked = !self.is_ready && has_wish;
            is_theirs && !is_asked && token.expires_ms > self.now.unix_ms
        });
        let by_token = token.is_some();
        let packet = if let Some(token) = token {
            ClientPacket::LogInByToken(account::LogInByToken {
                token: token.bytes(),
                device,
            })
        } else if wish.is_guest {
            match self.keep.device_secret(&mut *self.chance) {
                Ok(secret) => ClientPacket::LogInAsGuest(account::LogInAsGuest { secret, device }),
                Err(why) => {
                    self.fail(None, Problem::new("usage", why));
                    return self.ready(false);
                }
            }
        } else if let (Some(name), Some(password)) = (&wish.user, &wish.password) {
            let (name, password) = (name.clone(), password.clone());
            if wish.registers {
                ClientPacket::Register(account::Register {
                    name,
                    password,
                    device,
                })
            } else {
                ClientPacket::LogIn(account::LogIn {
                    name,
                    password,
                    device,
                })
            }
        } else if let Some(name) = wish.user.clone().filter(|_| wish.can_be_asked) {
            self.ask_for_password(name);
            return self.ready(false);
        } else {
            self.was.clear();
            let hint = "not logged in: /login NAME, /register NAME or /guest";
            self.tell(Event::Hint(hint.to_owned()));
            // Without a wish nothing has failed.
            let is_in = self.wish.user.is_none();
            return self.ready(is_in);
        };
        self.ask(&packet, None, Asked::LogIn { by_token });
    }

    /// Has people asked for the password of `name`.
    fn ask_for_password(&mut self, name: String) {
        let call = if self.wish.registers {
            "register"
        } else {
            "login"
        };
        let why = self.token.as_ref().filter(|_| !self.wish.registers);
        let why = why.map(|token| why_not_by(token, &name));
        let mut call = Call::of(find(call).expect("it is in the table"));
        let problem = Problem::new("credentials", format!("the password of {name} is needed"))
            .hint(format!(
                "/{} {} asks for it",
                call.command.name,
                quoted(&name)
            ));
        call.set("name", name);
        let secrets = call.missing_secrets().collect();
        let question = Question {
            call,
            secrets,
            problem,
        };
        self.was.clear();
        if let Some(why) = why {
            self.tell(Event::Hint(why));
        }
        self.outputs.push_back(Output::Ask(question.into()));
    }

    pub(super) fn login_refused(&mut self, by_token: bool, error: &Error) {
        if by_token && error.code() == Code::Token {
            self.forget_token();
            let hint = "the login that was kept has ended";
            self.tell(Event::Hint(hint.to_owned()));
            return self.log_in();
        }
        self.fail(None, login_refusal(error));
        let is_passing = matches!(error.code(), Code::Busy | Code::Rate | Code::Unavailable);
        if is_passing && self.is_ready {
            // After a lost connection that is worth another try.
            let after = Duration::from_millis(error.retry_after_ms.into());
            self.back = Return::After(after);
            let why = "the server is too busy to log in".to_owned();
            self.outputs.push_back(Output::HangUp(why));
        } else {
            self.was.clear();
        }
        self.ready(false);
    }

    /// Somebody is logged in, by a name if one was given.
    pub(super) fn logged_in(&mut self, logged_in: &LoggedIn, user: Option<String>) {
        let account = logged_in.account;
        self.places.meet(account, &logged_in.display_name);
        if self.last.replace(account) != Some(account) {
            // Those were another's rooms, or another store's.
            self.rejoins.clear();
        }
        // What was registered once is only logged in to from now on.
        self.wish.registers = false;
        self.me = Some(LoggedIn {
            token: Vec::new(),
            ..logged_in.clone()
        });
        self.back = Return::After(Duration::ZERO);
        self.say_presence(account);
        self.keep_token(user, &logged_in.token, logged_in.token_expires_ms);
    }

    pub(super) fn keep_token(&mut self, user: Option<String>, bytes: &[u8], expires_ms: i64) {
        if bytes.is_empty() {
            return;
        }
        let token = Token::new(&self.target, user, bytes, expires_ms);
        if let Err(why) = self.keep.save_token(&token) {
            self.tell(Event::Hint(format!("the login is not kept: {why}")));
        }
        self.token = Some(token);
        self.pulse
            .refresh_within(expires_ms - self.now.unix_ms, self.now.at);
    }

    /// Whoever logs in by name does so by the new one from now on.
    pub(super) fn renamed(&mut self, name: &str) {
        if let Some(user) = &mut self.wish.user {
            *user = name.to_owned();
        }
        let Some(token) = self.token.as_mut().filter(|it| it.user.is_some()) else {
            return;
        };
        token.user = Some(name.to_owned());
        if let Err(why) = self.keep.save_token(token) {
            self.tell(Event::Hint(format!("the login is not kept: {why}")));
        }
    }

    pub(super) fn forget_token(&mut self) {
        self.token = None;
        self.keep.forget_token();
    }

    pub(super) fn rejoin(&mut self) {
        for again in std::mem::take(&mut self.rejoins) {
            if let Ok(Plan::Ask(packet)) = plan(&again.enter, &mut self.asker()) {
                self.ask(&packet, None, Asked::Rejoin(again));
            }
        }
    }

    /// Says again who may see that account: the server knows it for a session only.
    fn say_presence(&mut self, account: i64) {
        let presence = self.presence.clone().filter(|(whose, _)| *whose == account);
        if let Some((_, call)) = presence
            && let Ok(Plan::Ask(packet)) = plan(&call, &mut self.asker())
        {
            self.ask(&packet, None, Asked::Presence);
        }
    }
}

/// Why the login that is kept is not the one of that name.
fn why_not_by(token: &Token, name: &str) -> String {
    match &token.user {
        Some(user) if user == name => "the login that was kept has ended".to_owned(),
        Some(user) => format!(
            "one login is kept for each server, and here it is that of {user}: \
             {name} logs in by password"
        ),
        None => {
            format!("the login that is kept here is without a name: {name} logs in by password")
        }
    }
}
