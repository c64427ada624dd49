//! A disk that forgets: what was written and not synced may be gone after a power cut, in whole,
//! in part, or not at all.

use std::collections::BTreeMap;
use wharf_base::Rng;

/// A disk writes this much whole or not at all.
const SECTOR: usize = 512;

/// The power is off, or was since the file was opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct PowerIsOff;

/// The bytes of each file that would be there after a cut, now.
pub(crate) type Image = BTreeMap<String, Vec<u8>>;

/// Files in memory. Reading sees what was written; only what was synced is sure to stay.
///
/// Invariant: while the power is off, nothing is read or written.
pub(crate) struct Disk {
    files: BTreeMap<String, File>,
    rng: Rng,
    /// Writes, syncs and the like so far.
    operations: u64,
    /// At which of them the power goes.
    cut_at: Option<u64>,
    is_off: bool,
    /// How often the power came back: who opened a file before that has lost it.
    lives: u64,
    counts: Counts,
}

/// What the disk has done to those who trusted it.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Counts {
    /// Cuts while something was under way.
    pub(crate) cuts: u64,
    /// Changes that were not synced, and stayed nevertheless.
    pub(crate) kept: u64,
    /// Changes that were not synced, and are gone.
    pub(crate) dropped: u64,
    /// Writes of which some sectors stayed.
    pub(crate) torn: u64,
    /// Syncs that were done.
    pub(crate) syncs: u64,
}

#[derive(Default)]
struct File {
    /// As it is seen; `None` if there is none of this name.
    seen: Option<Vec<u8>>,
    /// As it would be after a cut, if nothing of `pending` stayed.
    durable: Option<Vec<u8>>,
    /// What came after the last sync, in order.
    pending: Vec<Change>,
}

enum Change {
    Create,
    Write { at: usize, bytes: Vec<u8> },
    Truncate { size: usize },
    Delete,
}

/// How a cut treats what was not synced.
#[derive(Clone, Copy)]
enum Mood {
    /// It is all gone.
    Empty,
    /// Each change stays or goes.
    Scattered,
    /// The first of them stay, the next is torn.
    InOrder(usize),
    /// Each sector of each write stays or goes.
    Torn,
}

impl Disk {
    /// A disk with these files on it.
    pub(crate) fn new(image: Image, rng: Rng) -> Self {
        let file = |bytes: Vec<u8>| File {
            seen: Some(bytes.clone()),
            durable: Some(bytes),
            pending: Vec::new(),
        };
        Self {
            files: image
                .into_iter()
                .map(|(it, bytes)| (it, file(bytes)))
                .collect(),
            rng,
            operations: 0,
            cut_at: None,
            is_off: false,
            lives: 0,
            counts: Counts::default(),
        }
    }

    /// The power goes at the so many-th operation from now.
    pub(crate) fn cut_after(&mut self, operations: u64) {
        self.cut_at = Some(self.operations + operations);
    }

    /// The power goes now, and nothing is under way.
    pub(crate) fn cut(&mut self) {
        self.is_off = true;
    }

    /// The power is back: only what lasted is there.
    pub(crate) fn power_on(&mut self) {
        for file in self.files.values_mut() {
            let mood = match self.rng.below(4) {
                0 => Mood::Empty,
                1 => Mood::Scattered,
                2 => {
                    let kept = self.rng.below(file.pending.len() as u64 + 1);
                    Mood::InOrder(kept as usize)
                }
                _ => Mood::Torn,
            };
            file.lose(mood, &mut self.rng, &mut self.counts);
        }
        self.files.retain(|_, file| file.seen.is_some());
        self.is_off = false;
        self.cut_at = None;
        self.lives += 1;
    }

    /// What is on it, synced or not.
    pub(crate) fn image(&self) -> Image {
        let seen = |(name, file): (&String, &File)| Some((name.clone(), file.seen.clone()?));
        self.files.iter().filter_map(seen).collect()
    }

    /// What it has done so far.
    pub(crate) fn counts(&self) -> Counts {
        self.counts
    }

    /// The present life, which whoever opens a file remembers.
    pub(crate) fn life(&self) -> Result<u64, PowerIsOff> {
        match self.is_off {
            true => Err(PowerIsOff),
            false => Ok(self.lives),
        }
    }

    /// Whether the power is on and has been since `life`.
    pub(crate) fn check(&self, life: u64) -> Result<(), PowerIsOff> {
        match !self.is_off && self.lives == life {
            true => Ok(()),
            false => Err(PowerIsOff),
        }
    }

    /// Whether there is a file of this name.
    pub(crate) fn exists(&self, name: &str) -> bool {
        self.files.get(name).is_some_and(|file| file.seen.is_some())
    }

    /// The file's bytes; none if there is no such file.
    pub(crate) fn bytes(&self, name: &str) -> &[u8] {
        let file = self.files.get(name);
        file.and_then(|file| file.seen.as_deref())
            .unwrap_or_default()
    }

    /// Makes a file if it is not there.
    pub(crate) fn create(&mut self, name: &str) -> Result<(), PowerIsOff> {
        self.life()?;
        let file = self.files.entry(name.to_owned()).or_default();
        if file.seen.is_none() {
            file.seen = Some(Vec::new());
            file.pending.push(Change::Create);
        }
        Ok(())
    }

    /// Writes behind the file's end as well: what is in between is zero.
    pub(crate) fn write(&mut self, name: &str, at: usize, bytes: &[u8]) -> Result<(), PowerIsOff> {
        let bytes = bytes.to_vec();
        self.change(name, Change::Write { at, bytes })
    }

    /// Cuts the file off.
    pub(crate) fn truncate(&mut self, name: &str, size: usize) -> Result<(), PowerIsOff> {
        self.change(name, Change::Truncate { size })
    }

    /// Takes the file away; with its folder synced, for good.
    pub(crate) fn delete(&mut self, name: &str, is_synced: bool) -> Result<(), PowerIsOff> {
        self.change(name, Change::Delete)?;
        if is_synced {
            self.step()?;
            self.sync_folder();
        }
        Ok(())
    }

    /// What was written stays. With the first sync of a new journal SQLite syncs its folder too:
    /// then every file that is there stays, and every one that is gone stays gone.
    pub(crate) fn sync(&mut self, name: &str) -> Result<(), PowerIsOff> {
        // A sync that is cut has done nothing that can be relied upon.
        self.step()?;
        self.counts.syncs += 1;
        let file = self.files.entry(name.to_owned()).or_default();
        let is_new = file.pending.iter().any(Change::is_create);
        if is_new && (name.ends_with("-wal") || name.ends_with("-journal")) {
            self.sync_folder();
        }
        let file = self.files.entry(name.to_owned()).or_default();
        for change in file.pending.drain(..) {
            change.apply(&mut file.durable);
        }
        Ok(())
    }

    /// Which files there are, stays; what is in them is their own business.
    fn sync_folder(&mut self) {
        for file in self.files.values_mut() {
            let last = file.pending.iter().rposition(Change::is_delete);
            if let Some(last) = last {
                file.pending.drain(..=last);
                file.durable = None;
            }
            let created = file.pending.iter().position(Change::is_create);
            if let Some(created) = created {
                file.pending.remove(created);
                file.durable.get_or_insert_default();
            }
        }
    }

    fn change(&mut self, name: &str, change: Change) -> Result<(), PowerIsOff> {
        self.life()?;
        let stepped = self.step();
        // What the cut comes in the middle of may be done as well.
        let is_done = stepped.is_ok() || self.rng.chance(0.5);
        if is_done {
            let file = self.files.entry(name.to_owned()).or_default();
            change.apply(&mut file.seen);
            file.pending.push(change);
        }
        stepped
    }

    /// Counts one operation, and cuts the power if it is the one.
    fn step(&mut self) -> Result<(), PowerIsOff> {
        self.life()?;
        self.operations += 1;
        if self.is_cut_now() {
            self.is_off = true;
            self.counts.cuts += 1;
            return Err(PowerIsOff);
        }
        Ok(())
    }

    fn is_cut_now(&self) -> bool {
        self.cut_at == Some(self.operations)
    }
}

impl File {
    /// What is left of it after a cut.
    fn lose(&mut self, mood: Mood, rng: &mut Rng, counts: &mut Counts) {
        // A name that was given to another file means the one or the other, never something of
        // both.
        while let Some(deleted) = self.pending.iter().position(Change::is_delete) {
            if !matches!(mood, Mood::Empty) && rng.chance(0.5) {
                self.pending.drain(..=deleted);
                self.durable = None;
            } else {
                self.pending.truncate(deleted);
            }
        }
        let mut left = self.durable.take();
        for (index, change) in self.pending.drain(..).enumerate() {
            let is_torn = match mood {
                Mood::Torn => true,
                Mood::InOrder(kept) => index == kept,
                Mood::Empty | Mood::Scattered => false,
            };
            let is_kept = match mood {
                Mood::Empty => false,
                Mood::InOrder(kept) => index < kept,
                Mood::Scattered | Mood::Torn => rng.chance(0.5),
            };
            match (&change, is_torn) {
                (Change::Write { at, bytes }, true) if left.is_some() => {
                    counts.torn += 1;
                    tear(&mut left, *at, bytes, rng);
                }
                _ if is_kept && (left.is_some() || change.is_create()) => {
                    counts.kept += 1;
                    change.apply(&mut left);
                }
                _ => counts.dropped += 1,
            }
        }
        self.durable.clone_from(&left);
        self.seen = left;
    }
}

impl Change {
    fn is_delete(&self) -> bool {
        matches!(self, Self::Delete)
    }

    fn is_create(&self) -> bool {
        matches!(self, Self::Create)
    }

    fn apply(&self, file: &mut Option<Vec<u8>>) {
        match self {
            Self::Create => {
                file.get_or_insert_default();
            }
            Self::Write { at, bytes } => put(file.get_or_insert_default(), *at, bytes),
            Self::Truncate { size } => file.get_or_insert_default().truncate(*size),
            Self::Delete => *file = None,
        }
    }
}

/// Writes some sectors of a write.
fn tear(file: &mut Option<Vec<u8>>, at: usize, bytes: &[u8], rng: &mut Rng) {
    let file = file.get_or_insert_default();
    let mut begin = 0;
    while begin < bytes.len() {
        // Sectors are the disk's, wherever the write begins.
        let end = ((at + begin) / SECTOR + 1) * SECTOR - at;
        let end = end.min(bytes.len());
        if rng.chance(0.5) {
            put(file, at + begin, &bytes[begin..end]);
        }
        begin = end;
    }
}

fn put(file: &mut Vec<u8>, at: usize, bytes: &[u8]) {
    let end = at + bytes.len();
    if file.len() < end {
        file.resize(end, 0);
    }
    file[at..end].copy_from_slice(bytes);
}

#[cfg(test)]
mod tests;
