//! What the completion port promises, on either system.

use std::io::{self, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::time::Duration;
use t01_echo::sys::{Event, Kind, Operation, Port};

type Bytes = Box<[u8]>;

const SOON: Option<Duration> = Some(Duration::from_secs(30));

fn pair() -> io::Result<(TcpStream, TcpStream)> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let client = TcpStream::connect(listener.local_addr()?)?;
    Ok((client, listener.accept()?.0))
}

fn operation(bytes: usize) -> Box<Operation<Bytes>> {
    let mut operation = Operation::new(7, vec![0; bytes].into_boxed_slice());
    operation.span = 0..bytes;
    operation
}

fn completed(port: &Port<Bytes>) -> (Box<Operation<Bytes>>, io::Result<usize>) {
    match port.wait(SOON) {
        Ok(Event::Completed(operation, result)) => (operation, result),
        Ok(_) => panic!("no operation has ended"),
        Err(error) => panic!("{error}"),
    }
}

#[test]
fn what_goes_in_comes_back() -> io::Result<()> {
    let (mut client, socket) = pair()?;
    let port = Port::new()?;
    port.add(&socket)?;
    port.receive(&socket, operation(16));
    client.write_all(b"hello")?;
    let (operation, result) = completed(&port);
    assert_eq!((operation.session, operation.kind), (7, Kind::Receive));
    assert_eq!(&operation.buffer[..result?], b"hello");
    Ok(())
}

#[test]
fn a_receive_of_nothing_ends_when_there_is_something() -> io::Result<()> {
    let (mut client, socket) = pair()?;
    let port = Port::new()?;
    port.add(&socket)?;
    port.receive(&socket, operation(0));
    assert!(matches!(
        port.wait(Some(Duration::from_millis(20)))?,
        Event::TimeUp
    ));
    client.write_all(b"hello")?;
    assert_eq!(completed(&port).1?, 0);
    port.receive(&socket, operation(16));
    assert_eq!(completed(&port).1?, 5);
    Ok(())
}

#[test]
fn what_is_cancelled_comes_back_with_an_error() -> io::Result<()> {
    let (_client, socket) = pair()?;
    let port = Port::new()?;
    port.add(&socket)?;
    port.receive(&socket, operation(16));
    port.cancel(&socket);
    assert!(completed(&port).1.is_err());
    Ok(())
}

#[test]
fn what_is_refused_at_once_comes_back_with_an_error_too() -> io::Result<()> {
    let (_client, socket) = pair()?;
    let port = Port::new()?;
    port.add(&socket)?;
    socket.shutdown(std::net::Shutdown::Write)?;
    port.send(&socket, operation(16));
    let (operation, result) = completed(&port);
    assert_eq!(operation.kind, Kind::Send);
    assert!(result.is_err());
    Ok(())
}

#[test]
fn a_wake_from_another_thread_ends_a_wait() -> io::Result<()> {
    let port = Port::<Bytes>::new()?;
    std::thread::scope(|scope| {
        scope.spawn(|| port.wake());
        let woken = port.wait(SOON);
        assert!(matches!(woken, Ok(Event::Woken)));
    });
    Ok(())
}
