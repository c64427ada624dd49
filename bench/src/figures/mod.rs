//! From single samples to lines that are kept, shown and plotted.

pub mod line;
pub mod origin;
pub mod pairs;
pub mod record;
pub mod stats;
pub mod table;
pub mod target;
