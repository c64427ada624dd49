//! The client: a process of its own that shows what it is told, and says where it is heading.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread;
use std::time::Duration;

use ratatui::crossterm::event::{self, Event as Input, KeyCode};
use ratatui::widgets::Paragraph;

use crate::content::{FIELD, Heading, Player};
use crate::wire::{News, Snapshot, read_news, steer_frame, take_body};

/// How long the terminal waits for a key before it looks for news.
const GLANCE: Duration = Duration::from_millis(20);

/// What a player sees.
#[derive(Default)]
pub struct View {
    you: Option<Player>,
    snapshot: Option<Snapshot>,
}

impl View {
    /// Takes in what the server says.
    ///
    /// # Errors
    ///
    /// When there is no room.
    pub fn hear(&mut self, news: News) -> io::Result<()> {
        match news {
            News::Welcome(player) => self.you = Some(player),
            News::Full => return Err(io::Error::other("the game is full: try again later")),
            News::Snapshot(snapshot) => self.snapshot = Some(snapshot),
        }
        Ok(())
    }

    /// The field as text: `@` is you, letters are others, `*` is to be eaten.
    pub fn draw(&self) -> String {
        let Some(snapshot) = &self.snapshot else {
            return "waiting for the first tick\n".into();
        };
        let mut rows = vec![vec!['.'; FIELD.x.into()]; FIELD.y.into()];
        let crumb = (snapshot.crumb, '*');
        let sign = |player| match self.you {
            Some(you) if you == player => '@',
            _ => char::from(b'A' + player % 26),
        };
        let dots = snapshot.dots.iter();
        let dots = dots.map(|&(player, cell, _)| (cell, sign(player)));
        for (cell, sign) in std::iter::once(crumb).chain(dots) {
            let row = rows.get_mut(usize::from(cell.y));
            // A server of another version may have a larger field.
            if let Some(place) = row.and_then(|row| row.get_mut(usize::from(cell.x))) {
                *place = sign;
            }
        }
        let mut text = format!("tick {}", snapshot.ticks);
        for &(player, _, score) in &snapshot.dots {
            text += &format!("  {}: {score}", sign(player));
        }
        text.push('\n');
        for row in rows {
            text.extend(row);
            text.push('\n');
        }
        text
    }
}

/// Follows the game without a terminal: turns once for each snapshot, by the letters of `steer`,
/// and writes down `snapshots` of them.
///
/// # Errors
///
/// When the server is not there, is full, or ends.
pub fn follow(
    server: SocketAddr,
    steer: &str,
    snapshots: usize,
    mut output: impl Write,
) -> io::Result<()> {
    let mut link = Link::connect(server)?;
    let mut view = View::default();
    let mut headings = steer
        .chars()
        .filter_map(|letter| heading(KeyCode::Char(letter)));
    let mut seen = 0;
    while seen < snapshots {
        let news = link.news.recv().map_err(|_| ended())??;
        let is_snapshot = matches!(news, News::Snapshot(_));
        view.hear(news)?;
        if is_snapshot {
            seen += 1;
            writeln!(output, "{}", view.draw())?;
            if let Some(heading) = headings.next() {
                link.stream.write_all(&steer_frame(heading))?;
            }
        }
    }
    Ok(())
}

/// Plays in the terminal, until `q` is pressed.
///
/// # Errors
///
/// As [`follow`].
pub fn play(server: SocketAddr) -> io::Result<()> {
    let link = Link::connect(server)?;
    let mut terminal = ratatui::init();
    let played = play_on(&mut terminal, link);
    ratatui::restore();
    played
}

fn play_on(terminal: &mut ratatui::DefaultTerminal, mut link: Link) -> io::Result<()> {
    let mut view = View::default();
    loop {
        match link.news.recv_timeout(GLANCE) {
            Ok(news) => view.hear(news?)?,
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return Err(ended()),
        }
        let text = view.draw() + "arrows or w a s d move, space stops, q leaves";
        terminal.draw(|frame| frame.render_widget(Paragraph::new(text), frame.area()))?;
        while event::poll(Duration::ZERO)? {
            let Input::Key(key) = event::read()? else {
                continue;
            };
            if key.code == KeyCode::Char('q') {
                return Ok(());
            }
            if let Some(heading) = heading(key.code) {
                link.stream.write_all(&steer_frame(heading))?;
            }
        }
    }
}

fn heading(key: KeyCode) -> Option<Heading> {
    Some(match key {
        KeyCode::Char(' ') => Heading::Nowhere,
        KeyCode::Char('w') | KeyCode::Up => Heading::North,
        KeyCode::Char('s') | KeyCode::Down => Heading::South,
        KeyCode::Char('d') | KeyCode::Right => Heading::East,
        KeyCode::Char('a') | KeyCode::Left => Heading::West,
        _ => return None,
    })
}

fn ended() -> io::Error {
    io::Error::new(
        io::ErrorKind::UnexpectedEof,
        "the server has ended the game",
    )
}

/// A connection whose news a thread of its own brings, so that keys and news are waited for at
/// once.
struct Link {
    stream: TcpStream,
    news: Receiver<io::Result<News>>,
}

impl Link {
    fn connect(server: SocketAddr) -> io::Result<Link> {
        let stream = TcpStream::connect(server)?;
        stream.set_nodelay(true)?;
        let mut incoming = stream.try_clone()?;
        let (heard, news) = mpsc::channel();
        thread::spawn(move || {
            let told = hear_all(&mut incoming, |news| heard.send(Ok(news)).is_ok());
            if let Err(error) = told {
                let _ = heard.send(Err(error));
            }
        });
        Ok(Link { stream, news })
    }
}

fn hear_all(stream: &mut TcpStream, mut tell: impl FnMut(News) -> bool) -> io::Result<()> {
    let mut received = Vec::new();
    let mut chunk = [0; 4096];
    loop {
        while let Some(body) = take_body(&mut received)? {
            let Some(news) = read_news(&body) else {
                return Err(io::Error::other(
                    "the server says what this client does not know",
                ));
            };
            if !tell(news) {
                return Ok(());
            }
        }
        let count = stream.read(&mut chunk)?;
        if count == 0 {
            return Ok(());
        }
        received.extend_from_slice(&chunk[..count]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::content::Cell;

    #[test]
    fn a_view_shows_you_others_and_what_is_to_be_eaten() {
        let mut view = View::default();
        assert_eq!(view.draw(), "waiting for the first tick\n");
        let at = |x| Cell { x, y: 0 };
        let snapshot = Snapshot {
            ticks: 9,
            crumb: at(1),
            dots: vec![(0, at(3), 2), (1, at(5), 0), (2, at(200), 0)],
        };
        view.hear(News::Welcome(1)).unwrap();
        view.hear(News::Snapshot(snapshot)).unwrap();
        let text = view.draw();
        let mut lines = text.lines();
        assert_eq!(lines.next(), Some("tick 9  A: 2  @: 0  C: 0"));
        assert_eq!(&lines.next().unwrap()[..8], ".*.A.@..");
        assert!(view.hear(News::Full).is_err());
    }
}
