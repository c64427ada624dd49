//! What clients may rely on, a line each: packets, fields, values, limits. Lines may come; one that
//! goes, or promises less than before, breaks clients and is refused by name.

use std::collections::BTreeMap;

use prost_reflect::{EnumDescriptor, FieldDescriptor, Kind, MessageDescriptor};

use super::packets::{Packet, Role};
use super::rules::{self, Characters, Rules};
use super::schema::Schema;
use crate::Outcome;

/// What is promised, of which thing: `("field", "wharf.chat.Say.content")`.
type Key = (String, String);

/// Every promise with its value.
#[derive(Debug, Default)]
struct Promises(BTreeMap<Key, String>);

/// How a promise may change.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Change {
    /// It stays as it is.
    Never,
    /// A request may be sent in more states, and not in fewer.
    ToAny,
    /// An upper limit: it may rise, or go.
    Up,
    /// A lower limit: it may fall, or go.
    Down,
    /// From strict characters to free ones.
    Freer,
}

/// How the promises of each kind may change.
const KINDS: &[(&str, Change)] = &[
    ("message", Change::Never),
    ("packet", Change::Never),
    ("about_room", Change::Never),
    ("field", Change::Never),
    ("value", Change::Never),
    ("state", Change::ToAny),
    ("body", Change::Up),
    ("chars_max", Change::Up),
    ("bytes_max", Change::Up),
    ("items_max", Change::Up),
    ("max", Change::Up),
    ("chars_min", Change::Down),
    ("bytes_min", Change::Down),
    ("min", Change::Down),
    ("needed", Change::Down),
    ("characters", Change::Freer),
];

/// The kept promises with the new ones, as text.
///
/// # Errors
///
/// The promises that the schema no longer keeps, by name.
pub(super) fn grown(kept: &str, schema: &Schema) -> Outcome<String> {
    let (kept, now) = (Promises::read(kept)?, Promises::of(schema)?);
    let broken = now.broken(&kept);
    if !broken.is_empty() {
        return Err(format!(
            "the .proto files break clients:\n  {}\nadd what is new beside it, and leave what is \
             there",
            broken.join("\n  ")
        ));
    }
    Ok(now.to_text())
}

impl Promises {
    fn read(text: &str) -> Outcome<Self> {
        let mut promises = Self::default();
        for line in text.lines() {
            let mut parts = line.splitn(3, ' ');
            let (Some(kind), Some(name), Some(value)) = (parts.next(), parts.next(), parts.next())
            else {
                return Err(format!("schema.txt has a line that is no promise: {line}"));
            };
            promises.add(kind, name, value);
        }
        Ok(promises)
    }

    fn of(schema: &Schema) -> Outcome<Self> {
        let mut promises = Self::default();
        for packet in schema.packets.all() {
            promises.add_packet(packet);
        }
        for message in schema.messages() {
            promises.add_message(schema, &message)?;
        }
        for values in schema.enums() {
            promises.add_values(&values);
        }
        Ok(promises)
    }

    fn to_text(&self) -> String {
        let line = |((kind, name), value): (&Key, &String)| format!("{kind} {name} {value}\n");
        self.0.iter().map(line).collect()
    }

    fn add(&mut self, kind: &str, name: &str, value: impl ToString) {
        let key = (kind.to_owned(), name.to_owned());
        self.0.insert(key, value.to_string());
    }

    fn add_packet(&mut self, packet: &Packet) {
        let (id, class, name) = (packet.id, &packet.class, packet.message.full_name());
        match &packet.role {
            Role::Request { reply, state, .. } => {
                let value = format!("{id} request, {class}, answered by {reply}");
                self.add("packet", name, value);
                self.add("state", name, state);
                self.add("body", name, packet.bytes_max);
            }
            Role::Reply => self.add("packet", name, format!("{id} reply, {class}")),
            Role::Notice => self.add("packet", name, format!("{id} notice, {class}")),
        }
        if packet.about_room {
            self.add("about_room", name, "may be");
        }
    }

    fn add_message(&mut self, schema: &Schema, message: &MessageDescriptor) -> Outcome {
        self.add("message", message.full_name(), "exists");
        for field in message.fields() {
            self.add("field", field.full_name(), type_of(&field));
            self.add_rules(&field, &Rules::of(&schema.pool, &field)?);
        }
        for oneof in message.oneofs() {
            if rules::is_needed(&schema.pool, &oneof)? {
                self.add("needed", oneof.full_name(), 1);
            }
        }
        Ok(())
    }

    fn add_rules(&mut self, field: &FieldDescriptor, rules: &Rules) {
        let name = field.full_name();
        for (kind, value) in [
            ("chars_min", rules.chars_min),
            ("chars_max", rules.chars_max),
            ("bytes_min", rules.bytes_min),
            ("bytes_max", rules.bytes_max),
            ("items_max", rules.items_max),
            ("needed", rules.required.into()),
        ] {
            if value > 0 {
                self.add(kind, name, value);
            }
        }
        for (kind, value) in [("min", rules.min), ("max", rules.max)] {
            if let Some(value) = value {
                self.add(kind, name, value);
            }
        }
        if rules.characters != Characters::Any {
            self.add("characters", name, format!("{:?}", rules.characters));
        }
    }

    fn add_values(&mut self, values: &EnumDescriptor) {
        for value in values.values() {
            let name = format!("{}.{}", values.full_name(), value.name());
            self.add("value", &name, value.number());
        }
    }

    /// What was promised and is not kept any more, and what is asked now that was not.
    fn broken(&self, kept: &Self) -> Vec<String> {
        let mut broken = Vec::new();
        for (key, was) in &kept.0 {
            let (kind, name) = key;
            let is = self.0.get(key).map(String::as_str);
            if !keeps(change(kind), was, is) {
                let is = is.unwrap_or("gone");
                broken.push(format!("{kind} of {name}: was {was}, is {is}"));
            }
        }
        for (key, is) in &self.0 {
            if !kept.0.contains_key(key) && self.asks_more(kept, key, is) {
                let (kind, name) = key;
                broken.push(format!("{kind} of {name}: was none, is {is}"));
            }
        }
        broken
    }

    /// Whether a promise that is new refuses what was good before.
    fn asks_more(&self, kept: &Self, key: &Key, is: &str) -> bool {
        let (kind, name) = key;
        let had = |kind: &str, name: &str| {
            let key = (kind.to_owned(), name.to_owned());
            kept.0.contains_key(&key)
        };
        let owner = name.rsplit_once('.').map_or("", |(owner, _)| owner);
        match change(kind) {
            Change::Never | Change::ToAny => false,
            // A packet's body has no field: the packet itself is old or new.
            Change::Up | Change::Freer => had("field", name) || had("packet", name),
            // Whoever does not know a new field leaves it empty, or 0.
            Change::Down if is.parse().is_ok_and(|least: i64| least > 0) => had("message", owner),
            Change::Down => had("field", name),
        }
    }
}

fn change(kind: &str) -> Change {
    let known = KINDS.iter().find(|(known, _)| *known == kind);
    // What nobody knows any more can be kept only as it is.
    known.map_or(Change::Never, |(_, change)| *change)
}

/// Whether a promise that was `was` is kept by one that is `is`.
fn keeps(change: Change, was: &str, is: Option<&str>) -> bool {
    let Some(is) = is else {
        return matches!(change, Change::Up | Change::Down | Change::Freer);
    };
    let number = |text: &str| text.parse::<i64>().ok();
    let strictness = |text: &str| {
        Characters::ALL
            .iter()
            .position(|it| format!("{it:?}") == text)
    };
    was == is
        || match change {
            Change::Never => false,
            Change::ToAny => is == "Any",
            Change::Up => number(is) > number(was),
            Change::Down => number(is) < number(was),
            Change::Freer => strictness(is) < strictness(was),
        }
}

/// Number, type and place of a field.
fn type_of(field: &FieldDescriptor) -> String {
    let kind = match field.kind() {
        Kind::Message(message) => message.full_name().to_owned(),
        Kind::Enum(values) => values.full_name().to_owned(),
        scalar => format!("{scalar:?}").to_lowercase(),
    };
    let place = match field.containing_oneof() {
        Some(oneof) if oneof.is_synthetic() => "optional ".to_owned(),
        Some(oneof) => format!("of {} ", oneof.name()),
        None if field.is_list() => "repeated ".to_owned(),
        None => String::new(),
    };
    format!("{} {place}{kind}", field.number())
}

#[cfg(test)]
mod tests {
    use super::super::schema::tests::{as_it_is, planted};
    use super::*;
    use std::sync::LazyLock;

    /// The promises of the schema as it is.
    static KEPT: LazyLock<String> = LazyLock::new(|| grown("", &as_it_is()).unwrap());

    /// What the check says about `new` in the place of `old` in the `.proto` files.
    fn verdict(old: &str, new: &str) -> Outcome<String> {
        grown(&KEPT, &planted(old, new)?)
    }

    #[test]
    fn nothing_is_broken_by_what_is_as_it_was() {
        assert_eq!(grown(&KEPT, &as_it_is()), Ok(KEPT.clone()));
    }

    #[test]
    #[rustfmt::skip]
    fn a_change_that_breaks_clients_is_refused_by_name() {
        let pong_field = "  // The one of the Ping.\n  int64 sent_ms = 1;\n";
        for (old, new, expected) in [
            (pong_field, "",
             "field of wharf.session.Pong.sent_ms: was 1 int64, is gone"),
            ("int64 now_ms = 2;", "int64 now_ms = 3;",
             "field of wharf.session.Pong.now_ms: was 2 int64, is 3 int64"),
            ("int64 now_ms = 2;", "uint64 now_ms = 2;",
             "field of wharf.session.Pong.now_ms: was 2 int64, is 2 uint64"),
            ("int64 now_ms = 2;", "optional int64 now_ms = 2;",
             "field of wharf.session.Pong.now_ms: was 2 int64, is 2 optional int64"),
            ("int64 now_ms = 2;", "int64 time_ms = 2;",
             "field of wharf.session.Pong.now_ms: was 2 int64, is gone"),
            ("(wharf.id) = 1105", "(wharf.id) = 1999",
             "packet of wharf.account.LoggedIn: was 1105 reply, Control, is 1999 reply, Control"),
            ("\"wharf.session.Pong\"", "\"wharf.session.Welcome\"",
             "packet of wharf.session.Ping: was 1027 request, Control, answered by"),
            ("CODE_BUSY = 5;", "CODE_BUSY = 50;",
             "value of wharf.session.Code.CODE_BUSY: was 5, is 50"),
            ("CODE_BUSY = 5;", "CODE_OTHER = 5;",
             "value of wharf.session.Code.CODE_BUSY: was 5, is gone"),
            ("chars_max: 2000", "chars_max: 1999",
             "chars_max of wharf.chat.Content.text: was 2000, is 1999"),
            ("{items_max: 32, bytes_max: 32", "{items_max: 32, chars_max: 16, bytes_max: 32",
             "chars_max of wharf.session.Hello.features: was none, is 16"),
            ("{bytes_min: 8, bytes_max: 256", "{bytes_min: 9, bytes_max: 256",
             "bytes_min of wharf.account.Register.password: was 8, is 9"),
            ("bool is_blocked = 2;",
             "bool is_blocked = 2;\n// Why.\nstring why = 3 \
              [(wharf.rules) = {required: true, bytes_max: 9}];",
             "needed of wharf.chat.Block.why: was none, is 1"),
            ("{chars_max: 500, text: TEXT_LINES", "{chars_max: 500, text: TEXT_LINE",
             "characters of wharf.chat.Report.text: was Lines, is Line"),
            ("(wharf.state) = STATE_GUEST", "(wharf.state) = STATE_USER",
             "state of wharf.account.Register: was Guest, is User"),
            ("  option (wharf.bytes_max) = 9000;\n", "  option (wharf.bytes_max) = 8900;\n",
             "body of wharf.chat.Say: was 9000, is 8900"),
            ("  option (wharf.role) = ROLE_REPLY;\n  option (wharf.about_room) = true;\n",
             "  option (wharf.role) = ROLE_REPLY;\n",
             "about_room of wharf.chat.SaidSo: was may be, is gone"),
        ] {
            let error = verdict(old, new).expect_err(expected);
            assert!(error.contains(expected), "{new}: {error}");
        }
    }

    #[test]
    #[rustfmt::skip]
    fn what_is_added_or_eased_breaks_nobody() {
        for (old, new, expected) in [
            ("int64 now_ms = 2;", "int64 now_ms = 2;\n// How warm.\nint32 degrees = 3;",
             "field wharf.session.Pong.degrees 3 int32\n"),
            ("CODE_BUSY = 5;", "CODE_BUSY = 5;\n// Tired.\nCODE_TIRED = 77;",
             "value wharf.session.Code.CODE_TIRED 77\n"),
            ("chars_max: 2000", "chars_max: 2001", "chars_max wharf.chat.Content.text 2001\n"),
            ("{bytes_min: 8, bytes_max: 256", "{bytes_min: 6, bytes_max: 256",
             "bytes_min wharf.account.Register.password 6\n"),
            ("(wharf.state) = STATE_GUEST", "(wharf.state) = STATE_ANY",
             "state wharf.account.Register Any\n"),
            ("bool is_blocked = 2;",
             "bool is_blocked = 2;\n// Why.\nstring why = 3 [(wharf.rules) = {bytes_max: 9}];",
             "bytes_max wharf.chat.Block.why 9\n"),
            ("// The answer to a Ping.\n",
             "// Asks how warm it is.\nmessage Warm {\n  option (wharf.id) = 1099;\n  \
              option (wharf.role) = ROLE_REQUEST;\n  option (wharf.reply) = \"wharf.session.Pong\";\n\
              // Where.\nstring place = 1 [(wharf.rules) = {required: true, bytes_max: 9}];\n}\n\
              // The answer to a Ping.\n",
             "packet wharf.session.Warm 1099 request, Reliable, answered by wharf.session.Pong\n"),
        ] {
            let grown = verdict(old, new).unwrap_or_else(|error| panic!("{new}: {error}"));
            assert!(grown.contains(expected), "{new}: {grown}");
        }
    }

    #[test]
    fn a_line_that_is_no_promise_is_told() {
        assert!(grown("<<<<<<< ours\n", &as_it_is()).is_err());
    }
}
