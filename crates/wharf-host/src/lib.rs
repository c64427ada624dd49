//! The process around the server: configuration, threads, wiring, signals, logs.
pub mod config;
