//! Who may come in. It knows no socket: an address asks, and is told.

use ipnet::IpNet;
use std::collections::BTreeMap;
use std::fmt::{self, Display, Formatter};
use std::net::IpAddr;

/// What holds for those who want to come in.
#[derive(Clone, Debug, clap::Args)]
#[group(skip)]
pub struct Rules {
    /// Let in nobody but these networks, such as 10.0.0.0/8 (may be given several times)
    #[arg(long, value_name = "CIDR")]
    pub allow: Vec<IpNet>,
    /// Keep these networks out, even if they are allowed (may be given several times)
    #[arg(long, value_name = "CIDR")]
    pub deny: Vec<IpNet>,
    /// How many clients may be here from one address
    #[arg(long, default_value_t = 100)]
    pub per_address_max: usize,
}

/// Why somebody is kept out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// Its address is denied, or not among those that are allowed.
    Unwanted,
    /// As many as may be are here from its address.
    Crowded,
    /// All seats are taken.
    Full,
}

/// Who is here, by address, and how many may be.
///
/// Invariant: `taken` is the sum of `here`; and who is in `here` has at least one seat.
pub struct Admission {
    rules: Rules,
    seats: usize,
    taken: usize,
    here: BTreeMap<IpAddr, usize>,
    /// The fault: when the seats that were given back may be taken again.
    #[cfg(feature = "faulty")]
    dead_until: Vec<std::time::Instant>,
}

impl Admission {
    /// Nobody is here, and there are that many seats.
    #[must_use]
    pub fn new(rules: Rules, seats: usize) -> Admission {
        Admission {
            rules,
            seats,
            taken: 0,
            here: BTreeMap::new(),
            #[cfg(feature = "faulty")]
            dead_until: Vec::new(),
        }
    }

    /// Gives a seat to somebody from that address.
    ///
    /// # Errors
    /// Why there is none.
    pub fn admit(&mut self, address: IpAddr) -> Result<(), Refusal> {
        // An IPv4 address may come in the clothes of an IPv6 one.
        let address = address.to_canonical();
        if !self.is_wanted(address) {
            return Err(Refusal::Unwanted);
        }
        let from_there = self.here.get(&address).copied().unwrap_or(0);
        if from_there >= self.rules.per_address_max {
            return Err(Refusal::Crowded);
        }
        if self.free_seats() == 0 {
            return Err(Refusal::Full);
        }
        self.taken += 1;
        self.here.insert(address, from_there + 1);
        Ok(())
    }

    /// Takes back the seat of somebody who was admitted from that address.
    ///
    /// # Panics
    /// If nobody from there has one.
    pub fn leave(&mut self, address: IpAddr) {
        let address = address.to_canonical();
        let here = self.here.get_mut(&address);
        let from_there = here.expect("who leaves was let in");
        *from_there -= 1;
        if *from_there == 0 {
            self.here.remove(&address);
        }
        self.taken -= 1;
        #[cfg(feature = "faulty")]
        self.dead_until
            .push(std::time::Instant::now() + std::time::Duration::from_secs(3));
    }

    /// How many seats may be taken now.
    #[must_use]
    pub fn free_seats(&self) -> usize {
        #[cfg(not(feature = "faulty"))]
        let dead = 0;
        // The fault: who has left keeps the seat for three seconds.
        #[cfg(feature = "faulty")]
        let dead = {
            let now = std::time::Instant::now();
            let until = self.dead_until.iter();
            until.filter(|&&until| until > now).count()
        };
        self.seats - self.taken - dead
    }

    fn is_wanted(&self, address: IpAddr) -> bool {
        let is_in = |networks: &[IpNet]| networks.iter().any(|it| it.contains(&address));
        let Rules { allow, deny, .. } = &self.rules;
        (allow.is_empty() || is_in(allow)) && !is_in(deny)
    }
}

impl Display for Refusal {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Refusal::Unwanted => "its address is not wanted",
            Refusal::Crowded => "too many are here from its address",
            Refusal::Full => "all seats are taken",
        })
    }
}
