//! Answers as text for people. What users have written is shown without what moves a cursor.

use serde_json::Value;

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

pub(super) fn account(account: &Value) -> String {
    let yes = |name: &str| match account[name] == true {
        true => "yes",
        false => "no",
    };
    let lasts = |measure: &Value| match measure {
        Value::Null => "no".to_owned(),
        measure => match measure["until_ms"].as_i64() {
            Some(until) => format!("until {}", time(until)),
            None => "until it is taken back".to_owned(),
        },
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
pub(super) fn room(room: &Value) -> String {
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
            "  {}  {}  {}{}{}{}\n",
            field(insider, "account"),
            field(insider, "role"),
            field(insider, "display_name"),
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
         stays     {}\nhidden    {}\nlocked    {}\npassword  {}\nhistory   {}, {} messages\n{}",
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
        room["last_seq"],
        lines(room["people"].as_array(), line, "nobody is there"),
    )
}

pub(super) fn reports(reports: &[Value]) -> String {
    lines(Some(&reports.to_vec()), summary, "none")
}

fn summary(report: &Value) -> String {
    format!(
        "{}  {}  {}  about {} ({})  {}\n",
        field(report, "report"),
        time_of(report, "at_ms"),
        match report["decision"].as_str() {
            Some(decision) => clean(decision),
            None => field(report, "state"),
        },
        field(report, "account"),
        field(report, "display_name"),
        field(report, "text"),
    )
}

/// With what was said around it; the message that it is about is marked.
pub(super) fn report(report: &Value) -> String {
    let about = &report["message"]["seq"];
    let line = |message: &Value| {
        format!(
            "{} {}  {}  {} ({}): {}\n",
            if &message["seq"] == about { ">" } else { " " },
            message["seq"],
            time_of(message, "at_ms"),
            field(message, "author_name"),
            field(message, "author"),
            field(message, "text"),
        )
    };
    let messages = lines(report["messages"].as_array(), line, "nothing was said");
    format!(
        "{}by {}, moderator {}\n{messages}",
        summary(report),
        field(report, "by"),
        field(report, "moderator")
    )
}

pub(super) fn entries(entries: &[Value]) -> String {
    let line = |entry: &Value| {
        let by = match entry["by"].as_str() {
            Some(by) => clean(by),
            None => field(entry, "actor"),
        };
        let target = entry["target"].as_object().into_iter().flatten();
        let target: Vec<String> = target
            .map(|(name, _)| format!("{name} {}", field(&entry["target"], name)))
            .collect();
        let after = match (entry["before"].as_str(), entry["after"].as_str()) {
            (Some("") | None, after) => clean(after.unwrap_or_default()),
            (Some(before), after) => {
                format!("{} -> {}", clean(before), clean(after.unwrap_or_default()))
            }
        };
        let reason = match entry["reason"].as_str() {
            Some("") | None => String::new(),
            Some(reason) => format!("  ({})", clean(reason)),
        };
        format!(
            "{}  {by}  {}  {}  {after}{reason}\n",
            time_of(entry, "at_ms"),
            field(entry, "action"),
            target.join(", "),
        )
    };
    lines(Some(&entries.to_vec()), line, "nothing was done yet")
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
            "text": "x\ny\u{202e}z", "at_ms": 0, "state": "open", "messages": [],
        });
        let text = super::report(&report);
        assert!(
            !text.contains('\u{1b}') && !text.contains('\u{202e}'),
            "{text}"
        );
        assert_eq!(text.lines().count(), 3, "{text}");
    }
}
