//! What NATS speaks: lines, and payloads of a length that the line before tells.

use super::dialect::{DELIVERY_BYTES, Event, Mark};

/// What a client says first.
pub fn hello(room: u32) -> Vec<u8> {
    let connect = r#"CONNECT {"verbose":false,"pedantic":false,"echo":true}"#;
    format!("{connect}\r\nSUB {} 1\r\nPING\r\n", channel(room)).into_bytes()
}

/// Appends a message that begins with `text`.
pub fn publish(out: &mut Vec<u8>, room: u32, text: &str) {
    let channel = channel(room);
    let payload = payload(text, &channel);
    let head = format!("PUB {channel} {}\r\n{payload}\r\n", payload.len());
    out.extend_from_slice(head.as_bytes());
}

/// The payload that makes a delivery [`DELIVERY_BYTES`] long.
fn payload(text: &str, channel: &str) -> String {
    let head = format!("MSG {channel} 1 200\r\n\r\n");
    format!("{text:x<width$}", width = DELIVERY_BYTES - head.len())
}

/// The first whole event of `input` and its bytes; `None` if it is not whole yet.
pub fn cut(input: &[u8]) -> Option<(usize, Event)> {
    let (at, head) = line(input, 0)?;
    if head.starts_with(b"-ERR") {
        return Some((at, Event::Wrong(String::from_utf8_lossy(head).into_owned())));
    }
    if head == b"PONG" {
        return Some((at, Event::Ready));
    }
    if !head.starts_with(b"MSG ") {
        return Some((at, Event::Other));
    }
    let length = number(head.rsplit(|&byte| byte == b' ').next()?)?;
    let payload = input.get(at..at + length)?;
    input.get(at + length + 1)?;
    let mark = Mark::read(payload);
    let event = mark.map_or_else(
        || Event::Wrong("a message without a mark".into()),
        Event::Delivery,
    );
    Some((at + length + 2, event))
}

/// What a room is called, here and by Redis.
pub fn channel(room: u32) -> String {
    format!("r{room:04}")
}

/// The end of the line that begins at `at`, behind its CRLF, and its text.
pub fn line(input: &[u8], at: usize) -> Option<(usize, &[u8])> {
    let rest = input.get(at..)?;
    let end = rest.iter().position(|&byte| byte == b'\r')?;
    rest.get(end + 1)?;
    Some((at + end + 2, &rest[..end]))
}

/// A number in digits.
pub fn number(text: &[u8]) -> Option<usize> {
    str::from_utf8(text).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::super::dialect::Dialect;
    use super::super::dialect::tests::{MARK, assert_cut};
    use super::*;

    #[test]
    fn a_message_of_nats_is_a_delivery_of_the_same_size() {
        let mut text = String::new();
        MARK.write(&mut text);
        let payload = payload(&text, "r0003");
        let message = format!("MSG r0003 1 {}\r\n{payload}\r\n", payload.len());
        assert_eq!(message.len(), DELIVERY_BYTES);
        assert_cut(Dialect::Nats, message.as_bytes(), &Event::Delivery(MARK));
        assert_cut(Dialect::Nats, b"PONG\r\n", &Event::Ready);
    }
}
