//! What the calls themselves promise, and what they do not.

use std::io::{ErrorKind, Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};

use s1_sockets::calls;

#[test]
fn each_of_the_seven_calls_fails_with_an_error_of_its_own() {
    let failed = calls::fail().unwrap();
    let names: Vec<_> = failed.iter().map(|failed| failed.call).collect();
    let seven = [
        "socket", "bind", "listen", "accept", "connect", "send", "recv",
    ];
    assert_eq!(names, seven);
    let kind = |call| {
        let failed = failed.iter().find(|failed| failed.call == call);
        failed.unwrap().error.kind()
    };
    assert_eq!(kind("bind"), ErrorKind::AddrInUse);
    assert_eq!(kind("accept"), ErrorKind::WouldBlock);
    assert_eq!(kind("connect"), ErrorKind::ConnectionRefused);
    assert_eq!(kind("recv"), ErrorKind::NotConnected);
}

#[test]
fn what_is_sent_in_one_piece_arrives_in_several_and_the_other_way_round() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let mut sender = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let (mut receiver, _) = listener.accept().unwrap();

    let one_piece = [b'1'; 10_000];
    sender.write_all(&one_piece).unwrap();
    let mut buffer = [0; 4096];
    let first = receiver.read(&mut buffer).unwrap();
    assert!(first < one_piece.len());
    receiver.read_exact(&mut [0; 10_000][first..]).unwrap();

    for piece in [b"a", b"b", b"c"] {
        sender.write_all(piece).unwrap();
    }
    while receiver.peek(&mut buffer).unwrap() < 3 {}
    assert_eq!(receiver.read(&mut buffer).unwrap(), 3);
    assert_eq!(&buffer[..3], b"abc");
}
