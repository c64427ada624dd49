//! The port by itself, and a pool of workers at it.

use lesson_lab::{Client, wait_until};
use s3_port::sys::{Alive, BUFFER_BYTES, CompletionPort, Operation, Packet};
use s3_port::{Look, Workers, accept};
use std::io;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Barrier};
use std::thread;

const NOTHING: Alive = Alive { handles: 0, ios: 0 };

/// A server in this process, which ends with it.
struct Serving {
    address: SocketAddr,
    port: Arc<CompletionPort>,
    workers: Workers,
}

fn serve(workers: usize, look: Arc<Look>) -> Serving {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let port = Arc::new(CompletionPort::new().unwrap());
    let workers = Workers::start(&port, workers, look).unwrap();
    let acceptor = port.clone();
    thread::spawn(move || accept(&listener, &acceptor));
    Serving {
        address,
        port,
        workers,
    }
}

fn quietly() -> Arc<Look> {
    Arc::new(|_| {})
}

fn meet(barrier: &Barrier) {
    barrier.wait();
}

/// Two ends of a connection, the first of them in the port.
fn connected(port: &CompletionPort) -> (Arc<s3_port::sys::Handle>, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let peer = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let (socket, _) = listener.accept().unwrap();
    (port.associate(socket, 7).unwrap(), peer)
}

#[test]
fn five_bytes_in_are_five_bytes_out() {
    let server = serve(2, quietly());
    let mut client = Client::connect(server.address).unwrap();
    client.send(b"hello").unwrap();
    client.half_close().unwrap();
    assert_eq!(client.receive_to_end().unwrap(), b"hello");
}

#[test]
fn a_reset_frees_the_sockets_structure_and_the_operations() {
    let server = serve(2, quietly());
    for _ in 0..20 {
        let mut client = Client::connect(server.address).unwrap();
        client.send(b"x").unwrap();
        client.receive(1).unwrap();
        client.reset().unwrap();
    }
    wait_until("nothing is alive", || server.port.alive() == NOTHING);
}

#[test]
fn who_leaves_in_order_frees_both_too() {
    let server = serve(2, quietly());
    let clients = lesson_lab::crowd(server.address, 20).unwrap();
    let twenty = Alive {
        handles: 20,
        ios: 20,
    };
    wait_until("all are in", || server.port.alive() == twenty);
    drop(clients);
    wait_until("nothing is alive", || server.port.alive() == NOTHING);
}

#[test]
fn who_has_gone_before_they_are_let_in_keeps_nobody_out() {
    let server = serve(2, quietly());
    for _ in 0..100 {
        Client::connect(server.address).unwrap().reset().unwrap();
    }
    let mut client = Client::connect(server.address).unwrap();
    assert!(client.echo(b"x").is_ok());
}

#[test]
fn each_worker_serves_while_the_others_are_busy() {
    const WORKERS: usize = 4;
    // Whoever looks at a message waits until all workers look at one.
    let all_of_them = Arc::new(Barrier::new(WORKERS));
    let server = serve(WORKERS, Arc::new(move |_| meet(&all_of_them)));
    let mut clients = lesson_lab::crowd(server.address, WORKERS).unwrap();
    for client in &mut clients {
        client.send(b"x").unwrap();
    }
    for client in &mut clients {
        client.receive(1).expect("all workers met");
    }
}

#[test]
fn a_pool_of_any_size_serves_many_clients() {
    for workers in [1, 2, 4, 8] {
        let server = serve(workers, quietly());
        let mut clients = lesson_lab::crowd(server.address, 30).unwrap();
        for round in 0..20 {
            let message = |index| format!("client {index} in round {round}").into_bytes();
            for (index, client) in clients.iter_mut().enumerate() {
                client.send(&message(index)).unwrap();
            }
            for (index, client) in clients.iter_mut().enumerate() {
                let heard = client.receive(message(index).len()).unwrap();
                assert_eq!(heard, message(index), "{workers} workers");
            }
        }
    }
}

#[test]
fn a_worker_ends_with_the_packet_that_was_posted_for_it() {
    let server = serve(8, quietly());
    let mut client = Client::connect(server.address).unwrap();
    client.send(b"x").unwrap();
    client.receive(1).unwrap();
    server.workers.stop().unwrap();
}

#[test]
fn what_is_longer_than_a_buffer_comes_back_whole_and_in_order() {
    let server = serve(4, quietly());
    let mut client = Client::connect(server.address).unwrap();
    let message: Vec<u8> = (0..10 * BUFFER_BYTES + 1)
        .map(|index| (index / 7) as u8)
        .collect();
    for _ in 0..10 {
        client.send(&message).unwrap();
        assert!(client.receive(message.len()).unwrap() == message);
    }
}

#[test]
fn what_is_posted_comes_out() {
    let port = CompletionPort::new().unwrap();
    port.post(42).unwrap();
    assert!(matches!(port.wait().unwrap(), Packet::Posted(42)));
}

#[test]
fn a_receive_that_is_cancelled_gives_its_memory_back() {
    let port = CompletionPort::new().unwrap();
    let (handle, _peer) = connected(&port);
    port.recv(handle.clone(), port.io()).unwrap();
    port.cancel(&handle);
    let Packet::Ended {
        handle: whose,
        io,
        result,
    } = port.wait().unwrap()
    else {
        panic!("nothing was posted");
    };
    assert_eq!((whose.key(), io.operation()), (7, Operation::Recv));
    assert!(result.is_err(), "it received {result:?}");
    assert_eq!(port.alive(), Alive { handles: 1, ios: 1 });
}

#[test]
fn a_reset_is_called_a_reset_on_every_system() {
    let port = CompletionPort::new().unwrap();
    let (handle, peer) = connected(&port);
    port.recv(handle, port.io()).unwrap();
    socket2::SockRef::from(&peer)
        .set_linger(Some(std::time::Duration::ZERO))
        .unwrap();
    drop(peer);
    let Packet::Ended { result, .. } = port.wait().unwrap() else {
        panic!("nothing was posted");
    };
    assert_eq!(result.unwrap_err().kind(), io::ErrorKind::ConnectionReset);
}
