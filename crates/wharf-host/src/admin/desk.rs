//! Asks the shards what they have counted, and knows which of them do not answer.
//!
//! A shard has one question at a time: one that does not turn is asked once, however often
//! somebody asks here. The answer costs it a copy of its counters and a wake-up.

use crate::switchboard::{Answer, Control, ShardReport, Switchboard};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::oneshot;
use wharf_content::{LogicStats, Place};

/// How long an answer is waited for. What comes later is shown the next time.
const ANSWER_WITHIN: Duration = Duration::from_millis(500);

/// The desk of one server.
pub(super) struct Desk {
    switchboard: Arc<Switchboard>,
    io: Vec<Line<ShardReport>>,
    /// Empty where logic is fused.
    logic: Vec<Line<LogicStats>>,
    /// A shard that has not turned for so long is in trouble.
    stuck_after: Duration,
}

/// What is known of one shard.
#[derive(Clone, Debug)]
pub(super) struct ShardLook {
    pub(super) shard: u8,
    /// The last report, and how old it is.
    pub(super) report: Option<(ShardReport, Duration)>,
    /// Why it does not serve, if so.
    pub(super) trouble: Option<String>,
}

impl Desk {
    pub(super) fn new(
        switchboard: Arc<Switchboard>,
        is_split: bool,
        stuck_after: Duration,
    ) -> Self {
        let logic = if is_split { switchboard.logic.len() } else { 0 };
        Self {
            io: switchboard.io.iter().map(|_| Line::default()).collect(),
            logic: (0..logic).map(|_| Line::default()).collect(),
            switchboard,
            stuck_after,
        }
    }

    /// Asks every shard, and tells what is known of each.
    pub(super) async fn look(&mut self) -> Vec<ShardLook> {
        let now = Instant::now();
        let board = &self.switchboard;
        for (shard, line) in (0..).zip(&mut self.io) {
            line.ask(now, |answer| board.control(shard, Control::Report(answer)));
        }
        for (shard, line) in (0..).zip(&mut self.logic) {
            line.ask(now, |answer| board.ask_logic(shard, answer));
        }
        for line in &mut self.io {
            line.hear().await;
        }
        for line in &mut self.logic {
            line.hear().await;
        }
        let now = Instant::now();
        (0..self.io.len())
            .map(|shard| self.known(shard, now))
            .collect()
    }

    fn known(&self, shard: usize, now: Instant) -> ShardLook {
        let logic = self.logic.get(shard);
        let mut report = self.io[shard].last(now);
        if let Some((report, _)) = &mut report
            && let Some((stats, _)) = logic.and_then(|line| line.last(now))
        {
            report.logic = Some(stats);
        }
        ShardLook {
            shard: shard as u8,
            report,
            trouble: self.trouble(shard, now),
        }
    }

    fn trouble(&self, shard: usize, now: Instant) -> Option<String> {
        if let Some((place, cause, runs)) = self.switchboard.handlers.stuck(shard, self.stuck_after)
        {
            let whose = match place {
                Place::Foyer => "the foyer".to_owned(),
                Place::Room { kind, room } => format!("room {} of kind {kind}", room.number()),
            };
            let seconds = runs.as_secs_f32();
            return Some(format!(
                "a handler of {whose} ({cause:?}) does not return, for {seconds:.1} s"
            ));
        }
        let logic = self.logic.get(shard);
        let silent = [
            self.io[shard].silent(now),
            logic.and_then(|it| it.silent(now)),
        ];
        let longest = silent.into_iter().flatten().max();
        if let Some(silent) = longest.filter(|&silent| silent >= self.stuck_after) {
            return Some(has_not_turned(silent));
        }
        (self.io[shard].has_ended && !self.switchboard.is_stopping())
            .then(|| "has ended".to_owned())
    }
}

pub(super) fn has_not_turned(silent: Duration) -> String {
    format!("has not turned for {:.1} s", silent.as_secs_f32())
}

/// The line to one thread: its question, if one is open, and the last answer.
pub(super) struct Line<T> {
    question: Option<Question<T>>,
    /// And when it was given.
    last: Option<(T, Instant)>,
    /// Nobody will answer any more.
    has_ended: bool,
}

/// A question that has no answer yet.
struct Question<T> {
    answer: oneshot::Receiver<(T, Instant)>,
    asked: Instant,
}

impl<T> Default for Line<T> {
    fn default() -> Self {
        Self {
            question: None,
            last: None,
            has_ended: false,
        }
    }
}

impl<T: Clone + Send + 'static> Line<T> {
    /// Asks, unless there is a question that still has no answer.
    pub(super) fn ask(&mut self, now: Instant, put: impl FnOnce(Answer<T>)) {
        if let Some(question) = &mut self.question {
            match question.answer.try_recv() {
                Err(oneshot::error::TryRecvError::Empty) => {}
                late => self.take(late.ok()),
            }
        }
        if self.question.is_some() || self.has_ended {
            return;
        }
        let (give, answer) = oneshot::channel();
        self.question = Some(Question { answer, asked: now });
        put(Box::new(move |report| {
            // Whoever asked may have gone.
            let _ = give.send((report, Instant::now()));
        }));
    }

    /// Waits for the answer, but not for one that is late already.
    pub(super) async fn hear(&mut self) {
        let Some(question) = &mut self.question else {
            return;
        };
        let until = tokio::time::Instant::from_std(question.asked + ANSWER_WITHIN);
        if let Ok(answer) = tokio::time::timeout_at(until, &mut question.answer).await {
            self.take(answer.ok());
        }
    }

    /// The question is answered, or never will be.
    fn take(&mut self, answer: Option<(T, Instant)>) {
        self.question = None;
        match answer {
            Some(answer) => self.last = Some(answer),
            None => self.has_ended = true,
        }
    }

    /// What was told last, and how old that is.
    pub(super) fn last(&self, now: Instant) -> Option<(T, Duration)> {
        let (told, at) = self.last.as_ref()?;
        Some((told.clone(), now.saturating_duration_since(*at)))
    }

    /// How long an answer has been due.
    pub(super) fn silent(&self, now: Instant) -> Option<Duration> {
        let question = self.question.as_ref()?;
        Some(now.saturating_duration_since(question.asked))
    }
}
