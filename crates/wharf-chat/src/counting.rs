//! Telling the services how many are in a numbered room, for lists of rooms.

use core::time::Duration;
use wharf_content::RoomCx;
use wharf_data::AccountId;
use wharf_data::rooms::Request;
use wharf_data::service::Call;
use wharf_wire::{Packet, Violation};

/// How much later it is told at the most: what lists show is as old as that.
const SOON: Duration = Duration::from_secs(1);

/// What the services were told last. However many come and go, they are told once a second.
#[derive(Debug)]
pub(crate) struct Counting {
    /// Whether there are services that make lists.
    is_on: bool,
    told: u32,
    /// Whether a timer runs.
    is_waking: bool,
}

impl Counting {
    pub(crate) fn new(is_on: bool) -> Self {
        Self {
            is_on,
            told: 0,
            is_waking: false,
        }
    }

    /// Somebody came or went.
    pub(crate) fn on_change(&mut self, cx: &mut RoomCx<'_>) {
        if self.is_on && !self.is_waking {
            self.is_waking = cx.after(SOON, &Wake).is_ok();
        }
    }

    /// The timer has rung.
    pub(crate) fn on_timer(&mut self, cx: &mut RoomCx<'_>) {
        self.is_waking = false;
        let (number, members) = (cx.room().number(), cx.count());
        if members == self.told {
            return;
        }
        let (by, request) = (AccountId::new(0), Request::Count { number, members });
        match cx.query(Call::Rooms { by, request }, 0) {
            Ok(()) => self.told = members,
            Err(_) => self.on_change(cx),
        }
    }
}

/// Rings when there may be something to tell. Never on a wire: its id is reserved there.
struct Wake;

impl Packet for Wake {
    const ID: u16 = 1003;

    fn decode(_: &[u8]) -> Result<Self, Violation> {
        Ok(Self)
    }

    fn encode(&self, _: &mut Vec<u8>) {}
}
