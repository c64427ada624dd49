//! Clauses of outgoing connections.

use crate::backends::Backend;
use crate::rig::{CONNECT, Rig, batch};
use std::net::{IpAddr, Ipv4Addr};
use wharf_port::{CloseHow, ConnectError, ConnectOptions, Event, OpsFull, Port, SocketId};

fn connected<B: Backend>(rig: &mut Rig<B>) -> Result<SocketId, ConnectError> {
    match rig.take(|completion| completion.token == CONNECT).event {
        Event::Connected(result) => result,
        other => panic!("connected {other:?}"),
    }
}

pub(crate) fn a_connect_brings_a_socket_that_works<B: Backend>(mut rig: Rig<B>) {
    let address = rig.backend.listen();
    rig.port
        .connect(address, &ConnectOptions::default(), CONNECT)
        .unwrap();
    let socket = connected(&mut rig).expect("somebody listens");
    let (mut peer, _) = rig.until(|rig| rig.backend.accept());
    assert_eq!(rig.send_to(socket, batch(b"ping"), &mut peer), b"ping");
    rig.peer_writes(&mut peer, b"pong");
    let mut op = rig.arm_recv(socket);
    assert_eq!(rig.receive(socket, &mut op, 4), b"pong");
    rig.close(socket, CloseHow::Fin);
    rig.finish();
}

pub(crate) fn a_connect_to_nobody_is_refused<B: Backend>(mut rig: Rig<B>) {
    let address = rig.backend.nowhere();
    rig.port
        .connect(address, &ConnectOptions::default(), CONNECT)
        .unwrap();
    assert_eq!(connected(&mut rig), Err(ConnectError::Refused));
    rig.finish();
}

pub(crate) fn a_connect_leaves_from_the_local_address<B: Backend>(mut rig: Rig<B>) {
    let address = rig.backend.listen();
    let local = IpAddr::from(Ipv4Addr::new(127, 0, 0, 2));
    let options = ConnectOptions { local: Some(local) };
    rig.port.connect(address, &options, CONNECT).unwrap();
    let socket = connected(&mut rig).expect("somebody listens");
    let (_peer, from) = rig.until(|rig| rig.backend.accept());
    assert_eq!(from.ip(), local);
    rig.close(socket, CloseHow::Fin);
    rig.finish();
}

pub(crate) fn c4_failed_connect_is_not_reentrant<B: Backend>(mut rig: Rig<B>) {
    // An address that is not of this machine fails at once, everywhere.
    let options = ConnectOptions {
        local: Some(Ipv4Addr::new(203, 0, 113, 9).into()),
    };
    let address = rig.backend.listen();
    rig.port
        .connect(address, &options, CONNECT)
        .expect("the failure is a completion");
    assert_eq!(rig.port.stats().connects_in_flight, 1);
    assert_eq!(connected(&mut rig), Err(ConnectError::AddressUnavailable));
    rig.finish();
}

pub(crate) fn connects_are_bounded<B: Backend>(mut rig: Rig<B>) {
    let address = rig.backend.nowhere();
    let mut taken = 0;
    while rig
        .port
        .connect(address, &ConnectOptions::default(), CONNECT)
        .is_ok()
    {
        taken += 1;
        assert!(
            taken <= rig.options.connects_max,
            "more connects than connects_max"
        );
    }
    // Sockets may run out before connects do; what was taken is answered all the same.
    for _ in 0..taken {
        assert!(connected(&mut rig).is_err());
    }
    let options = ConnectOptions::default();
    assert_ne!(
        rig.port.connect(address, &options, CONNECT),
        Err(OpsFull),
        "there is room again"
    );
    assert!(connected(&mut rig).is_err());
    rig.finish();
}

pub(crate) fn c5_a_connect_that_nobody_answers_is_cancelled<B: Backend>(mut rig: Rig<B>) {
    let address = rig.backend.silence();
    let options = ConnectOptions::default();
    let op = rig.port.connect(address, &options, CONNECT).unwrap();
    for _ in 0..3 {
        rig.turn();
    }
    assert_eq!(rig.port.stats().connects_in_flight, 1);
    rig.port.cancel(op);
    assert_eq!(connected(&mut rig), Err(ConnectError::Cancelled));
    rig.finish();
}
