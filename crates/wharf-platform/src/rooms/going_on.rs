//! How requests go on when what they wait for has come, or does not come in time.

use super::Rooms;
use super::flow::{Deed, Flow};
use wharf_accounts::HashResult;
use wharf_base::Instant;
use wharf_data::UnixMs;
use wharf_data::access::Error;

impl Rooms {
    /// The store answers.
    pub(crate) fn stored(
        &mut self,
        (now, at): (Instant, UnixMs),
        number: u64,
        reply: wharf_data::Reply,
    ) {
        self.set_time(now, at);
        let Some((_, flow)) = self.flows.remove(&number) else {
            return self.recalled(number, &reply);
        };
        match flow {
            Flow::Making(making) => self.made(*making, reply),
            Flow::Opening(room) => self.opened(room, reply),
            Flow::Standing(entering) => self.looked_up(*entering, reply),
            Flow::KeptOut(entering, until) => self.keep_out(*entering, until, &reply),
            Flow::Acting(room, act) => self.acted(room, *act, reply),
            Flow::Listing(listing) => self.listed(*listing, reply),
            Flow::Bans(caller) => self.bans_listed(caller, reply),
            Flow::Showing(it) => self.showing(it.0, it.1, it.2, reply),
            Flow::Busiest(step) => self.busiest_said(*step, reply),
            Flow::Noting => {}
            hashing => self.fail(hashing),
        }
    }

    /// A hash worker is done.
    pub(crate) fn hashed(&mut self, (now, at): (Instant, UnixMs), number: u64, result: HashResult) {
        self.set_time(now, at);
        let Some((_, flow)) = self.flows.remove(&number) else {
            return;
        };
        self.hashing -= 1;
        match (flow, result) {
            (Flow::Hashing(mut making), HashResult::Made(hash)) => {
                making.settings.password = Some(hash);
                self.make(*making);
            }
            (Flow::Rehashing(it), HashResult::Made(hash)) => {
                let (caller, here, mut change) = *it;
                change.password = Some(Some(hash));
                self.act(caller, here, Deed::Change(change), String::new());
            }
            (Flow::Checking(entering), HashResult::Checked(is_right)) => {
                self.checked(*entering, is_right);
            }
            (flow, _) => self.fail(flow),
        }
    }

    /// When [`Rooms::handle_timeout`] is to be called.
    pub(crate) fn next_deadline(&self) -> Option<Instant> {
        let flow = self.flows.values().next().map(|(due, _)| *due);
        let idle = self.idle.first().map(|(since, _)| *since);
        let idle = idle.map(|since| since + self.options.linger);
        [flow, idle, self.recalling_until()]
            .into_iter()
            .flatten()
            .min()
    }

    /// Time has passed.
    pub(crate) fn handle_timeout(&mut self, now: Instant, at: UnixMs) {
        self.set_time(now, at);
        self.stop_recalling();
        // Numbers and deadlines rise together.
        while let Some(first) = self.flows.first_entry()
            && first.get().0 <= now
        {
            let (_, flow) = first.remove();
            let is_hash = matches!(
                flow,
                Flow::Hashing(_) | Flow::Checking(_) | Flow::Rehashing(_)
            );
            self.hashing -= u32::from(is_hash);
            self.fail(flow);
        }
        while let Some(&(since, room)) = self.idle.first()
            && since + self.options.linger <= now
        {
            self.idle.pop_first();
            self.rest_or_drop(room);
        }
    }

    /// What it waited for does not come.
    fn fail(&mut self, flow: Flow) {
        let unknown = Err(wharf_data::Refusal::Unavailable);
        match flow {
            Flow::Hashing(making) => self.give_up(*making, Error::Unavailable),
            Flow::Making(making) => self.made(*making, unknown),
            Flow::Opening(room) => self.opened(room, unknown),
            Flow::Standing(entering) | Flow::Recalling(entering) | Flow::Checking(entering) => {
                self.turn_away(*entering, Error::Unavailable);
            }
            Flow::KeptOut(entering, until) => self.keep_out(*entering, until, &unknown),
            Flow::Rehashing(it) => self.refuse(it.0, Error::Unavailable),
            Flow::Acting(room, act) => self.acted(room, *act, unknown),
            Flow::Listing(listing) => self.listed(*listing, unknown),
            Flow::Bans(caller) => self.bans_listed(caller, unknown),
            Flow::Showing(it) => self.refuse(it.0, Error::Unavailable),
            Flow::Busiest(step) => self.busiest_said(*step, unknown),
            Flow::Noting => {}
        }
    }
}
