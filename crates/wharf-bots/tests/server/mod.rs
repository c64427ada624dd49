//! A small chat server in a thread of its own.

mod lobby;

use lobby::LobbyServer;
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use wharf_port::{Backend, BackendWish, NativePort, Waker, choose};

/// A server in a thread of its own, until it is dropped.
pub(crate) struct TinyServer {
    backend: BackendWish,
    address: SocketAddr,
    peers: Arc<Mutex<Vec<IpAddr>>>,
    stop: Arc<AtomicBool>,
    waker: Waker,
    thread: Option<JoinHandle<()>>,
}

impl TinyServer {
    /// A server on each kind of port that this machine permits, one after the other.
    pub(crate) fn on_each_port() -> impl Iterator<Item = Self> {
        let wishes = [
            BackendWish::Uring,
            BackendWish::Readiness,
            BackendWish::Iocp,
        ];
        wishes
            .into_iter()
            .filter_map(|wish| Some(Self::start(wish, choose(wish).ok()?.backend)))
    }

    fn start(wish: BackendWish, backend: Backend) -> Self {
        let (sender, receiver) = sync_channel(1);
        let stop = Arc::new(AtomicBool::new(false));
        let peers = Arc::default();
        let (stopping, seen) = (Arc::clone(&stop), Arc::clone(&peers));
        let thread = std::thread::spawn(move || match backend {
            #[cfg(target_os = "linux")]
            Backend::Uring => serve_on::<wharf_port::UringPort>(&sender, seen, &stopping),
            #[cfg(unix)]
            Backend::Readiness => serve_on::<wharf_port::ReadinessPort>(&sender, seen, &stopping),
            #[cfg(windows)]
            Backend::Iocp => serve_on::<wharf_port::IocpPort>(&sender, seen, &stopping),
        });
        let (address, waker) = receiver.recv().unwrap();
        Self {
            backend: wish,
            address,
            peers,
            stop,
            waker,
            thread: Some(thread),
        }
    }

    pub(crate) fn backend(&self) -> BackendWish {
        self.backend
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(crate) fn peers_from(&self, address: &str) -> usize {
        let address: IpAddr = address.parse().unwrap();
        self.peers
            .lock()
            .unwrap()
            .iter()
            .filter(|&&peer| peer == address)
            .count()
    }
}

impl Drop for TinyServer {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Release);
        self.waker.wake();
        let ended = self.thread.take().unwrap().join();
        assert!(
            std::thread::panicking() || ended.is_ok(),
            "the server panicked"
        );
    }
}

fn serve_on<P: NativePort>(
    ready: &SyncSender<(SocketAddr, Waker)>,
    peers: Arc<Mutex<Vec<IpAddr>>>,
    stop: &AtomicBool,
) {
    let port = P::open(&lobby::port_options()).unwrap();
    let waker = port.waker();
    let mut server = LobbyServer::new(port, peers);
    ready.send((server.address(), waker)).unwrap();
    while !server.is_shut_down() {
        if stop.load(Ordering::Acquire) {
            server.begin_shutdown();
        }
        server.turn();
    }
}
