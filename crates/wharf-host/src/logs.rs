//! The log: human on a terminal or JSON, and daily files by a switch.

use crate::config::Effective;
use crate::panics;
use std::io;
use tracing_appender::non_blocking::WorkerGuard;
use tracing_appender::rolling::{RollingFileAppender, Rotation};
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{Layer, Registry, fmt};

/// Log files kept; one a day.
const FILES_KEPT: usize = 14;

/// What makes the tables of a store tells every step of it, at every start; what we say of it
/// ourselves is enough.
const TALKATIVE: &str = "refinery_core";

/// Starts logging as configured. Lines are written by a thread of their own behind a bounded
/// queue, so no I/O thread ever waits for a disk or a terminal; lines beyond it are dropped.
/// From here on panics are lines of the log, too; before, they are text on standard error.
/// What is returned must be kept until the process ends: dropping it writes out the rest.
///
/// # Errors
/// When the directory of the log files cannot be made or written to.
pub fn start(config: &Effective) -> io::Result<Vec<WorkerGuard>> {
    let level = match config.choice("log.level") {
        "error" => LevelFilter::ERROR,
        "warn" => LevelFilter::WARN,
        "debug" => LevelFilter::DEBUG,
        _ => LevelFilter::INFO,
    };
    let json = config.choice("log.format") == "json";
    let (terminal, guard) = tracing_appender::non_blocking(io::stderr());
    let mut guards = vec![guard];
    let colour = io::IsTerminal::is_terminal(&io::stderr());
    let mut layers = vec![layer(json, colour, terminal)];
    if config.flag("log.files") {
        let directory = config.path("data").join("log");
        std::fs::create_dir_all(&directory)?;
        let files = RollingFileAppender::builder()
            .rotation(Rotation::DAILY)
            .filename_prefix("wharf")
            .filename_suffix("log")
            .max_log_files(FILES_KEPT)
            .build(directory)
            .map_err(io::Error::other)?;
        let (files, guard) = tracing_appender::non_blocking(files);
        guards.push(guard);
        layers.push(layer(json, false, files));
    }
    let started = tracing_subscriber::registry()
        .with(layers.with_filter(wanted(level)))
        .try_init();
    // A second server in one process (a test) keeps the log of the first.
    if started.is_ok() {
        panics::log();
    }
    Ok(guards)
}

fn wanted(level: LevelFilter) -> Targets {
    let targets = Targets::new().with_default(level);
    targets.with_target(TALKATIVE, level.min(LevelFilter::WARN))
}

fn layer<W>(json: bool, colour: bool, writer: W) -> Box<dyn Layer<Registry> + Send + Sync>
where
    W: for<'w> fmt::MakeWriter<'w> + Send + Sync + 'static,
{
    let layer = fmt::layer()
        .with_target(false)
        .with_ansi(colour)
        .with_writer(writer);
    if json {
        layer.json().boxed()
    } else {
        layer.boxed()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tracing::Level;

    #[test]
    fn who_tells_every_step_is_heard_when_something_is_wrong() {
        let normal = wanted(LevelFilter::INFO);
        assert!(normal.would_enable("wharf_store", &Level::INFO));
        assert!(!normal.would_enable("refinery_core::traits", &Level::INFO));
        assert!(normal.would_enable("refinery_core::traits", &Level::WARN));
        let quiet = wanted(LevelFilter::ERROR);
        assert!(!quiet.would_enable("refinery_core::traits", &Level::WARN));
        assert!(wanted(LevelFilter::DEBUG).would_enable("wharf_store", &Level::DEBUG));
    }
}
