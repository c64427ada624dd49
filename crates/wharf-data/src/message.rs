//! What people said, in rooms and to each other.

use crate::audit::Act;
use crate::room::Epoch;
use crate::{AccountId, ConversationId, PageToken, RoomId, UnixMs};

/// A message that is to be kept.
#[derive(Clone, PartialEq, Eq)]
pub struct NewMessage {
    /// Who said it.
    pub author: AccountId,
    /// The author's own number for it: the same again is not kept again. Whoever has none and
    /// wants to ask again must make one.
    pub client_id: Option<u64>,
    /// Its number, where the room has given it already (buffered history); otherwise the store
    /// gives the next. One that is not above the last was kept before and is left out.
    pub seq: Option<i64>,
    /// What it is: text, an item, a gesture; the protocol's business.
    pub kind: u32,
    /// What it says, as the protocol has it.
    pub body: Vec<u8>,
    /// When.
    pub at: UnixMs,
}

/// A message that was kept.
#[derive(Clone, PartialEq, Eq)]
pub struct Message {
    /// Where.
    pub conversation: ConversationId,
    /// Its number there, from 1 on.
    pub seq: i64,
    /// Who said it.
    pub author: AccountId,
    /// How they are called now; empty if they are no more.
    pub author_name: String,
    /// What it is.
    pub kind: u32,
    /// What it says; empty if it was removed.
    pub body: Vec<u8>,
    /// When.
    pub at: UnixMs,
    /// Who removed it, if somebody did (0 for whoever runs the server).
    pub removed_by: Option<AccountId>,
}

/// What became of a message that was to be kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kept {
    /// Where it is.
    pub conversation: ConversationId,
    /// Its number there.
    pub seq: i64,
    /// Whether it had been kept before.
    pub is_duplicate: bool,
}

/// What somebody is to read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// What was said in a room.
    Room(RoomId),
    /// What two people said to each other; the first is the one who reads.
    Direct(AccountId, AccountId),
}

/// Where a page of a history begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum From {
    /// The newest.
    End,
    /// Those before that number, newest first.
    Before(i64),
    /// Those behind that number, oldest first.
    After(i64),
}

/// One transaction about messages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ask {
    /// Keeps what was said in a room. What bears the author's number for a message elsewhere is not
    /// kept: its [`Kept`] says where that is.
    Append {
        /// Where, and in which opening.
        room: (RoomId, Epoch),
        /// What, in order.
        messages: Vec<NewMessage>,
    },
    /// Keeps what somebody said to somebody. [`crate::Refusal::NotFound`] if there is no such
    /// account, [`crate::Refusal::Forbidden`] if it has blocked the author,
    /// [`crate::Refusal::Conflict`] if the author's number for it is that of a message elsewhere.
    Whisper {
        /// To whom.
        to: AccountId,
        /// What their conversation is called if this is its first message.
        conversation: ConversationId,
        /// What; its `seq` is not looked at.
        message: NewMessage,
        /// Whether it waits for their next login.
        waits: bool,
    },
    /// What waits for somebody, oldest first, and waits no more. A message is taken by one
    /// `delivery` only, and the same delivery asked again gets the same messages.
    TakeWaiting {
        /// For whom.
        account: AccountId,
        /// Which delivery: unique.
        delivery: i64,
        /// At most so many.
        limit: u32,
    },
    /// A page of what was said. Of a conversation that has none, an empty one.
    History {
        /// Where.
        place: Place,
        /// From where on.
        from: From,
        /// At most so many.
        limit: u32,
    },
    /// Removes what was said: one's own, or in a room that of a lower rank. Others read an empty
    /// message.
    Remove {
        /// Where.
        place: Place,
        /// Which.
        seq: i64,
        /// By whom.
        act: Act,
    },
    /// Says how far somebody has read. It never goes back.
    SetRead {
        /// Who.
        account: AccountId,
        /// Where.
        conversation: ConversationId,
        /// Up to which number.
        seq: i64,
    },
    /// Whom somebody has talked to, the latest first, and how much of it they have not read.
    Directs {
        /// Who.
        account: AccountId,
        /// From an earlier answer.
        page: Option<PageToken>,
        /// At most so many.
        limit: u32,
    },
    /// How much that was said to somebody they have not read.
    Unread {
        /// Who.
        account: AccountId,
    },
    /// Hears nothing more from somebody. [`crate::Refusal::Full`] beyond `blocks_max`.
    Block {
        /// Who.
        account: AccountId,
        /// From whom.
        other: AccountId,
        /// So many may be blocked.
        blocks_max: u32,
        /// When.
        at: UnixMs,
    },
    /// Hears from somebody again.
    Unblock {
        /// Who.
        account: AccountId,
        /// From whom.
        other: AccountId,
    },
    /// Whom somebody has blocked.
    Blocks {
        /// Who.
        account: AccountId,
    },
    /// Those of some whom somebody has blocked, or who have blocked them.
    BlocksAmong {
        /// Who.
        account: AccountId,
        /// Of these; at most 1,000.
        others: Vec<AccountId>,
    },
}

impl Ask {
    pub(crate) fn only_reads(&self) -> bool {
        matches!(
            self,
            Self::History { .. }
                | Self::Directs { .. }
                | Self::Unread { .. }
                | Self::Blocks { .. }
                | Self::BlocksAmong { .. }
        )
    }
}

/// One of those whom somebody has talked to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Direct {
    /// What is called so.
    pub conversation: ConversationId,
    /// With whom.
    pub with: AccountId,
    /// How they are called now; empty if they are no more.
    pub name: String,
    /// The last message's number.
    pub last_seq: i64,
    /// When it was said.
    pub last_at: UnixMs,
    /// How far it has been read.
    pub read_seq: i64,
}

/// What is answered about messages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// To [`Ask::Append`], one for each, in order, and [`Ask::Whisper`].
    Kept(Vec<Kept>),
    /// To [`Ask::TakeWaiting`] and [`Ask::History`].
    Messages {
        /// In the order that was asked for.
        messages: Vec<Message>,
        /// Whether there is more in that direction.
        has_more: bool,
    },
    /// To [`Ask::Directs`].
    Directs {
        /// The latest first.
        directs: Vec<Direct>,
        /// For the next part, if there is one.
        next: Option<PageToken>,
    },
    /// To [`Ask::Unread`].
    Unread(u64),
    /// To [`Ask::Block`], [`Ask::Unblock`] and [`Ask::Blocks`]: all who are blocked now. To
    /// [`Ask::BlocksAmong`]: those.
    Blocks(Vec<AccountId>),
}

// What people say never reaches a log, so it is not in what is shown for one.
impl core::fmt::Debug for NewMessage {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("NewMessage")
            .field("author", &self.author)
            .field("client_id", &self.client_id)
            .field("seq", &self.seq)
            .field("kind", &self.kind)
            .field("body_bytes", &self.body.len())
            .field("at", &self.at)
            .finish()
    }
}

impl core::fmt::Debug for Message {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Message")
            .field("conversation", &self.conversation)
            .field("seq", &self.seq)
            .field("author", &self.author)
            .field("kind", &self.kind)
            .field("body_bytes", &self.body.len())
            .field("at", &self.at)
            .field("removed_by", &self.removed_by)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_said_is_not_in_what_is_shown_for_a_log() {
        let message = NewMessage {
            author: AccountId::new(7),
            client_id: None,
            seq: None,
            kind: 1,
            body: b"secret".to_vec(),
            at: 1,
        };
        let shown = format!("{message:?}");
        assert!(shown.contains("body_bytes: 6"), "{shown}");
        assert!(!shown.contains("115, 101, 99"), "{shown}");
    }
}
