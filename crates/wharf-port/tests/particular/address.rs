//! Looking whether an address is free disturbs nobody, and tells the truth.

use std::net::{SocketAddr, TcpListener};
use std::sync::atomic::{AtomicBool, Ordering};

use socket2::{Domain, Socket, Type};
use wharf_port::{OpenError, check_address};

#[test]
fn nobody_gets_a_connection_to_an_address_that_is_looked_at() {
    // Where nobody else is given a port that has just become free.
    let listener = TcpListener::bind("127.0.0.3:0").unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let knocking = scope.spawn(|| {
            let mut opened = 0;
            while !over.load(Ordering::Relaxed) {
                opened += u32::from(opens(address));
            }
            opened
        });
        let looked = (0..2_000).try_for_each(|_| check_address(address));
        over.store(true, Ordering::Relaxed);
        looked.unwrap();
        assert_eq!(knocking.join().unwrap(), 0, "connections came about");
    });
}

#[test]
fn an_address_where_somebody_listens_is_in_use() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    assert_eq!(
        check_address(address),
        Err(OpenError::AddressInUse(address))
    );
}

/// From another address: a connection with itself would come about as well.
fn opens(address: SocketAddr) -> bool {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    let elsewhere: SocketAddr = "127.0.0.2:0".parse().unwrap();
    socket.bind(&elsewhere.into()).unwrap();
    socket.connect(&address.into()).is_ok()
}
