//! Stage 5: sessions, packets and a ring buffer, each of them small enough to be tested alone.
//!
//! [`ring`] keeps bytes, [`packet`] cuts them, [`sessions`] knows who is who; [`server`] puts the
//! three together, on the completion port of step 1.

pub mod packet;
pub mod ring;
pub mod server;
pub mod sessions;
