//! What is particular to IOCP: which buffers idle peers hold, and whose an address is. The contract
//! itself is tested in `contract/`, for every backend.

use crate::DEADLINE;
use socket2::{Domain, Socket, Type};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use wharf_port::{
    Event, IocpPort, ListenOptions, NativePort, OpenError, Port, PortOptions, RecvPolicy, SocketId,
    Token, clock,
};

fn listening(options: &PortOptions) -> (IocpPort, SocketId, SocketAddr) {
    let mut port = IocpPort::open(options).expect("every Windows has it");
    let local = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let listener = port
        .listen(local, &ListenOptions::default())
        .expect("listens");
    let address = port.local_addr(listener).expect("is bound");
    (port, listener, address)
}

#[test]
fn idle_peers_hold_half_of_the_buffers_at_the_most_and_none_where_zero_bytes_are_received() {
    for (recv_policy, held) in [
        (RecvPolicy::Stream, 8),
        (RecvPolicy::OneShot, 8),
        (RecvPolicy::ZeroByte, 0),
    ] {
        let options = PortOptions {
            recv_policy,
            recv_buffers: 16,
            ..PortOptions::default()
        };
        let (mut port, listener, address) = listening(&options);
        port.arm_accept(listener, Token(0)).unwrap();
        let peers: Vec<_> = (0..20)
            .map(|_| TcpStream::connect(address).unwrap())
            .collect();
        let until = clock::now() + DEADLINE;
        let mut armed = 0;
        while armed < peers.len() {
            let mut batch = Vec::with_capacity(8);
            let now = port.wait(&mut batch, Some(until)).unwrap();
            assert!(now < until, "nothing happens");
            for completion in batch {
                let Event::Accepted(Ok(socket)) = completion.event else {
                    panic!("{completion:?}")
                };
                let socket = port.adopt(socket).unwrap();
                port.arm_recv(socket, Token(1)).unwrap();
                armed += 1;
            }
        }
        assert_eq!(port.stats().recv_buffers_out, held, "{recv_policy:?}");
    }
}

#[test]
fn nobody_else_listens_where_a_port_listens() {
    let (_port, _listener, address) = listening(&PortOptions::default());
    let thief = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    // What takes an address away from a listener that did not claim it for itself.
    thief.set_reuse_address(true).unwrap();
    let stolen = thief.bind(&address.into()).and_then(|()| thief.listen(1));
    assert!(stolen.is_err(), "{address} was taken away");
    let (mut other, ..) = listening(&PortOptions::default());
    assert_eq!(
        other.listen(address, &ListenOptions::default()),
        Err(OpenError::AddressInUse(address))
    );
}
