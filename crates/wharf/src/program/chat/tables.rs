//! Lists for people, a line for each item.

use super::event::About;
use super::json::word;
use super::text::{Line, Style, author, member_text};
use super::width::{columns, harmless, pad};
use crate::program::operate::counted;
use time::OffsetDateTime;
use wharf_proto::ServerPacket;
use wharf_proto::account::{IdentityKind, Logins, Profile};
use wharf_proto::chat::{Case, Decision};
use wharf_proto::room::{Info, Rooms};

/// Columns of a name in a list: twelve Korean letters.
const NAME_COLUMNS: usize = 24;

/// An answer that is a list; no line for any other.
pub(super) fn lines(packet: &ServerPacket, about: &About) -> Vec<Line> {
    let mut told: Vec<String> = match packet {
        ServerPacket::Rooms(it) => rooms(it),
        ServerPacket::Members(it) => it.members.iter().map(member_text).collect(),
        ServerPacket::Users(it) => {
            let user = |it: &wharf_proto::room::User| named(it.account, &it.display_name);
            it.users.iter().map(user).collect()
        }
        ServerPacket::Bans(it) => {
            let ban = |it: &wharf_proto::room::Ban| {
                let until = until(it.until_ms);
                let by = match it.by {
                    0 => "the server".to_owned(),
                    by => harmless(&about.name(by)),
                };
                let ban = format!("{} {until} by {by}", named(it.account, &it.display_name));
                match &*it.text {
                    "" => ban,
                    text => format!("{ban}: {}", harmless(text)),
                }
            };
            it.bans.iter().map(ban).collect()
        }
        ServerPacket::Blocked(it) => {
            let blocked = |account: &i64| harmless(&about.name(*account));
            it.accounts.iter().map(blocked).collect()
        }
        ServerPacket::Logins(it) => logins(it),
        ServerPacket::Identities(it) => {
            let identity = |it: &wharf_proto::account::Identity| {
                let kind = word(it.kind().as_str_name(), "IDENTITY_KIND_");
                match it.kind() {
                    IdentityKind::Name => format!("by {kind}: {}", harmless(&it.name)),
                    _ => format!("by {kind}"),
                }
            };
            let mut lines: Vec<_> = it.identities.iter().map(identity).collect();
            let left = counted(it.recovery_codes.into(), "recovery code");
            lines.push(format!("{left} left"));
            lines
        }
        ServerPacket::RecoveryCodes(it) => {
            let mut lines = vec!["write these down; they are shown only this once:".to_owned()];
            lines.extend(it.codes.iter().map(|it| harmless(it)));
            lines
        }
        ServerPacket::Profile(it) => profile(it),
        ServerPacket::Exported(it) => it.json_lines.lines().map(harmless).collect(),
        ServerPacket::Reports(it) => it.cases.iter().map(case).collect(),
        ServerPacket::ReportTaken(it) => {
            let mut lines: Vec<_> = it.case.as_ref().map(case).into_iter().collect();
            let message = |it: &wharf_proto::chat::Message| {
                let text = it.content.as_ref().and_then(|it| it.what.as_ref());
                let text = match text {
                    Some(wharf_proto::chat::content::What::Text(text)) => harmless(text),
                    Some(_) => "(an item or a gesture)".to_owned(),
                    None => "(removed)".to_owned(),
                };
                format!("{:>5} {}: {text}", it.seq, author(it))
            };
            lines.extend(it.messages.iter().map(message));
            lines
        }
        _ => return Vec::new(),
    };
    if told.is_empty() {
        told.push("none".to_owned());
    }
    if let Some(page) = next_page(packet) {
        told.push(format!(
            "there is more: the same with page={}",
            harmless(page)
        ));
    }
    let line = |text| Line::new(Style::Plain, text);
    told.into_iter().map(line).collect()
}

fn next_page(packet: &ServerPacket) -> Option<&str> {
    let page = match packet {
        ServerPacket::Rooms(it) => &it.next_page,
        ServerPacket::Members(it) => &it.next_page,
        ServerPacket::Users(it) => &it.next_page,
        ServerPacket::Bans(it) => &it.next_page,
        ServerPacket::Exported(it) => &it.next_page,
        ServerPacket::Reports(it) => &it.next_page,
        _ => return None,
    };
    Some(page.as_str()).filter(|page| !page.is_empty())
}

fn rooms(rooms: &Rooms) -> Vec<String> {
    let ids: Vec<_> = rooms.rooms.iter().map(room_id).collect();
    let wide = ids.iter().map(|id| columns(id)).max().unwrap_or_default();
    let room = |(id, info): (&String, &Info)| {
        let mut text = format!(
            "{} {} {:>4} of {}",
            pad(id, wide.max(8)),
            pad(&harmless(&info.name), NAME_COLUMNS),
            info.members,
            info.members_max
        );
        for fact in facts(info) {
            text += &format!(" [{fact}]");
        }
        if !info.topic.is_empty() {
            text += &format!("  {}", harmless(&info.topic));
        }
        text
    };
    ids.iter().zip(&rooms.rooms).map(room).collect()
}

/// A room by what enters it.
fn room_id(info: &Info) -> String {
    match info.number {
        Some(number) => number.to_string(),
        None => format!("#{}", info.room),
    }
}

/// A room in a sentence.
pub(super) fn room_sentence(info: &Info) -> String {
    let mut text = format!(
        "{} ({}), {} of {}",
        harmless(&info.name),
        room_id(info),
        info.members,
        info.members_max
    );
    for fact in facts(info) {
        text += &format!(", {fact}");
    }
    if !info.topic.is_empty() {
        text += &format!(", about: {}", harmless(&info.topic));
    }
    text
}

fn facts(info: &Info) -> impl Iterator<Item = &'static str> {
    let facts = [
        (info.has_password, "password"),
        (info.is_locked, "locked"),
        (info.is_hidden, "hidden"),
        (info.slow_seconds > 0, "slow"),
    ];
    facts
        .into_iter()
        .filter_map(|(is_so, fact)| is_so.then_some(fact))
}

/// Somebody's name and account; who has no name any more has erased it.
fn named(account: i64, name: &str) -> String {
    let name = match name {
        "" => "(erased)".to_owned(),
        name => harmless(name),
    };
    let filled = NAME_COLUMNS.max(columns(&name));
    format!("{} #{account}", pad(&name, filled))
}

fn logins(logins: &Logins) -> Vec<String> {
    let login = |it: &wharf_proto::account::Login| {
        let this = if it.is_this { " (this one)" } else { "" };
        let device = pad(&harmless(&it.device), NAME_COLUMNS);
        format!("{:>6} {device} last used {}{this}", it.id, date(it.used_ms))
    };
    logins.logins.iter().map(login).collect()
}

fn profile(it: &Profile) -> Vec<String> {
    let mut lines = vec![
        format!("name      {} #{}", harmless(&it.display_name), it.account),
        format!("avatar    {}", it.avatar),
        format!("language  {}", harmless(&it.language)),
        format!("version   {}", it.version),
    ];
    if !it.document.is_empty() {
        let document = String::from_utf8_lossy(&it.document);
        lines.push(format!("document  {}", harmless(&document)));
    }
    lines
}

fn case(it: &Case) -> String {
    let decision = Decision::try_from(it.decision).unwrap_or_default();
    let state = match (decision, it.taken_by) {
        (Decision::Unspecified, 0) => "waits".to_owned(),
        (Decision::Unspecified, by) => format!("taken by #{by}"),
        (decided, _) => word(decided.as_str_name(), "DECISION_"),
    };
    let name = named(it.account, &it.display_name);
    format!("{:>6} {name} {state}: {}", it.report, harmless(&it.text))
}

/// How long something holds.
pub(super) fn until(until_ms: i64) -> String {
    match until_ms {
        0 => "for ever".to_owned(),
        until_ms => format!("until {}", date(until_ms)),
    }
}

/// A Unix time as a date and time of day, in UTC.
pub(super) fn date(unix_ms: i64) -> String {
    match OffsetDateTime::from_unix_timestamp(unix_ms.div_euclid(1_000)) {
        Ok(at) => format!("{} {:02}:{:02} UTC", at.date(), at.hour(), at.minute()),
        Err(_) => "at no time".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::expect;

    #[test]
    fn dates_are_right_at_their_edges() {
        for (unix_ms, shown) in [
            (0, "1970-01-01 00:00 UTC"),
            (951_782_399_999, "2000-02-28 23:59 UTC"),
            (951_782_400_000, "2000-02-29 00:00 UTC"),
            (1_767_225_599_000, "2025-12-31 23:59 UTC"),
            (-1, "1969-12-31 23:59 UTC"),
        ] {
            assert_eq!(date(unix_ms), shown);
        }
        assert_eq!(
            (&*date(i64::MAX), &*date(i64::MIN)),
            ("at no time", "at no time")
        );
    }

    #[test]
    fn rooms_stand_in_columns_whatever_their_letters() {
        let room = |name: &str, number| Info {
            room: 7_209_465_839_617,
            name: name.to_owned(),
            topic: "눈과 비\u{1b}".to_owned(),
            members: 3,
            members_max: 100,
            has_password: number == Some(3),
            number,
            ..Info::default()
        };
        let all = Rooms {
            rooms: vec![
                room("lounge", Some(3)),
                room("아주 긴 이름을 가진 방입니다", None),
            ],
            next_page: "abc".to_owned(),
        };
        let lines = lines(&ServerPacket::Rooms(all), &About::default());
        let shown: Vec<_> = lines.into_iter().map(|it| it.body.1).collect();
        expect![[r"
            3              lounge                      3 of 100 [password]  눈과 비^[
            #7209465839617 아주 긴 이름을 가진 방…     3 of 100  눈과 비^[
            there is more: the same with page=abc"]]
        .assert_eq(&shown.join("\n"));
        assert_eq!(
            room_sentence(&room("lounge", Some(3))),
            "lounge (3), 3 of 100, password, about: 눈과 비^["
        );
    }
}
