//! `s4-echo`: the echo server of stage 4, with a console: who is there, who has to go, the end.

use clap::{Parser, Subcommand};
use lesson_lab::{PORT, announce};
use s4_echo::{Limits, Server};
use std::error::Error;
use std::io;
use std::net::{Ipv4Addr, TcpListener};
use std::thread;
use std::time::Duration;

mod figures;

/// An echo server on a completion port.
#[derive(Parser)]
struct Arguments {
    #[command(subcommand)]
    instead: Option<Instead>,
    /// Where to listen; 0 for any port that is free
    #[arg(long, default_value_t = PORT)]
    port: u16,
    /// Threads at the completion port
    #[arg(long, default_value_t = 2)]
    workers: usize,
    /// Clients at a time
    #[arg(long, default_value_t = 100)]
    clients: usize,
}

#[derive(Subcommand)]
enum Instead {
    /// Measure, and write figures/
    Figures,
}

fn main() -> Result<(), Box<dyn Error>> {
    let arguments = Arguments::parse();
    if let Some(Instead::Figures) = arguments.instead {
        return Ok(figures::write()?);
    }
    let listener = TcpListener::bind((Ipv4Addr::UNSPECIFIED, arguments.port))?;
    let limits = Limits {
        clients: arguments.clients,
        workers: arguments.workers,
    };
    let look = |message: &[u8]| println!("received: {} bytes", message.len());
    let server = Server::start(listener, limits, Box::new(look))?;
    announce(server.address());
    println!("type: clients, kick SEAT, stop");
    for line in io::stdin().lines() {
        match line?.split_whitespace().collect::<Vec<_>>()[..] {
            ["clients"] => show_clients(&server),
            ["kick", seat] => println!("{}", kick(&server, seat)),
            ["stop"] => return stop(server),
            [] => {}
            _ => println!("type: clients, kick SEAT, stop"),
        }
    }
    // Nobody types any more; it serves until it is killed.
    loop {
        thread::park();
    }
}

fn show_clients(server: &Server) {
    let clients = server.clients();
    println!("{} clients", clients.len());
    for client in clients {
        let from = client
            .address
            .map_or("?".into(), |address| address.to_string());
        let counts = client.counts;
        println!(
            "seat {}: {from}, {} bytes in, {} out",
            client.seat, counts.taken, counts.echoed
        );
    }
}

fn kick(server: &Server, seat: &str) -> String {
    match seat.parse() {
        Ok(seat) if server.kick(seat) => format!("seat {seat} was kicked"),
        Ok(seat) => format!("nobody sits at {seat}; `clients` shows who is there"),
        Err(_) => format!("{seat:?} is no seat; `clients` shows who is there"),
    }
}

fn stop(server: Server) -> Result<(), Box<dyn Error>> {
    let stopped = server.stop(Duration::from_secs(5))?;
    println!(
        "{} bytes came, {} went back",
        stopped.counts.taken, stopped.counts.echoed
    );
    println!(
        "not freed: {} handles, {} Ios",
        stopped.alive.handles, stopped.alive.ios
    );
    Ok(())
}
