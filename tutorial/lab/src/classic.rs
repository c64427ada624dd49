//! What the guide's C# client says.

use crate::Client;
use std::io;
use std::net::SocketAddr;

/// Has a client click the C# client's echo button: its packet comes back, wherever it is cut.
///
/// # Errors
/// When a part of it does not come back.
///
/// # Panics
/// When something else does.
pub fn check_classic_echo(address: SocketAddr) -> io::Result<()> {
    let mut client = Client::connect(address)?;
    let packet = echo_packet("안녕하세요");
    for cut in 0..=packet.len() {
        let (begun, rest) = packet.split_at(cut);
        let echo = [client.echo(begun)?, client.echo(rest)?].concat();
        assert_eq!(echo, packet, "cut behind {cut} bytes");
    }
    Ok(())
}

/// A header of five bytes (length of the whole packet, packet id 1, type 0; little-endian), then
/// the text. `wharf bots echo` sends the like.
fn echo_packet(text: &str) -> Vec<u8> {
    let length = u16::try_from(5 + text.len()).expect("a short text");
    let header = [length.to_le_bytes(), 1_u16.to_le_bytes()].concat();
    [header.as_slice(), &[0], text.as_bytes()].concat()
}
