//! Ten things that go wrong for one client, and must not go wrong for anybody else.

use crate::injured::Place;
use crate::{Limits, Server, local};
use lesson_lab::{Client, wait_until};
use std::io;

/// Something that goes wrong.
#[derive(Clone, Copy, Debug)]
pub struct Mishap {
    /// What it is.
    pub name: &'static str,
    cause: Cause,
    /// What becomes of the client it happens to.
    pub fate: Fate,
}

#[derive(Clone, Copy, Debug)]
enum Cause {
    /// An error that is due when the client comes.
    AtTheDoor(Place),
    /// An error that is due while it is served.
    Served(Place),
    /// It resets its connection.
    Reset,
    /// Whoever looks at its message panics.
    Panic,
}

/// What becomes of a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It does not even notice.
    Served,
    /// It loses its connection.
    Lost,
}

/// All of them.
pub const MISHAPS: [Mishap; 10] = [
    Mishap::new(
        "a connection cannot be accepted",
        Cause::AtTheDoor(Place::Accept),
        Fate::Lost,
    ),
    Mishap::new(
        "the port does not let the socket in",
        Cause::AtTheDoor(Place::Associate),
        Fate::Lost,
    ),
    Mishap::new(
        "the first receive is refused",
        Cause::AtTheDoor(Place::RecvRefused),
        Fate::Lost,
    ),
    Mishap::new(
        "a later receive is refused",
        Cause::Served(Place::RecvRefused),
        Fate::Lost,
    ),
    Mishap::new(
        "a receive fails",
        Cause::Served(Place::RecvFailed),
        Fate::Lost,
    ),
    Mishap::new(
        "a send is refused",
        Cause::Served(Place::SendRefused),
        Fate::Lost,
    ),
    Mishap::new("a send fails", Cause::Served(Place::SendFailed), Fate::Lost),
    Mishap::new(
        "a send sends one byte only",
        Cause::Served(Place::SendShort),
        Fate::Served,
    ),
    Mishap::new("the client resets its connection", Cause::Reset, Fate::Lost),
    Mishap::new("the handler of a message panics", Cause::Panic, Fate::Lost),
];

/// What is in a message at which the handler panics.
const POISON: &[u8] = b"panic";

/// A server at which mishaps can happen.
///
/// # Errors
/// Those of [`Server::start`].
pub fn server() -> io::Result<Server> {
    local(
        Limits {
            clients: 4,
            workers: 2,
        },
        Box::new(look_at),
    )
}

fn look_at(message: &[u8]) {
    assert!(message != POISON, "{POISON:?} has come");
}

impl Mishap {
    const fn new(name: &'static str, cause: Cause, fate: Fate) -> Self {
        Self { name, cause, fate }
    }

    /// Has it happen to a client that comes for that, and tells what became of it.
    ///
    /// # Errors
    /// If that client cannot even connect, or is not served before it happens.
    ///
    /// # Panics
    /// If what was to happen has not happened.
    pub fn happen(&self, server: &Server) -> io::Result<Fate> {
        let victim = || Client::connect(server.address());
        let served = || {
            let mut victim = victim()?;
            victim.echo(b"all is well").map(|_| victim)
        };
        match self.cause {
            Cause::AtTheDoor(place) => {
                order(server, place);
                let fate = fate_of(victim()?, b"hello");
                assert_eq!(server.port().ordered(place), 0, "{}", self.name);
                Ok(fate)
            }
            Cause::Served(place) => {
                let victim = served()?;
                order(server, place);
                let fate = fate_of(victim, b"hello");
                assert_eq!(server.port().ordered(place), 0, "{}", self.name);
                Ok(fate)
            }
            Cause::Reset => served()?.reset().map(|()| Fate::Lost),
            Cause::Panic => Ok(fate_of(served()?, POISON)),
        }
    }
}

/// Orders an error, once nothing is under way to which it could happen instead: who has heard an
/// echo does not know yet whether the server has noticed that it was sent.
fn order(server: &Server, place: Place) {
    wait_until("all that was taken is echoed", || {
        let clients = server.clients();
        clients
            .iter()
            .all(|client| client.counts.taken == client.counts.echoed)
    });
    server.port().order(place);
}

/// A message now and one after it tell whether a client is still served.
fn fate_of(mut client: Client, message: &[u8]) -> Fate {
    let echoes = [client.echo(message), client.echo(b"still there?")];
    match echoes {
        [Ok(first), Ok(second)] if first == message && second == b"still there?" => Fate::Served,
        _ => Fate::Lost,
    }
}
