//! The Rust that shows messages with secrets, in logs for instance: of a secret, how long it is.

use std::fmt::Write as _;

use prost_reflect::{FieldDescriptor, Kind, MessageDescriptor};

use super::rules::Rules;
use super::rust::header;
use super::schema::{Schema, camel, rust_path, snake};

/// The messages that have a secret field.
pub(super) fn secret_messages(schema: &Schema) -> Vec<MessageDescriptor> {
    let has_secret = |message: &MessageDescriptor| {
        let mut fields = message.fields();
        fields.any(|field| is_secret(schema, &field))
    };
    schema.messages().filter(has_secret).collect()
}

/// Their `Debug`.
pub(super) fn shows(schema: &Schema) -> String {
    let mut text = header("How messages with secrets are shown.");
    text.push_str("use crate::secret::Secret;\nuse core::fmt;\n");
    for message in secret_messages(schema) {
        show(&mut text, schema, &message);
        for oneof in message.oneofs().filter(|it| !it.is_synthetic()) {
            let name = format!("{}::{}", module_path(&message), camel(oneof.name()));
            begin(&mut text, &name);
            text.push_str("        match self {\n");
            for field in oneof.fields() {
                let variant = camel(field.name());
                let shown = match is_secret(schema, &field) {
                    true => "&Secret(it.len())",
                    false => "it",
                };
                let _ = writeln!(
                    text,
                    "            Self::{variant}(it) => f.debug_tuple({variant:?}).field({shown}).finish(),"
                );
            }
            text.push_str("        }\n    }\n}\n");
        }
    }
    text
}

fn show(text: &mut String, schema: &Schema, message: &MessageDescriptor) {
    begin(text, &format!("super::{}", rust_path(message.full_name())));
    let _ = writeln!(text, "        f.debug_struct({:?})", message.name());
    let mut shown_oneofs = Vec::new();
    for field in message.fields() {
        let oneof = field.containing_oneof().filter(|it| !it.is_synthetic());
        let name = oneof.map_or(field.name().to_owned(), |it| it.name().to_owned());
        if shown_oneofs.contains(&name) {
            continue;
        }
        let shown = match (is_secret(schema, &field), field.supports_presence()) {
            _ if field
                .containing_oneof()
                .is_some_and(|it| !it.is_synthetic()) =>
            {
                shown_oneofs.push(name.clone());
                format!("&self.{name}")
            }
            (true, true) => format!("&self.{name}.as_ref().map(|it| Secret(it.len()))"),
            (true, false) => format!("&Secret(self.{name}.len())"),
            (false, _) if is_single_enum(&field) => format!("&self.{name}()"),
            (false, _) => format!("&self.{name}"),
        };
        let _ = writeln!(text, "            .field({name:?}, {shown})");
    }
    text.push_str("            .finish()\n    }\n}\n");
}

fn begin(text: &mut String, name: &str) {
    let _ = write!(
        text,
        "\nimpl fmt::Debug for {name} {{\n    \
         fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {{\n"
    );
}

fn is_single_enum(field: &FieldDescriptor) -> bool {
    matches!(field.kind(), Kind::Enum(_)) && !field.is_list() && !field.supports_presence()
}

fn is_secret(schema: &Schema, field: &FieldDescriptor) -> bool {
    Rules::of(&schema.pool, field).is_ok_and(|rules| rules.secret)
}

/// Where prost puts what belongs to a message.
fn module_path(message: &MessageDescriptor) -> String {
    let path = rust_path(message.full_name());
    let (package, name) = path.split_once("::").unwrap_or_default();
    format!("super::{package}::{}", snake(name))
}
