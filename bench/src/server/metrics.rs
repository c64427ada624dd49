//! What Wharf says of itself: the page for Prometheus on its admin address.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(15);

/// The page as it was once.
pub struct Metrics(String);

impl Metrics {
    /// Asks for it.
    ///
    /// # Errors
    /// When there is no answer, or another than the page.
    pub(super) fn of(admin: SocketAddr) -> Result<Self, String> {
        let page = get(admin).map_err(|error| format!("metrics at {admin}: {error}"))?;
        match page.split_once("\r\n\r\n") {
            Some((head, body)) if head.contains(" 200 ") => Ok(Self(body.to_owned())),
            _ => Err(format!("metrics at {admin}: {page}")),
        }
    }

    /// The figure of that name, which has no labels.
    ///
    /// # Errors
    /// When there is none.
    pub fn figure(&self, name: &str) -> Result<f64, String> {
        let of_it = |line: &str| line.strip_prefix(name)?.strip_prefix(' ')?.parse().ok();
        let figure = self.0.lines().find_map(of_it);
        figure.ok_or_else(|| format!("the server does not tell {name}"))
    }
}

fn get(admin: SocketAddr) -> io::Result<String> {
    let mut stream = TcpStream::connect_timeout(&admin, PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    // By the older version, so that the page comes in one piece.
    write!(stream, "GET /metrics HTTP/1.0\r\nHost: {admin}\r\n\r\n")?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(answer)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_figure_is_found_by_its_whole_name() {
        let page = "# TYPE wharf_hash_waiting gauge\n\
                    wharf_hash_waiting_max 1024\nwharf_hash_waiting 7\n\
                    wharf_hash_busy_seconds_total 0.25\n";
        let metrics = Metrics(page.into());
        assert_eq!(metrics.figure("wharf_hash_waiting"), Ok(7.0));
        assert_eq!(metrics.figure("wharf_hash_busy_seconds_total"), Ok(0.25));
        assert!(metrics.figure("wharf_hash").is_err());
    }
}
