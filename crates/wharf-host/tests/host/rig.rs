//! A server for a test, on every backend of this system.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;
use wharf_content::{AppBuilder, LogicOptions};
use wharf_host::{AnyName, Doorman, NoServices, Placement, ServerOptions};
use wharf_net::{Admission, NetLimits};
use wharf_port::PortOptions;

/// Longer than anything may take.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// Where a server listens.
pub(crate) const ANYWHERE: SocketAddr =
    SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 0);

/// The options of a server that anybody may come to, under any name.
pub(crate) fn options(
    shards: u8,
    placement: Placement,
    content: impl FnOnce(&mut AppBuilder),
) -> ServerOptions {
    let limits = NetLimits::for_sessions(64, shards.into());
    let mut app = AppBuilder::new();
    content(&mut app);
    ServerOptions {
        shards,
        placement,
        port: PortOptions::for_sockets(limits.sockets_per_port(1)),
        logic: LogicOptions {
            logic_count: shards.into(),
            io_count: shards.into(),
            ..LogicOptions::default()
        },
        app: Arc::new(app.build()),
        doorman: Arc::new(Doorman::new(Box::new(AnyName), Box::new(|| 0))),
        services: Arc::new(NoServices),
        admission: Arc::new(Admission::new(&limits)),
        limits,
        watch_handlers: true,
    }
}

/// Makes a test of each of these functions on each backend.
macro_rules! on_every_port {
    ($($test:ident),+) => {
        #[cfg(target_os = "linux")]
        mod uring {
            $(#[test] fn $test() { super::$test::<wharf_port::UringPort>(); })+
        }
        #[cfg(unix)]
        mod readiness {
            $(#[test] fn $test() { super::$test::<wharf_port::ReadinessPort>(); })+
        }
        #[cfg(windows)]
        mod iocp {
            $(#[test] fn $test() { super::$test::<wharf_port::IocpPort>(); })+
        }
    };
}
pub(crate) use on_every_port;
