//! The fields of a request, each taken once; what is wrong is told with its field.

use serde_json::{Map, Value};
use wharf_data::access::Error;

/// What has not been taken yet.
#[derive(Debug)]
pub(super) struct Fields(Map<String, Value>);

impl Fields {
    /// The object that `body` is; an empty body is an empty one.
    ///
    /// # Errors
    /// If it is none.
    pub(super) fn read(body: &[u8]) -> Result<Self, Error> {
        if body.is_empty() {
            return Ok(Self(Map::new()));
        }
        match serde_json::from_slice(body) {
            Ok(Value::Object(fields)) => Ok(Self(fields)),
            Ok(_) => Err(wrong("body", "it is no JSON object")),
            Err(error) => Err(wrong("body", &format!("it is no JSON: {error}"))),
        }
    }

    /// An id that must be there: a number, or a text of digits.
    pub(super) fn id(&mut self, field: &'static str) -> Result<i64, Error> {
        let id = self.maybe_id(field)?;
        id.ok_or_else(|| wrong(field, "it is needed"))
    }

    /// An id, if it is there. Texts are taken because numbers beyond 2^53 are rounded by many who
    /// read and write JSON.
    pub(super) fn maybe_id(&mut self, field: &'static str) -> Result<Option<i64>, Error> {
        match self.0.remove(field) {
            None | Some(Value::Null) => Ok(None),
            Some(value) => id_of(&value)
                .map(Some)
                .ok_or_else(|| wrong(field, "it is no whole number above 0")),
        }
    }

    /// So many ids at the most, that must be there.
    pub(super) fn ids(&mut self, field: &'static str, max: usize) -> Result<Vec<i64>, Error> {
        let Some(Value::Array(ids)) = self.0.remove(field) else {
            return Err(wrong(field, "it is no list"));
        };
        if ids.len() > max {
            return Err(wrong(field, &format!("at most {max} at once")));
        }
        let ids: Option<Vec<i64>> = ids.iter().map(id_of).collect();
        ids.ok_or_else(|| wrong(field, "one of them is no whole number above 0"))
    }

    /// A number from `min` on, if it is there.
    pub(super) fn number(&mut self, field: &'static str, min: i64) -> Result<Option<i64>, Error> {
        let number = match self.0.remove(field) {
            None | Some(Value::Null) => return Ok(None),
            Some(value) => value.as_i64().filter(|number| *number >= min),
        };
        let text = || format!("it is no whole number from {min} on");
        number.map(Some).ok_or_else(|| wrong(field, &text()))
    }

    /// Yes or no, if it is there.
    pub(super) fn flag(&mut self, field: &'static str) -> Result<Option<bool>, Error> {
        match self.0.remove(field) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::Bool(flag)) => Ok(Some(flag)),
            Some(_) => Err(wrong(field, "it is neither true nor false")),
        }
    }

    /// A text, if it is there.
    pub(super) fn text(&mut self, field: &'static str) -> Result<Option<String>, Error> {
        match self.0.remove(field) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) if text.contains('\0') => {
                Err(wrong(field, "it has a character 0"))
            }
            Some(Value::String(text)) => Ok(Some(text)),
            Some(_) => Err(wrong(field, "it is no text")),
        }
    }

    /// A text that must be there.
    pub(super) fn needed_text(&mut self, field: &'static str) -> Result<String, Error> {
        let text = self.text(field)?;
        text.ok_or_else(|| wrong(field, "it is needed"))
    }

    /// Nothing else may be there: a field that nobody reads was meant for something.
    pub(super) fn end(self) -> Result<(), Error> {
        match self.0.keys().next() {
            None => Ok(()),
            Some(name) => {
                let name: String = name.chars().take(64).collect();
                Err(wrong("body", &format!("there is no field {name:?}")))
            }
        }
    }
}

fn id_of(value: &Value) -> Option<i64> {
    let id = match value {
        Value::Number(number) => number.as_i64(),
        Value::String(text) => text.parse().ok(),
        _ => None,
    };
    id.filter(|id| *id > 0)
}

pub(super) fn wrong(field: &'static str, text: &str) -> Error {
    let text = text.to_owned();
    Error::Invalid { field, text }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told<T: core::fmt::Debug>(result: Result<T, Error>) -> String {
        result.unwrap_err().to_string()
    }

    #[test]
    fn what_is_wrong_is_told_with_its_field() {
        let read = |text: &str| Fields::read(text.as_bytes());
        assert!(told(read("{")).starts_with("body: it is no JSON: EOF"));
        assert_eq!(told(read("[1]")), "body: it is no JSON object");
        for wrong in ["0", "-1", "1.5", "\"x\"", "true", "9223372036854775808"] {
            let mut fields = read(&format!("{{\"account\":{wrong}}}")).unwrap();
            let expected = "account: it is no whole number above 0";
            assert_eq!(told(fields.id("account")), expected, "{wrong}");
        }
        let mut fields =
            read("{\"a\":\"9223372036854775807\",\"b\":7,\"c\":null,\"d\":1}").unwrap();
        assert_eq!(fields.id("a"), Ok(i64::MAX));
        assert_eq!(fields.maybe_id("b"), Ok(Some(7)));
        assert_eq!(told(fields.id("c")), "c: it is needed");
        assert_eq!(told(fields.text("d")), "d: it is no text");
        let mut fields = read("{\"text\":\"a\\u0000b\",\"more\":1,\"n\":-1}").unwrap();
        assert_eq!(told(fields.text("text")), "text: it has a character 0");
        assert_eq!(
            told(fields.number("n", 0)),
            "n: it is no whole number from 0 on"
        );
        assert_eq!(told(fields.end()), "body: there is no field \"more\"");
        let mut fields = read("{\"a\":true,\"b\":\"yes\"}").unwrap();
        assert_eq!(
            (fields.flag("a"), fields.flag("c")),
            (Ok(Some(true)), Ok(None))
        );
        assert_eq!(told(fields.flag("b")), "b: it is neither true nor false");
        for (ids, expected) in [
            ("[1,\"2\"]", Ok(vec![1, 2])),
            ("[]", Ok(vec![])),
            ("[1,2,3]", Err("ids: at most 2 at once")),
            ("[0]", Err("ids: one of them is no whole number above 0")),
            ("7", Err("ids: it is no list")),
        ] {
            let read = read(&format!("{{\"ids\":{ids}}}")).unwrap().ids("ids", 2);
            let read = read.map_err(|error| error.to_string());
            assert_eq!(read, expected.map_err(str::to_owned), "{ids}");
        }
        assert_eq!(Fields::read(b"").unwrap().end(), Ok(()));
    }
}
