//! What happens at the limits.

use crate::support::{BACKENDS, Server, replace};
use wharf::wire::classic::ResultCode;

#[test]
fn a_full_server_says_so_and_accepts_again_as_soon_as_one_leaves() {
    for backend in BACKENDS {
        let server = Server::start(backend, &["limits.sessions_max=2"]);
        let (mut kim, mut lee) = (server.connect(), server.connect());
        assert_eq!(kim.log_in("kim"), ResultCode::None);
        assert_eq!(lee.log_in("lee"), ResultCode::None);
        let mut park = server.connect();
        assert_eq!(park.log_in("park"), ResultCode::LoginUserUsedAll);
        assert!(park.is_ended(), "answered, then closed");
        drop(lee);
        loop {
            let mut park = server.connect();
            match park.log_in("park") {
                ResultCode::None => break,
                full => assert_eq!(full, ResultCode::LoginUserUsedAll),
            }
        }
        kim.assert_serves();
    }
}

#[test]
fn connections_of_one_address_are_limited() {
    for backend in BACKENDS {
        let settings = [
            "limits.connections_per_address=2",
            "limits.loopback_exempt=false",
        ];
        let server = Server::start(backend, &settings);
        let (mut kim, mut lee) = (server.connect(), server.connect());
        assert_eq!(kim.log_in("kim"), ResultCode::None);
        assert_eq!(lee.log_in("lee"), ResultCode::None);
        let mut park = server.connect();
        assert!(park.is_ended());
        kim.assert_serves();
    }
}

#[test]
fn a_denied_network_is_not_served_and_the_list_is_reloaded() {
    for backend in BACKENDS {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("wharf.toml");
        std::fs::write(&file, "").unwrap();
        let mut command = crate::support::wharf();
        command.args([
            "serve",
            "--listen",
            "127.0.0.1:0",
            "--port-backend",
            backend,
            "--set",
            "log.level=debug",
            "--config",
        ]);
        command.arg(&file);
        let mut server = Server::start_command(command);
        server.connect().assert_serves();
        replace(&file, "access.deny = ['127.0.0.0/8']\n");
        server.wait_for_log(&["reloaded", "deny=1"]);
        assert_turned_away(&mut server, "what the list denies");
        replace(&file, "access.deny = ['127.0.0.0/8'\n");
        server.wait_for_log(&["not reloaded", "wharf.toml:1:"]);
        assert_turned_away(&mut server, "a wrong file changes nothing");
        std::fs::remove_file(&file).unwrap();
        server.wait_for_log(&["gone", "stay as they are"]);
        assert_turned_away(&mut server, "nor does one that is gone");
        replace(&file, "log.format = 'json'\naccess.deny = []\n");
        server.wait_for_log(&["WARN", "reloaded: empty", "deny=0"]);
        server.wait_for_log(&["log.format", "next start"]);
        server.connect().assert_serves();
        #[cfg(unix)]
        {
            let pid = rustix::process::Pid::from_child(&server.child);
            rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
            let said = server.wait_for_output("access-denied");
            assert!(said.ends_with(" 3"), "{said}");
        }
    }
}

fn assert_turned_away(server: &mut Server, why: &str) {
    assert!(server.connect().is_ended(), "{why}");
    server.wait_for_log(&["turned away", "peer=127.0.0.1:", "access-denied"]);
}
