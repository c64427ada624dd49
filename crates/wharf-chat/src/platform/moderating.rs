//! What moderators of the server do, and what users tell them.

use super::talk::message_of;
use super::{Guest, Reply, room, serve};
use crate::foyer::ChatFoyer;
use prost::Message as _;
use wharf_content::{Dialect, FoyerBuilder, FoyerCx, MemberId, RoomCx, RoomId};
use wharf_data::message::{self, Place};
use wharf_data::operators::{self, Outcome, Request, Scope};
use wharf_data::report::Remembered;
use wharf_data::report::{Report, Stage, State};
use wharf_data::room::Until;
use wharf_data::service::{self, Call, Given};
use wharf_data::{AccountId, Announcement, Kick, PageToken, ReportId, access};
use wharf_proto::chat::{
    self, Announce, Announced, Case, Content, DecideReport, Decision, ListReports, Message,
    ReportDecided, ReportTaken, Reported, Reports, TakeReport,
};
use wharf_proto::session::{Code, Error, Muted};
use wharf_wire::Packet;
use wharf_wire::classic::{ChatNotify, ChatText, UserName};

/// As whom classic clients hear those who run the server: no account may be called so, and nobody
/// logs in by it.
pub(crate) const SERVER_NAME: &str = "*server*";
/// Reports of a page: so many fit whatever people have written.
const REPORTS_MAX: u32 = 6;
/// Bytes of messages that fit beside a report.
const EVIDENCE_BYTES: usize = 13_000;
/// Bytes of a message beside its content and name.
const MESSAGE_BYTES: usize = 48;

/// Has the foyer serve reports, and those who look after them.
pub(super) fn register(foyer: FoyerBuilder<'_, ChatFoyer>) -> FoyerBuilder<'_, ChatFoyer> {
    let foyer = serve(foyer, report);
    let foyer = serve(foyer, announce);
    let foyer = serve(foyer, list_reports);
    let foyer = serve(foyer, take_report);
    serve(foyer, decide_report)
}

/// Whether somebody who logs in would be taken for those who run the server.
pub(crate) fn is_reserved(id: &str) -> bool {
    let may_be = !id.is_ascii() || id.starts_with('*');
    may_be && wharf_data::NameKey::of(id) == wharf_data::NameKey::of(SERVER_NAME)
}

/// Where somebody is who reports.
pub(crate) enum Said {
    /// In a room that keeps what is said.
    Kept(wharf_data::RoomId),
    /// In one that does not, and what it remembers.
    Not(Option<Remembered>),
}

/// What is asked on account of a report by somebody in a room.
///
/// # Errors
/// If it is about a message of a room that keeps none.
pub(crate) fn report_of(me: AccountId, report: chat::Report, here: Said) -> Result<Request, Error> {
    let about = AccountId::new(report.account);
    let (message, remembered) = match (report.seq, here) {
        (0, Said::Kept(_)) => (None, None),
        (0, Said::Not(remembered)) => (None, remembered.filter(|_| !report.is_whisper)),
        (seq, _) if report.is_whisper => (Some((Place::Direct(me, about), seq)), None),
        (seq, Said::Kept(room)) => (Some((Place::Room(room), seq)), None),
        (_, Said::Not(_)) => {
            let text = "this room keeps nothing of what is said: without a number, what was said \
                        last goes with the report";
            return Err(Error::new(Code::NotFound, text).in_field("seq"));
        }
    };
    Ok(Request::Report {
        about,
        message,
        remembered,
        text: report.text,
    })
}

/// The answer to whoever has reported somebody.
///
/// # Errors
/// Why it was not done.
pub(crate) fn reported(reply: service::Reply) -> Result<Reported, Error> {
    match reply {
        Ok(Given::Operated(outcome)) => match *outcome {
            Outcome::Reported(report) => Ok(Reported {
                report: report.get(),
            }),
            _ => Err(Error::new(Code::Internal, "another answer")),
        },
        Ok(_) => Err(Error::new(Code::Internal, "another answer")),
        Err(error) => Err(super::error_of(&error)),
    }
}

/// 1313, from somebody who is in no room: about an account, or what it has whispered.
fn report(_: &ChatFoyer, cx: &mut FoyerCx<'_>, report: chat::Report) -> Reply<Reported> {
    if report.seq != 0 && !report.is_whisper && cx.room().is_none() {
        let text = "entering the room comes first";
        return Err(Error::new(Code::WrongState, text));
    }
    let me = super::talk::me(cx);
    ask::<chat::Report>(cx, report_of(me, report, Said::Not(None))?)
}

/// 1316.
fn announce(foyer: &ChatFoyer, cx: &mut FoyerCx<'_>, announce: Announce) -> Reply<Announced> {
    let scope = match announce.scope() {
        chat::Scope::All => Scope::All,
        chat::Scope::World => Scope::World,
        chat::Scope::Room => match (cx.room(), cx.data::<Guest>().inside) {
            (Some(_), Some(inside)) => Scope::Room(inside.room),
            (Some(room), None) if room.kind() == foyer.lobby => Scope::Numbered(room.number()),
            _ => {
                return Err(Error::new(
                    Code::WrongState,
                    "entering the room comes first",
                ));
            }
        },
        chat::Scope::Unspecified => {
            return Err(Error::new(Code::Invalid, "scope is none").in_field("scope"));
        }
    };
    let text = announce.text;
    ask::<Announce>(cx, Request::Announce { scope, text })
}

/// 1318.
fn list_reports(_: &ChatFoyer, cx: &mut FoyerCx<'_>, list: ListReports) -> Reply<Reports> {
    let request = Request::Reports {
        stage: match list.decided {
            true => Stage::Decided,
            false => Stage::Open,
        },
        page: Some(list.page)
            .filter(|page| !page.is_empty())
            .map(PageToken::received),
        limit: match list.limit {
            0 => REPORTS_MAX,
            limit => limit.min(REPORTS_MAX),
        },
    };
    ask::<ListReports>(cx, request)
}

/// 1320.
fn take_report(_: &ChatFoyer, cx: &mut FoyerCx<'_>, take: TakeReport) -> Reply<ReportTaken> {
    let report = ReportId::new(take.report);
    ask::<TakeReport>(cx, Request::TakeReport(report))
}

/// 1322.
fn decide_report(
    foyer: &ChatFoyer,
    cx: &mut FoyerCx<'_>,
    decide: DecideReport,
) -> Reply<ReportDecided> {
    let until = Until::after_seconds(foyer.facts.unix_ms(cx), decide.seconds);
    let decision = match decide.decision() {
        Decision::Release => operators::Decision::Release,
        Decision::Dismiss => operators::Decision::Dismiss,
        Decision::Warn => operators::Decision::Warn,
        Decision::Remove => operators::Decision::Remove,
        Decision::Mute => operators::Decision::Mute(until),
        Decision::Ban => operators::Decision::Ban(until),
        Decision::Unspecified => {
            return Err(Error::new(Code::Invalid, "decision is none").in_field("decision"));
        }
    };
    let request = Request::Decide {
        report: ReportId::new(decide.report),
        decision,
        text: decide.text,
    };
    ask::<DecideReport>(cx, request)
}

fn ask<R: wharf_proto::Request>(cx: &mut FoyerCx<'_>, request: Request) -> Reply<R::Reply> {
    let (by, request) = (super::talk::me(cx), Box::new(request));
    let call = Call::Operate { by, request };
    super::access::hand_on::<R>(cx, super::access::Meanwhile::Serve, call)
}

/// Answers a request of those above.
pub(super) fn give(cx: &mut FoyerCx<'_>, request: u32, packet: u16, outcome: Outcome) {
    match outcome {
        Outcome::Reported(report) => cx.reply_to(
            request,
            &Reported {
                report: report.get(),
            },
        ),
        Outcome::Announced(sessions) => cx.reply_to(request, &Announced { sessions }),
        Outcome::Reports { reports, next } => {
            let next_page = next.map(|next| next.as_str().to_owned());
            cx.reply_to(
                request,
                &Reports {
                    cases: reports.into_iter().map(case_of).collect(),
                    next_page: next_page.unwrap_or_default(),
                },
            );
        }
        Outcome::Report { report, messages } => cx.reply_to(
            request,
            &ReportTaken {
                case: Some(case_of(report)),
                messages: evidence(&messages),
            },
        ),
        Outcome::Done if packet == DecideReport::ID => cx.reply_to(request, &ReportDecided {}),
        _ => cx.reply_to(request, &Error::new(Code::Internal, "another answer")),
    }
}

fn case_of(report: Report) -> Case {
    let decision = match &report.state {
        State::Decided { decision, .. } => match &**decision {
            "dismiss" => Decision::Dismiss,
            "warn" => Decision::Warn,
            "mute" => Decision::Mute,
            "ban" => Decision::Ban,
            "remove" => Decision::Remove,
            _ => Decision::Unspecified,
        },
        State::Open | State::Taken { .. } => Decision::Unspecified,
    };
    let in_room = report.message.filter(|message| !message.is_whisper);
    Case {
        report: report.id.get(),
        by: report.by.get(),
        account: report.about.get(),
        display_name: report.about_name,
        room: in_room.map_or(0, |message| message.conversation.get()),
        seq: report.message.map_or(0, |message| message.seq),
        text: report.text,
        at_ms: report.at,
        taken_by: match report.state {
            State::Taken { by } | State::Decided { by, .. } => by.get(),
            State::Open => 0,
        },
        decision: decision.into(),
    }
}

/// As many messages as fit, with what was said even if it was removed meanwhile.
fn evidence(messages: &[message::Message]) -> Vec<Message> {
    let mut bytes = 0;
    let fits = messages.iter().take_while(|message| {
        bytes += MESSAGE_BYTES + message.body.len() + message.author_name.len();
        bytes <= EVIDENCE_BYTES
    });
    fits.map(|message| Message {
        content: Content::decode(&message.body[..]).ok(),
        ..message_of(message)
    })
    .collect()
}

/// Those who run the server say something; whoever it is for hears it.
pub(crate) fn tell_announcement(
    foyer: &ChatFoyer,
    cx: &mut FoyerCx<'_>,
    announcement: &Announcement,
) {
    let here = cx.room();
    let is_here = |number| here == Some(RoomId::new(foyer.lobby, number));
    let (is_for_it, scope) = match announcement.scope {
        Scope::All => (true, chat::Scope::All),
        Scope::World => (true, chat::Scope::World),
        Scope::Numbered(number) => (is_here(number), chat::Scope::Room),
        Scope::Room(room) => {
            let is_inside = match room::number_of_id(room.get()) {
                Some(number) => is_here(number),
                None => cx.room().is_some() && is_in(cx, room),
            };
            (is_inside, chat::Scope::Room)
        }
    };
    if !is_for_it || cx.user().is_none() {
        return;
    }
    announcement.tally.add();
    match cx.dialect() {
        Dialect::Platform => cx.notify(&chat::Announcement {
            text: announcement.text.clone(),
            scope: scope.into(),
            at_ms: announcement.at,
        }),
        Dialect::Classic => tell_line(cx, &announcement.text),
    }
}

fn is_in(cx: &mut FoyerCx<'_>, room: wharf_data::RoomId) -> bool {
    let inside = cx.data::<Guest>().inside;
    inside.is_some_and(|inside| inside.room == room)
}

/// Why somebody may say nothing anywhere, if so.
pub(crate) fn muted_everywhere(cx: &RoomCx<'_>, who: MemberId, unix_ms: i64) -> Option<Error> {
    if cx.bulletin().muted.is_empty() {
        return None;
    }
    let account = AccountId::new(cx.user(who)?.id.get());
    let until = cx.bulletin().muted(account, unix_ms)?;
    let until = until.ends();
    Some(super::error_of(&access::Error::Muted { until }))
}

/// Somebody may say nothing anywhere, or may speak again.
pub(crate) fn tell_mute(cx: &mut FoyerCx<'_>, until: Option<Until>, reason: String) {
    let ends = until.and_then(Until::ends);
    match cx.dialect() {
        Dialect::Platform => cx.notify(&Muted {
            is_muted: until.is_some(),
            text: reason,
            until_ms: ends.unwrap_or(0),
        }),
        Dialect::Classic => {
            let what = match until {
                Some(_) => "You may say nothing",
                None => "You may speak again",
            };
            let until_and_why = access::until_and_why(ends, &reason);
            tell_line(cx, &format!("{what}{until_and_why}"));
        }
    }
}

/// A line of those who run the server.
pub(super) fn tell_line(cx: &mut FoyerCx<'_>, text: &str) {
    cx.notify(&ChatNotify {
        user: UserName::truncated(SERVER_NAME),
        message: ChatText::truncated(&text.replace(['\n', '\t'], " ")),
    });
}

/// Whether it is this session that is sent away.
pub(crate) fn is_kicked(cx: &FoyerCx<'_>, kick: &Kick) -> bool {
    let user = cx.user().map(|user| user.id.get());
    let is_meant = user == Some(kick.account.get());
    if is_meant {
        kick.tally.add();
    }
    is_meant
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_logs_in_by_a_name_that_looks_like_the_servers() {
        for id in ["*server*", "*SERVER*", "＊server＊", "*sеrver*"] {
            assert!(is_reserved(id), "{id}");
        }
        for id in ["server", "*", "*server", "", "한국", "**server**"] {
            assert!(!is_reserved(id), "{id}");
        }
        assert!(wharf_data::DisplayName::new(SERVER_NAME).is_err());
    }
}
