//! What happened, as a number to compare and as lines to read.

use core::fmt;
use std::collections::VecDeque;

/// Lines kept for reading; the hash covers all.
const LINES_KEPT: usize = 400;

/// The log of a run. Two runs of one seed must have equal traces.
#[derive(Clone, Debug, Default)]
pub struct Trace {
    hash: u64,
    count: u64,
    lines: VecDeque<String>,
}

impl Trace {
    /// Writes a line.
    pub fn line(&mut self, line: fmt::Arguments<'_>) {
        let line = line.to_string();
        // FNV-1a: fixed for all time and every machine, unlike the standard library's hasher.
        for byte in line.bytes() {
            self.hash = (self.hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
        self.count += 1;
        if self.lines.len() == LINES_KEPT {
            self.lines.pop_front();
        }
        self.lines.push_back(line);
    }

    /// A number that stands for everything that happened, and in which order.
    pub fn hash(&self) -> u64 {
        self.hash ^ self.count
    }

    /// The last lines.
    pub fn lines(&self) -> impl Iterator<Item = &str> {
        self.lines.iter().map(String::as_str)
    }
}
