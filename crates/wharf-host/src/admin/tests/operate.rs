//! What guards the acts of operators, and what they are.

use super::{Rig, Times};
use crate::server::Placement;
use crate::services::{OperatorAnswer, Replies, Services};
use std::net::IpAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use wharf_base::SessionId;
use wharf_content::Query;
use wharf_data::access::{Error, Guesser, LookUp};
use wharf_data::operators::{Decision, Outcome, Request, RoomAct, Scope};
use wharf_data::report::Stage;
use wharf_data::room::Until;
use wharf_data::service::Reply;
use wharf_data::{AccountId, Bulletin, Maintenance, ReportId, RoomId};

const TOKEN: &str = "0123456789abcdef0123456789abcdef";

/// Notes what is asked, and answers as it was told.
#[derive(Default)]
struct Desk {
    asked: Mutex<Vec<Request>>,
    answers: Mutex<Vec<Result<Outcome, Error>>>,
    /// Drops whoever asks, as services do that have ended.
    has_ended: bool,
    bulletin: Bulletin,
}

impl Services for Desk {
    fn query(&self, _: Query, _: Option<IpAddr>, _: &Replies) -> Option<Reply> {
        Some(Err(Error::Unavailable))
    }

    fn session_closed(&self, _: SessionId) {}

    fn operate(&self, request: Request, answer: OperatorAnswer) {
        self.asked.lock().unwrap().push(request);
        if !self.has_ended {
            let next = self.answers.lock().unwrap().pop();
            answer(next.unwrap_or(Ok(Outcome::Done)));
        }
    }

    fn bulletin(&self) -> Arc<Bulletin> {
        Arc::new(self.bulletin.clone())
    }
}

fn rig(token: Option<&str>, desk: &Arc<Desk>) -> Rig {
    let services = Arc::<Desk>::clone(desk);
    Rig::with_services(1, Placement::Fused, token, Times::default(), services)
}

/// A request as it goes over the wire, with these headers.
fn post(act: &str, headers: &[&str], body: &str) -> Vec<u8> {
    let headers: String = headers
        .iter()
        .map(|header| format!("{header}\r\n"))
        .collect();
    let length = body.len();
    format!("POST /api/operate/{act} HTTP/1.1\r\n{headers}Content-Length: {length}\r\n\r\n{body}")
        .into_bytes()
}

const HOST: &str = "Host: localhost";
const JSON: &str = "Content-Type: application/json";
const MARK: &str = "X-Wharf-Admin: 1";

fn status(answer: &str) -> &str {
    answer.split(' ').nth(1).unwrap_or_default()
}

#[test]
fn nobody_acts_without_what_a_page_in_a_browser_cannot_send() {
    let desk = Arc::new(Desk::default());
    let rig = rig(None, &desk);
    let foreign = "Host: evil.example";
    let form = "Content-Type: application/x-www-form-urlencoded";
    for (headers, expected) in [
        (&[HOST, JSON, MARK][..], "200"),
        (
            &[HOST, "Content-Type: application/json; charset=utf-8", MARK],
            "200",
        ),
        (&[foreign, JSON, MARK], "403"),
        (&[JSON, MARK], "403"),
        (&[HOST, JSON], "403"),
        (&[HOST, MARK], "415"),
        (&[HOST, form, MARK], "415"),
        (&[HOST, "Content-Type: text/plain", MARK], "415"),
        (
            &[HOST, "Content-Type: text/plain; application/json", MARK],
            "415",
        ),
        (&[HOST, JSON, "Content-Type: text/plain", MARK], "415"),
    ] {
        let before = desk.asked.lock().unwrap().len();
        let answer = rig.raw(&post("maintenance.off", headers, "{}"));
        assert_eq!(status(&answer), expected, "{headers:?}: {answer}");
        let count = desk.asked.lock().unwrap().len() - before;
        assert_eq!(count, usize::from(expected == "200"), "{headers:?}");
    }
    for method in ["GET", "OPTIONS", "PUT", "DELETE"] {
        let request = format!("{method} /api/operate/maintenance.off HTTP/1.1\r\n{HOST}\r\n\r\n");
        let answer = rig.raw(request.as_bytes());
        assert_eq!(status(&answer), "405", "{method}");
        assert!(
            !answer.to_lowercase().contains("access-control"),
            "{answer}"
        );
    }
}

#[test]
fn where_there_is_a_token_nobody_acts_without_it() {
    let desk = Arc::new(Desk::default());
    let rig = rig(Some(TOKEN), &desk);
    let wrong = format!("Authorization: Bearer {}", TOKEN.replace('0', "1"));
    for headers in [&[HOST, JSON, MARK][..], &[HOST, JSON, MARK, &wrong]] {
        let answer = rig.raw(&post("maintenance.off", headers, "{}"));
        assert_eq!(status(&answer), "401", "{answer}");
    }
    assert!(desk.asked.lock().unwrap().is_empty());
    let (status, _) = rig.client.operate("maintenance.off", "{}").unwrap();
    assert_eq!((status, desk.asked.lock().unwrap().len()), (200, 1));
}

#[test]
fn a_body_that_is_too_long_or_wrong_is_refused_with_what_is_wrong() {
    let desk = Arc::new(Desk::default());
    let rig = rig(None, &desk);
    let long = format!("{{\"text\":\"{}\"}}", "x".repeat(16 * 1024));
    let deep = "[".repeat(10_000);
    for (act, body, expected) in [
        ("notice", &*long, (413, "at most 16384 bytes")),
        ("notice", "", (400, "\"field\":\"text\"")),
        ("notice", "{", (400, "\"field\":\"body\"")),
        ("notice", "[]", (400, "it is no JSON object")),
        ("notice", &deep, (400, "\"field\":\"body\"")),
        ("notice", "{\"text\":7}", (400, "\"field\":\"text\"")),
        (
            "notice",
            "{\"text\":\"x\",\"room\":-1}",
            (400, "\"field\":\"room\""),
        ),
        (
            "notice",
            "{\"text\":\"x\",\"room\":4294967296}",
            (400, "\"field\":\"room\""),
        ),
        (
            "notice",
            "{\"text\":\"x\",\"room\":3,\"room_id\":4}",
            (400, "\"field\":\"room_id\""),
        ),
        (
            "notice",
            "{\"text\":\"x\",\"al\":1}",
            (400, "no field \\\"al\\\""),
        ),
        (
            "accounts.ban",
            "{\"reason\":\"x\"}",
            (400, "\"field\":\"account\""),
        ),
        (
            "accounts.ban",
            "{\"account\":1}",
            (400, "\"field\":\"reason\""),
        ),
        (
            "accounts.ban",
            "{\"account\":1,\"reason\":\" \"}",
            (400, "\"field\":\"reason\""),
        ),
        (
            "accounts.ban",
            "{\"account\":1,\"reason\":\"x\",\"for_ms\":0}",
            (400, "\"field\":\"for_ms\""),
        ),
        (
            "accounts.find",
            "{\"account\":\"x\"}",
            (400, "\"field\":\"account\""),
        ),
        (
            "reports.list",
            "{\"stage\":\"x\"}",
            (400, "\"field\":\"stage\""),
        ),
        (
            "reports.decide",
            "{\"report\":1,\"decision\":\"x\"}",
            (400, "\"field\":\"decision\""),
        ),
        ("rooms.show", "{}", (400, "\"field\":\"room\"")),
        (
            "rooms.change",
            "{\"room\":1,\"is_locked\":1}",
            (400, "\"field\":\"is_locked\""),
        ),
        ("rooms.burn", "{\"room\":1}", (404, "no-such-act")),
        ("accounts.promote", "{}", (404, "no-such-act")),
        ("reports.burn", "{}", (404, "no-such-act")),
        ("x", "{}", (404, "no-such-act")),
    ] {
        let (status, text) = rig.client.operate(act, body).unwrap();
        assert_eq!(status, expected.0, "{act} {body:.60}: {text}");
        assert!(text.contains(expected.1), "{act} {body:.60}: {text}");
        assert!(
            serde_json::from_str::<serde_json::Value>(&text).is_ok(),
            "{text}"
        );
    }
    assert!(desk.asked.lock().unwrap().is_empty(), "nothing was done");
}

#[test]
fn each_act_is_what_it_is_called() {
    let desk = Arc::new(Desk::default());
    let rig = rig(None, &desk);
    let (account, text, reason) = (AccountId::new(7), || "x".to_owned(), || "x".to_owned());
    let report = ReportId::new(9);
    let forever = Until::TakenBack;
    let of_account = "{\"account\":\"7\",\"reason\":\"x\"}";
    for (act, fields, expected) in [
        (
            "accounts.find",
            "{\"name\":\"kim\"}",
            Request::Find(LookUp::Name("kim".into())),
        ),
        (
            "accounts.find",
            "{\"account\":7}",
            Request::Find(LookUp::Account(account)),
        ),
        (
            "accounts.ban",
            of_account,
            Request::Ban {
                account,
                until: forever,
                reason: reason(),
            },
        ),
        (
            "accounts.unban",
            of_account,
            Request::Unban {
                account,
                reason: reason(),
            },
        ),
        (
            "accounts.mute",
            of_account,
            Request::Mute {
                account,
                until: Some(forever),
                reason: reason(),
            },
        ),
        (
            "accounts.unmute",
            of_account,
            Request::Mute {
                account,
                until: None,
                reason: reason(),
            },
        ),
        (
            "accounts.sessions",
            "{\"account\":7}",
            Request::Logins(account),
        ),
        (
            "accounts.sign-out",
            of_account,
            Request::SignOut {
                account,
                reason: reason(),
            },
        ),
        (
            "accounts.erase",
            of_account,
            Request::Erase {
                account,
                reason: reason(),
            },
        ),
        (
            "accounts.kick",
            of_account,
            Request::Kick {
                account,
                reason: reason(),
            },
        ),
        (
            "accounts.list",
            "{\"search\":\"ki\",\"limit\":2}",
            Request::Accounts {
                search: "ki".into(),
                page: None,
                limit: 2,
            },
        ),
        (
            "accounts.new-password",
            of_account,
            Request::NewPassword {
                account,
                reason: reason(),
            },
        ),
        (
            "accounts.forgive",
            "{\"account\":7,\"name\":\"kim\",\"reason\":\"asked\"}",
            Request::Forgive {
                whom: Guesser::Account(account, "kim".into()),
                reason: "asked".into(),
            },
        ),
        (
            "accounts.forgive",
            "{\"address\":\"192.0.2.1\"}",
            Request::Forgive {
                whom: Guesser::Address([192, 0, 2, 1].into()),
                reason: String::new(),
            },
        ),
        (
            "accounts.export",
            "{\"account\":7}",
            Request::Export {
                account,
                page: None,
            },
        ),
        (
            "notice",
            "{\"text\":\"x\"}",
            Request::Announce {
                scope: Scope::All,
                text: text(),
            },
        ),
        (
            "notice",
            "{\"text\":\"x\",\"room\":3}",
            Request::Announce {
                scope: Scope::Numbered(3),
                text: text(),
            },
        ),
        (
            "notice",
            "{\"text\":\"x\",\"room_id\":\"4\"}",
            Request::Announce {
                scope: Scope::Room(RoomId::new(4)),
                text: text(),
            },
        ),
        (
            "rooms.show",
            "{\"room\":\"4\"}",
            Request::Room {
                room: RoomId::new(4),
                act: RoomAct::Show,
                reason: String::new(),
            },
        ),
        (
            "rooms.change",
            "{\"room\":4,\"name\":\"x\",\"is_locked\":true,\"reason\":\"x\"}",
            Request::Room {
                room: RoomId::new(4),
                act: RoomAct::Change {
                    name: Some(text()),
                    topic: None,
                    is_locked: Some(true),
                },
                reason: reason(),
            },
        ),
        (
            "rooms.hand-over",
            "{\"room\":4,\"account\":7,\"reason\":\"x\"}",
            Request::Room {
                room: RoomId::new(4),
                act: RoomAct::HandOver(account),
                reason: reason(),
            },
        ),
        (
            "rooms.close",
            "{\"room\":4,\"reason\":\"x\"}",
            Request::Room {
                room: RoomId::new(4),
                act: RoomAct::Close,
                reason: reason(),
            },
        ),
        (
            "maintenance.on",
            "{\"text\":\"x\"}",
            Request::SetMaintenance(Some(Maintenance::now("x"))),
        ),
        ("maintenance.off", "{}", Request::SetMaintenance(None)),
        ("bulletin", "", Request::Bulletin),
        (
            "moderators.remove",
            "{\"account\":7}",
            Request::SetModerator {
                account,
                is_moderator: false,
            },
        ),
        (
            "reports.list",
            "{\"stage\":\"taken\",\"limit\":5}",
            Request::Reports {
                stage: Stage::Taken,
                page: None,
                limit: 5,
            },
        ),
        (
            "reports.show",
            "{\"report\":9}",
            Request::ReadReport(report),
        ),
        (
            "reports.take",
            "{\"report\":9}",
            Request::TakeReport(report),
        ),
        (
            "reports.decide",
            "{\"report\":9,\"decision\":\"ban\",\"text\":\"x\"}",
            Request::Decide {
                report,
                decision: Decision::Ban(forever),
                text: text(),
            },
        ),
        (
            "audit",
            "{\"account\":7,\"limit\":5}",
            Request::Audit {
                about: Some(account),
                page: None,
                limit: 5,
            },
        ),
    ] {
        assert_eq!(rig.client.operate(act, fields).unwrap().0, 200, "{act}");
        let asked = desk.asked.lock().unwrap().pop().expect("it was asked");
        assert!(asked == expected, "{act} {fields} asks for {asked:?}");
    }
}

#[test]
fn a_refusal_has_a_status_a_code_and_when_to_ask_again() {
    let desk = Arc::new(Desk::default());
    let rig = rig(None, &desk);
    let retry_after = Duration::from_millis(1_500);
    for (error, status, words) in [
        (Error::NotFound, 404, "\"code\":\"not-found\""),
        (Error::Conflict, 409, "\"code\":\"conflict\""),
        (Error::Unavailable, 503, "\"code\":\"unavailable\""),
        (Error::Rate { retry_after }, 429, "\"retry_after_ms\":1500"),
        (Error::Busy { retry_after }, 429, "\"code\":\"busy\""),
    ] {
        desk.answers.lock().unwrap().push(Err(error.clone()));
        let (got, text) = rig.client.operate("bulletin", "{}").unwrap();
        assert_eq!(got, status, "{error:?}: {text}");
        assert!(text.contains(words), "{error:?}: {text}");
    }
}

#[test]
fn services_that_are_not_there_or_have_ended_are_told_from_a_no() {
    let rig_without = Rig::start(1, Placement::Fused);
    let (status, text) = rig_without.client.operate("bulletin", "{}").unwrap();
    assert_eq!(status, 503, "{text}");
    let desk = Arc::new(Desk {
        has_ended: true,
        ..Desk::default()
    });
    let (status, text) = rig(None, &desk).client.operate("bulletin", "{}").unwrap();
    assert_eq!(status, 503, "{text}");
    assert!(text.contains("unavailable"), "{text}");
}

#[test]
fn a_server_in_maintenance_is_not_ready_and_says_why() {
    let desk = Arc::new(Desk {
        bulletin: Bulletin {
            maintenance: Some("back at noon".into()),
            ..Bulletin::default()
        },
        ..Desk::default()
    });
    let rig = rig(None, &desk);
    let (status, text) = rig.get("/readyz");
    assert_eq!(status, 503, "{text}");
    assert!(text.contains("\"reason\":\"maintenance\""), "{text}");
    assert!(text.contains("back at noon"), "{text}");
    assert_eq!(rig.client.snapshot().unwrap().state, "maintenance");
    assert_eq!(rig.get("/healthz").0, 200);
}
