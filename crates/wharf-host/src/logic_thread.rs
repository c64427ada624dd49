//! A logic shard on a thread of its own: the split placement.

use crate::io_shard::{Cut, give_outbox, look_ahead};
use crate::switchboard::Switchboard;
use std::collections::BTreeSet;
use std::sync::Arc;
use wharf_base::Instant;
use wharf_content::{Inbox, LogicShard, LogicStats, Outbox};

/// A logic thread as a thing with turns; it never blocks, the thread around it does.
pub struct LogicThread {
    index: usize,
    logic: LogicShard,
    inbox: Inbox,
    outbox: Outbox,
    cut: Cut,
    switchboard: Arc<Switchboard>,
}

impl LogicThread {
    /// The logic thread of shard `index`.
    pub fn new(index: u8, logic: LogicShard, switchboard: Arc<Switchboard>) -> Self {
        let outbox = Outbox::new(switchboard.io.len(), switchboard.logic.len());
        Self {
            index: index.into(),
            logic,
            inbox: Inbox::default(),
            outbox,
            cut: vec![BTreeSet::new(); switchboard.io.len()],
            switchboard,
        }
    }

    /// Handles everything that has come, and gives away what it caused. Returns when the next
    /// deadline is.
    pub fn turn(&mut self, now: Instant) -> Option<Instant> {
        if self.inbox.is_empty() {
            self.switchboard.logic[self.index]
                .inbox
                .take(&mut self.inbox);
        }
        look_ahead(&self.switchboard, &mut self.outbox);
        self.logic
            .handle_batch(now, &mut self.inbox, &mut self.outbox);
        give_outbox(&self.switchboard, &mut self.outbox, &mut self.cut);
        self.switchboard
            .answer_for_logic(self.index, self.logic.stats());
        if self.inbox.is_empty() {
            self.logic.next_deadline()
        } else {
            Some(now)
        }
    }

    /// What was counted so far.
    pub fn stats(&self) -> &LogicStats {
        self.logic.stats()
    }

    /// Whether every session of the server has ended.
    pub fn is_over(&self) -> bool {
        self.switchboard.is_over() && self.inbox.is_empty()
    }
}
