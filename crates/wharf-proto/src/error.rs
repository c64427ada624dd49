//! The answer to a request that was not done.

use crate::session::{Code, Detail, Error};
use crate::{Broken, Request};
use core::time::Duration;
use wharf_wire::Violation;

/// Longest text of an error, in bytes: with its field and details it stays within its packet.
const TEXT_BYTES_MAX: usize = 512;

impl Error {
    /// An error with a text for people, which is cut if it is too long.
    pub fn new(code: Code, text: impl Into<String>) -> Self {
        let mut text = text.into();
        text.truncate(text.floor_char_boundary(TEXT_BYTES_MAX));
        Self {
            code: code.into(),
            text,
            ..Self::default()
        }
    }

    /// The same about one field, by its path in the request.
    #[must_use]
    pub fn in_field(self, field: impl Into<String>) -> Self {
        Self {
            field: field.into(),
            ..self
        }
    }

    /// The same, worth asking again after so long: at least a millisecond, at most 49 days.
    #[must_use]
    pub fn retry_after(self, after: Duration) -> Self {
        let retry_after_ms = u32::try_from(after.as_millis()).unwrap_or(u32::MAX);
        Self {
            retry_after_ms: retry_after_ms.max(1),
            ..self
        }
    }

    /// The same with one detail more.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl ToString) -> Self {
        self.details.push(Detail {
            name: name.to_owned(),
            value: value.to_string(),
        });
        self
    }

    /// The same with the detail `until_ms`, if what it says ends by itself.
    #[must_use]
    pub fn until(self, ends: Option<i64>) -> Self {
        match ends {
            Some(ends) => self.with("until_ms", ends),
            None => self,
        }
    }

    /// The same with the detail `reason`, if somebody gave one: it stands in the text too, but
    /// it may be cut there.
    #[must_use]
    pub fn why(self, reason: &str) -> Self {
        match reason {
            "" => self,
            reason => self.with("reason", reason),
        }
    }
}

impl From<Broken> for Error {
    fn from(broken: Broken) -> Self {
        let text = broken.to_string();
        Self::new(Code::Invalid, text).in_field(broken.field)
    }
}

impl From<Violation> for Error {
    fn from(violation: Violation) -> Self {
        Self::new(Code::Invalid, violation.to_string())
    }
}

/// Reads a request and checks its fields.
///
/// # Errors
/// What is answered instead of doing it: [`Code::Invalid`], with the field that breaks a rule.
pub fn read<R: Request>(body: &[u8]) -> Result<R, Error> {
    let request = R::parse(body)?;
    request.validate()?;
    Ok(request)
}

/// What is answered to a body that cannot be read.
pub(crate) fn unreadable(id: u16, error: &prost::DecodeError) -> Error {
    let told = Error::from(Violation::InvalidBody { id });
    let text = error.to_string();
    // As it is told, the innermost first: "failed to decode Protobuf message: Device.name:
    // Register.device: why". Of a oneof its own name, not its field's.
    let parts = text.split(": ");
    let is_place = |part: &&str| part.contains('.') && !part.contains(' ');
    let places = parts.skip(1).take_while(is_place);
    let fields = places.filter_map(|place| place.split_once('.'));
    let mut path: Vec<&str> = fields.map(|(_, field)| field).collect();
    path.reverse();
    told.in_field(path.join("."))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{chat, packet_info};
    use wharf_wire::Packet;

    #[test]
    fn an_error_always_fits_its_packet() {
        let error = Error::new(Code::Version, "글".repeat(1_000))
            .in_field("content.text")
            .retry_after(Duration::MAX)
            .with("version", u32::MAX)
            .with("version_min", u32::MAX);
        let mut body = Vec::new();
        error.encode(&mut body);
        let info = packet_info(Error::ID).unwrap();
        assert!(body.len() <= info.bytes_max.into(), "{}", body.len());
        assert_eq!(error.retry_after_ms, u32::MAX);
        assert_eq!(Error::decode(&body), Ok(error));
    }

    #[test]
    fn a_request_that_cannot_be_read_or_breaks_a_rule_is_answered_so() {
        let unreadable = read::<chat::Say>(&[0xff]).unwrap_err();
        assert_eq!(unreadable.code(), Code::Invalid);
        assert_eq!(
            unreadable.text,
            "packet 1300 has a body that cannot be read"
        );
        assert_eq!(unreadable.field, "", "no field, but the message itself");
        let within = read::<chat::Say>(&[0x0a, 3, 0x0a, 1, 0xff]).unwrap_err();
        assert_eq!(
            (within.code(), &*within.field),
            (Code::Invalid, "content.what")
        );
        let empty = read::<chat::Say>(&[]).unwrap_err();
        assert_eq!((empty.code(), &*empty.field), (Code::Invalid, "content"));
    }
}
