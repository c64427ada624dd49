//! Finding out what the kernel can do by having it done, never by its version.

use super::buffer_ring::{BufferRing, GROUP};
use super::ring::{Patience, Ring, code_of};
use crate::{OpenError, OsCode};
use core::time::Duration;
use io_uring::{Probe, opcode, types};
use std::io::Write;
use std::os::fd::AsRawFd;
use std::os::unix::net::UnixStream;

/// Why `io_uring_setup(2)` failed, for the operator.
pub(super) fn setup_error(code: OsCode) -> OpenError {
    let feature = match code.0 {
        libc::ENOSYS => "io_uring_setup (Linux 5.1)",
        // io_uring_setup(2), EPERM: kernel.io_uring_disabled; or a filter that answers so.
        libc::EPERM | libc::EACCES => "io_uring_setup",
        // io_uring_setup(2), EINVAL: unknown flags. The newest that we ask for is the likely one.
        libc::EINVAL => "deferred task run (Linux 6.1)",
        _ => return super::wake::descriptor_error("io_uring_setup", code),
    };
    OpenError::Unsupported {
        feature,
        code: Some(code),
    }
}

/// Operations that the port submits, each with the words for a kernel that lacks it.
const OPERATIONS: [(u8, &str); 8] = [
    (opcode::Accept::CODE, "accept (Linux 5.5)"),
    (opcode::AsyncCancel::CODE, "cancel (Linux 5.5)"),
    (opcode::Connect::CODE, "connect (Linux 5.5)"),
    (opcode::PollAdd::CODE, "poll (Linux 5.1)"),
    (opcode::Recv::CODE, "receive (Linux 5.6)"),
    (opcode::Send::CODE, "send (Linux 5.6)"),
    (opcode::SendMsg::CODE, "gathered send (Linux 5.3)"),
    (
        opcode::Socket::CODE,
        "sockets as requests, and with them multishot accept (Linux 5.19)",
    ),
];

/// Checks a new ring for everything that the port relies on.
pub(super) fn check(ring: &mut Ring, buffers: &mut BufferRing) -> Result<(), OpenError> {
    let lacks = |feature| {
        Err(OpenError::Unsupported {
            feature,
            code: None,
        })
    };
    if !ring.parameters().is_feature_ext_arg() {
        return lacks("waiting with a timeout (Linux 5.11)");
    }
    if !ring.parameters().is_feature_nodrop() {
        return lacks("completions that are never dropped (Linux 5.5)");
    }
    if !ring.parameters().is_feature_skip_cqe_on_success() {
        return lacks("requests that succeed in silence (Linux 5.17)");
    }
    let mut probe = Probe::new();
    ring.submitter()
        .register_probe(&mut probe)
        .map_err(|error| OpenError::Unsupported {
            feature: "probing (Linux 5.6)",
            code: Some(crate::sys::sockets::os_code(&error)),
        })?;
    for (code, feature) in OPERATIONS {
        if !probe.is_supported(code) {
            return lacks(feature);
        }
    }
    check_multishot_recv(ring, buffers)
}

/// No flag tells of multishot receive, so one is made: a byte must come in a buffer out of the
/// ring, with more to follow, and a cancel must end it.
fn check_multishot_recv(ring: &mut Ring, buffers: &mut BufferRing) -> Result<(), OpenError> {
    const RECV: u64 = 1;
    const CANCEL: u64 = 2;
    let refused = |code| OpenError::Unsupported {
        feature: "multishot receive (Linux 6.0)",
        code,
    };
    let io_failed = |call| {
        move |error: std::io::Error| {
            super::wake::descriptor_error(call, crate::sys::sockets::os_code(&error))
        }
    };
    let (ours, mut theirs) = UnixStream::pair().map_err(io_failed("socketpair"))?;
    theirs.write_all(&[1]).map_err(io_failed("write"))?;
    let recv = opcode::RecvMulti::new(types::Fd(ours.as_raw_fd()), GROUP).build();
    // SAFETY: the receive writes only into the buffer ring, which outlives the ring's requests.
    unsafe { ring.push(recv.user_data(RECV)) };
    let first = next(ring, io_failed("io_uring_enter"))?;
    if let Some(buffer) = first.buffer {
        buffers.give_back(buffer);
    }
    if first.result != 1 || !first.more || first.buffer.is_none() {
        return Err(refused((first.result < 0).then(|| code_of(first.result))));
    }
    let cancel = opcode::AsyncCancel::new(RECV).build();
    // SAFETY: a cancel refers to no memory.
    unsafe { ring.push(cancel.user_data(CANCEL)) };
    let mut ended = false;
    for _ in [RECV, CANCEL] {
        let completion = next(ring, io_failed("io_uring_enter"))?;
        ended |= completion.user_data == RECV && completion.result == -libc::ECANCELED;
    }
    buffers.refill();
    if ended { Ok(()) } else { Err(refused(None)) }
}

fn next(
    ring: &mut Ring,
    failed: impl Fn(std::io::Error) -> OpenError,
) -> Result<super::ring::Reaped, OpenError> {
    /// All of this happens in memory; a kernel that has not answered by then never will.
    const ANSWER_WITHIN: Duration = Duration::from_secs(5);
    for _ in 0..2 {
        if let Some(completion) = ring.reap() {
            return Ok(completion);
        }
        ring.enter(Patience::Wait(Some(ANSWER_WITHIN)))
            .map_err(&failed)?;
    }
    ring.reap().ok_or(OpenError::Unsupported {
        feature: "multishot receive (Linux 6.0)",
        code: None,
    })
}
