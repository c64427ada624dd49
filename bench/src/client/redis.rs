//! What Redis speaks: RESP3, so that one connection may publish and subscribe.

use super::dialect::{DELIVERY_BYTES, Event, Mark};
use super::nats::{channel, line, number};

/// What a client says first.
pub fn hello(room: u32) -> Vec<u8> {
    format!("HELLO 3\r\nSUBSCRIBE {}\r\n", channel(room)).into_bytes()
}

/// Appends a message that begins with `text`.
pub fn publish(out: &mut Vec<u8>, room: u32, text: &str) {
    let channel = channel(room);
    let payload = payload(text, &channel);
    let head = format!("*3\r\n$7\r\nPUBLISH\r\n${}\r\n{channel}\r\n", channel.len());
    out.extend_from_slice(head.as_bytes());
    out.extend_from_slice(format!("${}\r\n{payload}\r\n", payload.len()).as_bytes());
}

/// The payload that makes a delivery [`DELIVERY_BYTES`] long.
fn payload(text: &str, channel: &str) -> String {
    let head = format!(
        ">3\r\n$7\r\nmessage\r\n${}\r\n{channel}\r\n$200\r\n\r\n",
        channel.len()
    );
    format!("{text:x<width$}", width = DELIVERY_BYTES - head.len())
}

/// The first whole event of `input` and its bytes; `None` if it is not whole yet.
pub fn cut(input: &[u8]) -> Option<(usize, Event)> {
    let (mut at, head) = line(input, 0)?;
    let count = number(&head[1..]);
    match head[0] {
        b'-' => Some((at, Event::Wrong(String::from_utf8_lossy(head).into_owned()))),
        // A push: `message channel payload` or `subscribe channel count`.
        b'>' => {
            let (behind, kind) = bulk(input, at)?;
            let (behind, _) = bulk(input, behind)?;
            if kind == b"subscribe" {
                return Some((line(input, behind)?.0, Event::Ready));
            }
            let (end, payload) = bulk(input, behind)?;
            let mark = Mark::read(payload);
            Some((
                end,
                mark.map_or_else(
                    || Event::Wrong("a push without a mark".into()),
                    Event::Delivery,
                ),
            ))
        }
        // The answer to HELLO: pairs, each part a line or a bulk string; and a list of modules.
        b'%' => {
            for _ in 0..2 * count? {
                let (behind, part) = line(input, at)?;
                at = if part[0] == b'$' {
                    bulk(input, at)?.0
                } else {
                    behind
                };
            }
            Some((at, Event::Other))
        }
        _ => Some((at, Event::Other)),
    }
}

fn bulk(input: &[u8], at: usize) -> Option<(usize, &[u8])> {
    let (at, head) = line(input, at)?;
    let end = at + number(&head[1..])?;
    input.get(end + 1)?;
    Some((end + 2, &input[at..end]))
}

#[cfg(test)]
mod tests {
    use super::super::dialect::Dialect;
    use super::super::dialect::tests::{MARK, assert_cut};
    use super::*;

    #[test]
    fn a_push_of_redis_is_a_delivery_of_the_same_size() {
        let mut text = String::new();
        MARK.write(&mut text);
        let payload = payload(&text, "r0003");
        let push = format!(
            ">3\r\n$7\r\nmessage\r\n$5\r\nr0003\r\n${}\r\n{payload}\r\n",
            payload.len()
        );
        assert_eq!(push.len(), DELIVERY_BYTES);
        assert_cut(Dialect::Redis, push.as_bytes(), &Event::Delivery(MARK));
        assert_cut(
            Dialect::Redis,
            b">3\r\n$9\r\nsubscribe\r\n$5\r\nr0003\r\n:1\r\n",
            &Event::Ready,
        );
        assert_cut(
            Dialect::Redis,
            b"%2\r\n$6\r\nserver\r\n$5\r\nredis\r\n$7\r\nmodules\r\n*0\r\n",
            &Event::Other,
        );
    }
}
