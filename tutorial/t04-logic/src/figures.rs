//! What the README's tables say.

use crate::{Echo, Thought};
use lesson_lab::{Client, Figures, Table, number, side_by_side};
use std::io;
use std::net::SocketAddr;
use std::thread;
use std::time::{Duration, Instant};
use t04_logic::load::Load;
use t04_logic::outgoing::Queue;
use t04_logic::{Balancer, Server, Settings};

const ROUNDS: usize = 7;
/// Every fourth client talks four times as much as the others.
const CLIENTS: usize = 8;
const ECHOES: usize = 30;
const TALKER: usize = 4;

const THREADS: [usize; 3] = [1, 2, 4];
const BALANCERS: [(Balancer, &str); 3] = [
    (Balancer::ByIndex, "by index"),
    (Balancer::Fewest, "the fewest sessions"),
    (Balancer::WhoeverIsFree, "whoever is free"),
];

/// A thought that keeps a processor busy.
const COMPUTING: Thought = Thought {
    work_us: 100,
    wait_us: 0,
};
/// A thought that waits for something else.
const WAITING: Thought = Thought {
    work_us: 0,
    wait_us: 500,
};

/// Measures all of it.
pub(crate) fn write() -> io::Result<()> {
    let figures = Figures::of(env!("CARGO_MANIFEST_DIR"), env!("CARGO_PKG_NAME"));
    figures.write_table("load", "What each thread has to do", &loads()?)?;
    for (name, title, thought) in [
        ("computing", "A logic that computes", COMPUTING),
        ("waiting", "A logic that waits", WAITING),
    ] {
        figures.write_table(name, title, &balancers(thought)?)?;
    }
    Ok(())
}

/// The load of each thread, of one logic thread and of two.
fn loads() -> io::Result<Table> {
    let columns = ["", "handled", "waits", "busy, %", "longest queue"];
    let mut table = Table::new(&columns);
    for (threads, balancer, name) in [
        (1, Balancer::ByIndex, "1 logic thread"),
        (2, Balancer::ByIndex, "2, by index"),
        (2, Balancer::WhoeverIsFree, "2, whoever is free"),
    ] {
        let begun = Instant::now();
        let mut room = Room::with(threads, balancer, COMPUTING)?;
        room.talk();
        let took = begun.elapsed();
        for load in room.server.loads() {
            let Load {
                thread,
                handled,
                waits,
                busy,
                longest,
            } = load;
            let busy = 100.0 * busy.as_secs_f64() / took.as_secs_f64();
            table.row(&[
                format!("{name}: {thread}"),
                number(handled as f64),
                number(waits as f64),
                number(busy),
                longest.map_or_else(String::new, |longest| number(longest as f64)),
            ]);
        }
    }
    Ok(table)
}

/// How long the same talk takes, by the number of threads and by who handles whom.
fn balancers(thought: Thought) -> io::Result<Table> {
    let (mut names, mut rooms) = (Vec::new(), Vec::new());
    for threads in THREADS {
        for (balancer, name) in BALANCERS {
            let plural = if threads == 1 { "" } else { "s" };
            names.push(format!("{threads} thread{plural}, {name}"));
            rooms.push(Room::with(threads, balancer, thought)?);
        }
    }
    let cases: Vec<usize> = (0..rooms.len()).collect();
    let measured = side_by_side(ROUNDS, &cases, |&case| {
        rooms[case].talk().as_secs_f64() * 1000.0
    });
    Ok(Table::of_cases(
        "",
        "ms until all is said",
        &names,
        &measured,
    ))
}

/// A server of this process, and its clients.
struct Room {
    server: Server<Queue>,
    clients: Vec<Client>,
}

impl Room {
    fn with(logic_threads: usize, balancer: Balancer, thought: Thought) -> io::Result<Room> {
        let settings = Settings {
            basic: t03_events::Settings {
                port: 0,
                clients_max: CLIENTS,
                idle_ms: 600_000,
                trace: false,
            },
            io_threads: 1,
            logic_threads,
            balancer,
            packets: 64,
        };
        let server = Server::start(&settings, Queue::default(), Echo(thought))?;
        let clients = (0..CLIENTS).map(|_| settled(server.address()));
        let clients = clients.collect::<io::Result<_>>()?;
        Ok(Room { server, clients })
    }

    /// Has all clients talk at once, each waiting for one echo before it says more.
    fn talk(&mut self) -> Duration {
        let begun = Instant::now();
        thread::scope(|scope| {
            for (index, client) in self.clients.iter_mut().enumerate() {
                scope.spawn(move || {
                    let talks_much = index.is_multiple_of(TALKER);
                    let echoes = if talks_much { TALKER * ECHOES } else { ECHOES };
                    for _ in 0..echoes {
                        assert_eq!(client.echo(b"hello").unwrap(), b"hello");
                    }
                });
            }
        });
        begun.elapsed()
    }
}

/// A client that has its place, so that the next one has the next.
fn settled(address: SocketAddr) -> io::Result<Client> {
    let mut client = Client::connect(address)?;
    client.echo(b"here")?;
    Ok(client)
}
