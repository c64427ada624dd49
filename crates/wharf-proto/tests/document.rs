//! `docs/PROTOCOL.md` shows the bytes that are sent.

use wharf_proto::session::{Ping, Pong};
use wharf_wire::{Extensions, Packet};

/// A whole frame, as the document writes it without spaces.
fn hex(packet: &impl Packet, extensions: Extensions) -> String {
    let mut frame = Vec::new();
    packet.encode_frame_with(&extensions, &mut frame);
    frame.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn the_bytes_in_the_document_are_those_on_the_wire() {
    let document = include_str!("../../../docs/PROTOCOL.md").replace(' ', "");
    let ping = Ping { sent_ms: 7 };
    let pong = Pong {
        sent_ms: 7,
        now_ms: 100_000_000,
    };
    for line in [
        format!(">{}1027", hex(&ping, Extensions::request(1))),
        format!("<{}1028", hex(&pong, Extensions::reply(1))),
    ] {
        assert!(document.contains(&line), "{line}");
    }
}
