//! That content is what answers: another handler is another server.

use crate::rig::{ANYWHERE, PATIENCE, on_every_port, options};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use wharf_content::{Foyer, FoyerCx, Handled};
use wharf_host::{Placement, Server, ShardReport};
use wharf_port::NativePort;
use wharf_wire::Packet;
use wharf_wire::classic::Echo;

/// Answers an echo with its text backwards; panics when it is told to.
struct Mirror;

impl Foyer for Mirror {}

impl Mirror {
    fn echo(&self, cx: &mut FoyerCx<'_>, echo: Echo) -> Handled {
        assert_ne!(echo.text, "panic", "as it was told");
        cx.reply(&Echo {
            text: echo.text.chars().rev().collect(),
        });
        Ok(())
    }
}

fn start<P: NativePort>(placement: Placement) -> Server {
    let options = options(2, placement, |app| {
        app.foyer(Mirror).on(Mirror::echo);
    });
    Server::start::<P>(&options, ANYWHERE, Arc::new(|| {})).expect("starts")
}

fn connect(server: &Server) -> TcpStream {
    let stream = TcpStream::connect(server.local_addr()).expect("it listens");
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream
}

fn exchange(stream: &mut TcpStream, text: &str) -> Vec<u8> {
    stream
        .write_all(&Echo { text: text.into() }.to_frame())
        .unwrap();
    let mut answer = vec![0; 5 + text.len()];
    stream.read_exact(&mut answer).expect("an answer");
    answer.split_off(5)
}

fn another_handler_gives_another_answer<P: NativePort>() {
    for placement in [Placement::Fused, Placement::Split] {
        let server = start::<P>(placement);
        let mut stream = connect(&server);
        assert_eq!(exchange(&mut stream, "stressed"), b"desserts");
    }
}

fn a_panic_in_a_handler_ends_that_session_alone<P: NativePort>() {
    for placement in [Placement::Fused, Placement::Split] {
        let server = start::<P>(placement);
        let (mut bystander, mut victim) = (connect(&server), connect(&server));
        assert_eq!(exchange(&mut bystander, "ab"), b"ba");
        victim
            .write_all(
                &Echo {
                    text: "panic".into(),
                }
                .to_frame(),
            )
            .unwrap();
        assert_eq!(
            victim.read(&mut [0; 16]).unwrap(),
            0,
            "its link ends in order"
        );
        drop(victim);
        assert_eq!(exchange(&mut bystander, "cd"), b"dc");
        drop(bystander);
        server.begin_stop();
        let reports = server.join().expect("no thread panicked");
        let panicked: u64 = reports
            .iter()
            .map(|r| r.net.closed_as("handler-panicked"))
            .sum();
        assert_eq!(panicked, 1);
        let foyer_panics = |report: &ShardReport| Some(report.logic.as_ref()?.foyer_panics);
        let counted: Vec<u64> = reports.iter().filter_map(foyer_panics).collect();
        assert_eq!(counted.len(), 2, "each shard's content tells");
        assert_eq!(counted.iter().sum::<u64>(), 1);
    }
}

on_every_port!(
    another_handler_gives_another_answer,
    a_panic_in_a_handler_ends_that_session_alone
);
