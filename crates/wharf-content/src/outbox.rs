//! Everything that one batch of a logic shard causes.

use crate::{Commands, Inbox, MailLoad};

/// Commands for each I/O shard, letters for each logic shard. Reused: whoever hands it over leaves
/// the arenas empty with their memory kept.
#[derive(Debug, Default)]
pub struct Outbox {
    /// By I/O shard.
    pub commands: Vec<Commands>,
    /// By logic shard; what the shard has for itself never shows here.
    pub mail: Vec<Inbox>,
    /// By logic shard: the letters that it was given before and has not taken, as whoever hands
    /// this over knows. They count as if they were in `mail`.
    pub ahead: Vec<MailLoad>,
}

impl Outbox {
    /// An outbox towards `io_count` I/O shards and `logic_count` logic shards.
    pub fn new(io_count: usize, logic_count: usize) -> Self {
        Self {
            commands: (0..io_count).map(|_| Commands::new()).collect(),
            mail: (0..logic_count).map(|_| Inbox::new()).collect(),
            ahead: vec![MailLoad::default(); logic_count],
        }
    }

    /// Whether nothing waits in it.
    pub fn is_empty(&self) -> bool {
        self.commands.iter().all(Commands::is_empty) && self.mail.iter().all(Inbox::is_empty)
    }

    /// The letters that wait for logic shard `to`.
    pub(crate) fn mail_load(&self, to: u8) -> MailLoad {
        let (here, ahead) = (
            self.mail[usize::from(to)].mail_load(),
            self.ahead[usize::from(to)],
        );
        MailLoad {
            letters: here.letters + ahead.letters,
            bytes: here.bytes + ahead.bytes,
        }
    }

    /// Whether the commands to some I/O shard have passed `bytes_max`.
    pub(crate) fn is_full(&self, bytes_max: usize) -> bool {
        self.commands
            .iter()
            .any(|commands| commands.size_bytes() >= bytes_max)
    }
}
