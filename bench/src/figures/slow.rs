//! Readers that stop: what they cost the server, and whether the others are served as before.

use crate::process::{Server, json_number, kernel_tcp_kib, run_bots};

/// One in ten of 200 members stops reading, under the default limits and a short stall deadline.
pub fn run() {
    let server = Server::wharf(21_003, &["limits.send_stall_seconds=5"]);
    let run = |workload| {
        let arguments = [
            workload,
            "--target",
            &server.address,
            "--sessions",
            "200",
            "--rooms",
            "2",
            "--rate",
            "20",
            "--seconds",
            "20",
        ];
        run_bots(&arguments)
    };
    let p99 = |report: &str| json_number(report, "p99_us");
    let without = run("chat");
    let (resident, kernel) = (server.usage().resident_kib, kernel_tcp_kib());
    let with = run("slow");
    println!(
        "p99 without {:.0} us, with slow readers {:.0} us",
        p99(&without),
        p99(&with)
    );
    println!(
        "resident {resident} KiB before, {} KiB after; kernel TCP {kernel} KiB before, {} after",
        server.usage().resident_kib,
        kernel_tcp_kib()
    );
}
