//! Resident memory for each idle logged-in session, and whether a second wave adds any.

use crate::process::{Server, bots, kernel_tcp_kib, wait_for_line};
use std::process::Child;
use std::time::Duration;

/// Sessions of the warm-up, which are not counted as growth.
const WARM_UP: u32 = 100;

/// Measures with `sessions` sessions from two client processes over several loopback addresses.
pub fn run(sessions: u32) {
    let server = Server::wharf_default(21_002);
    let fresh = server.usage().resident_kib;
    println!("fresh start with default limits: {} KiB resident", fresh);
    let warm = wave(&server, WARM_UP);
    println!("after a warm-up of {WARM_UP}: {} KiB", warm.0);
    for name in ["first", "second"] {
        let (resident, kernel) = wave(&server, sessions);
        let growth = (resident as f64 - warm.0 as f64) / f64::from(sessions - WARM_UP);
        println!(
            "{name} wave of {sessions}: {resident} KiB resident, {growth:.2} KiB a session; the \
             kernel's TCP memory is {} KiB more than before",
            kernel.saturating_sub(warm.1)
        );
    }
}

/// Brings so many sessions in, looks, and lets them leave; resident and kernel KiB at the height.
fn wave(server: &Server, sessions: u32) -> (u64, u64) {
    let half = (sessions / 2).max(1);
    let mut clients: Vec<Child> = [(half, "1"), (sessions - half, "2")]
        .into_iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, seed)| {
            let count = count.to_string();
            let arguments = [
                "idle",
                "--target",
                &server.address,
                "--sessions",
                &count,
                "--seconds",
                "600",
                "--seed",
                seed,
                "--source-addresses",
                "4",
            ];
            let mut child = bots(&arguments).spawn().expect("bots start");
            wait_for_line(&mut child, "idle");
            child
        })
        .collect();
    std::thread::sleep(Duration::from_secs(3));
    let height = (server.usage().resident_kib, kernel_tcp_kib());
    for client in &mut clients {
        let _ = client.kill();
        let _ = client.wait();
    }
    std::thread::sleep(Duration::from_secs(5));
    height
}
