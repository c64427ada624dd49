//! What clients do: anything, at any time.

use super::World;
use crate::rig::{PASSWORD, as_guest, ban, log_in, register, unban};
use wharf_accounts::{Request, Revocation, User};
use wharf_data::account::{IdentityKind, Which};

const NAMES: [&str; 5] = ["Kim", "kim", "K\u{456}m", "Lee", "Park"];
const PASSWORDS: [&str; 2] = [PASSWORD, "battery staple"];

impl World {
    /// A request, and the token that it shows.
    pub(super) fn choose(&mut self, is_in: bool) -> (Request, Option<usize>) {
        let name = NAMES[self.rng.below(5) as usize];
        let password = PASSWORDS[self.rng.below(2) as usize];
        let secret = self.rng.below(4) as u8;
        if !is_in {
            let tokens = self.tokens.len() as u64;
            return match self.rng.below(8) {
                0 => (register(name), None),
                1 | 2 => (log_in(name, password), None),
                3 => (as_guest(secret), None),
                4 if !self.codes.is_empty() => {
                    let code = self.codes[self.rng.below(self.codes.len() as u64) as usize].clone();
                    let request = Request::Recover {
                        name: name.into(),
                        code: code.into(),
                        new_password: password.into(),
                        device: String::new(),
                    };
                    (request, None)
                }
                _ if tokens > 0 => {
                    // One of the last, most often.
                    let back = self.rng.below(tokens).min(self.rng.below(6));
                    let token = (tokens - 1 - back) as usize;
                    let bytes = self.tokens[token].bytes.to_vec();
                    let token_shown = Request::LogInByToken {
                        token: bytes.into(),
                        device: None,
                    };
                    (token_shown, Some(token))
                }
                _ => (as_guest(secret), None),
            };
        }
        (self.choose_inside(name, password, secret), None)
    }

    fn choose_inside(&mut self, name: &str, password: &str, secret: u8) -> Request {
        match self.rng.below(14) {
            0 => Request::LogOut,
            1 => Request::RevokeOthers,
            2 | 3 => Request::ChangePassword {
                old: password.into(),
                new: PASSWORDS[self.rng.below(2) as usize].into(),
            },
            4 => Request::MakeRecoveryCodes {
                password: password.into(),
            },
            5 | 6 => Request::LinkName {
                name: name.into(),
                password: password.into(),
            },
            7 => Request::LinkDevice {
                secret: vec![secret; 32].into(),
            },
            8 => Request::Unlink {
                kind: IdentityKind::Device,
            },
            9 | 10 => Request::Rename { name: name.into() },
            11 => Request::Erase {
                password: password.into(),
            },
            12 if !self.tokens.is_empty() => {
                let some = self.rng.below(self.tokens.len() as u64) as usize;
                let account = self.tokens[some].user.account;
                match self.rng.chance(0.7) {
                    true => ban(account, Some(self.at + 20_000)),
                    false => unban(account),
                }
            }
            _ => Request::ListLogins,
        }
    }
}

/// What has ended when that is done.
pub(super) fn ends(request: &Request, user: User) -> Option<Revocation> {
    let (account, which) = match request {
        Request::LogOut => (user.account, Which::One(user.login)),
        Request::RevokeOthers | Request::ChangePassword { .. } => {
            (user.account, Which::AllBut(user.login))
        }
        Request::Erase { .. } => (user.account, Which::All),
        Request::Ban { account, .. } => (*account, Which::All),
        _ => return None,
    };
    Some(Revocation { account, which })
}
