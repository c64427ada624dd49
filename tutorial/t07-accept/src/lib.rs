//! Step 7: accepting is an operation as receiving is, and not everybody is let in.
//!
//! Read [`server`], the loop, which has no other thread beside it any more; [`admission`], who may
//! come in; [`deadlines`] and [`gate`], how long one may take. [`sys`] is how a connection comes
//! out of a completion port. The sessions are step 6's, unchanged.

pub mod admission;
pub mod deadlines;
pub mod gate;
pub mod server;
pub mod sys;
