//! How often a session may make requests, by their classes in the schema.

use wharf_content::{AppBuilder, Rate};
use wharf_proto::{PACKETS, Rate as Class, Role};

/// Requests of a session in a minute, for each class of the schema; 0 means as many as one likes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RequestRates {
    /// What changes something.
    pub command: u32,
    /// What costs next to nothing.
    pub control: u32,
    /// What proves who somebody is.
    pub login: u32,
    /// What reads lists and histories.
    pub query: u32,
    /// What others hear.
    pub chat: u32,
}

/// So much of a minute's requests may come at once.
const BURST_OF_A_MINUTE: u32 = 6;

impl RequestRates {
    fn of(&self, class: Class) -> u32 {
        match class {
            Class::Command => self.command,
            Class::Control => self.control,
            Class::Login => self.login,
            Class::Query => self.query,
            Class::Chat => self.chat,
        }
    }
}

/// Has requests that come faster than `rates` refused, whoever serves them: those of one class
/// together. A sixth of a minute's may come at once.
///
/// # Panics
/// If `app` counts requests of the platform already.
pub fn limit_requests(app: &mut AppBuilder, rates: &RequestRates) {
    for class in Class::ALL {
        let per_minute = rates.of(class);
        let burst = (per_minute / BURST_OF_A_MINUTE).max(1);
        let is_of_class = |role: Role| matches!(role, Role::Request { rate, .. } if rate == class);
        let packets = PACKETS.iter().filter(|packet| is_of_class(packet.role));
        let rate = Rate { per_minute, burst };
        app.rate(rate, packets.map(|packet| packet.id));
    }
}
