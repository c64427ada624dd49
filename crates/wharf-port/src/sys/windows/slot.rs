//! What an operation writes down for the kernel, at an address that stays.

use crate::sys::pool::BufferIndex;
use core::mem::offset_of;
use core::ptr::NonNull;
use std::net::SocketAddr;
use windows_sys::Win32::Networking::WinSock::{
    AF_INET, AF_INET6, IN_ADDR, IN_ADDR_0, IN6_ADDR, IN6_ADDR_0, SOCKADDR_IN, SOCKADDR_IN6,
    SOCKADDR_IN6_0, SOCKADDR_INET,
};
use windows_sys::Win32::System::IO::OVERLAPPED;

/// The scratch of a receive, a send or a connect. The kernel knows an operation by the address of
/// its `OVERLAPPED`, which is the address of its slot.
#[repr(C)]
pub(super) struct Slot {
    pub(super) overlapped: OVERLAPPED,
    /// `lpFlags` of `WSARecv`, which it reads and writes.
    pub(super) flags: u32,
    /// Where a posted receive writes to; `None` for a receive of zero bytes.
    pub(super) buffer: Option<BufferIndex>,
    /// Where a connect goes to.
    pub(super) address: SOCKADDR_INET,
}

const _: () = assert!(offset_of!(Slot, overlapped) == 0);
const _: () = assert!(size_of::<Slot>() <= 80, "there are two for each session");

impl Slot {
    /// For a send.
    pub(super) fn new() -> Self {
        Self {
            // MSDN, OVERLAPPED: "Any unused members of this structure should always be
            // initialized to zero before the structure is used in a function call."
            overlapped: OVERLAPPED::default(),
            flags: 0,
            buffer: None,
            address: SOCKADDR_INET::default(),
        }
    }

    /// For a receive: into `buffer`, or of zero bytes.
    pub(super) fn receiving(buffer: Option<BufferIndex>) -> Self {
        Self {
            buffer,
            ..Self::new()
        }
    }

    /// For a connect.
    pub(super) fn connecting(remote: SocketAddr) -> Self {
        Self {
            address: address_of(remote),
            ..Self::new()
        }
    }
}

fn address_of(remote: SocketAddr) -> SOCKADDR_INET {
    let sin_port = remote.port().to_be();
    match remote {
        SocketAddr::V4(remote) => SOCKADDR_INET {
            Ipv4: SOCKADDR_IN {
                sin_family: AF_INET,
                sin_port,
                sin_addr: IN_ADDR {
                    S_un: IN_ADDR_0 {
                        S_addr: u32::from_ne_bytes(remote.ip().octets()),
                    },
                },
                ..SOCKADDR_IN::default()
            },
        },
        SocketAddr::V6(remote) => SOCKADDR_INET {
            Ipv6: SOCKADDR_IN6 {
                sin6_family: AF_INET6,
                sin6_port: sin_port,
                sin6_flowinfo: remote.flowinfo(),
                sin6_addr: IN6_ADDR {
                    u: IN6_ADDR_0 {
                        Byte: remote.ip().octets(),
                    },
                },
                Anonymous: SOCKADDR_IN6_0 {
                    sin6_scope_id: remote.scope_id(),
                },
            },
        },
    }
}

/// The `OVERLAPPED` of a slot, without a reference to memory that may be the kernel's.
pub(super) fn overlapped_of(slot: NonNull<Slot>) -> *mut OVERLAPPED {
    slot.cast().as_ptr()
}

#[cfg(test)]
mod tests {
    use super::*;
    use socket2::SockAddr;

    #[test]
    fn an_address_reads_the_same_for_everybody() {
        for remote in ["127.1.2.3:4567", "[fe80::1:2%7]:80"] {
            let remote: SocketAddr = remote.parse().unwrap();
            let expected = SockAddr::from(remote);
            let len = expected.len() as usize;
            let ours = address_of(remote);
            assert!(len <= size_of_val(&ours));
            // SAFETY: both are that long, and wholly initialised.
            let [ours, expected] = unsafe {
                [(&raw const ours).cast::<u8>(), expected.as_ptr().cast()]
                    .map(|start| core::slice::from_raw_parts(start, len))
            };
            assert_eq!(ours, expected, "{remote}");
        }
    }
}
