//! Everything that one batch of a logic shard causes.

use crate::{Commands, Inbox};

/// Commands for each I/O shard, letters for each logic shard. Reused: whoever hands it over leaves
/// the arenas empty with their memory kept.
#[derive(Debug, Default)]
pub struct Outbox {
    /// By I/O shard.
    pub commands: Vec<Commands>,
    /// By logic shard; what the shard has for itself never shows here.
    pub mail: Vec<Inbox>,
}

impl Outbox {
    /// An outbox towards `io_count` I/O shards and `logic_count` logic shards.
    pub fn new(io_count: usize, logic_count: usize) -> Self {
        Self {
            commands: (0..io_count).map(|_| Commands::new()).collect(),
            mail: (0..logic_count).map(|_| Inbox::new()).collect(),
        }
    }

    /// Whether nothing waits in it.
    pub fn is_empty(&self) -> bool {
        self.commands.iter().all(Commands::is_empty) && self.mail.iter().all(Inbox::is_empty)
    }

    /// Whether the commands to some I/O shard have passed `bytes_max`.
    pub(crate) fn is_full(&self, bytes_max: usize) -> bool {
        self.commands
            .iter()
            .any(|commands| commands.size_bytes() >= bytes_max)
    }
}
