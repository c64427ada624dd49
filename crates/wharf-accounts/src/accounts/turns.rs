//! Requests of one session are done one after the other.

use std::collections::{BTreeMap, VecDeque};

/// What a request in progress is known by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct TaskId(pub(crate) u64);

/// Whose turn it is in each session.
#[derive(Debug)]
pub(super) struct Turns {
    sessions: BTreeMap<u64, Session>,
    waiting_max: usize,
}

/// Invariant: `running` is a task, and none of `waiting`.
#[derive(Debug)]
struct Session {
    running: TaskId,
    waiting: VecDeque<TaskId>,
    /// Whether one of its requests has logged in.
    is_in: bool,
}

impl Turns {
    /// In each session `waiting_max` wait at the most.
    pub(super) fn new(waiting_max: usize) -> Self {
        Self {
            sessions: BTreeMap::new(),
            waiting_max,
        }
    }

    /// Whether as many wait as may.
    pub(super) fn is_full(&self, session: u64) -> bool {
        let session = self.sessions.get(&session);
        session.is_some_and(|session| session.waiting.len() >= self.waiting_max)
    }

    /// One more; whether it is its turn at once.
    pub(super) fn join(&mut self, session: u64, task: TaskId) -> bool {
        if let Some(session) = self.sessions.get_mut(&session) {
            session.waiting.push_back(task);
            return false;
        }
        let first = Session {
            running: task,
            waiting: VecDeque::new(),
            is_in: false,
        };
        self.sessions.insert(session, first);
        true
    }

    /// Notes that the session is logged in, for those of its requests that wait.
    pub(super) fn log_in(&mut self, session: u64) {
        if let Some(session) = self.sessions.get_mut(&session) {
            session.is_in = true;
        }
    }

    /// Whether the session has logged in since one of its requests began to wait.
    pub(super) fn is_in(&self, session: u64) -> bool {
        let session = self.sessions.get(&session);
        session.is_some_and(|session| session.is_in)
    }

    /// One is over, whether it had its turn or not; whose turn it is now, if that has changed.
    pub(super) fn leave(&mut self, number: u64, task: TaskId) -> Option<TaskId> {
        let session = self.sessions.get_mut(&number)?;
        if session.running != task {
            session.waiting.retain(|waiting| *waiting != task);
            return None;
        }
        let Some(next) = session.waiting.pop_front() else {
            self.sessions.remove(&number);
            return None;
        };
        session.running = next;
        Some(next)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_session_has_one_turn_at_a_time_in_the_order_of_coming() {
        let mut turns = Turns::new(2);
        let tasks: Vec<TaskId> = (0..5).map(TaskId).collect();
        assert!(turns.join(1, tasks[0]));
        assert!(turns.join(2, tasks[1]), "another session");
        assert!(!turns.join(1, tasks[2]));
        assert!(!turns.is_full(1));
        assert!(!turns.join(1, tasks[3]));
        assert!(turns.is_full(1));
        assert_eq!(
            turns.leave(1, tasks[2]),
            None,
            "it had not come to its turn"
        );
        turns.log_in(1);
        assert_eq!(turns.leave(1, tasks[0]), Some(tasks[3]));
        assert!(turns.is_in(1) && !turns.is_in(2));
        assert_eq!(turns.leave(1, tasks[3]), None);
        assert!(!turns.is_in(1), "whoever comes next says who they are");
        assert!(turns.join(1, tasks[4]));
    }
}
