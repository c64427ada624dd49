//! Answers as text for people. What users have written is shown without what moves a cursor.

use super::names::{Names, moderators_in};
use serde_json::Value;
use wharf_data::Maintenance;

/// A text on one line, without control characters.
pub(in super::super) fn clean(text: &str) -> String {
    let plain = |letter: char| if is_plain(letter) { letter } else { ' ' };
    text.chars().map(plain).collect()
}

/// Neither a control character nor one that turns the direction of what follows.
fn is_plain(letter: char) -> bool {
    let turns = matches!(
        letter,
        '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}'
    );
    !letter.is_control() && !turns
}

/// A field as a text, whatever it is.
fn field(value: &Value, name: &str) -> String {
    match &value[name] {
        Value::String(text) => clean(text),
        Value::Null => "-".to_owned(),
        other => clean(&other.to_string()),
    }
}

/// So many of something, whose word takes an s.
pub(in super::super) fn counted(count: u64, one: &str) -> String {
    match count {
        1 => format!("1 {one}"),
        count => format!("{count} {one}s"),
    }
}

/// How long a measure lasts, and why.
fn lasts(measure: &Value) -> String {
    let until = match measure["until_ms"].as_i64() {
        _ if measure.is_null() => "no".to_owned(),
        Some(until) => format!("until {}", time(until)),
        None => "until it is taken back".to_owned(),
    };
    match &measure["reason"] {
        Value::String(reason) if !reason.is_empty() => format!("{until}: {}", clean(reason)),
        _ => until,
    }
}

pub(super) fn account(account: &Value) -> String {
    let yes = |name: &str| match account[name] == true {
        true => "yes",
        false => "no",
    };
    format!(
        "account    {}\nname       {}\npassword   {}\nhere       {}\nmoderator  {}\nbanned     {}\n\
         muted      {}\n",
        field(account, "account"),
        field(account, "display_name"),
        yes("has_password"),
        yes("is_here"),
        yes("is_moderator"),
        lasts(&account["banned"]),
        lasts(&account["muted"]),
    )
}

/// Accounts of a list, and how to see those behind them.
pub(super) fn accounts(accounts: &[Value], next: Option<&str>) -> String {
    let line = |account: &Value| {
        let mut marks = String::new();
        if account["has_password"] != true {
            marks += "  no password";
        }
        if !account["banned"].is_null() {
            marks += &format!("  banned {}", lasts(&account["banned"]));
        }
        let (id, name) = (field(account, "account"), field(account, "display_name"));
        format!("{id}  {name}{marks}\n")
    };
    let more = next.map(|page| format!("there are more: --page {page}\n"));
    lines(Some(&accounts.to_vec()), line, "none") + &more.unwrap_or_default()
}

/// What nobody is told again.
pub(super) fn new_password(account: &Value, answer: &Value) -> String {
    format!(
        "the new password of {} (account {}): {}\n\
         It is told this once. All its sessions and logins have ended.\n",
        field(account, "display_name"),
        field(account, "account"),
        field(answer, "password"),
    )
}

pub(super) fn logins(answer: &Value) -> String {
    let line = |login: &Value| {
        format!(
            "{}  since {}  used {}  {}\n",
            field(login, "login"),
            time_of(login, "since_ms"),
            time_of(login, "used_ms"),
            field(login, "device"),
        )
    };
    lines(answer["logins"].as_array(), line, "logged in nowhere")
}

pub(super) fn rooms(rooms: &[Value]) -> String {
    let line = |room: &Value| {
        let marks = ["has_password", "is_hidden", "is_locked"];
        let marks: Vec<&str> = marks
            .into_iter()
            .filter(|mark| room[*mark] == true)
            .map(|mark| mark.split_once('_').map_or(mark, |(_, word)| word))
            .collect();
        let members = room["members"].as_u64();
        format!(
            "{}  {}  {}at most {}  {}\n",
            field(room, "room"),
            field(room, "name"),
            members.map_or(String::new(), |count| format!("{count} in it, ")),
            field(room, "members_max"),
            marks.join(", "),
        )
    };
    lines(Some(&rooms.to_vec()), line, "  none")
}

/// Whether the server is looked after, or will be.
pub(super) fn maintenance(text: &Value, planned: &Value) -> String {
    let at = |word: &str, name: &str| match planned[name].as_i64() {
        Some(at) => format!(", {word} {}", time(at)),
        None => String::new(),
    };
    match (text.as_str(), planned["text"].as_str()) {
        (Some(text), _) => format!("on{}: {}\n", at("until", "ends_ms"), clean(text)),
        (None, Some(text)) => format!(
            "announced{}{}: {}\n",
            at("from", "begins_ms"),
            at("until", "ends_ms"),
            clean(text)
        ),
        (None, None) => "off\n".to_owned(),
    }
}

/// A room, with those of whom it knows something.
pub(super) fn room(room: &Value, names: &Names) -> String {
    let yes = |name: &str| match room[name] == true {
        true => "yes",
        false => "no",
    };
    let line = |insider: &Value| {
        let measure = |name: &str| match insider[name].is_null() {
            true => String::new(),
            false => format!("  {name}"),
        };
        format!(
            "  {}  {}{}{}{}\n",
            names.who(&insider["account"]),
            field(insider, "role"),
            if insider["is_here"] == true {
                "  here"
            } else {
                ""
            },
            measure("banned"),
            measure("muted"),
        )
    };
    format!(
        "room      {}\nname      {}\ntopic     {}\nmembers   {} of {}\nopen      {}\n\
         stays     {}\nhidden    {}\nlocked    {}\npassword  {}\nhistory   {}, {}\n{}",
        field(room, "room"),
        field(room, "name"),
        field(room, "topic"),
        room["members"],
        room["members_max"],
        yes("is_open"),
        yes("is_persistent"),
        yes("is_hidden"),
        yes("is_locked"),
        yes("has_password"),
        field(room, "history"),
        counted(room["last_seq"].as_u64().unwrap_or_default(), "message"),
        lines(room["people"].as_array(), line, "nobody is there"),
    )
}

/// Who the moderators are.
pub(super) fn moderators(answer: &Value, names: &Names) -> String {
    let line = |id: &Value| format!("{}\n", names.who(id));
    lines(answer["moderators"].as_array(), line, "none")
}

pub(super) fn reports(reports: &[Value], names: &Names) -> String {
    lines(Some(&reports.to_vec()), |it| summary(it, names), "none")
}

fn summary(report: &Value, names: &Names) -> String {
    format!(
        "{}  {}  {}  about {}  {}\n",
        field(report, "report"),
        time_of(report, "at_ms"),
        match report["decision"].as_str() {
            Some(decision) => clean(decision),
            None => field(report, "state"),
        },
        names.who(&report["account"]),
        field(report, "text"),
    )
}

/// With what was said around it; the message that it is about is marked.
pub(super) fn report(report: &Value, names: &Names) -> String {
    let about = &report["message"]["seq"];
    let line = |message: &Value| {
        format!(
            "{} {}  {}  {}: {}\n",
            if &message["seq"] == about { ">" } else { " " },
            message["seq"],
            time_of(message, "at_ms"),
            names.who(&message["author"]),
            field(message, "text"),
        )
    };
    let messages = lines(report["messages"].as_array(), line, "nothing was said");
    format!(
        "{}by {}, moderator {}\n{messages}",
        summary(report, names),
        names.who(&report["by"]),
        names.who(&report["moderator"])
    )
}

pub(super) fn entries(entries: &[Value], names: &Names) -> String {
    let line = |entry: &Value| {
        let by = match &entry["by"] {
            Value::Null => field(entry, "actor"),
            by => names.who(by),
        };
        let target = entry["target"].as_object().into_iter().flatten();
        let target: Vec<String> = target
            .map(|(kind, id)| match &**kind {
                "account" => format!("account {}", names.who(id)),
                "room" => format!("room {}", names.room(id)),
                kind => format!("{kind} {}", field(&entry["target"], kind)),
            })
            .collect();
        let reason = match entry["reason"].as_str() {
            Some("") | None => String::new(),
            Some(reason) => format!("  ({})", clean(reason)),
        };
        format!(
            "{}  {by}  {}  {}  {}{reason}\n",
            time_of(entry, "at_ms"),
            field(entry, "action"),
            target.join(", "),
            change(entry, names),
        )
    };
    lines(Some(&entries.to_vec()), line, "nothing was done yet")
}

/// What an act has changed, in words.
fn change(entry: &Value, names: &Names) -> String {
    let (before, after) = (&entry["before"], &entry["after"]);
    let (before, after) = (
        before.as_str().unwrap_or_default(),
        after.as_str().unwrap_or_default(),
    );
    if let Some(text) = after.strip_prefix("maintenance=") {
        return match text {
            "" => "maintenance is over, or called off".to_owned(),
            text => planned(&Maintenance::of_setting(text)),
        };
    }
    if let (Some(were), Some(are)) = (moderators_in(before), moderators_in(after)) {
        let who = |id: &&str| names.who(&Value::from(*id));
        let added = are
            .difference(&were)
            .map(|id| format!("{} moderates", who(id)));
        let gone = were
            .difference(&are)
            .map(|id| format!("{} moderates no more", who(id)));
        return added.chain(gone).collect::<Vec<_>>().join(", ");
    }
    let [before, after] = [before, after].map(|text| clean(text.trim()));
    match &*before {
        "" => after,
        before => format!("{before} -> {after}"),
    }
}

/// Maintenance, as it was set.
fn planned(maintenance: &Maintenance) -> String {
    let Maintenance { text, begins, ends } = maintenance;
    let at = |word: &str, at: &Option<i64>| {
        at.map_or(String::new(), |at| format!(" {word} {}", time(at)))
    };
    let (from, until) = (at("from", begins), at("until", ends));
    format!("maintenance{from}{until}: {}", clean(text))
}

fn lines(items: Option<&Vec<Value>>, line: impl Fn(&Value) -> String, none: &str) -> String {
    match items {
        Some(items) if !items.is_empty() => items.iter().map(line).collect(),
        _ => format!("{none}\n"),
    }
}

fn time_of(value: &Value, name: &str) -> String {
    value[name].as_i64().map_or_else(|| "-".to_owned(), time)
}

/// A time as people in every country read it.
pub(in super::super) fn time(unix_ms: i64) -> String {
    wharf_data::Utc(unix_ms).to_string()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    #[test]
    fn what_users_have_written_moves_no_cursor() {
        let report = json!({
            "report": "7", "by": "1", "account": "2", "display_name": "a\u{1b}[2Jb",
            "text": "x\ny\u{202e}z\u{1b}[2J", "at_ms": 0, "state": "open", "messages": [],
        });
        let text = super::report(&report, &super::Names::default());
        assert!(
            !text.contains('\u{1b}') && !text.contains('\u{202e}'),
            "{text}"
        );
        assert_eq!(text.lines().count(), 3, "{text}");
    }

    #[test]
    fn what_holds_for_the_whole_server_is_told_in_words() {
        let entry = |before: &str, after: &str| {
            json!({
                "at_ms": 0, "actor": "operator", "by": null, "action": "server.setting",
                "target": {}, "before": before, "after": after, "reason": "",
            })
        };
        for (before, after, expected) in [
            (
                "maintenance=",
                "maintenance=\u{1}60000 120000\nnew rooms",
                "maintenance from 1970-01-01 00:01:00 UTC until 1970-01-01 00:02:00 UTC: new rooms",
            ),
            (
                "maintenance=x",
                "maintenance=back at\nnoon",
                "maintenance: back at noon",
            ),
            (
                "maintenance=x",
                "maintenance=",
                "maintenance is over, or called off",
            ),
            (
                "accounts.administrators=7 8",
                "accounts.administrators=8 9",
                "9 moderates, 7 moderates no more",
            ),
            ("word", "deed", "word -> deed"),
            ("topic=\n", "topic=tea\n", "topic= -> topic=tea"),
        ] {
            let told = super::entries(&[entry(before, after)], &super::Names::default());
            let end = format!("  {expected}\n");
            assert!(told.ends_with(&end), "{told}");
        }
    }

    #[test]
    fn one_is_not_told_as_many() {
        let told = [0, 1, 2].map(|count| super::counted(count, "room"));
        assert_eq!(told, ["0 rooms", "1 room", "2 rooms"]);
    }
}
