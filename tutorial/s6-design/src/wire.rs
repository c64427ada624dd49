//! What client and server say to each other, in bytes.
//!
//! A frame is the length of its body (two bytes, the lower one first) and the body, whose first
//! byte says what it is.

use std::io;

use crate::content::{Cell, Dot, Heading, Player, World};

/// No body is longer; a length above it is no frame of ours.
pub const BODY_BYTES_MAX: usize = 2048;

/// What the server says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum News {
    /// You are in, as this player.
    Welcome(Player),
    /// You are not: there is no room.
    Full,
    /// How everything stands.
    Snapshot(Snapshot),
}

/// The world as a client sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Snapshot {
    /// After so many ticks.
    pub ticks: u32,
    /// What there is to eat.
    pub crumb: Cell,
    /// Each player's place and score.
    pub dots: Vec<(Player, Cell, u16)>,
}

impl Snapshot {
    /// Of the world as it is now.
    pub fn of(world: &World) -> Snapshot {
        let dot = |(player, dot): (Player, &Dot)| (player, dot.cell, dot.score);
        Snapshot {
            ticks: world.ticks(),
            crumb: world.crumb(),
            dots: world.dots().map(dot).collect(),
        }
    }
}

/// The frame of what the server says.
pub fn news_frame(news: &News) -> Vec<u8> {
    let mut body = Vec::new();
    match news {
        News::Welcome(player) => body.extend([b'W', *player]),
        News::Full => body.push(b'F'),
        News::Snapshot(snapshot) => {
            body.push(b'S');
            body.extend(snapshot.ticks.to_le_bytes());
            body.extend([snapshot.crumb.x, snapshot.crumb.y]);
            for (player, cell, score) in &snapshot.dots {
                body.extend([*player, cell.x, cell.y]);
                body.extend(score.to_le_bytes());
            }
        }
    }
    frame(&body)
}

/// What the server has said, or nothing if it makes no sense.
pub fn read_news(body: &[u8]) -> Option<News> {
    match *body {
        [b'W', player] => Some(News::Welcome(player)),
        [b'F'] => Some(News::Full),
        [b'S', t0, t1, t2, t3, x, y, ref dots @ ..] if dots.len() % 5 == 0 => {
            let dot = |dot: &[u8]| {
                let cell = Cell {
                    x: dot[1],
                    y: dot[2],
                };
                (dot[0], cell, u16::from_le_bytes([dot[3], dot[4]]))
            };
            Some(News::Snapshot(Snapshot {
                ticks: u32::from_le_bytes([t0, t1, t2, t3]),
                crumb: Cell { x, y },
                dots: dots.chunks_exact(5).map(dot).collect(),
            }))
        }
        _ => None,
    }
}

const HEADINGS: [Heading; 5] = [
    Heading::Nowhere,
    Heading::North,
    Heading::South,
    Heading::East,
    Heading::West,
];

fn letter(heading: Heading) -> u8 {
    match heading {
        Heading::Nowhere => b'.',
        Heading::North => b'N',
        Heading::South => b'S',
        Heading::East => b'E',
        Heading::West => b'W',
    }
}

/// The frame of all that a client says: where it is heading.
pub fn steer_frame(heading: Heading) -> Vec<u8> {
    frame(&[letter(heading)])
}

/// What the client has said, or nothing if it makes no sense.
pub fn read_steer(body: &[u8]) -> Option<Heading> {
    let mut known = HEADINGS.into_iter();
    known.find(|&heading| body == [letter(heading)])
}

fn frame(body: &[u8]) -> Vec<u8> {
    assert!(body.len() <= BODY_BYTES_MAX);
    let length = u16::try_from(body.len()).expect("BODY_BYTES_MAX fits");
    [&length.to_le_bytes()[..], body].concat()
}

/// A length that no frame has: the stream cannot be trusted any further.
#[derive(Debug, PartialEq, Eq)]
pub struct TooLong(pub usize);

impl From<TooLong> for io::Error {
    fn from(TooLong(length): TooLong) -> io::Error {
        let message = format!("a frame of {length} bytes; the longest has {BODY_BYTES_MAX}");
        io::Error::new(io::ErrorKind::InvalidData, message)
    }
}

/// Takes the body of the first frame off what was received, if all of it is there.
///
/// # Errors
///
/// [`TooLong`], as soon as the length says so.
pub fn take_body(received: &mut Vec<u8>) -> Result<Option<Vec<u8>>, TooLong> {
    let [low, high, ref rest @ ..] = received[..] else {
        return Ok(None);
    };
    let length = usize::from(u16::from_le_bytes([low, high]));
    if length > BODY_BYTES_MAX {
        return Err(TooLong(length));
    }
    let Some(body) = rest.get(..length).map(<[u8]>::to_vec) else {
        return Ok(None);
    };
    received.drain(..2 + length);
    Ok(Some(body))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn body(frame: Vec<u8>) -> Vec<u8> {
        let mut received = frame;
        let body = take_body(&mut received).unwrap().unwrap();
        assert!(received.is_empty());
        body
    }

    #[test]
    fn what_is_said_is_what_is_heard() {
        let mut world = World::new(3, 1);
        world.enter().unwrap();
        world.enter().unwrap();
        for news in [
            News::Welcome(7),
            News::Full,
            News::Snapshot(Snapshot::of(&world)),
        ] {
            assert_eq!(read_news(&body(news_frame(&news))), Some(news));
        }
        for heading in HEADINGS {
            assert_eq!(read_steer(&body(steer_frame(heading))), Some(heading));
        }
    }

    #[test]
    fn a_frame_in_pieces_is_waited_for_and_two_in_one_come_apart() {
        let frames = [steer_frame(Heading::North), steer_frame(Heading::West)].concat();
        let mut received = Vec::new();
        let mut bodies = Vec::new();
        for byte in &frames {
            received.push(*byte);
            bodies.extend(take_body(&mut received).unwrap());
        }
        assert_eq!(bodies, [b"N", b"W"]);
        let mut received = frames;
        for body in [b"N", b"W"] {
            assert_eq!(take_body(&mut received).unwrap().unwrap(), body);
        }
    }

    #[test]
    fn a_length_above_the_limit_is_refused_before_its_body_comes() {
        assert_eq!(take_body(&mut vec![1, 8]), Err(TooLong(2049)));
        assert_eq!(take_body(&mut vec![0, 8]), Ok(None));
    }

    #[test]
    fn nonsense_is_nothing() {
        for body in [&b""[..], b"X", b"W\0\0", b"S\0\0\0\0\0\0\0"] {
            assert_eq!(read_news(body), None);
            assert_eq!(read_steer(body), None);
        }
    }
}
