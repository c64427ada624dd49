//! What a log shows of requests and answers with hashes in them: not those.

use crate::AccountId;
use crate::account::{Ask, Found, Identity, IdentityKind, TokenHash};
use crate::room::{Change, Settings};
use core::fmt;

impl fmt::Debug for TokenHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TokenHash")
    }
}

impl fmt::Debug for Identity {
    /// The subject of a device is a hash.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.kind {
            IdentityKind::Device => f.write_str("Device"),
            kind => write!(f, "{kind:?}({:?})", self.subject),
        }
    }
}

impl fmt::Debug for Ask {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (name, account) = summary(self);
        match account {
            Some(account) => write!(f, "{name}({account})"),
            None => f.write_str(name),
        }
    }
}

/// What is asked, as a word, and about whom.
fn summary(ask: &Ask) -> (&'static str, Option<AccountId>) {
    match ask {
        Ask::Create { account, .. } => ("Create", Some(*account)),
        Ask::Find { .. } => ("Find", None),
        Ask::Named { .. } => ("Named", None),
        Ask::Get { account } => ("Get", Some(*account)),
        Ask::LogIn { account, .. } => ("LogIn", Some(*account)),
        Ask::Token { .. } => ("Token", None),
        Ask::Exchange { .. } => ("Exchange", None),
        Ask::Logins { account, .. } => ("Logins", Some(*account)),
        Ask::List { .. } => ("List", None),
        Ask::Names { .. } => ("Names", None),
        Ask::Ended { .. } => ("Ended", None),
        Ask::Revoke { account, .. } => ("Revoke", Some(*account)),
        Ask::SetPassword { account, .. } => ("SetPassword", Some(*account)),
        Ask::Rehash { account, .. } => ("Rehash", Some(*account)),
        Ask::SetRecoveryCodes { account, .. } => ("SetRecoveryCodes", Some(*account)),
        Ask::Recover { .. } => ("Recover", None),
        Ask::Link { account, .. } => ("Link", Some(*account)),
        Ask::Unlink { account, .. } => ("Unlink", Some(*account)),
        Ask::Identities { account } => ("Identities", Some(*account)),
        Ask::Profile { account } => ("Profile", Some(*account)),
        Ask::SetProfile { account, .. } => ("SetProfile", Some(*account)),
        Ask::Rename { account, .. } => ("Rename", Some(*account)),
        Ask::SetStatus { account, .. } => ("SetStatus", Some(*account)),
        Ask::SetMute { account, .. } => ("SetMute", Some(*account)),
        Ask::Erase { account } => ("Erase", Some(*account)),
    }
}

impl fmt::Debug for Found {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Found")
            .field("account", &self.account)
            .field("display_name", &self.display_name)
            .field("status", &self.status)
            .field("has_password", &self.password.is_some())
            .finish()
    }
}

impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settings")
            .field("topic", &self.topic)
            .field("has_password", &self.password.is_some())
            .field("members_max", &self.members_max)
            .field("is_hidden", &self.is_hidden)
            .field("is_locked", &self.is_locked)
            .field("slow_ms", &self.slow_ms)
            .field("history", &self.history)
            .field("options_bytes", &self.options.len())
            .finish()
    }
}

impl fmt::Debug for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let has_password = self.password.as_ref().map(Option::is_some);
        f.debug_struct("Change")
            .field("name", &self.name)
            .field("topic", &self.topic)
            .field("has_password", &has_password)
            .field("members_max", &self.members_max)
            .field("is_hidden", &self.is_hidden)
            .field("is_locked", &self.is_locked)
            .field("slow_ms", &self.slow_ms)
            .field("options_bytes", &self.options.as_ref().map(Vec::len))
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::account::{NewLogin, NewToken, Status};
    use crate::room::History;
    use crate::{DisplayName, LoginId, RoomId, room};

    const PHC: &str = "$argon2id$v=19$m=19456,t=2,p=1$c2FsdHNhbHQ$aGFzaA";

    /// What a log would show of it.
    fn shown(value: &impl fmt::Debug) -> String {
        format!("{value:?} {value:#?}")
    }

    #[test]
    fn no_hash_is_in_what_is_shown_for_a_log() {
        let account = AccountId::new(7);
        let identity = || Identity {
            kind: IdentityKind::Device,
            subject: "5f70bf18a086007016e948b04aed3b82103a36bea41755b6cddfaf10ace3c6ef".into(),
        };
        let login = || NewLogin {
            id: LoginId::new(9),
            device: "phone".into(),
            token: NewToken {
                hash: TokenHash([171; 32]),
                expires: 5,
            },
        };
        let password = || Some(PHC.to_owned());
        let settings = Settings {
            topic: "talk".into(),
            password: password(),
            members_max: 3,
            is_hidden: false,
            is_locked: false,
            slow_ms: 0,
            history: History::Off,
            options: vec![171; 4],
        };
        let change = Change {
            password: Some(password()),
            ..Change::default()
        };
        let act = crate::Act {
            id: crate::AuditId::new(1),
            actor: crate::Actor::Server,
            reason: String::new(),
            at: 0,
        };
        let all = [
            shown(&Ask::Create {
                account,
                identity: identity(),
                name: DisplayName::new("kim").unwrap(),
                password: password(),
                login: login(),
                at: 0,
            }),
            shown(&Ask::LogIn {
                account,
                identity: identity(),
                password: password(),
                login: login(),
                at: 0,
            }),
            shown(&Ask::Rehash {
                account,
                old: PHC.into(),
                new: PHC.into(),
            }),
            shown(&Ask::SetRecoveryCodes {
                account,
                codes: vec![TokenHash([171; 32])],
            }),
            shown(&Found {
                account,
                display_name: "kim".into(),
                status: Status::Active,
                ban_reason: String::new(),
                password: password(),
            }),
            shown(&(login(), identity(), settings)),
            shown(&room::Ask::Change {
                room: (RoomId::new(1), 1),
                change,
                act,
            }),
        ];
        for text in all {
            let has_hash = ["argon2", "171", "ab, ab", "5f70bf"].map(|it| text.contains(it));
            assert_eq!(has_hash, [false; 4], "{text}");
        }
        assert!(shown(&Ask::Get { account }).contains("Get(7)"));
    }
}
