//! Ids that are stored: positive, ordered by time, one type for each kind of thing.

use core::fmt;

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(i64);

        impl $name {
            /// The id that is stored as `bits`.
            pub const fn new(bits: i64) -> Self {
                Self(bits)
            }

            /// As it is stored and sent.
            pub const fn get(self) -> i64 {
                self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

id! {
    /// Who somebody is, however they log in.
    AccountId
}
id! {
    /// One login of an account, on one device.
    LoginId
}
id! {
    /// A room that has a name of its own.
    RoomId
}
id! {
    /// Where messages have numbers: a room, or two people.
    ConversationId
}
id! {
    /// A report to the operators.
    ReportId
}
id! {
    /// An entry in the audit log.
    AuditId
}

impl RoomId {
    /// No room: all of them. Who is muted here is so in every room, and in what they whisper.
    pub const EVERYWHERE: Self = Self(0);

    /// What is said in that room.
    pub const fn conversation(self) -> ConversationId {
        ConversationId(self.0)
    }
}
