//! The wall of `select`: what happens to the socket that does not fit into C's `fd_set`.

use std::io::{self, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};

use crate::sys::{self, FD_SETSIZE, Set};

/// The sets of which the wall is told are this much larger than C's.
const BEYOND: usize = 100;

/// What was tried beyond the wall, and what came of it.
///
/// # Errors
///
/// When the system gives no sockets, or no descriptor number above [`FD_SETSIZE`].
pub fn tried() -> io::Result<Vec<[String; 2]>> {
    let mut rows = vec![[format!("FD_SETSIZE is {FD_SETSIZE}"), imp::MEANING.into()]];
    rows.push([
        "FD_SET of one beyond it, as C's macro is written".into(),
        imp::set_as_in_c(),
    ]);
    let reported = select_reports_beyond(FD_SETSIZE)?;
    rows.push([
        "select with a larger set, one socket of it beyond the wall".into(),
        match reported {
            true => "reports the socket: the wall is in the set, not in the system".into(),
            false => "does not report the socket".to_string(),
        },
    ]);
    Ok(rows)
}

/// Whether `select` reports a socket for which a set of `size` would be too small, and does not
/// report one that has nothing to say.
///
/// # Errors
///
/// As [`tried`].
pub fn select_reports_beyond(size: usize) -> io::Result<bool> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let mut peer = TcpStream::connect(listener.local_addr()?)?;
    let (socket, _) = listener.accept()?;
    let [mut readable, mut writable] = [(); 2].map(|()| Set::with_capacity(size + BEYOND));
    let beyond = imp::put_beyond(size, socket, &mut readable)?;
    readable.insert(&listener);
    peer.write_all(b"!")?;
    sys::select(&mut readable, &mut writable)?;
    Ok(readable.contains(&beyond.socket) && !readable.contains(&listener))
}

/// A socket that lies beyond the wall, and what keeps it there.
struct Beyond {
    socket: TcpStream,
    _others: Vec<TcpListener>,
}

#[cfg(unix)]
mod imp {
    use super::{Beyond, FD_SETSIZE, Set, TcpStream, io};

    pub(super) const MEANING: &str = "a set has a bit for each of the descriptors 0 to 1023";

    /// `FD_SET` sets the bit of its number, wherever that may be.
    pub(super) fn set_as_in_c() -> String {
        const WORDS: usize = FD_SETSIZE / 64;
        // The set, and behind it whatever variable the compiler put there.
        let mut memory = [0_u64; WORDS + 1];
        let descriptor = FD_SETSIZE + 6;
        memory[descriptor / 64] |= 1 << (descriptor % 64);
        format!(
            "descriptor {descriptor} is not in the set, and the variable behind it is {} instead \
             of 0",
            memory[WORDS]
        )
    }

    /// Gives the socket a number of `size` at least.
    pub(super) fn put_beyond(size: usize, socket: TcpStream, set: &mut Set) -> io::Result<Beyond> {
        let lowest = i32::try_from(size).expect("a descriptor number");
        let socket = TcpStream::from(rustix::io::fcntl_dupfd_cloexec(&socket, lowest)?);
        set.insert(&socket);
        Ok(Beyond {
            socket,
            _others: Vec::new(),
        })
    }
}

#[cfg(windows)]
mod imp {
    use super::{Beyond, FD_SETSIZE, Set, TcpListener, TcpStream, io};

    pub(super) const MEANING: &str =
        "a set is a list of 64 sockets at most, whatever their numbers";

    /// `FD_SET` does nothing when the list is full.
    pub(super) fn set_as_in_c() -> String {
        let mut list = Vec::new();
        for socket in 0..=FD_SETSIZE {
            if list.len() < FD_SETSIZE {
                list.push(socket);
            }
        }
        format!(
            "of {} sockets {} are in the set: the last is never reported, and nobody is told",
            FD_SETSIZE + 1,
            list.len()
        )
    }

    /// Puts `size` sockets before it into the set.
    pub(super) fn put_beyond(size: usize, socket: TcpStream, set: &mut Set) -> io::Result<Beyond> {
        let silent = || TcpListener::bind((std::net::Ipv4Addr::LOCALHOST, 0));
        let others = (0..size).map(|_| silent()).collect::<Result<Vec<_>, _>>()?;
        others.iter().for_each(|other| set.insert(other));
        set.insert(&socket);
        Ok(Beyond {
            socket,
            _others: others,
        })
    }
}
