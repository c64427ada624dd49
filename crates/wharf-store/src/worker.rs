//! The store's threads: who writes, who reads, and who watches the deadlines.

use crate::admin::DAMAGED;
use crate::database::{Database, SqlError};
use crate::desk::{Desk, Number, Waiting};
use crate::sql;
use crate::store::{Access, Clock, Connect, Replies};
use core::time::Duration;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use wharf_data::{Ask, Refusal, Reply};

/// How often a group is tried at the most when nothing of it was done.
const TRIES: u32 = 3;

/// Does all that waits in one transaction after the other.
pub(crate) struct Writer {
    desk: Arc<Desk>,
    clock: Clock,
    connect: Connect,
    replies: Arc<dyn Replies>,
    database: Option<Box<dyn Database>>,
    /// How long until the next try to connect.
    retry: Duration,
}

/// Whether what is taken by nobody that can be seen is a conflict, or is to be tried again.
#[derive(Clone, Copy, PartialEq, Eq)]
enum IsLast {
    No,
    Yes,
}

/// Why a group was not done.
struct Failure {
    why: SqlError,
    /// Whether it may have been done nevertheless: the connection was lost in the commit.
    may_be_done: bool,
}

impl Writer {
    pub(crate) fn new(
        desk: &Arc<Desk>,
        clock: &Clock,
        connect: &Connect,
        replies: &Arc<dyn Replies>,
    ) -> Self {
        Self {
            desk: Arc::clone(desk),
            clock: Arc::clone(clock),
            connect: Arc::clone(connect),
            replies: Arc::clone(replies),
            database: None,
            retry: desk.options.retry,
        }
    }

    pub(crate) fn run(mut self) {
        while self.is_connected() {
            let Some(group) = self.desk.take_writes() else {
                return;
            };
            self.serve(&group);
        }
    }

    /// Whether there is a connection; tries until there is, with growing delays. Without one at
    /// the end, nobody is left waiting.
    fn is_connected(&mut self) -> bool {
        while self.database.is_none() {
            match self.connect() {
                Ok(()) => break,
                // It is there, but another process is in the way: those who wait may go on.
                Err(SqlError::Busy) => {}
                Err(_) => self.refuse_all(),
            }
            if self.desk.rest(self.retry) {
                self.refuse_all();
                return false;
            }
            self.retry = (self.retry * 2).min(self.desk.options.retry_max);
        }
        true
    }

    fn connect(&mut self) -> Result<(), SqlError> {
        let connected = (self.connect)(Access::Write).and_then(|mut database| {
            database.migrate()?;
            Ok(database)
        });
        match connected {
            Ok(database) => {
                self.database = Some(database);
                self.retry = self.desk.options.retry;
                self.desk.set_up();
                tracing::info!("the store is open");
                Ok(())
            }
            Err(why) => {
                if !tells_damage(&self.desk, &why) {
                    tracing::error!(%why, "the store cannot be used");
                }
                Err(why)
            }
        }
    }

    /// Whether there is a connection, after one try.
    fn reconnects(&mut self) -> bool {
        self.database.is_some() || self.connect().is_ok()
    }

    /// Does a group, or each of it alone where one of them may be what fails the others. An empty
    /// one shows whether the database is there.
    fn serve(&mut self, group: &[Waiting]) {
        let mut left: Vec<&Waiting> = group.iter().collect();
        match self.commit(&left, IsLast::No) {
            Ok(unsettled) => left = unsettled,
            Err(failure) => {
                self.handle_failure(&failure, group.len());
                if failure.may_be_done || !self.reconnects() {
                    return self.refuse(&left);
                }
            }
        }
        for (index, waiting) in left.iter().enumerate() {
            if !self.serve_alone(waiting) {
                return self.refuse(&left[index..]);
            }
        }
    }

    /// Does one request, or refuses it. Whether it is worth going on with others.
    fn serve_alone(&mut self, waiting: &Waiting) -> bool {
        for _ in 1..TRIES {
            let Err(failure) = self.commit(&[waiting], IsLast::Yes) else {
                return true;
            };
            self.handle_failure(&failure, 1);
            if failure.may_be_done {
                break;
            }
            if !self.reconnects() {
                return false;
            }
        }
        self.refuse(&[waiting]);
        self.reconnects()
    }

    /// Leaves the connection as it was before the group, or drops it.
    fn handle_failure(&mut self, failure: &Failure, requests: usize) {
        let (why, may_be_done) = (&failure.why, failure.may_be_done);
        let is_damaged = tells_damage(&self.desk, why);
        if !is_damaged {
            tracing::error!(%why, requests, may_be_done, "the store failed");
        }
        // A new connection would find the same damage.
        let is_well = (*why == SqlError::Busy || is_damaged) && !may_be_done;
        let undone = is_well
            && self
                .database
                .as_mut()
                .is_some_and(|database| database.execute("ROLLBACK", &[]).is_ok());
        if !undone {
            self.database = None;
        }
    }

    /// Does a group in one transaction and answers; those of it that have to be done again.
    fn commit<'a>(
        &mut self,
        group: &[&'a Waiting],
        is_last: IsLast,
    ) -> Result<Vec<&'a Waiting>, Failure> {
        let undone = |why| Failure {
            why,
            may_be_done: false,
        };
        let Some(database) = self.database.as_deref_mut() else {
            return Err(undone(SqlError::Broken("there is no connection".into())));
        };
        let begin = database.begin();
        database.execute(begin, &[]).map_err(undone)?;
        let (mut settled, mut unsettled) = (Vec::with_capacity(group.len()), Vec::new());
        for &waiting in group {
            match alone(database, &waiting.ask).map_err(undone)? {
                Some(reply) => settled.push((waiting.number, reply)),
                None if is_last == IsLast::Yes => {
                    settled.push((waiting.number, Err(Refusal::Conflict)));
                }
                None => unsettled.push(waiting),
            }
        }
        let begun = (self.clock)();
        database.execute("COMMIT", &[]).map_err(|why| Failure {
            may_be_done: why != SqlError::Busy,
            why,
        })?;
        let took = (self.clock)() - begun;
        self.desk.count_group(settled.len(), |stats| {
            stats.commit_time += took;
            stats.commit_longest = stats.commit_longest.max(took);
        });
        answer_each(&self.desk, &*self.replies, settled);
        Ok(unsettled)
    }

    /// Refuses all that wait, and all that is asked until there is a connection.
    fn refuse_all(&self) {
        for tag in self.desk.set_down() {
            self.replies.reply(tag, Err(Refusal::Unavailable));
        }
    }

    fn refuse(&self, group: &[&Waiting]) {
        let refused = |waiting: &&Waiting| (waiting.number, Err(Refusal::Unavailable));
        answer_each(
            &self.desk,
            &*self.replies,
            group.iter().map(refused).collect(),
        );
    }
}

/// Answers what only reads, one after the other.
pub(crate) struct Reader {
    desk: Arc<Desk>,
    connect: Connect,
    replies: Arc<dyn Replies>,
    database: Option<Box<dyn Database>>,
}

impl Reader {
    pub(crate) fn new(desk: &Arc<Desk>, connect: &Connect, replies: &Arc<dyn Replies>) -> Self {
        Self {
            desk: Arc::clone(desk),
            connect: Arc::clone(connect),
            replies: Arc::clone(replies),
            database: None,
        }
    }

    pub(crate) fn run(mut self) {
        while let Some(waiting) = self.desk.take_read() {
            let reply = self.answer(&waiting.ask);
            if reply != Err(Refusal::Unavailable) {
                self.desk.count_read();
            }
            answer(&self.desk, &*self.replies, &[waiting], vec![reply]);
        }
    }

    /// What has failed is tried once more on a new connection: reading it twice does no harm.
    fn answer(&mut self, ask: &Ask) -> Reply {
        for is_last in [false, true] {
            match self.read(ask) {
                Ok(reply) => return reply,
                Err(why) => {
                    self.database = None;
                    self.tell(&why, is_last);
                }
            }
        }
        Err(Refusal::Unavailable)
    }

    fn tell(&self, why: &SqlError, is_last: bool) {
        match is_last {
            _ if tells_damage(&self.desk, why) => {}
            true => tracing::error!(%why, "the store failed to read"),
            false => tracing::info!(%why, "a read failed, and is done again on a new connection"),
        }
    }

    fn read(&mut self, ask: &Ask) -> Result<Reply, SqlError> {
        let database = match &mut self.database {
            Some(database) => database,
            none => none.insert((self.connect)(Access::Read)?),
        };
        // One transaction, so that all of its statements see the same state.
        let begin = database.begin_read();
        database.execute(begin, &[])?;
        let reply = guarded(&mut **database, ask);
        database.execute("ROLLBACK", &[])?;
        match reply {
            Err(SqlError::Wrong(why)) => {
                tracing::error!(why, "a request to the store is wrong");
                Ok(Err(Refusal::Unavailable))
            }
            reply => reply,
        }
    }
}

/// Answers those whose deadline has come, whatever the database does.
pub(crate) struct Watcher {
    desk: Arc<Desk>,
    replies: Arc<dyn Replies>,
}

impl Watcher {
    pub(crate) fn new(desk: &Arc<Desk>, replies: &Arc<dyn Replies>) -> Self {
        Self {
            desk: Arc::clone(desk),
            replies: Arc::clone(replies),
        }
    }

    pub(crate) fn run(self) {
        while let Some(expired) = self.desk.take_expired() {
            for tag in expired {
                self.replies.reply(tag, Err(Refusal::Unavailable));
            }
        }
    }
}

/// Whether it is damage that has made something fail, which is told apart: once, as it stays.
fn tells_damage(desk: &Desk, why: &SqlError) -> bool {
    let is_damage = matches!(why, SqlError::Damaged(_));
    if is_damage && desk.is_news_of_damage() {
        tracing::error!("{why}; {DAMAGED}");
    }
    is_damage
}

/// Gives each of a group its answer, unless it has had one.
pub(crate) fn answer(desk: &Desk, replies: &dyn Replies, group: &[Waiting], results: Vec<Reply>) {
    let numbers = group.iter().map(|waiting| waiting.number);
    answer_each(desk, replies, numbers.zip(results).collect());
}

fn answer_each(desk: &Desk, replies: &dyn Replies, results: Vec<(Number, Reply)>) {
    let answered = |reply: &Reply| *reply != Err(Refusal::Unavailable);
    let tags = desk.settle(results.iter().map(|(number, it)| (*number, answered(it))));
    for (tag, (_, reply)) in tags.into_iter().zip(results) {
        if let Some(tag) = tag {
            replies.reply(tag, reply);
        }
    }
}

/// Does one request of a group: all of it, or nothing. `None` if something is taken that this
/// transaction does not see: it was begun before whoever took it had committed.
pub(crate) fn alone(database: &mut dyn Database, ask: &Ask) -> Result<Option<Reply>, SqlError> {
    database.execute("SAVEPOINT request", &[])?;
    match guarded(database, ask) {
        Ok(Ok(answer)) => {
            database.execute("RELEASE SAVEPOINT request", &[])?;
            Ok(Some(Ok(answer)))
        }
        Ok(Err(refusal)) => {
            undo(database)?;
            Ok(Some(Err(refusal)))
        }
        Err(SqlError::Unique) => {
            undo(database)?;
            let owner = sql::owner(database, ask)?;
            Ok(owner.map(|owner| Err(Refusal::Duplicate(owner))))
        }
        Err(SqlError::Wrong(why)) => {
            tracing::error!(why, "a request to the store is wrong");
            undo(database)?;
            Ok(Some(Err(Refusal::Unavailable)))
        }
        Err(
            lost @ (SqlError::Busy
            | SqlError::Broken(_)
            | SqlError::Unusable(_)
            | SqlError::Damaged(_)),
        ) => Err(lost),
    }
}

/// Runs a request; a panic in it is that request's failure and no other's.
fn guarded(database: &mut dyn Database, ask: &Ask) -> Result<Reply, SqlError> {
    catch_unwind(AssertUnwindSafe(|| sql::run(database, ask)))
        .unwrap_or_else(|_| Err(SqlError::Wrong("it panicked".into())))
}

fn undo(database: &mut dyn Database) -> Result<(), SqlError> {
    database.execute("ROLLBACK TO SAVEPOINT request", &[])?;
    database.execute("RELEASE SAVEPOINT request", &[])?;
    Ok(())
}
