//! Records as JSON, for those whom they are about.

use crate::Utc;
use crate::keep::{Field, Record};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use core::fmt::Write;

impl Record {
    /// As one line: an object with the record's `kind` first, then its fields. Ids are texts, as
    /// are numbers that a reader of JSON might round; moments are texts by RFC 3339. Bytes are
    /// a text if they are UTF-8, else `{"base64": "..."}`.
    pub fn to_json(&self) -> String {
        let mut line = format!("{{\"kind\":{}", quoted(self.kind));
        for (name, field) in &self.fields {
            line.push(',');
            line.push_str(&quoted(name));
            line.push(':');
            // Writing into a text cannot fail.
            let _ = match field {
                Field::None => line.write_str("null"),
                Field::Number(number) if number.unsigned_abs() < 1 << 53 => {
                    write!(line, "{number}")
                }
                Field::Number(number) | Field::Id(number) => write!(line, "\"{number}\""),
                Field::Time(at) => line.write_str(&quoted(&Utc(*at).to_rfc3339())),
                Field::Flag(flag) => write!(line, "{flag}"),
                Field::Text(text) => line.write_str(&quoted(text)),
                Field::Bytes(bytes) => match core::str::from_utf8(bytes) {
                    Ok(text) => line.write_str(&quoted(text)),
                    Err(_) => write!(line, "{{\"base64\":\"{}\"}}", STANDARD.encode(bytes)),
                },
            };
        }
        line.push('}');
        line
    }
}

fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_is_one_line_of_json_whatever_is_in_it() {
        let record = Record {
            kind: "message",
            fields: vec![
                ("seq", Field::Number(-7)),
                ("account", Field::Number(i64::MAX)),
                ("words", Field::Text("a \"b\"\n\u{1b}한".into())),
                ("body", Field::Bytes(vec![0, 255])),
                ("document", Field::Bytes("한".into())),
                ("id", Field::Id(7)),
                ("at", Field::Time(1)),
                ("banned", Field::Flag(true)),
                ("removed_by", Field::None),
            ],
        };
        let line = record.to_json();
        assert!(!line.contains('\n'), "{line}");
        let read: serde_json::Value = serde_json::from_str(&line).unwrap();
        assert_eq!(read["kind"], "message");
        assert_eq!(read["seq"], -7);
        assert_eq!(read["account"], "9223372036854775807");
        assert_eq!(read["words"], "a \"b\"\n\u{1b}한");
        assert_eq!(read["body"]["base64"], "AP8=");
        assert_eq!(read["document"], "한");
        assert_eq!(read["id"], "7");
        assert_eq!(read["at"], "1970-01-01T00:00:00.001Z");
        assert_eq!(read["banned"], true);
        assert!(read["removed_by"].is_null());
    }
}
