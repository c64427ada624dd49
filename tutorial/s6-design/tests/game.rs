//! Two processes: the server is one, the clients are others.

use std::net::TcpListener;
use std::process::Command;
use std::sync::mpsc;
use std::thread;

use lesson_lab::{Client, PATIENCE, Server};
use s6_design::content::Heading;
use s6_design::network::{Event, Frame, Network};
use s6_design::wire::{News, Snapshot, read_news, steer_frame};

const PROGRAM: &str = env!("CARGO_BIN_EXE_s6-design");

fn start(arguments: &[&str]) -> Server {
    Server::start(PROGRAM, &[&["--port", "0"], arguments].concat()).unwrap()
}

fn hear(client: &mut Client) -> News {
    let length = client.receive(2).unwrap();
    let length = usize::from(length[0]) + 256 * usize::from(length[1]);
    read_news(&client.receive(length).unwrap()).unwrap()
}

/// The first snapshot of which `wanted` is true. Ten come in a second, if the machine has time.
fn snapshot_with(client: &mut Client, wanted: impl Fn(&Snapshot) -> bool) -> Snapshot {
    for _ in 0..300 {
        match hear(client) {
            News::Snapshot(snapshot) if wanted(&snapshot) => return snapshot,
            News::Full => panic!("there is no room"),
            News::Welcome(_) | News::Snapshot(_) => {}
        }
    }
    panic!("no such snapshot comes")
}

#[test]
fn two_players_see_each_other_come_move_and_leave() {
    let server = start(&[]);
    let mut anna = server.connect().unwrap();
    assert_eq!(hear(&mut anna), News::Welcome(0));
    let mut bora = server.connect().unwrap();
    assert_eq!(hear(&mut bora), News::Welcome(1));

    let both = snapshot_with(&mut anna, |snapshot| snapshot.dots.len() == 2);
    let place = |snapshot: &Snapshot| snapshot.dots[1].1;
    let before = place(&both);
    // One of the two ways is open, wherever the dot and the edge are.
    for heading in [Heading::North, Heading::South] {
        bora.send(&steer_frame(heading)).unwrap();
        snapshot_with(&mut bora, |_| true);
    }
    snapshot_with(&mut anna, |snapshot| place(snapshot) != before);

    drop(bora);
    snapshot_with(&mut anna, |snapshot| snapshot.dots.len() == 1);
}

#[test]
fn a_full_game_says_so_and_ends_the_connection() {
    let server = start(&["--players", "1"]);
    let mut first = server.connect().unwrap();
    assert_eq!(hear(&mut first), News::Welcome(0));
    let mut second = server.connect().unwrap();
    assert_eq!(hear(&mut second), News::Full);
    assert!(second.receive_to_end().unwrap().is_empty());
}

#[test]
fn frames_that_are_none_end_their_sender_alone() {
    let server = start(&[]);
    let mut good = server.connect().unwrap();
    for nonsense in [&b"\x05\x00north"[..], b"\xff\xff"] {
        let mut bad = server.connect().unwrap();
        bad.send(nonsense).unwrap();
        // Some snapshots may still come first.
        bad.receive_to_end().unwrap();
    }
    snapshot_with(&mut good, |snapshot| snapshot.dots.len() == 1);
}

#[test]
fn a_player_who_does_not_read_keeps_nobody_waiting() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let (network, events) = Network::start(listener);
    let mut player = Client::connect(address).unwrap();
    let _silent = Client::narrow(address, 1024).unwrap();
    for _ in ["player", "silent"] {
        let event = events.recv_timeout(PATIENCE);
        assert!(matches!(event, Ok(Event::Connected(_))), "{event:?}");
    }
    // More than the systems on both sides keep for one who does not read.
    let frame: Frame = vec![7; 64 * 1024].into();
    let (told, all_is_said) = mpsc::channel();
    let (to_silent, much) = (network.clone(), frame.clone());
    thread::spawn(move || {
        (0..256).for_each(|_| to_silent.send(1, &much));
        let _ = told.send(());
    });
    let said = all_is_said.recv_timeout(PATIENCE);
    said.expect("nobody waits until the silent one reads");
    network.send(0, &frame);
    assert!(player.receive(frame.len()).unwrap()[..] == frame[..]);
}

#[test]
fn the_client_is_a_process_of_its_own_and_draws_the_field() {
    let server = start(&[]);
    let client = Command::new(PROGRAM)
        .args(["client", &server.address().to_string()])
        .args(["--snapshots", "3", "--steer", "wd"])
        .output()
        .unwrap();
    let text = String::from_utf8(client.stdout).unwrap();
    assert!(client.status.success(), "{text}");
    assert_eq!(text.matches("tick ").count(), 3, "{text}");
    assert_eq!(
        text.matches('@').count(),
        6,
        "in the score and on the field: {text}"
    );
}
