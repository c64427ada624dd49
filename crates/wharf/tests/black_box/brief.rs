//! What lives for a short time, as it is seen from outside: delays of those who guess.

use crate::platform::{Guest, log_in, register};
use crate::support::{BACKENDS, Server, UNHURRIED};
use std::path::Path;
use wharf::proto::session::Code;

/// A server in that directory, which asks nobody to be slow; with what else is set.
fn start(data: &Path, more: &[&str]) -> Server {
    let settings = [UNHURRIED, more].concat();
    Server::start_in(data, BACKENDS[0], &settings)
}

/// Guesses at kim's password until that is refused, or so often; whether it was refused.
fn is_refused_within(server: &Server, guesses: u32) -> bool {
    let mut thief = Guest::new(server);
    (0..guesses).any(|_| {
        let code = thief.refused(&log_in("kim", "wrong horse"));
        assert!(matches!(code, Code::Credentials | Code::Rate), "{code:?}");
        code == Code::Rate
    })
}

fn a_delay_outlives_the_server(settings: &[&str]) {
    let folder = tempfile::tempdir().unwrap();
    let server = start(folder.path(), settings);
    Guest::new(&server).ask(&register("kim")).unwrap();
    assert!(is_refused_within(&server, 100));
    drop(server);
    // Five are free for whoever is not remembered.
    let server = start(folder.path(), settings);
    assert!(is_refused_within(&server, 4));
}

#[test]
fn who_has_guessed_has_to_wait_after_a_restart_too() {
    a_delay_outlives_the_server(&[]);
}

#[cfg(target_os = "linux")]
mod with_redis {
    use super::*;
    use crate::servers::{self, Kind};

    #[test]
    fn who_has_guessed_has_to_wait_after_a_restart_too() {
        let redis = servers::Server::start(Kind::Redis);
        a_delay_outlives_the_server(&[&format!("store.redis={}", redis.url())]);
    }

    #[test]
    fn redis_that_hangs_or_is_gone_stops_no_login() {
        let mut redis = servers::Server::start(Kind::Redis);
        let folder = tempfile::tempdir().unwrap();
        let url = format!("store.redis={}", redis.url());
        let server = start(folder.path(), &[&url]);
        for name in ["kim", "lee", "park"] {
            Guest::new(&server).ask(&register(name)).unwrap();
        }
        let mut comes_in = |name| {
            let told = Guest::new(&server).refused(&log_in(name, "wrong horse"));
            assert_eq!(told, Code::Credentials);
            Guest::new(&server)
                .ask(&log_in(name, "correct horse"))
                .unwrap();
        };
        comes_in("kim");
        redis.hang();
        comes_in("lee");
        redis.kill();
        comes_in("park");
    }
}
