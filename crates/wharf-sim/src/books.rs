//! What was said by whom in which room, so that every hearer can be checked against it.

use std::collections::BTreeMap;

/// One stay of one client in one room, from its 207 to its end; never the same twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Stay(pub(crate) u64);

/// What a client did in a stay.
#[derive(Debug, Default)]
pub(crate) struct Said {
    pub(crate) room: i32,
    /// Lines handed to the network; numbered from 0.
    pub(crate) sent: u64,
    /// Lines that the server has accepted (222), which come in order.
    pub(crate) accepted: u64,
}

/// All stays of a run.
#[derive(Debug, Default)]
pub(crate) struct Books {
    next: u64,
    stays: BTreeMap<Stay, Said>,
    pub(crate) lines_sent: u64,
    pub(crate) lines_heard: u64,
    pub(crate) packets: u64,
    pub(crate) logins: u64,
    pub(crate) cut: u64,
}

impl Books {
    /// A client asks to enter a room.
    pub(crate) fn begin_stay(&mut self, room: i32) -> Stay {
        self.next += 1;
        let stay = Stay(self.next);
        self.stays.insert(
            stay,
            Said {
                room,
                ..Said::default()
            },
        );
        stay
    }

    pub(crate) fn of(&self, stay: Stay) -> Option<&Said> {
        self.stays.get(&stay)
    }

    /// The text of the next line of a stay.
    pub(crate) fn next_line(&mut self, stay: Stay) -> String {
        let said = self.stays.get_mut(&stay).expect("it has begun");
        let number = said.sent;
        said.sent += 1;
        self.lines_sent += 1;
        format!("{}/{number}/{}", stay.0, said.room)
    }

    pub(crate) fn accept_line(&mut self, stay: Stay) {
        self.stays.get_mut(&stay).expect("it has begun").accepted += 1;
    }

    /// Every stay in a room, with what was sent in it so far.
    pub(crate) fn sent_in(&self, room: i32) -> BTreeMap<Stay, u64> {
        let here = self.stays.iter().filter(|(_, said)| said.room == room);
        here.map(|(stay, said)| (*stay, said.sent)).collect()
    }
}

/// The parts of a line.
pub(crate) fn read_line(text: &str) -> Option<(Stay, u64, i32)> {
    let mut parts = text.split('/');
    let stay = Stay(parts.next()?.parse().ok()?);
    let (number, room) = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
    parts.next().is_none().then_some((stay, number, room))
}
