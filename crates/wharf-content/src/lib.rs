//! Users, rooms, handlers, ticks: events in, commands out.
//!
//! A game is an [`App`]: kinds of [`Room`] with typed packet handlers, and one [`Foyer`] for what
//! happens outside rooms (login, entering, leaving). A [`LogicShard`] runs it: a state machine
//! that takes [`ContentEvent`]s out of an [`Inbox`] and puts [`ContentCommand`]s into an
//! [`Outbox`]. It cannot name a socket, a thread, a clock or a database; time and chance come in
//! as parameters, so every game runs unchanged under the simulator.
//!
//! A typed room, and its test:
//! ```
//! use wharf_content::{Handled, MemberId, Room, RoomCx, TestRoom};
//! use wharf_wire::classic::Echo;
//! #[derive(Default)]
//! struct Choir;
//! impl Room for Choir {}
//! impl Choir {
//!     fn sing(&mut self, cx: &mut RoomCx, _: MemberId, line: Echo) -> Handled {
//!         cx.broadcast(&line);
//!         Ok(())
//!     }
//! }
//! let mut choir = TestRoom::<Choir>::new(7).on(Choir::sing);
//! let (alice, bob) = (choir.join("alice"), choir.join("bob"));
//! choir.send(alice, &Echo { text: "la".into() });
//! assert_eq!(choir.received::<Echo>(bob), [Echo { text: "la".into() }]);
//! ```

mod app;
mod arena;
mod canary;
mod commands;
mod foyer;
mod handler;
mod held;
mod ids;
mod inbox;
mod letter;
mod limits;
mod note;
mod outbox;
mod query;
mod rates;
mod room;
mod room_core;
mod room_cx;
mod roster;
mod shard;
mod stats;
mod test_room;
mod timers;
mod watch;

pub use app::{App, AppBuilder, FoyerBuilder, RoomBuilder, RoomOptions};
pub use canary::Canary;
pub use commands::{Commands, ContentCommand, Dismissal, LoginRequest, Origin, Payload};
pub use foyer::{Foyer, FoyerCx};
pub use handler::{Fault, Handled, Refusal};
pub use ids::{AskId, Dialect, MemberId, RoomId, RoomKind, TimerId, User, UserId};
pub use inbox::{ContentEvent, Inbox, LoginRefusal, MailLoad};
pub use letter::Letter;
pub use limits::ContentLimits;
pub use note::{AskError, Message, Note, Ticket};
pub use outbox::Outbox;
pub use query::{Asker, Query, QueryId, RoomAddress};
pub use rates::Rate;
pub use room::{EnterRefusal, LeaveReason, Room, Tick};
pub use room_core::Owed;
pub use room_cx::RoomCx;
pub use shard::{LogicOptions, LogicShard};
pub use stats::LogicStats;
pub use test_room::TestRoom;
pub use watch::{Cause, HandlerWatch, Place};
pub use wharf_base::Histogram;
