//! A program that trusts its store: appends entries and prints each acknowledgement.
//!
//! `wharf-store-append (FILE | URL) FIRST` prints `ack N` once entry N is durable, and `unknown N`
//! where that is not known. It ends with its input, so that it never outlives who started it.

#[path = "../ledger/mod.rs"]
mod ledger;

use core::time::Duration;
use ledger::{clock, entry};
use std::path::Path;
use std::process::{ExitCode, exit};
use std::sync::mpsc::{Receiver, channel};
use std::{env, io, thread};
use wharf_data::{Refusal, Reply};
use wharf_store::{Durability, Sqlite, Store, StoreOptions, Tag, Timeouts, connector};

/// Entries that are on their way, at most.
const WINDOW: usize = 32;

/// How long a store that has no connection is left alone.
const AWAY: Duration = Duration::from_millis(10);

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [place, first] = &arguments[..] else {
        eprintln!("wharf-store-append (FILE | URL) FIRST");
        return ExitCode::FAILURE;
    };
    let Ok(first) = first.parse() else {
        eprintln!("{first} is no number");
        return ExitCode::FAILURE;
    };
    let connect = match place.contains("://") {
        true => connector(place, Timeouts::default()),
        false => Sqlite::connector(Path::new(place), Durability::Full),
    };
    let options = StoreOptions {
        readers: 0,
        retry: Duration::from_millis(20),
        retry_max: Duration::from_millis(200),
        ..StoreOptions::default()
    };
    let (sender, replies) = channel();
    let reply = move |tag: Tag, reply: Reply| drop(sender.send((tag, reply)));
    let store = Store::start(options, clock(), connect, reply).expect("a thread");
    thread::spawn(end_with_input);
    append(&store, &replies, first)
}

fn append(store: &Store, replies: &Receiver<(Tag, Reply)>, first: i64) -> ExitCode {
    let mut waiting = 0;
    let mut next = first;
    loop {
        // The first two are what the others stand on.
        let window = if next <= 3 { 1 } else { WINDOW };
        while waiting < window {
            match store.ask(Tag(next as u64), entry(next)) {
                Ok(()) => {
                    waiting += 1;
                    next += 1;
                    if next <= 3 {
                        break;
                    }
                }
                Err(_) if waiting > 0 => break,
                Err(_) => thread::sleep(AWAY),
            }
        }
        let (Tag(number), reply) = replies.recv().expect("the store answers");
        waiting -= 1;
        match reply {
            Ok(_) => println!("ack {number}"),
            Err(Refusal::Unavailable) => println!("unknown {number}"),
            Err(other) => {
                eprintln!("entry {number}: {other}");
                return ExitCode::FAILURE;
            }
        }
    }
}

fn end_with_input() {
    let _ = io::copy(&mut io::stdin(), &mut io::sink());
    exit(0);
}
