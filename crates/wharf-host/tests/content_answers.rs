//! That content is what answers: another handler is another server.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::Duration;
use wharf_content::{AppBuilder, Foyer, FoyerCx, Handled, LogicOptions};
use wharf_host::{AnyName, Doorman, Placement, Server, ServerOptions, ShardReport};
use wharf_net::{Admission, NetLimits};
use wharf_port::{NativePort, PortOptions};
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
    let limits = NetLimits::for_sessions(64, 2);
    let mut app = AppBuilder::new();
    app.foyer(Mirror).on(Mirror::echo);
    let options = ServerOptions {
        shards: 2,
        placement,
        port: PortOptions::for_sockets(limits.sockets_per_port(1)),
        logic: LogicOptions {
            logic_count: 2,
            io_count: 2,
            ..LogicOptions::default()
        },
        app: Arc::new(app.build()),
        doorman: Arc::new(Doorman::new(Box::new(AnyName), Box::new(|| 0))),
        services: Arc::new(wharf_host::NoServices),
        admission: Arc::new(Admission::new(&limits)),
        limits,
        watch_handlers: true,
    };
    let local = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    Server::start::<P>(&options, local, Arc::new(|| {})).expect("starts")
}

fn connect(server: &Server) -> TcpStream {
    let stream = TcpStream::connect(server.local_addr()).expect("it listens");
    stream
        .set_read_timeout(Some(Duration::from_secs(60)))
        .unwrap();
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

macro_rules! on {
    ($module:ident, $port:ty) => {
        mod $module {
            #[test]
            fn another_handler_gives_another_answer() {
                super::another_handler_gives_another_answer::<$port>();
            }

            #[test]
            fn a_panic_in_a_handler_ends_that_session_alone() {
                super::a_panic_in_a_handler_ends_that_session_alone::<$port>();
            }
        }
    };
}

#[cfg(target_os = "linux")]
on!(uring, wharf_port::UringPort);
#[cfg(unix)]
on!(readiness, wharf_port::ReadinessPort);
#[cfg(windows)]
on!(iocp, wharf_port::IocpPort);
