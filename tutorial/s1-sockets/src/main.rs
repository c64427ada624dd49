//! Stage 1: sockets. `cargo run -p s1-sockets` starts a server with a thread for each client;
//! `-- select`, `-- client 127.0.0.1:11021`, `-- calls`, `-- wall` and `-- figures` do the rest.

use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use s1_sockets::{calls, client, figures, select, sys, threads, wall};

#[derive(Parser)]
#[command(about = "Echo servers made of plain socket calls, and a client")]
struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
    /// Where the server listens; 0 is any free port
    #[arg(long, default_value_t = lesson_lab::PORT, global = true)]
    port: u16,
    /// How large the sets of `select` are
    #[arg(long, default_value_t = sys::FD_SETSIZE, global = true)]
    set: usize,
}

#[derive(Subcommand)]
enum Command {
    /// Serve with a thread for each client (also without a command)
    Threads,
    /// Serve all clients with one thread and `select`
    Select,
    /// Send each line that is typed, and print what comes back
    Client {
        /// The server's address
        server: SocketAddr,
    },
    /// Show how each of the seven calls fails
    Calls,
    /// Show what happens to a socket that does not fit into C's `fd_set`
    Wall,
    /// Measure both servers and write tutorial/s1-sockets/figures/
    Figures,
}

fn main() -> ExitCode {
    lesson_lab::exit("s1-sockets", run(&Arguments::parse()))
}

fn run(arguments: &Arguments) -> io::Result<()> {
    match arguments.command {
        None | Some(Command::Threads) => threads::serve(&listen(arguments.port)?),
        Some(Command::Select) => select::serve(&listen(arguments.port)?, arguments.set),
        Some(Command::Client { server }) => client::talk(server, io::stdin().lock(), io::stdout()),
        Some(Command::Calls) => {
            for calls::Failed {
                call,
                because,
                error,
            } in calls::fail()?
            {
                println!("{call:8} {because}: {error}");
            }
            Ok(())
        }
        Some(Command::Wall) => {
            for [tried, came] in wall::tried()? {
                println!("{tried}:\n    {came}");
            }
            Ok(())
        }
        Some(Command::Figures) => figures::write(),
    }
}

fn listen(port: u16) -> io::Result<TcpListener> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port))?;
    lesson_lab::announce(listener.local_addr()?);
    Ok(listener)
}
