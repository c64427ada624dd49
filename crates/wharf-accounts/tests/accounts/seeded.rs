//! Chance from a seed.

use wharf_accounts::Chance;
use wharf_base::Rng;

pub(crate) struct Seeded(pub(crate) Rng);

impl Chance for Seeded {
    fn fill(&mut self, bytes: &mut [u8]) {
        bytes.fill_with(|| self.0.next_u64() as u8);
    }
}
