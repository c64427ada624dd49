//! The terminal: keys, snapshots and signals come from threads of their own, so that nothing is
//! asked for in a loop.

use super::EVERY;
use super::board::{Board, Flow};
use ratatui::crossterm::event::{self, Event, KeyEvent};
use std::io::{self, IsTerminal as _};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, SyncSender};
use std::thread;
use wharf_host::admin::{AdminClient, Snapshot};

/// What can happen.
enum Happening {
    Key(KeyEvent),
    /// The terminal has another size.
    Resized,
    Snapshot(Box<Snapshot>),
    Failure(String),
    /// SIGTERM, or the terminal is gone.
    Stop,
}

/// Keys that may wait while one is handled.
const WAITING_MAX: usize = 64;

/// Shows the server until told to stop.
///
/// # Errors
/// When the terminal cannot be used.
pub(super) fn run(client: AdminClient, first: Snapshot) -> io::Result<()> {
    if !io::stdout().is_terminal() {
        return Err(io::Error::other("the output is no terminal"));
    }
    let (tell, happenings) = mpsc::sync_channel(WAITING_MAX);
    let stop = tell.clone();
    // In raw mode Ctrl-C is a key; other signals still come.
    ctrlc::set_handler(move || {
        let _ = stop.try_send(Happening::Stop);
    })
    .map_err(io::Error::other)?;
    // A panic restores the terminal as well: ratatui's hook does that before the message.
    let mut terminal = ratatui::try_init()?;
    let keys = tell.clone();
    thread::spawn(move || read_keys(&keys));
    let (going, gone) = mpsc::channel();
    let looking = thread::spawn(move || look(&client, &tell, &gone));
    let mut board = Board::new(first);
    let shown = show(&mut board, &happenings, |board| {
        terminal.draw(|frame| board.draw(frame)).map(drop)
    });
    ratatui::restore();
    drop((going, happenings));
    // It is in a request at the most, which ends in time; the process need not wait for that.
    drop(looking);
    shown
}

/// Draws after everything that happens, until it is time to go.
fn show(
    board: &mut Board,
    happenings: &Receiver<Happening>,
    mut draw: impl FnMut(&mut Board) -> io::Result<()>,
) -> io::Result<()> {
    loop {
        draw(board)?;
        let Ok(happening) = happenings.recv() else {
            return Ok(());
        };
        match happening {
            Happening::Key(key) if board.handle_key(key) == Flow::Quit => return Ok(()),
            Happening::Key(_) | Happening::Resized => {}
            Happening::Snapshot(snapshot) => board.handle_snapshot(*snapshot),
            Happening::Failure(problem) => board.handle_failure(problem),
            Happening::Stop => return Ok(()),
        }
    }
}

fn read_keys(tell: &SyncSender<Happening>) {
    loop {
        let happening = match event::read() {
            Ok(Event::Key(key)) => Happening::Key(key),
            Ok(Event::Resize(..)) => Happening::Resized,
            Ok(_) => continue,
            Err(_) => Happening::Stop,
        };
        let is_end = matches!(happening, Happening::Stop);
        if tell.send(happening).is_err() || is_end {
            return;
        }
    }
}

/// Looks at the server every second until nobody is there to see it.
fn look(client: &AdminClient, tell: &SyncSender<Happening>, gone: &Receiver<()>) {
    while gone.recv_timeout(EVERY) == Err(RecvTimeoutError::Timeout) {
        let happening = match client.snapshot() {
            Ok(snapshot) => Happening::Snapshot(Box::new(snapshot)),
            Err(error) => Happening::Failure(error.to_string()),
        };
        if tell.send(happening).is_err() {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ratatui::crossterm::event::{KeyCode, KeyModifiers};

    #[test]
    fn it_draws_after_everything_that_happens_and_ends_when_told() {
        let key = |code| Happening::Key(KeyEvent::new(code, KeyModifiers::NONE));
        for last in [key(KeyCode::Char('q')), Happening::Stop] {
            let (tell, happenings) = mpsc::sync_channel(WAITING_MAX);
            let happen = [
                Happening::Snapshot(Box::default()),
                Happening::Failure("gone".to_owned()),
                key(KeyCode::Char('2')),
                Happening::Resized,
                last,
                Happening::Resized,
            ];
            happen.into_iter().for_each(|it| tell.send(it).unwrap());
            let mut drawn = 0;
            let shown = show(&mut Board::new(Snapshot::default()), &happenings, |_| {
                drawn += 1;
                Ok(())
            });
            shown.unwrap();
            assert_eq!(drawn, 5, "once at first, once behind each but the last");
        }
    }

    #[test]
    fn a_terminal_that_fails_ends_it() {
        let (_tell, happenings) = mpsc::sync_channel(WAITING_MAX);
        let gone = |_: &mut Board| Err(io::Error::other("gone"));
        show(&mut Board::new(Snapshot::default()), &happenings, gone).unwrap_err();
    }
}
