//! The Rust that checks the fields of requests, and of what is in them.

use std::fmt::Write as _;

use prost_reflect::{FieldDescriptor, Kind, MessageDescriptor, OneofDescriptor};

use super::rules::{self, Characters, Rules};
use super::rust::header;
use super::schema::{Schema, camel, rust_path, snake};
use crate::Outcome;

/// The `Validate` of every request and of every message in one.
pub(super) fn checks(schema: &Schema) -> Outcome<String> {
    let mut text = header("What the fields of requests may hold.");
    text.push_str("use crate::validate::*;\n");
    for message in checked(schema) {
        let _ = write!(
            text,
            "\nimpl Validate for super::{} {{\n",
            rust_path(message.full_name())
        );
        let body = body(schema, &message)?;
        if !body.is_empty() {
            let _ = write!(
                text,
                "    fn validate(&self) -> Result<(), Broken> {{\n{body}        Ok(())\n    }}\n"
            );
        }
        text.push_str("}\n");
    }
    Ok(text)
}

/// Requests, then what is in them.
fn checked(schema: &Schema) -> Vec<MessageDescriptor> {
    let requests = schema.packets.requests().map(|it| it.message.clone());
    let mut checked: Vec<MessageDescriptor> = requests.collect();
    let mut next = 0;
    while let Some(message) = checked.get(next).cloned() {
        next += 1;
        for field in message.fields() {
            if let Kind::Message(inner) = field.kind()
                && !checked.contains(&inner)
            {
                checked.push(inner);
            }
        }
    }
    checked
}

fn body(schema: &Schema, message: &MessageDescriptor) -> Outcome<String> {
    let mut text = String::new();
    for field in message.fields() {
        let is_of_oneof = field
            .containing_oneof()
            .is_some_and(|it| !it.is_synthetic());
        if !is_of_oneof {
            text.push_str(&check_field(schema, &field)?);
        }
    }
    for oneof in message.oneofs().filter(|it| !it.is_synthetic()) {
        text.push_str(&check_oneof(schema, message, &oneof)?);
    }
    Ok(text)
}

fn check_field(schema: &Schema, field: &FieldDescriptor) -> Outcome<String> {
    let rules = Rules::of(&schema.pool, field)?;
    let name = field.name();
    let mut text = String::new();
    if rules.items_max > 0 {
        let items = rules.items_max;
        let _ = writeln!(
            text,
            "        items({name:?}, self.{name}.len(), {items})?;"
        );
    }
    let is_behind_reference = field.is_list() || field.supports_presence();
    let value = match is_behind_reference {
        true => "it".to_owned(),
        false => format!("self.{name}"),
    };
    let Some(check) = check_value(field, &rules, &value, is_behind_reference) else {
        return Ok(text);
    };
    if rules.required && field.supports_presence() {
        let _ = writeln!(text, "        there({name:?}, self.{name}.is_some())?;");
    }
    let _ = match is_behind_reference {
        true if field.is_list() => write!(
            text,
            "        for it in &self.{name} {{\n            {check}\n        }}\n"
        ),
        true => write!(
            text,
            "        if let Some(it) = &self.{name} {{\n            {check}\n        }}\n"
        ),
        false => writeln!(text, "        {check}"),
    };
    Ok(text)
}

fn check_oneof(
    schema: &Schema,
    message: &MessageDescriptor,
    oneof: &OneofDescriptor,
) -> Outcome<String> {
    let name = oneof.name();
    let mut text = String::new();
    if rules::is_needed(&schema.pool, oneof)? {
        let _ = writeln!(text, "        there({name:?}, self.{name}.is_some())?;");
    }
    let path = rust_path(message.full_name());
    let (package, message) = path.split_once("::").unwrap_or_default();
    let path = format!("super::{package}::{}::{}", snake(message), camel(name));
    let mut arms = Vec::new();
    for field in oneof.fields() {
        let rules = Rules::of(&schema.pool, &field)?;
        if let Some(check) = check_value(&field, &rules, "it", true) {
            let pattern = format!("Some({path}::{}(it))", camel(field.name()));
            arms.push((pattern, check));
        }
    }
    let _ = match arms.as_slice() {
        [] => Ok(()),
        [(pattern, check)] => write!(
            text,
            "        if let {pattern} = &self.{name} {{\n            {check}\n        }}\n"
        ),
        arms => {
            let arm = |(pattern, check): &(String, String)| {
                format!("            {pattern} => {{ {check} }}\n")
            };
            let arms: String = arms.iter().map(arm).collect();
            write!(
                text,
                "        match &self.{name} {{\n{arms}            _ => {{}}\n        }}\n"
            )
        }
    };
    Ok(text)
}

/// The statement that checks one value; `None` if nothing is to be checked.
fn check_value(
    field: &FieldDescriptor,
    rules: &Rules,
    value: &str,
    is_reference: bool,
) -> Option<String> {
    let name = field.name();
    let (shared, owned) = match is_reference {
        true => (value.to_owned(), format!("*{value}")),
        false => (format!("&{value}"), value.to_owned()),
    };
    match field.kind() {
        Kind::Message(_) => Some(format!("within({name:?}, {shared})?;")),
        Kind::Enum(values) => {
            let path = rust_path(values.full_name());
            let required = rules.required;
            Some(format!(
                "known::<super::{path}>({name:?}, {owned}, {required})?;"
            ))
        }
        Kind::String => {
            let rule = text_rule(rules)?;
            Some(format!("text({name:?}, {shared}, &{rule})?;"))
        }
        Kind::Bytes => {
            let rule = text_rule(rules)?;
            Some(format!("bytes({name:?}, {shared}, &{rule})?;"))
        }
        _ => {
            // A number that must be there is not 0, whichever way it may be from it.
            let required = match rules.required {
                true => format!("nonzero({name:?}, {owned} != 0)?;"),
                false => String::new(),
            };
            let range = match (rules.min, rules.max) {
                (None, None) => String::new(),
                (min, max) => format!("number({name:?}, {owned}, {min:?}, {max:?})?;"),
            };
            let both = [required, range].concat();
            (!both.is_empty()).then_some(both)
        }
    }
}

/// The rule of a text or bytes, as it is written in Rust; `None` if there is none.
fn text_rule(rules: &Rules) -> Option<String> {
    let mut fields = Vec::new();
    if rules.required {
        fields.push("required: true".to_owned());
    }
    for (name, value) in [
        ("chars_min", rules.chars_min),
        ("chars_max", rules.chars_max),
        ("bytes_min", rules.bytes_min),
        ("bytes_max", rules.bytes_max),
    ] {
        if value > 0 {
            fields.push(format!("{name}: {value}"));
        }
    }
    match rules.characters {
        Characters::Any => {}
        kind => fields.push(format!("characters: Characters::{kind:?}")),
    }
    if fields.is_empty() {
        return None;
    }
    Some(format!(
        "TextRule {{ {}, ..TextRule::ANY }}",
        fields.join(", ")
    ))
}
