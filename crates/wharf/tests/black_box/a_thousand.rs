//! A thousand sessions at once, every delivery checked, on each backend.

use crate::support::{BACKENDS, Server, output, wharf};

fn bots(server: &Server, backend: &str, arguments: &[&str]) {
    let mut command = wharf();
    let target = server.address.to_string();
    command
        .args(["bots", "--target", &target, "--port-backend", backend])
        .args(arguments);
    let output = output(&mut command);
    let said = String::from_utf8_lossy(&output.stdout);
    assert_eq!(
        output.status.code(),
        Some(0),
        "{backend} {arguments:?}: {said}"
    );
    assert!(said.contains("was right"), "{said}");
}

#[test]
fn a_thousand_sessions_log_in_and_chat() {
    for backend in BACKENDS {
        let server = Server::start(backend, &[]);
        let sizes = [
            "chat",
            "--sessions",
            "1000",
            "--rooms",
            "10",
            "--rate",
            "0.5",
        ];
        bots(
            &server,
            backend,
            &[&sizes[..], &["--seconds", "4"]].concat(),
        );
    }
}

#[test]
fn every_workload_is_right_on_each_backend_and_placement() {
    for backend in BACKENDS {
        for placement in ["placement=fused", "placement=split"] {
            let settings = [placement, "limits.send_stall_seconds=3", "shards=2"];
            let mut server = Server::start(backend, &settings);
            bots(&server, backend, &["echo", "--seconds", "1"]);
            bots(&server, backend, &["echo", "--no-login", "--seconds", "1"]);
            bots(
                &server,
                backend,
                &["idle", "--sessions", "200", "--seconds", "1"],
            );
            bots(&server, backend, &["churn", "--seconds", "1"]);
            bots(
                &server,
                backend,
                &["slow", "--sessions", "40", "--seconds", "2"],
            );
            assert!(
                server.child.try_wait().expect("our own child").is_none(),
                "it still serves"
            );
        }
    }
}
