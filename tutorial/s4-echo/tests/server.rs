//! What a whole server must stand: clients of all kinds, ten errors, and its own end.

use lesson_lab::{Client, Server as Process, crowd, wait_until};
use s4_echo::load::stop_under_load;
use s4_echo::mishaps::{self, MISHAPS};
use s4_echo::{Limits, Server, local};
use std::io::{self, Write};
use std::sync::Mutex;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

fn serve(clients: usize) -> Server {
    local(
        Limits {
            clients,
            workers: 2,
        },
        Box::new(|_| {}),
    )
    .unwrap()
}

fn stop(server: Server) -> s4_echo::Stopped {
    let stopped = server.stop(lesson_lab::PATIENCE).unwrap();
    let alive = stopped.alive;
    assert_eq!((alive.handles, alive.ios), (0, 0), "all was freed");
    stopped
}

/// The seat of a client, once it has one.
fn seat_of(server: &Server, client: &Client) -> usize {
    let address = client.local_address().unwrap();
    let mut seat = None;
    wait_until("the client sits", || {
        let mut clients = server.clients().into_iter();
        seat = clients.find(|seated| seated.address == Some(address));
        seat.is_some()
    });
    seat.unwrap().seat
}

/// Whether the server has ended the connection, this way or that: with patience alone it would
/// seem so too.
fn was_ended(client: &mut Client) -> bool {
    let nothing = client.receive(1).unwrap_err();
    nothing.kind() != io::ErrorKind::TimedOut
}

#[test]
fn many_clients_are_served_and_all_is_freed() {
    let server = serve(40);
    let mut clients = crowd(server.address(), 40).unwrap();
    for round in 0..20 {
        for client in &mut clients {
            client.send(format!("round {round}!").as_bytes()).unwrap();
        }
        for client in &mut clients {
            let expected = format!("round {round}!");
            assert_eq!(client.receive(expected.len()).unwrap(), expected.as_bytes());
        }
    }
    drop(clients);
    wait_until("everybody left", || server.clients().is_empty());
    let counts = stop(server).counts;
    assert_eq!(counts.taken, counts.echoed);
}

#[test]
fn who_is_there_is_known() {
    let server = serve(3);
    let mut client = Client::connect(server.address()).unwrap();
    client.echo(b"12345").unwrap();
    let clients = server.clients();
    assert_eq!(clients.len(), 1);
    assert_eq!(clients[0].address, Some(client.local_address().unwrap()));
    assert_eq!(clients[0].counts.taken, 5);
    drop(client);
    wait_until("it has left", || server.clients().is_empty());
    assert!(!server.kick(0), "nobody is there to be kicked");
    stop(server);
}

#[test]
fn a_full_server_says_so_and_lets_in_again_when_somebody_leaves() {
    let server = serve(2);
    let mut clients = crowd(server.address(), 2).unwrap();
    for client in &mut clients {
        client.echo(b"in").unwrap();
    }
    for _ in 0..5 {
        let mut refused = Client::connect(server.address()).unwrap();
        assert_eq!(refused.receive_to_end().unwrap(), b"the server is full\n");
    }
    drop(clients.pop());
    wait_until("there is a seat", || server.clients().len() == 1);
    let mut next = Client::connect(server.address()).unwrap();
    assert_eq!(next.echo(b"me too").unwrap(), b"me too");
    drop((clients, next));
    stop(server);
}

#[test]
fn who_has_said_all_still_gets_the_answer() {
    let server = serve(1);
    let mut client = Client::connect(server.address()).unwrap();
    let message = vec![7; 5000];
    client.send(&message).unwrap();
    client.half_close().unwrap();
    assert_eq!(client.receive_to_end().unwrap(), message);
    stop(server);
}

#[test]
fn who_does_not_read_for_a_while_misses_nothing_and_holds_up_nobody() {
    let server = serve(2);
    let mut slow = Client::narrow(server.address(), 4096).unwrap();
    let mut other = Client::connect(server.address()).unwrap();
    // More than the systems on both sides take for somebody who does not read.
    let message: Vec<u8> = (0..6_000_000_u32).map(|index| (index / 5) as u8).collect();
    let mut to_server = slow.stream().try_clone().unwrap();
    thread::scope(|scope| {
        scope.spawn(|| to_server.write_all(&message).unwrap());
        for _ in 0..20 {
            other.echo(b"not held up").unwrap();
        }
        assert!(slow.receive(message.len()).unwrap() == message);
    });
    drop((slow, to_server, other));
    stop(server);
}

#[test]
fn an_error_costs_its_own_client_at_most() {
    for mishap in &MISHAPS {
        let name = mishap.name;
        let server = mishaps::server().unwrap();
        let mut bystander = Client::connect(server.address()).unwrap();
        bystander.echo(b"before").unwrap();
        for _ in 0..3 {
            let fate = mishap.happen(&server).unwrap();
            assert_eq!(fate, mishap.fate, "{name}");
            assert_eq!(bystander.echo(b"and me?").unwrap(), b"and me?", "{name}");
            wait_until("the victim's seat is free", || server.clients().len() == 1);
        }
        let mut newcomers = crowd(server.address(), 3).unwrap();
        for newcomer in &mut newcomers {
            assert_eq!(newcomer.echo(b"hello").unwrap(), b"hello", "{name}");
        }
        drop((bystander, newcomers));
        stop(server);
    }
}

#[test]
fn a_seat_serves_its_next_client_as_if_it_were_the_first() {
    // The one worker is held up, so that packets stay in the port meanwhile.
    let (at_the_message, held_up) = mpsc::channel();
    let (go_on, may_go_on) = mpsc::channel::<()>();
    let hold = Mutex::new((at_the_message, may_go_on));
    let look = move |message: &[u8]| {
        if message == b"hold" {
            let (at_the_message, may_go_on) = &*hold.lock().unwrap();
            at_the_message.send(()).unwrap();
            may_go_on.recv().unwrap();
        }
    };
    let server = local(
        Limits {
            clients: 3,
            workers: 1,
        },
        Box::new(look),
    )
    .unwrap();
    let mut holder = Client::connect(server.address()).unwrap();
    holder.send(b"hold").unwrap();
    held_up.recv().unwrap();

    let mut first = Client::connect(server.address()).unwrap();
    let seat = seat_of(&server, &first);
    first.send(b"secret").unwrap();
    assert!(server.kick(seat));
    let mut next = Client::connect(server.address()).unwrap();
    seat_of(&server, &next);

    go_on.send(()).unwrap();
    let heard: Vec<_> = (0..3)
        .map(|_| next.echo(b"my own").map_err(|e| e.to_string()))
        .collect();
    assert_eq!(heard, vec![Ok(b"my own".to_vec()); 3]);
    drop((holder, first, next));
    stop(server);
}

#[test]
fn who_is_kicked_is_gone_and_nobody_else() {
    let server = serve(3);
    let mut clients = crowd(server.address(), 3).unwrap();
    for client in &mut clients {
        client.echo(b"hello").unwrap();
    }
    assert!(server.kick(seat_of(&server, &clients[1])));
    assert!(was_ended(&mut clients[1]));
    for index in [0, 2] {
        assert_eq!(clients[index].echo(b"still here").unwrap(), b"still here");
    }
    drop(clients);
    stop(server);
}

#[test]
fn a_stop_under_load_loses_nothing_that_was_taken() {
    let stop = stop_under_load(8).unwrap();
    let heard: u64 = stop.heard.iter().map(|client| client.bytes).sum();
    assert_eq!(heard, stop.stopped.counts.taken, "bytes heard, bytes taken");
    assert_eq!(heard, stop.stopped.counts.echoed, "bytes heard, bytes sent");
    for client in &stop.heard {
        assert!(
            client.is_what_was_said && client.ended_in_order,
            "{client:?}"
        );
    }
    let alive = stop.stopped.alive;
    assert_eq!((alive.handles, alive.ios), (0, 0), "all was freed");
}

#[test]
fn who_never_ends_does_not_hold_up_a_stop_for_ever() {
    let server = serve(2);
    let mut client = Client::connect(server.address()).unwrap();
    client.echo(b"here I stay").unwrap();
    let stopped = server.stop(Duration::ZERO).unwrap();
    assert_eq!(stopped.alive.handles, 0);
}

#[test]
fn the_console_shows_who_is_there_kicks_and_stops() {
    let program = env!("CARGO_BIN_EXE_s4-echo");
    let mut server = Process::start(program, &["--port", "0"]).unwrap();
    let mut client = server.connect().unwrap();
    client.echo(b"hello").unwrap();
    server.say("clients").unwrap();
    let line = server
        .wait_for_line(|line| line.starts_with("seat 0:"))
        .unwrap();
    assert!(line.contains(", 5 bytes in"), "{line}");
    server.say("kick 7").unwrap();
    server
        .wait_for_line(|line| line.starts_with("nobody sits at 7"))
        .unwrap();
    server.say("kick 0").unwrap();
    server
        .wait_for_line(|line| line == "seat 0 was kicked")
        .unwrap();
    assert!(was_ended(&mut client));
    server.say("stop").unwrap();
    server
        .wait_for_line(|line| line.starts_with("5 bytes came"))
        .unwrap();
    assert!(server.wait_for_end().unwrap().success());
}
