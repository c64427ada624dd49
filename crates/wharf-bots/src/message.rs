//! What a bot says: text that proves itself.
//!
//! Every text is a function of the run's seed, its sender and its number, so the receiver knows
//! each byte of it beforehand and a text that lost, gained or changed one is found.

use wharf_base::Rng;

/// Bytes of the stamp at the front of each text: sender, sequence and check word, eight hexadecimal
/// digits each, a full stop between them.
pub(crate) const STAMP_BYTES: usize = 26;

/// Which message a text is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stamp {
    /// The number of the bot that said it.
    pub(crate) sender: u32,
    /// How many that bot had said before.
    pub(crate) sequence: u32,
}

/// Composes and recognizes the texts of one run.
#[derive(Debug)]
pub(crate) struct Phrasebook {
    seed: u64,
    text_bytes: usize,
    /// Letters to fill up with; each message begins at an offset of its own.
    filler: Vec<u8>,
}

/// How many different fillings there are.
const OFFSETS: u32 = 256;

impl Phrasebook {
    /// The texts of `text_bytes` bytes that `seed` stands for.
    ///
    /// # Panics
    /// If the stamp does not fit.
    pub(crate) fn new(seed: u64, text_bytes: usize) -> Self {
        assert!(text_bytes >= STAMP_BYTES, "a text has room for its stamp");
        let mut rng = Rng::from_seed(seed);
        let filler = (0..text_bytes - STAMP_BYTES + OFFSETS as usize)
            .map(|_| b'a' + rng.below(26) as u8)
            .collect();
        Self {
            seed,
            text_bytes,
            filler,
        }
    }

    /// Appends the text of `stamp`.
    pub(crate) fn compose(&self, stamp: Stamp, out: &mut Vec<u8>) {
        let check = self.check_word(stamp);
        push_hex(stamp.sender, out);
        out.push(b'.');
        push_hex(stamp.sequence, out);
        out.push(b'.');
        push_hex(check, out);
        out.extend_from_slice(self.filling(check));
    }

    /// Which message `text` is; `None` if one byte of it is not as it was said in this run.
    pub(crate) fn recognize(&self, text: &[u8]) -> Option<Stamp> {
        if text.len() != self.text_bytes || text[8] != b'.' || text[17] != b'.' {
            return None;
        }
        let stamp = Stamp {
            sender: parse_hex(&text[..8])?,
            sequence: parse_hex(&text[9..17])?,
        };
        let check = self.check_word(stamp);
        let whole = parse_hex(&text[18..STAMP_BYTES])? == check
            && &text[STAMP_BYTES..] == self.filling(check);
        whole.then_some(stamp)
    }

    fn filling(&self, check: u32) -> &[u8] {
        let offset = (check % OFFSETS) as usize;
        &self.filler[offset..offset + self.text_bytes - STAMP_BYTES]
    }

    /// SplitMix64's finalizer: any changed bit of the input changes half of the output.
    fn check_word(&self, stamp: Stamp) -> u32 {
        let mut bits = u64::from(stamp.sender) << 32 | u64::from(stamp.sequence);
        bits = (bits ^ self.seed).wrapping_add(0x9e37_79b9_7f4a_7c15);
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (bits ^ (bits >> 31)) as u32
    }
}

fn push_hex(word: u32, out: &mut Vec<u8>) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    for shift in (0..8).rev() {
        out.push(DIGITS[(word >> (shift * 4)) as usize & 15]);
    }
}

fn parse_hex(digits: &[u8]) -> Option<u32> {
    digits.iter().try_fold(0, |word, &digit| {
        let value = match digit {
            b'0'..=b'9' => digit - b'0',
            b'a'..=b'f' => digit - b'a' + 10,
            _ => return None,
        };
        Some(word << 4 | u32::from(value))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(book: &Phrasebook, sender: u32, sequence: u32) -> Vec<u8> {
        let mut out = Vec::new();
        book.compose(Stamp { sender, sequence }, &mut out);
        out
    }

    #[test]
    fn a_text_is_recognized_and_is_as_long_as_asked() {
        for text_bytes in [STAMP_BYTES, 59, 257, 16_379] {
            let book = Phrasebook::new(7, text_bytes);
            let said = text(&book, u32::MAX, 12);
            assert_eq!(said.len(), text_bytes);
            let stamp = Stamp {
                sender: u32::MAX,
                sequence: 12,
            };
            assert_eq!(book.recognize(&said), Some(stamp));
        }
    }

    #[test]
    fn one_changed_bit_anywhere_is_found() {
        let book = Phrasebook::new(7, 64);
        let said = text(&book, 3, 9);
        for bit in 0..said.len() * 8 {
            let mut changed = said.clone();
            changed[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(book.recognize(&changed), None, "bit {bit}");
        }
        assert_eq!(book.recognize(&said[..63]), None, "a byte short");
    }

    #[test]
    fn a_text_of_another_run_is_not_recognized() {
        let said = text(&Phrasebook::new(1, 64), 3, 9);
        assert_eq!(Phrasebook::new(2, 64).recognize(&said), None);
    }
}
