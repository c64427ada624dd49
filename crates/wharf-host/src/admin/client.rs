//! Asks a server's admin address, as `wharf top` and `wharf admin` do.

use super::Snapshot;
use crate::config::Secret;
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Bytes;
use hyper::client::conn::http1;
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HOST};
use hyper::{Method, Request, StatusCode};
use hyper_util::rt::TokioIo;
use std::net::{SocketAddr, ToSocketAddrs};
use std::time::Duration;
use std::{fmt, io};
use tokio::net::TcpStream;
use tokio::runtime::Runtime;

/// From connecting to the last byte of the answer.
const PATIENCE: Duration = Duration::from_secs(20);
/// Bytes of an answer: many times what a server of 64 shards says.
const ANSWER_BYTES_MAX: usize = 8 << 20;

/// Asks one server; each call blocks until there is an answer.
#[derive(Debug)]
pub struct AdminClient {
    /// As it was typed.
    name: String,
    addresses: Vec<SocketAddr>,
    token: Option<Secret>,
    runtime: Runtime,
}

/// Why there is no answer.
#[derive(Debug)]
pub enum AskError {
    /// The name stands for no address.
    NoSuchName(String, io::Error),
    /// Nobody answers there.
    NotThere(String, io::Error),
    /// Whoever answers takes too long.
    TooLate(String),
    /// Whoever answers does not speak HTTP, or breaks off.
    NotHttp(String, String),
    /// The page was refused: status, and what was said.
    Refused(u16, String),
    /// What answers is no Wharf, or one that is much older or newer.
    NotWharf(String),
}

impl fmt::Display for AskError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoSuchName(name, error) => write!(f, "{name} is no address: {error}"),
            Self::NotThere(name, error) => write!(f, "no server answers on {name}: {error}"),
            Self::TooLate(name) => write!(f, "{name} does not answer in time"),
            Self::NotHttp(name, error) => {
                write!(f, "{name} is no admin address of a wharf: {error}")
            }
            Self::Refused(status, said) => write!(f, "refused with {status}: {}", said.trim()),
            Self::NotWharf(error) => write!(f, "its answer cannot be read: {error}"),
        }
    }
}

impl std::error::Error for AskError {}

impl AdminClient {
    /// A client of the server whose admin address is `name`: an address or a host's name, and a
    /// port.
    ///
    /// # Errors
    /// [`AskError::NoSuchName`].
    pub fn new(name: &str, token: Option<Secret>) -> Result<Self, AskError> {
        let known = |error| AskError::NoSuchName(name.to_owned(), error);
        let addresses = name.to_socket_addrs().map_err(known)?.collect();
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_io()
            .enable_time()
            .build()
            .map_err(known)?;
        Ok(Self {
            name: name.to_owned(),
            addresses,
            token,
            runtime,
        })
    }

    /// How the server is now.
    ///
    /// # Errors
    /// [`AskError`].
    pub fn snapshot(&self) -> Result<Snapshot, AskError> {
        let (status, text) = self.get("/api/stats")?;
        if status != StatusCode::OK.as_u16() {
            return Err(AskError::Refused(status, text));
        }
        serde_json::from_str(&text).map_err(|error| AskError::NotWharf(error.to_string()))
    }

    /// A page: its status, and its text.
    ///
    /// # Errors
    /// [`AskError`].
    pub fn get(&self, path: &str) -> Result<(u16, String), AskError> {
        self.wait(self.ask(Method::GET, path, None))
    }

    /// What operators do: the status and the text of what came of it.
    ///
    /// # Errors
    /// [`AskError`].
    pub fn operate(&self, act: &str, fields: &str) -> Result<(u16, String), AskError> {
        let path = format!("/api/operate/{act}");
        self.wait(self.ask(Method::POST, &path, Some(fields.to_owned())))
    }

    fn wait(
        &self,
        answer: impl Future<Output = Result<(u16, String), AskError>>,
    ) -> Result<(u16, String), AskError> {
        let late = |_| AskError::TooLate(self.name.clone());
        self.runtime
            .block_on(async { tokio::time::timeout(PATIENCE, answer).await })
            .map_err(late)?
    }

    async fn ask(
        &self,
        method: Method,
        path: &str,
        json: Option<String>,
    ) -> Result<(u16, String), AskError> {
        let broken =
            |error: &dyn fmt::Display| AskError::NotHttp(self.name.clone(), error.to_string());
        let stream = TcpStream::connect(&*self.addresses)
            .await
            .map_err(|error| AskError::NotThere(self.name.clone(), error))?;
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream))
            .await
            .map_err(|error| broken(&error))?;
        let request = Request::builder().method(method).uri(path);
        let mut request = request.header(HOST, &self.name);
        if let Some(token) = &self.token {
            request = request.header(AUTHORIZATION, format!("Bearer {}", token.expose()));
        }
        if json.is_some() {
            request = request
                .header(CONTENT_TYPE, "application/json")
                .header(super::operate::HEADER, "1");
        }
        let body = Bytes::from(json.unwrap_or_default());
        let request = request
            .body(Full::new(body))
            .map_err(|error| broken(&error))?;
        // It ends with the answer, whose reader is told what went wrong.
        let connection = tokio::spawn(connection);
        let response = sender.send_request(request).await;
        let response = response.map_err(|error| broken(&error))?;
        let status = response.status().as_u16();
        let body = Limited::new(response.into_body(), ANSWER_BYTES_MAX);
        let body = body.collect().await.map_err(|error| broken(&error))?;
        connection.abort();
        Ok((
            status,
            String::from_utf8_lossy(&body.to_bytes()).into_owned(),
        ))
    }
}
