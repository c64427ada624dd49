//! At the descriptor limit an accept fails by name, and the connection waits in the backlog.
//! The limit is the process's, so this test has a process of its own.
#![cfg(target_os = "linux")]

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::os::fd::AsRawFd;
use wharf_base::Duration;
use wharf_port::{
    AcceptError, Completion, Event, ListenOptions, NativePort, Port, PortOptions, ReadinessPort,
    Token, UringPort, clock,
};

#[test]
fn an_accept_without_descriptors_says_so_and_the_connection_waits() {
    check::<UringPort>();
    check::<ReadinessPort>();
}

fn check<P: NativePort>() {
    let mut port = P::open(&PortOptions::default()).expect("opens");
    let local = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let listener = port
        .listen(local, &ListenOptions::default())
        .expect("listens");
    let address = port.local_addr(listener).expect("is bound");
    let _peers: Vec<_> = (0..3)
        .map(|_| TcpStream::connect(address).expect("connects"))
        .collect();

    let usual = getrlimit(Resource::Nofile);
    let next = std::fs::File::open("/dev/null").expect("opens").as_raw_fd();
    setrlimit(
        Resource::Nofile,
        Rlimit {
            current: Some(next as u64),
            ..usual
        },
    )
    .expect("lowers");
    let refused = accept(&mut port, listener);
    setrlimit(Resource::Nofile, usual).expect("raises");
    assert!(
        matches!(refused, Err(AcceptError::Resources(code)) if code.0 == libc::EMFILE),
        "{}: {refused:?}",
        P::NAME
    );
    for _ in 0..3 {
        accept(&mut port, listener).expect("the connections are still there");
    }
}

/// The outcome of one accept, armed if it is not.
fn accept<P: Port>(
    port: &mut P,
    listener: wharf_port::SocketId,
) -> Result<wharf_port::DetachedSocket, AcceptError> {
    let until = clock::now() + Duration::from_secs(20);
    let mut batch: Vec<Completion> = Vec::with_capacity(1);
    // Refused while the last one goes on, which is just as well.
    let _ = port.arm_accept(listener, Token(1));
    loop {
        let now = port.wait(&mut batch, Some(until)).expect("waits");
        match batch.pop().map(|completion| completion.event) {
            Some(Event::Accepted(outcome)) => return outcome,
            Some(event) => panic!("{event:?}"),
            None => assert!(now < until, "no accept ended"),
        }
    }
}
