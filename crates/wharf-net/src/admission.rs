//! Who may come in, and on which shard: the one thing that the shards share.

use crate::{NetLimits, Refusal};
use ipnet::IpNet;
use std::collections::BTreeMap;
use std::net::IpAddr;
use wharf_base::sync::{Arc, Mutex, MutexGuard};

/// Counts the sessions of the process and decides about each new connection.
///
/// Everything counted is held by a `Seat`, and dropping the seat gives it back; so whatever way a
/// connection ends, the counts return to zero.
#[derive(Debug)]
pub struct Admission {
    limits: Limits,
    rules: Mutex<Arc<AccessRules>>,
    counts: Mutex<Counts>,
}

#[derive(Debug)]
struct Limits {
    /// Those that may wait for a place included.
    sessions_max: u32,
    /// Each shard's even share of them, for which it has slots.
    per_shard_max: u32,
    refusals_max: u32,
    refusals_per_address: u32,
    not_logged_in_max: u32,
    per_address_max: u32,
    loopback_exempt: bool,
}

/// Invariant: `sessions` is the sum over `per_shard`.
#[derive(Debug)]
struct Counts {
    sessions: u32,
    not_logged_in: u32,
    refusals: u32,
    per_shard: Vec<u32>,
    /// Shards that take no more for now.
    overloaded: Vec<bool>,
    /// Sessions of each address,
    per_address: PerAddress,
    /// and refusals of each.
    refusals_per_address: PerAddress,
}

/// How many each address has.
///
/// Invariant: there is no entry that is zero. Ordered, so that nothing here depends on how a hash
/// was seeded.
#[derive(Debug, Default)]
struct PerAddress(BTreeMap<AddressKey, u32>);

/// Which addresses may connect. A denied address never may; if `allow` is not empty, only the
/// addresses in it may.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AccessRules {
    /// Networks that may connect; empty lets everybody in.
    pub allow: Vec<IpNet>,
    /// Networks that may not connect, whatever `allow` says.
    pub deny: Vec<IpNet>,
}

impl AccessRules {
    /// Whether `address` may connect.
    pub fn permit(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        let within = |networks: &[IpNet]| networks.iter().any(|net| net.contains(&address));
        !within(&self.deny) && (self.allow.is_empty() || within(&self.allow))
    }
}

/// What is counted now.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AdmissionStats {
    /// Sessions, those on their way to another shard included.
    pub sessions: u32,
    /// Those among them that have not logged in.
    pub not_logged_in: u32,
    /// Connections that are being told that there is no seat.
    pub refusals: u32,
    /// Addresses (IPv6: /64 networks) that hold sessions.
    pub addresses: u32,
}

/// What becomes of a new connection.
#[derive(Debug)]
pub(crate) enum Verdict {
    /// A session, on the seat's shard.
    Seated(Seat),
    /// It is told that there is no room, and why.
    Refused(Seat, Refusal),
    /// It is reset: there is not even a seat for the telling.
    Overflow,
    /// It is reset: its address holds too many sessions.
    AddressFull,
    /// It is reset: its address may not connect.
    Denied,
}

impl Admission {
    /// Nobody is there yet.
    pub fn new(limits: &NetLimits) -> Self {
        Self {
            limits: Limits {
                sessions_max: limits.sessions_and_waiting(),
                per_shard_max: limits.sessions_share(),
                refusals_max: limits.refusals_max,
                refusals_per_address: limits.refusals_per_address,
                not_logged_in_max: limits.sessions_not_logged_in,
                per_address_max: limits.connections_per_address,
                loopback_exempt: limits.loopback_exempt,
            },
            rules: Mutex::new(Arc::new(AccessRules::default())),
            counts: Mutex::new(Counts {
                sessions: 0,
                not_logged_in: 0,
                refusals: 0,
                per_shard: vec![0; usize::from(limits.shards)],
                overloaded: vec![false; usize::from(limits.shards)],
                per_address: PerAddress::default(),
                refusals_per_address: PerAddress::default(),
            }),
        }
    }

    /// Replaces the rules for connections to come; those that are there stay.
    pub fn set_rules(&self, rules: AccessRules) {
        *self.lock_rules() = Arc::new(rules);
    }

    /// Says whether a shard can take no more sessions for now: those to come go elsewhere, and if
    /// no shard takes any, the server is full.
    pub(crate) fn set_overloaded(&self, shard: u8, overloaded: bool) {
        self.lock().overloaded[usize::from(shard)] = overloaded;
    }

    /// What is counted now.
    pub fn stats(&self) -> AdmissionStats {
        let counts = self.lock();
        AdmissionStats {
            sessions: counts.sessions,
            not_logged_in: counts.not_logged_in,
            refusals: counts.refusals,
            addresses: counts.per_address.0.len() as u32,
        }
    }

    pub(crate) fn admit(self: &Arc<Self>, address: IpAddr) -> Verdict {
        let rules = Arc::clone(&self.lock_rules());
        if !rules.permit(address) {
            return Verdict::Denied;
        }
        let limits = &self.limits;
        let address = address.to_canonical();
        let exempt = limits.loopback_exempt && address.is_loopback();
        let counted = |max: u32| (max > 0 && !exempt).then(|| AddressKey::of(address));
        let mut counts = self.lock();
        let address = counted(limits.per_address_max);
        if counts.per_address.of(address) >= limits.per_address_max && address.is_some() {
            return Verdict::AddressFull;
        }
        let shard = counts.least_loaded(limits.per_shard_max);
        let refusal = if counts.sessions >= limits.sessions_max || shard.is_none() {
            Some(Refusal::Full)
        } else if counts.not_logged_in >= limits.not_logged_in_max {
            Some(Refusal::LoginQueueFull)
        } else {
            None
        };
        match refusal {
            Some(_) if counts.refusals >= limits.refusals_max => Verdict::Overflow,
            Some(refusal) => {
                // One address must not leave nothing to tell the others with.
                let address = counted(limits.refusals_per_address);
                let held = counts.refusals_per_address.of(address);
                if address.is_some() && held >= limits.refusals_per_address {
                    return Verdict::Overflow;
                }
                counts.refusals += 1;
                counts.refusals_per_address.add(address);
                let crowded = counts.refusals * 2 > limits.refusals_max;
                Verdict::Refused(self.seat(Place::Refusal { address, crowded }), refusal)
            }
            None => {
                let shard = shard.expect("looked at above");
                counts.sessions += 1;
                counts.not_logged_in += 1;
                counts.per_shard[usize::from(shard)] += 1;
                counts.per_address.add(address);
                Verdict::Seated(self.seat(Place::Session {
                    shard,
                    address,
                    logged_in: false,
                }))
            }
        }
    }

    fn seat(self: &Arc<Self>, place: Place) -> Seat {
        Seat {
            admission: Arc::clone(self),
            place,
        }
    }

    fn lock_rules(&self) -> MutexGuard<'_, Arc<AccessRules>> {
        // Only whole values are moved in and out under this lock.
        self.rules.lock().expect("the rules are whole")
    }

    fn lock(&self) -> MutexGuard<'_, Counts> {
        // Nothing under the lock panics unless a count is wrong, and then no count can be trusted.
        self.counts.lock().expect("the counts are whole")
    }
}

impl Counts {
    /// The shard with the fewest sessions, of equals the first; `None` if none can take one. While
    /// another is overloaded the least loaded may have its share already.
    fn least_loaded(&self, per_shard_max: u32) -> Option<u8> {
        let (shard, _) = self
            .per_shard
            .iter()
            .enumerate()
            .filter(|&(shard, &sessions)| sessions < per_shard_max && !self.overloaded[shard])
            .min_by_key(|&(_, &sessions)| sessions)?;
        Some(shard as u8)
    }
}

impl PerAddress {
    fn of(&self, address: Option<AddressKey>) -> u32 {
        let held = address.and_then(|key| self.0.get(&key));
        held.copied().unwrap_or(0)
    }

    fn add(&mut self, address: Option<AddressKey>) {
        if let Some(key) = address {
            *self.0.entry(key).or_insert(0) += 1;
        }
    }

    fn take(&mut self, address: Option<AddressKey>) {
        let Some(key) = address else { return };
        let held = self.0.get_mut(&key).expect("a seat's address");
        *held -= 1;
        if *held == 0 {
            self.0.remove(&key);
        }
    }
}

/// A place in the counts, given back on drop.
#[derive(Debug)]
pub struct Seat {
    admission: Arc<Admission>,
    place: Place,
}

#[derive(Debug)]
enum Place {
    Refusal {
        address: Option<AddressKey>,
        /// Half of these places were taken before.
        crowded: bool,
    },
    Session {
        shard: u8,
        address: Option<AddressKey>,
        logged_in: bool,
    },
}

impl Seat {
    /// The shard on which the session lives.
    pub(crate) fn shard(&self) -> Option<u8> {
        match self.place {
            Place::Refusal { .. } => None,
            Place::Session { shard, .. } => Some(shard),
        }
    }

    /// Whether others need the place soon: it is for a refusal, and half of those are taken.
    pub(crate) fn is_crowded(&self) -> bool {
        matches!(self.place, Place::Refusal { crowded: true, .. })
    }

    /// Counts the session as not logged in again; that may be one more than there may be.
    pub(crate) fn log_out(&mut self) {
        if let Place::Session {
            logged_in: logged_in @ true,
            ..
        } = &mut self.place
        {
            *logged_in = false;
            self.admission.lock().not_logged_in += 1;
        }
    }

    /// Counts the session as logged in.
    pub(crate) fn log_in(&mut self) {
        if let Place::Session {
            logged_in: logged_in @ false,
            ..
        } = &mut self.place
        {
            *logged_in = true;
            self.admission.lock().not_logged_in -= 1;
        }
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut counts = self.admission.lock();
        match self.place {
            Place::Refusal { address, .. } => {
                counts.refusals -= 1;
                counts.refusals_per_address.take(address);
            }
            Place::Session {
                shard,
                address,
                logged_in,
            } => {
                counts.sessions -= 1;
                counts.per_shard[usize::from(shard)] -= 1;
                counts.not_logged_in -= u32::from(!logged_in);
                counts.per_address.take(address);
            }
        }
    }
}

/// What counts as one address: an IPv4 address, or the /64 that an IPv6 host can roam in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum AddressKey {
    V4(u32),
    V6(u64),
}

impl AddressKey {
    fn of(canonical: IpAddr) -> Self {
        match canonical {
            IpAddr::V4(address) => Self::V4(address.to_bits()),
            IpAddr::V6(address) => Self::V6((address.to_bits() >> 64) as u64),
        }
    }
}

#[cfg(test)]
mod tests;
