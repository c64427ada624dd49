//! Step 5: what waits to be sent leaves together.
//!
//! [`outgoing`] is what this step puts in the place of step 4's queue, [`overflow`] what it decides
//! when too much waits, [`sys`] the memory of a send with several parts, and [`room`] an
//! application with a lot to send. [`talk`] is how all that is tried out. The network, the threads
//! and the events are step 4's.

pub mod outgoing;
pub mod overflow;
pub mod room;
pub mod sys;
pub mod talk;
