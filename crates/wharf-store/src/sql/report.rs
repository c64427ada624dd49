//! Reports in SQL, with a copy of what was said around them.

use super::message::{self, MESSAGE, whole_message};
use super::{Db, audit, cut, done, first, one_more, page_number, refused};
use crate::database::{Row, SqlError, Value};
use core::slice;
use wharf_data::message::{Message, Place};
use wharf_data::report::{Answer, Ask, Remembered, Report, Stage, State, Subject};
use wharf_data::{
    self as data, AccountId, Act, ConversationId, PageToken, Part, Refusal, Reply, ReportId, Target,
};

/// Messages that are copied before and behind one at the most.
const AROUND_MAX: u32 = 50;

const REPORT: &str = "SELECT r.id, r.reporter, r.about, r.words, r.filed_at, r.stage, \
                      r.moderator, r.decision, r.conversation, r.seq, r.is_whisper, \
                      p.display_name FROM report r \
                      LEFT JOIN person p ON p.account = r.about WHERE ";

pub(super) fn run(db: Db<'_>, ask: &Ask) -> Result<Reply, SqlError> {
    match ask {
        Ask::File {
            report,
            by,
            about,
            message,
            around,
            remembered,
            text,
            at,
        } => {
            let sql = "SELECT 1 FROM report WHERE id = ?";
            if first(db, sql, &[report.get().into()])?.is_some() {
                return done();
            }
            let sql = "INSERT INTO report (id, reporter, about, words, filed_at, stage) \
                       VALUES (?, ?, ?, ?, ?, ?)";
            let values = [
                report.get().into(),
                by.get().into(),
                about.get().into(),
                text.as_str().into(),
                (*at).into(),
                stage_number(Stage::Open).into(),
            ];
            let is_bare = message.is_none() && remembered.is_none();
            let person = "SELECT 1 FROM person WHERE account = ?";
            if is_bare && first(db, person, &[about.get().into()])?.is_none() {
                return refused(Refusal::NotFound);
            }
            db.execute(sql, &values)?;
            match (message, remembered) {
                (Some((place, seq)), _) => copy(db, *report, (*by, *about), *place, *seq, *around),
                (None, Some(remembered)) => remember(db, *report, remembered),
                (None, None) => done(),
            }
        }
        Ask::List { stage, page, limit } => list(db, *stage, page.as_ref(), *limit),
        Ask::Read { report } => read(db, *report),
        Ask::Take { report, by } => take(db, *report, *by),
        Ask::PutBack { report, by } => {
            if let Err(refusal) = is_theirs(db, *report, *by)? {
                return refused(refusal);
            }
            let sql = "UPDATE report SET stage = ?, moderator = NULL WHERE id = ?";
            db.execute(
                sql,
                &[stage_number(Stage::Open).into(), report.get().into()],
            )?;
            done()
        }
        Ask::Decide {
            report,
            by,
            decision,
            act,
        } => decide(db, *report, *by, decision, act),
    }
}

/// Copies what was said around a message, so that it stays whatever becomes of it.
fn copy(
    db: Db<'_>,
    report: ReportId,
    (by, about): (AccountId, AccountId),
    place: Place,
    seq: i64,
    around: u32,
) -> Result<Reply, SqlError> {
    if matches!(place, Place::Direct(reader, _) if reader != by) {
        return refused(Refusal::Forbidden);
    }
    let Some(conversation) = message::conversation(db, place)? else {
        return refused(Refusal::NotFound);
    };
    let around = Value::from(around.min(AROUND_MAX));
    let id = Value::from(conversation.get());
    let mut messages = Vec::new();
    let before =
        format!("{MESSAGE}WHERE m.conversation = ? AND m.seq < ? ORDER BY m.seq DESC LIMIT ?");
    messages.extend(db.query(&before, &[id.clone(), seq.into(), around.clone()])?);
    let itself = format!("{MESSAGE}WHERE m.conversation = ? AND m.seq = ?");
    let Some(row) = first(db, &itself, &[id.clone(), seq.into()])? else {
        return refused(Refusal::NotFound);
    };
    if row.integer(2)? != about.get() {
        return refused(Refusal::Invalid);
    }
    messages.push(row);
    let is_whisper = matches!(place, Place::Direct(..));
    let sql = "UPDATE report SET conversation = ?, seq = ?, is_whisper = ? WHERE id = ?";
    let subject = [
        id.clone(),
        seq.into(),
        is_whisper.into(),
        report.get().into(),
    ];
    db.execute(sql, &subject)?;
    let behind = format!("{MESSAGE}WHERE m.conversation = ? AND m.seq > ? ORDER BY m.seq LIMIT ?");
    messages.extend(db.query(&behind, &[id, seq.into(), around])?);
    for row in messages {
        keep(db, report, &whole_message(row)?)?;
    }
    done()
}

/// Keeps what a room without a history remembers.
fn remember(db: Db<'_>, report: ReportId, remembered: &Remembered) -> Result<Reply, SqlError> {
    let said = remembered.said.iter().take(AROUND_MAX as usize);
    for (seq, new) in (1..).zip(said) {
        let message = Message {
            conversation: remembered.room.conversation(),
            seq,
            author: new.author,
            author_name: String::new(),
            kind: new.kind,
            body: new.body.clone(),
            at: new.at,
            removed_by: None,
        };
        keep(db, report, &message)?;
    }
    done()
}

fn keep(db: Db<'_>, report: ReportId, message: &Message) -> Result<(), SqlError> {
    let sql = "INSERT INTO report_message \
               (report, seq, conversation, author, kind, body, said_at, removed_by) \
               VALUES (?, ?, ?, ?, ?, ?, ?, ?)";
    let values = [
        report.get().into(),
        message.seq.into(),
        message.conversation.get().into(),
        message.author.get().into(),
        message.kind.into(),
        message.body.as_slice().into(),
        message.at.into(),
        message.removed_by.map(AccountId::get).into(),
    ];
    db.execute(sql, &values)?;
    Ok(())
}

fn list(db: Db<'_>, stage: Stage, page: Option<&PageToken>, limit: u32) -> Result<Reply, SqlError> {
    // Those that wait come oldest first, those that are decided latest first.
    let (start, order) = match stage {
        Stage::Open | Stage::Taken => (i64::MIN, "r.id > ? ORDER BY r.id"),
        Stage::Decided => (i64::MAX, "r.id < ? ORDER BY r.id DESC"),
    };
    let stage = stage_number(stage);
    let filter = stage.to_string();
    let Some(behind) = page_number(page, "reports", &filter, start) else {
        return refused(Refusal::Invalid);
    };
    let sql = format!("{REPORT}r.stage = ? AND {order} LIMIT ?");
    let rows = db.query(&sql, &[stage.into(), behind.into(), one_more(limit)])?;
    let mut reports = rows
        .into_iter()
        .map(report)
        .collect::<Result<Vec<_>, _>>()?;
    let has_more = cut(&mut reports, limit);
    let last = reports.last().filter(|_| has_more);
    let next = last.map(|last| PageToken::new("reports", &filter, &[Part::Number(last.id.get())]));
    let answer = Answer::Reports { reports, next };
    Ok(Ok(data::Answer::Report(answer)))
}

fn read(db: Db<'_>, id: ReportId) -> Result<Reply, SqlError> {
    let id = Value::from(id.get());
    let Some(row) = first(db, &format!("{REPORT}r.id = ?"), slice::from_ref(&id))? else {
        return refused(Refusal::NotFound);
    };
    let report = report(row)?;
    let sql = "SELECT m.conversation, m.seq, m.author, p.display_name, m.kind, m.body, m.said_at, \
               m.removed_by FROM report_message m LEFT JOIN person p ON p.account = m.author \
               WHERE m.report = ? ORDER BY m.seq";
    let rows = db.query(sql, &[id])?;
    let messages: Vec<Message> = rows
        .into_iter()
        .map(whole_message)
        .collect::<Result<_, _>>()?;
    let answer = Answer::Report { report, messages };
    Ok(Ok(data::Answer::Report(answer)))
}

fn report(mut row: Row) -> Result<Report, SqlError> {
    let by = row
        .maybe_integer(6)?
        .map_or(AccountId::new(0), AccountId::new);
    let state = match row.integer(5)? {
        1 => State::Open,
        2 => State::Taken { by },
        _ => State::Decided {
            by,
            decision: row.maybe_text(7)?.unwrap_or_default(),
        },
    };
    let message = match (row.maybe_integer(8)?, row.maybe_integer(9)?) {
        (Some(conversation), Some(seq)) => Some(Subject {
            conversation: ConversationId::new(conversation),
            seq,
            is_whisper: row.maybe_integer(10)? == Some(1),
        }),
        _ => None,
    };
    Ok(Report {
        id: ReportId::new(row.integer(0)?),
        by: AccountId::new(row.integer(1)?),
        about: AccountId::new(row.integer(2)?),
        about_name: row.maybe_text(11)?.unwrap_or_default(),
        text: row.text(3)?,
        at: row.integer(4)?,
        state,
        message,
    })
}

fn stage_number(stage: Stage) -> i64 {
    match stage {
        Stage::Open => 1,
        Stage::Taken => 2,
        Stage::Decided => 3,
    }
}

/// How far a report has come, and who looks at it; held until the commit.
fn stage(db: Db<'_>, report: ReportId) -> Result<Option<(i64, Option<i64>)>, SqlError> {
    let sql = "SELECT stage, moderator FROM report WHERE id = ?".to_owned() + db.for_update();
    let Some(row) = first(db, &sql, &[report.get().into()])? else {
        return Ok(None);
    };
    Ok(Some((row.integer(0)?, row.maybe_integer(1)?)))
}

fn take(db: Db<'_>, report: ReportId, by: AccountId) -> Result<Reply, SqlError> {
    match stage(db, report)? {
        None => refused(Refusal::NotFound),
        Some((1, _)) => {
            let sql = "UPDATE report SET stage = ?, moderator = ? WHERE id = ?";
            let taken = stage_number(Stage::Taken).into();
            db.execute(sql, &[taken, by.get().into(), report.get().into()])?;
            done()
        }
        Some((2, moderator)) if moderator == Some(by.get()) => done(),
        Some(_) => refused(Refusal::Conflict),
    }
}

/// Whether somebody looks at a report.
fn is_theirs(db: Db<'_>, report: ReportId, by: AccountId) -> Result<Result<(), Refusal>, SqlError> {
    Ok(match stage(db, report)? {
        None => Err(Refusal::NotFound),
        Some((2, moderator)) if moderator == Some(by.get()) => Ok(()),
        Some(_) => Err(Refusal::Conflict),
    })
}

fn decide(
    db: Db<'_>,
    report: ReportId,
    by: AccountId,
    decision: &str,
    act: &Act,
) -> Result<Reply, SqlError> {
    let told = ("taken", decision);
    if let Err(refusal) = audit::record(db, act, "report.decide", Target::Report(report), told)? {
        return refused(refusal);
    }
    if let Err(refusal) = is_theirs(db, report, by)? {
        return refused(refusal);
    }
    let sql = "UPDATE report SET stage = ?, decision = ? WHERE id = ?";
    let decided = stage_number(Stage::Decided).into();
    db.execute(sql, &[decided, decision.into(), report.get().into()])?;
    done()
}
