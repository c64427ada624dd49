//! What every session's socket carries, read back from the system: the whole defence against
//! peers that are gone without a word is in these options.

use crate::{
    ConnectOptions, Event, Keepalive, ListenOptions, NativePort, Port, PortOptions, SocketId,
    SocketOptions, Token,
};
use core::time::Duration;
use socket2::Socket;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener, TcpStream};

/// Nothing that a system would choose by itself.
const OPTIONS: SocketOptions = SocketOptions {
    nodelay: true,
    notsent_lowat: Some(12_345),
    send_buffer: Some(50_000),
    keepalive: Some(Keepalive {
        idle: Duration::from_secs(61),
        interval: Duration::from_secs(11),
        probes: 7,
    }),
    user_timeout: Some(Duration::from_secs(99)),
};

/// Checks a socket that was accepted and one that was connected; `handle_of` looks into the port.
pub(crate) fn check<P: NativePort>(handle_of: fn(&P, SocketId) -> &Socket) {
    let mut port = P::open(&PortOptions {
        socket: OPTIONS,
        ..PortOptions::default()
    })
    .unwrap();
    let local = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let listener = port.listen(local, &ListenOptions::default()).unwrap();
    let address = port.local_addr(listener).unwrap();
    port.arm_accept(listener, Token(1)).unwrap();
    let _peer = TcpStream::connect(address).unwrap();
    let Event::Accepted(Ok(accepted)) = next(&mut port) else {
        panic!("nobody was accepted")
    };
    let adopted = port.adopt(accepted).unwrap();
    assert_carries_options(handle_of(&port, adopted));

    // To a listener that is not the port's, whose accept would come in between.
    let elsewhere = TcpListener::bind(local).unwrap();
    let from = ConnectOptions {
        local: Some(IpAddr::V4(Ipv4Addr::LOCALHOST)),
    };
    let remote = elsewhere.local_addr().unwrap();
    port.connect(remote, &from, Token(2)).unwrap();
    let Event::Connected(Ok(connected)) = next(&mut port) else {
        panic!("not connected")
    };
    let handle = handle_of(&port, connected);
    assert_carries_options(handle);
    #[cfg(target_os = "linux")]
    assert!(is_port_chosen_at_connect(handle));
}

fn next(port: &mut impl Port) -> Event {
    let until = super::clock::now() + Duration::from_secs(20);
    let mut batch = Vec::with_capacity(1);
    while batch.is_empty() {
        let now = port.wait(&mut batch, Some(until)).unwrap();
        assert!(now < until, "what was submitted never ends");
    }
    batch.remove(0).event
}

fn assert_carries_options(socket: &Socket) {
    assert!(socket.tcp_nodelay().unwrap());
    assert!(socket.keepalive().unwrap());
    // Linux doubles what it is asked for (`socket(7)`, SO_SNDBUF).
    let doubled = if cfg!(target_os = "linux") { 2 } else { 1 };
    assert_eq!(socket.send_buffer_size().unwrap(), 50_000 * doubled);
    #[cfg(target_os = "linux")]
    {
        let keepalive = OPTIONS.keepalive.unwrap();
        assert_eq!(socket.tcp_keepalive_time().unwrap(), keepalive.idle);
        assert_eq!(socket.tcp_keepalive_interval().unwrap(), keepalive.interval);
        assert_eq!(socket.tcp_keepalive_retries().unwrap(), keepalive.probes);
        assert_eq!(socket.tcp_notsent_lowat().ok(), OPTIONS.notsent_lowat);
        assert_eq!(socket.tcp_user_timeout().unwrap(), OPTIONS.user_timeout);
    }
}

/// `ip(7)`, IP_BIND_ADDRESS_NO_PORT.
#[cfg(target_os = "linux")]
fn is_port_chosen_at_connect(socket: &Socket) -> bool {
    use std::os::fd::AsRawFd;
    let mut on: libc::c_int = 0;
    let mut bytes = size_of::<libc::c_int>() as libc::socklen_t;
    // SAFETY: getsockopt(2) writes at most `bytes` bytes to `on`, and the length to `bytes`; both
    // outlive the call.
    let result = unsafe {
        libc::getsockopt(
            socket.as_raw_fd(),
            libc::IPPROTO_IP,
            libc::IP_BIND_ADDRESS_NO_PORT,
            (&raw mut on).cast(),
            &raw mut bytes,
        )
    };
    assert_eq!(result, 0, "the option cannot be read");
    on == 1
}
