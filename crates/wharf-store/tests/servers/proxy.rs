//! A link to a server that can be cut in the middle of what it says.

use core::sync::atomic::{AtomicI64, Ordering};
use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::thread;

/// Listens for one server's clients and passes on what both say.
pub(crate) struct Proxy {
    port: u16,
    /// How many more bytes the server may say until its links are cut.
    left: Arc<AtomicI64>,
}

impl Proxy {
    /// In front of the server that listens on `server`.
    pub(crate) fn start(server: u16) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
        let port = listener.local_addr().expect("it is bound").port();
        let left = Arc::new(AtomicI64::new(i64::MAX));
        let limit = Arc::clone(&left);
        // Its threads end with their links, and this one with the process.
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let limit = Arc::clone(&limit);
                thread::spawn(move || pass_on(client, server, &limit));
            }
        });
        Self { port, left }
    }

    /// The same URL, through here.
    pub(crate) fn url(&self, url: &str, server: u16) -> String {
        url.replace(&format!(":{server}/"), &format!(":{}/", self.port))
    }

    /// The server's links are cut when it has said so many more bytes, and those that come after.
    pub(crate) fn cut_after(&self, bytes: i64) {
        self.left.store(bytes, Ordering::SeqCst);
    }

    /// Nothing is cut any more.
    pub(crate) fn mend(&self) {
        self.left.store(i64::MAX, Ordering::SeqCst);
    }
}

fn pass_on(client: TcpStream, server: u16, left: &AtomicI64) {
    // Whoever of the three is gone ends it all, which is what this is about.
    let _ = pass_on_until_cut(&client, server, left);
    let _ = client.shutdown(Shutdown::Both);
}

fn pass_on_until_cut(mut client: &TcpStream, server: u16, left: &AtomicI64) -> io::Result<()> {
    let mut server = TcpStream::connect((Ipv4Addr::LOCALHOST, server))?;
    let (mut from, mut to) = (client.try_clone()?, server.try_clone()?);
    thread::spawn(move || {
        let _ = io::copy(&mut from, &mut to);
        let _ = to.shutdown(Shutdown::Both);
    });
    let mut bytes = [0; 4_096];
    loop {
        let count = server.read(&mut bytes)? as i64;
        let allowed = left.fetch_sub(count, Ordering::SeqCst).clamp(0, count);
        client.write_all(&bytes[..allowed as usize])?;
        if count == 0 || allowed < count {
            return server.shutdown(Shutdown::Both);
        }
    }
}
