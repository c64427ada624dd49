//! Frames are served in order, or held while they cannot be.

use super::calls::Outcome;
use super::desk::Desk;
use super::turn::Turn;
use super::{Phase, Session, State};
use crate::app::{FoyerHandler, RunHandler};
use crate::canary::Canary;
use crate::rates::Meter;
use crate::{Cause, Commands, ContentCommand, Dismissal, Fault, Handled, Outbox, Refusal};
use wharf_base::{Instant, SessionId};
use wharf_wire::{Extensions, FIRST_MODERN_ID, Frame, FrameRun, Violation};

impl Turn<'_> {
    pub(super) fn on_frames(&mut self, id: SessionId, mut frames: FrameRun<'_>) {
        if self.known(id).is_none() {
            return;
        }
        while frames.frame_count() > 0 {
            let is_full = self.is_full();
            let Some(session) = self.state.sessions.get(id) else {
                return;
            };
            match session.phase {
                Phase::Closing => {
                    self.state.desk.stats.frames_ignored += u64::from(frames.frame_count());
                    return;
                }
                Phase::Open if session.held.is_none() && !is_full => {
                    let before = frames.frame_count();
                    self.serve(id, &mut frames);
                    if frames.frame_count() == before {
                        return; // A run that is broken ends where it is.
                    }
                }
                _ => match frames.next() {
                    Some(frame) => self.hold(id, frame),
                    None => return,
                },
            }
        }
    }

    /// Serves what was held because the outbox was full.
    pub(super) fn serve_stalled(&mut self) {
        for session in core::mem::take(&mut self.state.stalled) {
            self.serve_held(session);
        }
    }

    pub(super) fn return_credits(&mut self) {
        while let Some(session) = self.state.owed.pop() {
            self.return_credit(session);
        }
    }

    /// Serves the next frame, and those of the same packet behind it while nothing changes for whom
    /// they come from: the room's handler if it has one, else the foyer's.
    fn serve(&mut self, id: SessionId, frames: &mut FrameRun<'_>) {
        let (Some(packet), Some(session)) = (frames.next_id(), self.state.sessions.get(id)) else {
            return;
        };
        let app = self.app;
        let in_room = session.seat.and_then(|seat| {
            let kind = &app.kinds[usize::from(seat.id.kind().0)];
            Some((seat, kind.handlers.get(packet)?))
        });
        let cause = Cause::Packet(packet);
        let (now, mut meter) = (self.now, app.rates.meter(packet, &session.usage));
        let before = frames.frame_count();
        let mut request = None;
        let handled = match in_room {
            Some((seat, handler)) => {
                self.with_room_calls(seat.room, cause, Some(id), |room, cx, calls| {
                    calls.serve(packet, frames, |frame| {
                        let body = opened(frame, &mut request)?;
                        cx.answering = request;
                        charge(&mut meter, now)?;
                        handler(room, cx, seat.member, body)?;
                        Ok(after(cx.desk, cx.outbox))
                    })
                })
            }
            None => self.serve_in_foyer(id, packet, frames, &mut meter, &mut request),
        };
        if frames.frame_count() == before {
            frames.next();
        }
        self.note_served(id, before - frames.frame_count(), meter.as_ref());
        if let Some(Err(fault)) = handled {
            self.on_fault(id, packet, request, fault);
        }
        self.settle();
    }

    /// As [`Turn::serve`], by the foyer's handler; it may be one of runs.
    fn serve_in_foyer(
        &mut self,
        id: SessionId,
        packet: u16,
        frames: &mut FrameRun<'_>,
        meter: &mut Option<Meter>,
        request: &mut Option<u32>,
    ) -> Option<Handled> {
        let (app, now) = (self.app, self.now);
        match app.foyer_handlers.get(packet) {
            Some(FoyerHandler::Frame(handler)) => {
                self.with_foyer_calls(id, Cause::Packet(packet), |_, cx, calls| {
                    calls.serve(packet, frames, |frame| {
                        let body = opened(frame, request)?;
                        cx.answering = *request;
                        charge(meter, now)?;
                        handler(cx, Frame { body, ..frame })?;
                        let is_asking = cx.todo.is_some() || !cx.session.is_open();
                        let changed = is_asking.then_some(Outcome::Changed);
                        Ok(changed.unwrap_or_else(|| after(cx.desk, cx.outbox)))
                    })
                })
            }
            Some(FoyerHandler::Run(handler)) => self.serve_run(id, packet, frames, meter, handler),
            None => Some(Err(Violation::UnknownId { id: packet }.into())),
        }
    }

    /// Gives the frames of `packet` at the front to a handler of runs: one alone if it is counted,
    /// else as many as leave together at the most. Those that the handler leaves are left.
    fn serve_run(
        &mut self,
        id: SessionId,
        packet: u16,
        frames: &mut FrameRun<'_>,
        meter: &mut Option<Meter>,
        handler: &RunHandler,
    ) -> Option<Handled> {
        let now = self.now;
        let bytes_max = match meter {
            Some(_) => 0,
            None => Commands::RUN_BYTES_MAX as usize,
        };
        let mut behind = frames.clone();
        let mut run = behind.take_kind(bytes_max);
        let flags = run.clone().next()?.flags;
        let given = run.frame_count();
        let handled = self.with_foyer(id, Cause::Packet(packet), |_, cx| {
            if packet >= FIRST_MODERN_ID && flags != 0 {
                return Err(Violation::UnknownFlags { id: packet, flags }.into());
            }
            charge(meter, now)?;
            handler(cx, &mut run)
        });
        match run.frame_count() {
            0 => *frames = behind,
            left => {
                let taken = given.saturating_sub(left) as usize;
                frames.by_ref().take(taken).for_each(drop);
            }
        }
        handled
    }

    /// So many frames of a session were served: it is owed their credit.
    fn note_served(&mut self, id: SessionId, frames: u32, meter: Option<&Meter>) {
        let State {
            sessions,
            owed,
            desk,
            ..
        } = &mut *self.state;
        desk.stats.frames += u64::from(frames);
        // No handler removes a session, nor does what is done when it has panicked.
        let session = sessions
            .get_mut(id)
            .expect("whoever was served is still there");
        if session.owed == 0 && frames > 0 {
            owed.push(id);
        }
        session.owed += frames;
        if let Some(meter) = meter {
            session.usage.note(meter);
        }
    }

    fn on_fault(&mut self, id: SessionId, packet: u16, request: Option<u32>, fault: Fault) {
        match fault {
            Fault::Refuse(code, text) => {
                self.state.desk.stats.refusals += 1;
                let refusal = Refusal { code, text };
                self.with_foyer(id, Cause::Occasion("on_refused"), |foyer, cx| {
                    cx.answering = request;
                    foyer.on_refused(cx, packet, refusal);
                });
            }
            Fault::TooFast { retry_after } => {
                self.state.desk.stats.too_fast += 1;
                self.with_foyer(id, Cause::Occasion("on_too_fast"), |foyer, cx| {
                    cx.answering = request;
                    foyer.on_too_fast(cx, packet, retry_after);
                });
            }
            Fault::Violation(violation) => {
                self.state.desk.stats.violations += 1;
                let forgiven = self.with_foyer(id, Cause::Occasion("forgives"), |foyer, cx| {
                    cx.answering = request;
                    foyer.forgives(cx, packet, violation)
                });
                let State { sessions, desk, .. } = &mut *self.state;
                let Some(session) = sessions.get_mut(id).filter(|_| forgiven == Some(false)) else {
                    return;
                };
                session.violations = session.violations.saturating_add(1);
                if session.violations >= desk.options.limits.violations_max {
                    self.dismiss(id, Dismissal::Violation(violation));
                }
            }
        }
    }

    fn hold(&mut self, id: SessionId, frame: Frame<'_>) {
        let State {
            sessions,
            stalled,
            desk,
            ..
        } = &mut *self.state;
        let Some(session) = sessions.get_mut(id) else {
            return;
        };
        let is_stalled = session.is_open() && session.held.is_none();
        let held = session.held.get_or_insert_default();
        if held.overloaded {
            desk.stats.frames_ignored += 1;
            return;
        }
        if held.frames() >= desk.options.limits.held_frames_max {
            held.overloaded = true;
            desk.stats.overloaded += 1;
            let is_home = !matches!(session.phase, Phase::Moving { .. } | Phase::Expected);
            return self.overload(id, is_home);
        }
        held.push(frame);
        desk.stats.frames_held += 1;
        if is_stalled {
            session.owed += u32::from(desk.planted.is(Canary::DoubleCredit));
            desk.stats.outbox_full += 1;
            stalled.push(id);
        }
    }

    /// Ends a session for which too much is held. One that is between two homes keeps its entry
    /// until it has arrived, so that neither home waits for it for ever.
    pub(super) fn overload(&mut self, id: SessionId, is_home: bool) {
        if is_home {
            self.dismiss(id, Dismissal::Overloaded);
        } else {
            let reason = Dismissal::Overloaded;
            let session = id;
            self.command(id, ContentCommand::Close { session, reason });
        }
    }

    /// Serves what is held for a session, as far as it can be served now.
    pub(super) fn serve_held(&mut self, id: SessionId) {
        let Some(session) = self.state.sessions.get_mut(id) else {
            return;
        };
        let Some(mut held) = session.held.take() else {
            return;
        };
        while held.frames() > 0 && self.can_serve(id) {
            let before = held.frames();
            held.serve(|frames| self.serve(id, frames));
            let served = before - held.frames();
            self.state.desk.stats.frames_held -= served as u64;
            if served == 0 {
                break;
            }
        }
        let is_full = self.is_full();
        let State {
            sessions,
            stalled,
            desk,
            ..
        } = &mut *self.state;
        let session = sessions.get_mut(id);
        match session {
            Some(session) if session.phase != Phase::Closing => {
                let is_all_served = held.frames() == 0 && session.is_open();
                if is_all_served && (session.queries.is_empty() || session.waits) {
                    if held.input_ended {
                        self.finish(id);
                    }
                } else if !held.is_empty() {
                    if session.is_open() && is_full {
                        stalled.push(id);
                    }
                    session.held = Some(held);
                }
            }
            _ => desk.stats.frames_held -= held.frames() as u64,
        }
    }

    fn can_serve(&self, id: SessionId) -> bool {
        !self.is_full() && self.state.sessions.get(id).is_some_and(Session::is_open)
    }

    fn is_full(&self) -> bool {
        let limits = &self.state.desk.options.limits;
        self.outbox.is_full(limits.outbox_bytes_max)
    }

    fn return_credit(&mut self, id: SessionId) {
        let State { sessions, desk, .. } = &mut *self.state;
        let Some(session) = sessions.get_mut(id) else {
            return;
        };
        let frames = core::mem::take(&mut session.owed);
        if frames > 0 {
            desk.stats.credits += u64::from(frames);
            let session = id;
            self.command(id, ContentCommand::Credit { session, frames });
        }
    }
}

/// A frame's body without its extensions; the request that it is goes into `request`, whether its
/// other extensions are right or not.
#[inline]
fn opened<'a>(frame: Frame<'a>, request: &mut Option<u32>) -> Result<&'a [u8], Violation> {
    *request = None;
    if frame.id < FIRST_MODERN_ID {
        return Ok(frame.body);
    }
    let (extensions, body) = Extensions::split(frame)?;
    *request = extensions.request.filter(|_| !extensions.is_reply);
    // A session is in one room at a time, which needs no handle; nothing asks clients.
    if extensions.room.is_some() || extensions.is_reply {
        let Frame { id, flags, .. } = frame;
        return Err(Violation::UnknownFlags { id, flags });
    }
    Ok(body)
}

/// Counts a packet, if packets of its kind are.
#[inline]
fn charge(meter: &mut Option<Meter>, now: Instant) -> Result<(), Fault> {
    meter.as_mut().map_or(Ok(()), |meter| meter.take(now))
}

/// Whether the next frame may follow at once: not when there is something to do before it, nor when
/// it must be held.
#[inline]
fn after(desk: &Desk, outbox: &Outbox) -> Outcome {
    let is_full = outbox.is_full(desk.options.limits.outbox_bytes_max);
    match desk.todo.is_empty() && !is_full {
        true => Outcome::Settled,
        false => Outcome::Changed,
    }
}
