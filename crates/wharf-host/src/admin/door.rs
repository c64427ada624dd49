//! The listener, its thread, and what bounds each connection.

use super::guard::Guard;
use super::look::Office;
use super::options::{AdminError, AdminOptions};
use super::{About, pages};
use crate::server::{Server, ServerOptions};
use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};

/// Connections at once; more wait in the system's queue. Descriptors are kept for so many.
const CONNECTIONS_MAX: usize = 16;
/// Bytes of a request's head.
const HEAD_BYTES_MAX: usize = 16 * 1024;
/// Until the next try when the system has no descriptor for a connection.
const ACCEPT_AGAIN: Duration = Duration::from_millis(250);

/// How long a connection may take, which serves one request.
#[derive(Clone, Copy, Debug)]
pub(super) struct Times {
    /// From connecting to the end of the request's headers.
    pub(super) headers: Duration,
    /// From connecting to the last byte of the answer.
    pub(super) answered: Duration,
}

impl Default for Times {
    fn default() -> Self {
        Self {
            headers: Duration::from_secs(5),
            answered: Duration::from_secs(15),
        }
    }
}

/// An admin address that is listened on, and not served yet: opened before the server starts, so
/// that one that cannot be had keeps it from starting.
#[derive(Debug)]
pub struct AdminDoor {
    listener: TcpListener,
    local: SocketAddr,
    guard: Guard,
}

impl AdminDoor {
    /// Listens.
    ///
    /// # Errors
    /// [`AdminError`]: where it may not be, or cannot be.
    pub fn open(options: &AdminOptions) -> Result<Self, AdminError> {
        let listen = options.listen;
        if options.token.is_none() && !listen.ip().to_canonical().is_loopback() {
            return Err(AdminError::NeedsToken(listen));
        }
        let opened = TcpListener::bind(listen).and_then(|listener| {
            listener.set_nonblocking(true)?;
            let local = listener.local_addr()?;
            Ok((listener, local))
        });
        let (listener, local) = opened.map_err(|error| AdminError::Listen(listen, error))?;
        let guard = Guard {
            token: options.token.clone(),
        };
        Ok(Self {
            listener,
            local,
            guard,
        })
    }

    /// Where it listens.
    pub fn local_addr(&self) -> SocketAddr {
        self.local
    }

    /// Answers what is asked about `server`, which was started with `options`, on a thread of its
    /// own, until what is returned is dropped.
    ///
    /// # Errors
    /// [`AdminError::Thread`].
    pub fn serve(
        self,
        server: &Server,
        options: &ServerOptions,
        about: About,
    ) -> Result<Admin, AdminError> {
        let office = Office::new(server, options, about);
        self.serve_pages(pages::router(office), Times::default())
    }

    pub(super) fn serve_pages(self, pages: Router, times: Times) -> Result<Admin, AdminError> {
        let app = pages::guarded(pages, self.guard);
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_io()
            .enable_time()
            .build()
            .map_err(AdminError::Thread)?;
        let listener = {
            let _context = runtime.enter();
            tokio::net::TcpListener::from_std(self.listener).map_err(AdminError::Thread)?
        };
        let (stop, stopped) = oneshot::channel::<()>();
        let thread = std::thread::Builder::new()
            .name("admin".into())
            .spawn(move || {
                runtime.block_on(async {
                    tokio::spawn(accept(listener, app, times));
                    // Dropping the other half is the word; what is open then is cut.
                    let _ = stopped.await;
                });
            })
            .map_err(AdminError::Thread)?;
        Ok(Admin {
            stop: Some(stop),
            thread: Some(thread),
        })
    }
}

/// An admin address that is served. Dropping it ends that, and waits for its thread, which nothing
/// holds up for long.
#[derive(Debug)]
pub struct Admin {
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Drop for Admin {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // A panic there is in the log.
            let _ = thread.join();
        }
    }
}

async fn accept(listener: tokio::net::TcpListener, app: Router, times: Times) {
    let seats = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    loop {
        let seat = Arc::clone(&seats).acquire_owned().await;
        let seat = seat.expect("nobody closes the seats");
        match listener.accept().await {
            Ok((stream, _)) => drop(tokio::spawn(serve_one(stream, app.clone(), times, seat))),
            // Trying at once would only burn the processor; what fails for one peer alone is rare.
            Err(_) => tokio::time::sleep(ACCEPT_AGAIN).await,
        }
    }
}

/// One request and its answer.
async fn serve_one(stream: TcpStream, app: Router, times: Times, seat: OwnedSemaphorePermit) {
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(times.headers)
        .max_buf_size(HEAD_BYTES_MAX)
        .keep_alive(false)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(app));
    // Whoever breaks the protocol, leaves or is late has no answer, and is nobody's trouble.
    let _ = tokio::time::timeout(times.answered, connection).await;
    drop(seat);
}
