//! `s3-port`: an echo server on a completion port, with as many workers as you like.

use clap::{Parser, Subcommand};
use lesson_lab::{PORT, announce};
use s3_port::sys::CompletionPort;
use s3_port::{Look, Workers, accept};
use std::io;
use std::net::{Ipv4Addr, TcpListener};
use std::sync::Arc;

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
    #[arg(long, default_value_t = 4)]
    workers: usize,
    /// Says nothing about each message
    #[arg(long)]
    quiet: bool,
}

#[derive(Subcommand)]
enum Instead {
    /// Measure, and write figures/
    Figures,
}

fn main() -> io::Result<()> {
    let arguments = Arguments::parse();
    match arguments.instead {
        Some(Instead::Figures) => figures::write(),
        None => serve(&arguments),
    }
}

fn serve(arguments: &Arguments) -> io::Result<()> {
    let listener = TcpListener::bind((Ipv4Addr::UNSPECIFIED, arguments.port))?;
    let port = Arc::new(CompletionPort::new()?);
    let _workers = Workers::start(&port, arguments.workers, look(arguments.quiet))?;
    announce(listener.local_addr()?);
    accept(&listener, &port)
}

/// What is said about each message: by whom it was received, and how long it is.
fn look(quiet: bool) -> Arc<Look> {
    if quiet {
        return Arc::new(|_| {});
    }
    Arc::new(|message| {
        let thread = std::thread::current();
        let worker = thread.name().unwrap_or("?");
        println!("{worker} received {} bytes", message.len());
    })
}
