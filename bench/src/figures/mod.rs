//! From single samples to lines that are kept, shown and plotted.

pub mod line;
pub mod pairs;
pub mod stats;
pub mod table;
pub mod target;
