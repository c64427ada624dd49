//! Peer: an echo server on compio, one thread, no framing: what comes goes back.
//!
//! Usage: `peer-compio ADDR`. Prints `ready` when it listens.

use compio::buf::{BufResult, IntoInner, IoBuf};
use compio::io::{AsyncRead, AsyncWriteExt};
use compio::net::{TcpListener, TcpStream};

#[compio::main]
async fn main() -> std::io::Result<()> {
    let address = std::env::args().nth(1).expect("usage: peer-compio ADDR");
    // Bound through std, whose listeners keep more than 128 waiting.
    let listener = TcpListener::from_std(std::net::TcpListener::bind(address)?)?;
    println!("ready");
    loop {
        let (socket, _) = listener.accept().await?;
        compio::runtime::spawn(echo(socket)).detach();
    }
}

async fn echo(mut socket: TcpStream) -> std::io::Result<()> {
    socket.set_nodelay(true)?;
    let mut buffer = Vec::with_capacity(4_096);
    loop {
        let BufResult(read, filled) = socket.read(buffer).await;
        let read = read?;
        if read == 0 {
            return Ok(());
        }
        let BufResult(written, sent) = socket.write_all(filled.slice(..read)).await;
        written?;
        buffer = sent.into_inner();
    }
}
