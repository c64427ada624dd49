//! What a server uses while everybody is logged in and nobody says anything.

use crate::process::{Server, bots, wait_for_line};
use std::time::Duration;

/// Measures `seconds` with `sessions` silent sessions.
pub fn run(sessions: u32, seconds: u32) {
    let server = Server::wharf_default(21_001);
    let count = sessions.to_string();
    let stay = (seconds + 30).to_string();
    let arguments = [
        "idle",
        "--target",
        &server.address,
        "--sessions",
        &count,
        "--seconds",
        &stay,
    ];
    let mut clients = bots(&arguments).spawn().expect("bots start");
    wait_for_line(&mut clients, "idle");
    std::thread::sleep(Duration::from_secs(10));
    let before = server.usage();
    std::thread::sleep(Duration::from_secs(seconds.into()));
    let after = server.usage();
    let cpu = (after.cpu_ns - before.cpu_ns) as f64 / 1e9 / f64::from(seconds);
    let switches = after.voluntary_switches - before.voluntary_switches;
    println!(
        "{sessions} idle sessions over {seconds} s: {:.4} % of a core, {switches} voluntary \
              switches",
        cpu * 100.0
    );
    let _ = clients.kill();
    let _ = clients.wait();
}
