//! `s2-async`: an echo server on one thread, in two ways.

use clap::{Parser, Subcommand, ValueEnum};
use lesson_lab::{PORT, announce};
use s2_async::{Counts, Model};
use std::io;
use std::net::{Ipv4Addr, TcpListener};

mod figures;

/// An echo server on one thread.
#[derive(Parser)]
struct Arguments {
    #[command(subcommand)]
    instead: Option<Instead>,
    /// Where to listen; 0 for any port that is free
    #[arg(long, default_value_t = PORT)]
    port: u16,
    /// How the server learns what to do next
    #[arg(long, value_enum, default_value_t = How::Completion)]
    model: How,
}

#[derive(Clone, Copy, ValueEnum)]
enum How {
    /// It is told what can be done: WSAEventSelect, epoll
    Readiness,
    /// It is told what has been done: overlapped calls, io_uring
    Completion,
}

#[derive(Subcommand)]
enum Instead {
    /// Count, and write figures/
    Figures,
}

fn main() -> io::Result<()> {
    let arguments = Arguments::parse();
    if let Some(Instead::Figures) = arguments.instead {
        return figures::write();
    }
    let listener = TcpListener::bind((Ipv4Addr::UNSPECIFIED, arguments.port))?;
    announce(listener.local_addr()?);
    let model = match arguments.model {
        How::Readiness => Model::Readiness,
        How::Completion => Model::Completion,
    };
    model.serve(listener, &Counts::default())
}
