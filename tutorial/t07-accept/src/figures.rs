//! What the README's tables say.

use lesson_lab::{Client, Figures, Server, Table, crowd, side_by_side};
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Instant;
use t01_echo::descriptors;

const CLIENTS: usize = if cfg!(windows) { 1_000 } else { 5_000 };
const ROUNDS: usize = 7;
/// Threads that connect at the same time.
const CROWDS: usize = 4;
/// Clients that keep the server busy meanwhile.
const READERS: usize = 2;

/// Measures all of it.
pub(crate) fn write() -> io::Result<()> {
    let figures = Figures::of(env!("CARGO_MANIFEST_DIR"), env!("CARGO_PKG_NAME"));
    descriptors::provide(CLIENTS + READERS)?;
    let mut servers = [start(&["step-six"])?, start(&["--per-address-max", SEATS])?];
    let names = ["a thread accepts (step 6)", "the port accepts (step 7)"];
    let mut compare = |name: &str, title: &str, column: &str, measure: fn(&mut Server) -> f64| {
        let measured = side_by_side(ROUNDS, &[0, 1], |&case| measure(&mut servers[case]));
        figures.write_table(name, title, &Table::of_cases("", column, &names, &measured))
    };
    let column = format!("ms until {CLIENTS} are answered");
    compare(
        "idle",
        "A storm of connections at an idle server",
        &column,
        |server| storm(server).unwrap().ms,
    )?;
    compare(
        "loaded",
        "The same at a server that sends all the time",
        &column,
        |server| {
            let readers = Readers::start(server).unwrap();
            let storm = storm(server).unwrap();
            readers.stop(server).unwrap();
            storm.ms
        },
    )?;
    let column = "server CPU a connection, us";
    compare("cpu", "A connection and one answer", column, |server| {
        storm(server).unwrap().cpu_us
    })
}

/// Enough for a storm and the readers, as an argument.
const SEATS: &str = "6000";

fn start(arguments: &[&str]) -> io::Result<Server> {
    let arguments = [arguments, &["--port", "0", "--clients-max", SEATS]].concat();
    Server::start(std::env::current_exe()?, &arguments)
}

struct Storm {
    /// From the first connection to the last answer.
    ms: f64,
    /// Of the server, for each connection and its answer.
    cpu_us: f64,
}

/// Connects them all, has each answered, and waits until all have gone.
fn storm(server: &mut Server) -> io::Result<Storm> {
    let address = server.address();
    let (begun, before) = (Instant::now(), server.usage());
    let crowds: Vec<JoinHandle<io::Result<Vec<Client>>>> = (0..CROWDS)
        .map(|_| {
            thread::spawn(move || {
                let mut clients = crowd(address, CLIENTS / CROWDS)?;
                for client in &mut clients {
                    client.send(b"ping me\n")?;
                    assert_eq!(client.receive(8)?, b"pong me\n");
                }
                Ok(clients)
            })
        })
        .collect();
    let mut clients = Vec::new();
    for crowd in crowds {
        clients.extend(crowd.join().expect("no crowd panics")?);
    }
    let (took, used) = (begun.elapsed(), server.usage().since(before));
    clients.into_iter().try_for_each(Client::reset)?;
    wait_for_leaves(server, CLIENTS)?;
    Ok(Storm {
        ms: took.as_secs_f64() * 1e3,
        cpu_us: used.cpu.as_secs_f64() * 1e6 / CLIENTS as f64,
    })
}

fn wait_for_leaves(server: &mut Server, count: usize) -> io::Result<()> {
    let mut gone = 0;
    server.wait_for_line(|line| {
        gone += usize::from(line.contains("disconnected"));
        gone == count
    })?;
    Ok(())
}

/// Clients that read as much as they get, until they are stopped.
struct Readers {
    is_over: Arc<AtomicBool>,
    threads: Vec<JoinHandle<io::Result<()>>>,
}

impl Readers {
    fn start(server: &Server) -> io::Result<Readers> {
        let is_over = Arc::new(AtomicBool::new(false));
        let threads = crowd(server.address(), READERS)?
            .into_iter()
            .map(|mut client| {
                let is_over = is_over.clone();
                thread::spawn(move || {
                    let mut bytes = vec![0; 64 * 4096];
                    while !is_over.load(Ordering::Relaxed) {
                        client.send(b"bulk 64 4096\n")?;
                        client.receive_into(&mut bytes)?;
                    }
                    Ok(())
                })
            });
        Ok(Readers {
            threads: threads.collect(),
            is_over,
        })
    }

    fn stop(self, server: &mut Server) -> io::Result<()> {
        self.is_over.store(true, Ordering::Relaxed);
        for thread in self.threads {
            thread.join().expect("no reader panics")?;
        }
        wait_for_leaves(server, READERS)
    }
}
