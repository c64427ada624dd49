//! Where the frames lie that a command sends, and how they leave.

use super::{Commands, ContentCommand, Origin, Payload};
use bytes::Bytes;
use wharf_base::SessionId;
use wharf_wire::{FrameRun, Headers, SendClass};

/// Frames in an arena, for one receiver or more.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sending {
    pub(super) class: SendClass,
    pub(super) origin: Origin,
    pub(super) stored: Stored,
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Stored {
    Run {
        count: u16,
        headers: Headers,
        run_bytes: u32,
        start: usize,
    },
    Shared(u32),
}

impl Sending {
    /// The command that sends this to `session`; `bytes` and `shared` are the arena's.
    #[inline]
    pub(super) fn to<'a>(
        &self,
        session: SessionId,
        origin: Origin,
        bytes: &'a [u8],
        shared: &[Bytes],
    ) -> ContentCommand<'a> {
        let payload = match self.stored {
            Stored::Run {
                count,
                headers,
                run_bytes,
                start,
            } => {
                let run = &bytes[start..start + run_bytes as usize];
                Payload::Run(FrameRun::known_with(run, count.into(), headers))
            }
            Stored::Shared(index) => Payload::Shared(shared[index as usize].clone()),
        };
        ContentCommand::Send {
            session,
            class: self.class,
            origin,
            payload,
        }
    }

    /// In an arena that has so much before it.
    pub(super) fn shift(&mut self, bytes: usize, shared: u32) {
        match &mut self.stored {
            Stored::Run { start, .. } => *start += bytes,
            Stored::Shared(index) => *index += shared,
        }
    }

    /// The same with its run, if it is one, copied from `bytes` behind what is in `to`.
    pub(super) fn copied(&self, bytes: &[u8], to: &mut Vec<u8>) -> Self {
        let mut copy = *self;
        if let Stored::Run {
            run_bytes, start, ..
        } = &mut copy.stored
        {
            let run = &bytes[*start..*start + *run_bytes as usize];
            *start = to.len();
            to.extend_from_slice(run);
        }
        copy
    }

    /// Makes this and `next` one, if they leave alike and lie one behind the other.
    pub(super) fn absorb(&mut self, next: &Sending) -> bool {
        let alike = (self.class, self.origin) == (next.class, next.origin);
        // A latest-value is replaced by itself, never with its neighbours.
        if !alike || self.class == SendClass::Latest {
            return false;
        }
        let (
            Stored::Run {
                count,
                headers,
                run_bytes,
                start,
            },
            Stored::Run {
                count: more,
                run_bytes: more_bytes,
                start: behind,
                ..
            },
        ) = (&mut self.stored, next.stored)
        else {
            return false;
        };
        let fits = *run_bytes + more_bytes <= Commands::RUN_BYTES_MAX;
        if !fits || *start + *run_bytes as usize != behind {
            return false;
        }
        *run_bytes += more_bytes;
        *count += more;
        *headers = Headers::Various;
        true
    }
}
