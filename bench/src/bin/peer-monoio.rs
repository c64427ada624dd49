//! Peer: an echo server on monoio's io_uring driver, one thread, no framing: what comes goes back.
//!
//! Usage: `peer-monoio ADDR`. Prints `ready` when it listens.

use monoio::io::{AsyncReadRent, AsyncWriteRentExt};
use monoio::net::{TcpListener, TcpStream};

#[monoio::main(driver = "uring")]
async fn main() -> std::io::Result<()> {
    let address = std::env::args().nth(1).expect("usage: peer-monoio ADDR");
    let listener = TcpListener::bind(address)?;
    println!("ready");
    loop {
        let (socket, _) = listener.accept().await?;
        monoio::spawn(echo(socket));
    }
}

async fn echo(mut socket: TcpStream) -> std::io::Result<()> {
    socket.set_nodelay(true)?;
    let mut buffer = Vec::with_capacity(4_096);
    loop {
        let (read, filled) = socket.read(buffer).await;
        if read? == 0 {
            return Ok(());
        }
        // A read leaves the buffer as long as what came.
        let (written, sent) = socket.write_all(filled).await;
        written?;
        buffer = sent;
    }
}
