//! Whatever bytes come: they are read or refused, and what was read is what was meant.

use proptest::prelude::*;
use wharf_proto::{ClientPacket, PACKETS, Role, ServerPacket, Validate};
use wharf_wire::Violation;

/// What a body says, if it can be read: shown, and written again.
fn read(id: u16, body: &[u8]) -> Result<(String, Vec<u8>), Violation> {
    let mut again = Vec::new();
    let is_request = PACKETS
        .iter()
        .any(|it| it.id == id && matches!(it.role, Role::Request { .. }));
    if is_request {
        let packet = ClientPacket::decode(id, body)?;
        assert_eq!(packet.id(), id);
        let _ = packet.validate();
        packet.encode(&mut again);
        assert_eq!(ClientPacket::decode(id, &again), Ok(packet.clone()));
        Ok((format!("{packet:?}"), again))
    } else {
        let packet = ServerPacket::decode(id, body)?;
        assert_eq!(packet.id(), id);
        packet.encode(&mut again);
        assert_eq!(ServerPacket::decode(id, &again), Ok(packet.clone()));
        Ok((format!("{packet:?}"), again))
    }
}

fn any_id() -> impl Strategy<Value = u16> {
    prop::sample::select(PACKETS).prop_map(|packet| packet.id)
}

fn varint(mut number: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    while number > 0x7f {
        bytes.push(number as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
    bytes
}

/// Bytes that look like a message: fields of any kind, some with messages in them.
fn message_like() -> impl Strategy<Value = Vec<u8>> {
    let extreme = prop::sample::select(&[0, 1, 127, 1 << 31, 1 << 32, 1 << 63, u64::MAX][..]);
    let number = prop_oneof![extreme, any::<u64>(), 0..20u64];
    let leaf = prop_oneof![
        number.prop_map(|number| (0, varint(number))),
        any::<[u8; 8]>().prop_map(|bytes| (1, bytes.to_vec())),
        any::<[u8; 4]>().prop_map(|bytes| (5, bytes.to_vec())),
        "\\PC{0,12}".prop_map(|text| (2, long(text.into_bytes()))),
        prop::collection::vec(any::<u8>(), 0..40).prop_map(|bytes| (2, long(bytes))),
    ];
    let field = (1u64..14, leaf).prop_map(|(tag, (kind, value))| tagged(tag, kind, value));
    let fields = prop::collection::vec(field, 0..6).prop_map(|fields| fields.concat());
    fields.prop_recursive(4, 32, 4, |inner| {
        let field = (1u64..14, inner).prop_map(|(tag, body)| tagged(tag, 2, long(body)));
        prop::collection::vec(field, 0..4).prop_map(|fields| fields.concat())
    })
}

fn tagged(tag: u64, kind: u64, value: Vec<u8>) -> Vec<u8> {
    [varint(tag << 3 | kind), value].concat()
}

fn long(bytes: Vec<u8>) -> Vec<u8> {
    [varint(bytes.len() as u64), bytes].concat()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn any_bytes_are_read_or_refused(
        id in any_id(),
        body in prop::collection::vec(any::<u8>(), 0..60),
    ) {
        if let Err(violation) = read(id, &body) {
            prop_assert_eq!(violation, Violation::InvalidBody { id });
        }
    }

    #[test]
    fn what_looks_like_a_message_is_read_or_refused(
        id in any_id(),
        body in message_like(),
        cut in any::<prop::sample::Index>(),
        flip in any::<prop::sample::Index>(),
        bit in 0u8..8,
    ) {
        // As it is, cut short, and with one bit another.
        let mut flipped = body.clone();
        if !flipped.is_empty() {
            let at = flip.index(flipped.len());
            flipped[at] ^= 1 << bit;
        }
        for body in [&body[..], &body[..cut.index(body.len() + 1)], &flipped] {
            if let Err(violation) = read(id, body) {
                prop_assert_eq!(violation, Violation::InvalidBody { id });
            }
        }
    }
}

#[test]
fn an_empty_body_is_every_packet() {
    for packet in PACKETS {
        let (_, again) = read(packet.id, &[]).expect(packet.name);
        assert_eq!(again, [], "{}", packet.name);
    }
}

#[test]
fn fields_of_a_newer_client_are_skipped() {
    let unknown = tagged(900, 2, long(b"what comes later".to_vec()));
    for packet in PACKETS {
        let (_, again) = read(packet.id, &unknown).expect(packet.name);
        assert_eq!(again, [], "{}", packet.name);
    }
}

#[test]
fn nesting_without_end_is_refused() {
    // A group within a group, of a field that nobody knows: one byte more for each floor.
    let (begin, end) = (tagged(13, 3, Vec::new()), tagged(13, 4, Vec::new()));
    let nested = |floors: usize| [begin.repeat(floors), end.repeat(floors)].concat();
    for packet in PACKETS {
        let id = packet.id;
        assert!(read(id, &nested(20)).is_ok(), "{}", packet.name);
        let deep = read(id, &nested(8_000));
        assert_eq!(deep, Err(Violation::InvalidBody { id }), "{}", packet.name);
    }
}

#[test]
fn text_that_is_not_utf_8_is_refused() {
    // The name of a LogIn.
    let body = tagged(1, 2, long(vec![0xc3, 0x28]));
    assert_eq!(
        read(1_101, &body),
        Err(Violation::InvalidBody { id: 1_101 })
    );
}
