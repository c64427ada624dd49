//! Login by the studio's own tickets, signed by keys that are made here.

use crate::platform::{Guest, log_in};
use crate::support::{BACKENDS, Server, output, replace, serve, wharf};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::signature::{Ed25519KeyPair, KeyPair as _};
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};
use tempfile::TempDir;
use wharf::proto::account::{LogInByTicket, LoggedIn};
use wharf::proto::session::{Code, Ping};

/// A studio, which signs tickets.
struct Studio {
    id: &'static str,
    key: Ed25519KeyPair,
}

impl Studio {
    /// One whose key has this id; another `seed` is another key.
    fn new(id: &'static str, seed: u8) -> Self {
        let key = Ed25519KeyPair::from_seed_unchecked(&[seed; 32]).expect("32 bytes");
        Self { id, key }
    }

    /// Its public key, as it stands in a JWKS.
    fn public(&self) -> String {
        let point = URL_SAFE_NO_PAD.encode(self.key.public_key().as_ref());
        let id = self.id;
        format!(r#"{{"kty":"OKP","crv":"Ed25519","kid":"{id}","x":"{point}"}}"#)
    }

    /// A ticket for `subject` that says the rest too.
    fn ticket(&self, subject: &str, rest: &str) -> LogInByTicket {
        let header = format!(r#"{{"alg":"EdDSA","kid":"{}"}}"#, self.id);
        let text = unsigned(&header, &format!(r#"{{"sub":"{subject}",{rest}}}"#));
        let signature = URL_SAFE_NO_PAD.encode(self.key.sign(text.as_bytes()));
        shown(&format!("{text}.{signature}"))
    }
}

fn unsigned(header: &str, claims: &str) -> String {
    let part = |text: &str| URL_SAFE_NO_PAD.encode(text);
    format!("{}.{}", part(header), part(claims))
}

pub(crate) fn shown(ticket: &str) -> LogInByTicket {
    LogInByTicket {
        ticket: ticket.into(),
        ..LogInByTicket::default()
    }
}

/// What a good ticket says beside its subject, `seconds` from now on until it ends.
fn claims(audience: &str, seconds: i64) -> String {
    let ends = unix_seconds() + seconds;
    format!(r#""iss":"studio","aud":"{audience}","exp":{ends}"#)
}

fn unix_seconds() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    since.as_secs() as i64
}

fn publish(file: &Path, studios: &[&Studio]) {
    let keys: Vec<String> = studios.iter().map(|studio| studio.public()).collect();
    replace(file, &format!(r#"{{"keys":[{}]}}"#, keys.join(",")));
}

/// A server that takes the tickets of `studios`, and where their keys are.
fn start(backend: &str, folder: &TempDir, studios: &[&Studio]) -> Server {
    let file = folder.path().join("keys.json");
    publish(&file, studios);
    let mut command = serve(backend, &SETTINGS);
    command.arg("--set");
    command.arg(format!("accounts.tickets.jwks={}", file.display()));
    Server::start_command(command)
}

const SETTINGS: [&str; 2] = [
    "accounts.tickets.issuer=studio",
    "accounts.tickets.audience=game",
];

fn enter(server: &Server, ticket: &LogInByTicket) -> Result<LoggedIn, Code> {
    let mut guest = Guest::new(server);
    let answer = guest.ask(ticket).map_err(|error| error.code());
    guest.ask(&Ping::default()).expect("the session goes on");
    answer
}

#[test]
fn a_good_ticket_is_an_account_and_every_bad_one_is_refused() {
    for backend in BACKENDS {
        let folder = tempfile::tempdir().unwrap();
        let studio = Studio::new("a", 1);
        let server = start(backend, &folder, &[&studio]);
        let good = claims("game", 600);
        let named = format!(r#"{good},"name":"Kim""#);
        let first = enter(&server, &studio.ticket("user-1", &named)).unwrap();
        assert!(first.is_new && first.display_name == "Kim");
        let again = enter(&server, &studio.ticket("user-1", &good)).unwrap();
        assert_eq!(again.account, first.account);
        let other = enter(&server, &studio.ticket("user-2", &good)).unwrap();
        assert_ne!(other.account, first.account);

        let bad = |what: &str, ticket: LogInByTicket| {
            assert_eq!(enter(&server, &ticket), Err(Code::Token), "{what}");
        };
        bad("another's key", Studio::new("a", 2).ticket("user-1", &good));
        bad(
            "an unknown key",
            Studio::new("b", 1).ticket("user-1", &good),
        );
        let claims_of = |rest: &str| format!(r#"{{"sub":"user-1",{rest}}}"#);
        for header in [r#"{"alg":"none"}"#, r#"{"alg":"none","kid":"a"}"#] {
            let text = unsigned(header, &claims_of(&good));
            bad("unsigned", shown(&format!("{text}.")));
        }
        let confused = unsigned(r#"{"alg":"HS256","kid":"a"}"#, &claims_of(&good));
        bad(
            "by the public key as a secret",
            shown(&format!("{confused}.AAAA")),
        );
        bad("expired", studio.ticket("user-1", &claims("game", -600)));
        let begins = unix_seconds() + 600;
        for claim in ["iat", "nbf"] {
            let early = format!(r#"{good},"{claim}":{begins}"#);
            bad("from the future", studio.ticket("user-1", &early));
        }
        bad(
            "for another game",
            studio.ticket("user-1", &claims("other", 600)),
        );
        let foreign = good.replace("studio", "forger");
        bad("by another issuer", studio.ticket("user-1", &foreign));
        bad(
            "by nobody",
            studio.ticket("user-1", r#""aud":"game","exp":9999999999"#),
        );
        bad(
            "for ever",
            studio.ticket("user-1", r#""iss":"studio","aud":"game""#),
        );
        bad("nobody's", studio.ticket("", &good));
        let sound = studio.ticket("user-1", &good);
        enter(&server, &sound).expect("what stands here is sound");
    }
}

#[test]
fn keys_are_replaced_while_the_server_runs_and_bad_ones_change_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("keys.json");
    let (old, new) = (Studio::new("old", 1), Studio::new("new", 2));
    let mut server = start(BACKENDS[0], &folder, &[&old]);
    let by = |studio: &Studio| studio.ticket("user-1", &claims("game", 600));
    let account = enter(&server, &by(&old)).unwrap().account;
    assert_eq!(enter(&server, &by(&new)), Err(Code::Token));
    for (rubbish, why) in [
        ("{\"keys\":[\n}", "line 2 column 1"),
        ("{\"keys\":[]}", "no key"),
    ] {
        replace(&file, rubbish);
        server.wait_for_log(&["keys.json", "not reloaded", why]);
        assert_eq!(enter(&server, &by(&old)).unwrap().account, account);
    }
    std::fs::remove_file(&file).unwrap();
    server.wait_for_log(&["not reloaded", "gone"]);
    enter(&server, &by(&old)).unwrap();
    publish(&file, &[&new]);
    server.wait_for_log(&["keys of login tickets reloaded"]);
    assert_eq!(enter(&server, &by(&old)), Err(Code::Token));
    assert_eq!(enter(&server, &by(&new)).unwrap().account, account);
}

#[test]
fn a_server_does_not_start_with_keys_that_are_none_and_says_where_they_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let (keys, config) = (
        folder.path().join("keys.json"),
        folder.path().join("my.toml"),
    );
    std::fs::write(&keys, "{\"keys\":[\n}").unwrap();
    let written = format!(
        "[accounts.tickets]\nissuer = 'studio'\naudience = 'game'\njwks = '{}'\n",
        keys.display()
    );
    std::fs::write(&config, written).unwrap();
    let mut command = wharf();
    command.args(["serve", "--listen", "127.0.0.1:0", "--config"]);
    command.arg(&config).env("WHARF_DATA", folder.path());
    let said = output(&mut command);
    assert_eq!(said.status.code(), Some(2));
    let said = String::from_utf8_lossy(&said.stderr);
    for words in [
        "my.toml:4:1",
        "accounts.tickets.jwks",
        "no JWKS",
        "line 2 column 1",
    ] {
        assert!(said.contains(words), "{words} in {said}");
    }
}

#[test]
fn without_keys_no_ticket_is_taken() {
    let server = Server::start(BACKENDS[0], &[]);
    let studio = Studio::new("a", 1);
    let ticket = studio.ticket("user-1", &claims("game", 600));
    assert_eq!(enter(&server, &ticket), Err(Code::Token));
    let by_name = Guest::new(&server).refused(&log_in("user-1", "correct horse"));
    assert_eq!(by_name, Code::Credentials);
}
