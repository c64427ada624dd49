//! What operators see of the real program: metrics, health, `wharf top`.

use crate::support::{BACKENDS, PATIENCE, Reserved, Server, output, start, wharf};
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::time::{Duration, Instant};
use wharf::wire::classic::ResultCode;

/// The setting for an admin address on a free port.
pub(crate) const ANYWHERE: &str = "admin.listen=127.0.0.1:0";

/// What a server's banner says of its admin address.
fn admin_line(server: &Server) -> &str {
    let lines = server.banner.lines();
    let mut lines = lines.filter_map(|line| line.trim().strip_prefix("admin "));
    lines.next().expect("a line about the admin address").trim()
}

pub(crate) fn admin_address(server: &Server) -> &str {
    admin_line(server).split(' ').next().unwrap_or_default()
}

/// Asks as a scraper does: the status line, and what stands below the headers.
pub(crate) fn get(address: &str, path: &str, header: &str) -> (String, String) {
    let mut stream = TcpStream::connect(address).expect("the admin address answers");
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    write!(
        stream,
        "GET {path} HTTP/1.1\r\nHost: {address}\r\n{header}\r\n"
    )
    .unwrap();
    let mut answer = String::new();
    stream
        .read_to_string(&mut answer)
        .expect("an answer in text");
    let (head, body) = answer.split_once("\r\n\r\n").expect("headers");
    (
        head.lines().next().unwrap_or_default().to_owned(),
        body.to_owned(),
    )
}

pub(crate) fn top(arguments: &[&str]) -> (i32, String, String) {
    let output = output(wharf().arg("top").args(arguments));
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("text").replace('\r', "");
    let code = output.status.code().expect("an exit code");
    (code, text(output.stdout), text(output.stderr))
}

/// The sum of the samples that begin so.
pub(crate) fn sum(page: &str, sample: &str) -> f64 {
    let samples = page.lines().filter(|line| line.starts_with(sample));
    let values = samples.filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok());
    values.sum()
}

#[test]
fn a_server_under_load_tells_what_it_does() {
    for backend in BACKENDS {
        for placement in ["placement=fused", "placement=split"] {
            let server = Server::start(backend, &[ANYWHERE, placement, "shards=2"]);
            let admin = admin_address(&server);
            let target = server.address.to_string();
            let bots = [
                "bots",
                "chat",
                "--sessions",
                "40",
                "--rooms",
                "2",
                "--seconds",
                "600",
            ];
            let mut bots = start(
                wharf()
                    .args(bots)
                    .args(["--target", &target, "--port-backend", backend])
                    .stdout(std::process::Stdio::null())
                    .stderr(std::process::Stdio::null()),
            );
            let deadline = Instant::now() + PATIENCE;
            let everybody = "wharf_content_members{";
            while sum(&get(admin, "/metrics", "").1, everybody) < 40.0 {
                assert!(Instant::now() < deadline, "the bots do not come");
                std::thread::sleep(Duration::from_millis(20));
            }
            let (code, page, error) = top(&["--admin", admin, "--once"]);
            assert_eq!(code, 0, "{error}");
            let words = [
                backend,
                &placement["placement=".len()..],
                &target,
                "serving",
            ];
            for word in words
                .iter()
                .chain(&["members", "sessions closed", "waits/s"])
            {
                assert!(page.contains(word), "{word} is not in:\n{page}");
            }
            bots.kill().expect("our own child");
            bots.wait().expect("our own child");
            let (status, page) = get(admin, "/metrics", "");
            assert_eq!(status, "HTTP/1.1 200 OK");
            assert!(sum(&page, "wharf_content_logins_total{") >= 40.0, "{page}");
            assert!(sum(&page, "wharf_net_sent_frames_total{") >= 40.0, "{page}");
            assert!(
                sum(&page, "process_resident_memory_bytes ") > 100_000.0,
                "{page}"
            );
            assert_eq!(sum(&page, "wharf_shard_up{"), 2.0, "{page}");
            assert_eq!(get(admin, "/healthz", "").1, "ok\n");
            assert_eq!(get(admin, "/readyz", "").1, "{\"ready\":true}\n");
            let (code, json, error) = top(&["--admin", admin, "--json"]);
            assert_eq!(code, 0, "{error}");
            let json: serde_json::Value = serde_json::from_str(&json).expect("JSON");
            assert_eq!(json["backend"], *backend);
            let closed = &json["shards"].as_array().expect("shards")[0]["net"]["opened"];
            assert!(closed.as_u64().expect("a number") > 0, "{json}");
            assert!(json["per_second"]["messages_in"].is_f64(), "{json}");
        }
    }
}

#[test]
fn a_server_that_is_full_is_not_ready() {
    let settings = [
        ANYWHERE,
        "limits.sessions_max=1",
        "limits.sessions_not_logged_in=1",
    ];
    let server = Server::start(BACKENDS[0], &settings);
    let mut client = server.connect();
    assert_eq!(client.log_in("only"), ResultCode::None);
    let (status, said) = get(admin_address(&server), "/readyz", "");
    assert_eq!(status, "HTTP/1.1 503 Service Unavailable");
    assert!(said.contains("\"reason\":\"full\""), "{said}");
}

#[test]
fn an_admin_address_that_others_reach_wants_a_token() {
    let elsewhere = "admin.listen=0.0.0.0:0";
    let serve = ["serve", "--listen", "127.0.0.1:0", "--set", elsewhere];
    let output = output(wharf().args(serve));
    let error = String::from_utf8(output.stderr).expect("text");
    assert_eq!(
        (output.status.code(), error.lines().count()),
        (Some(2), 1),
        "{error}"
    );
    for word in ["admin.listen", "not loopback", "admin.token"] {
        assert!(error.contains(word), "{word} is not in: {error}");
    }
    let token = "0123456789abcdef0123456789abcdef";
    let server = Server::start(BACKENDS[0], &[elsewhere, &format!("admin.token={token}")]);
    let port = admin_address(&server).rsplit(':').next().expect("a port");
    let address = format!("127.0.0.1:{port}");
    assert!(!server.banner.contains(token));
    assert!(get(&address, "/metrics", "").0.contains(" 401 "));
    let shown = format!("Authorization: Bearer {token}\r\n");
    assert!(get(&address, "/metrics", &shown).0.contains(" 200 "));
    let (code, _, error) = top(&["--admin", &address, "--once"]);
    assert!(code == 2 && error.contains("--token-file"), "{error}");
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(&file, format!("{token}\n")).unwrap();
    let file = file.path().to_str().unwrap();
    let (code, page, error) = top(&["--admin", &address, "--once", "--token-file", file]);
    assert!(code == 0 && page.contains("serving"), "{error}");
}

#[test]
fn an_admin_port_in_use_matters_only_where_it_was_asked_for() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let setting = format!("admin.listen={}", taken.local_addr().unwrap());
    let serve = ["serve", "--listen", "127.0.0.1:0", "--set", &setting];
    let output = output(wharf().args(serve));
    let error = String::from_utf8(output.stderr).expect("text");
    assert_eq!(
        (output.status.code(), error.lines().count()),
        (Some(2), 1),
        "{error}"
    );
    assert!(error.contains("is in use; --set admin.listen"), "{error}");
    // Where another server has it already, that may end before ours starts.
    let deadline = Instant::now() + PATIENCE;
    let (_default, mut server) = loop {
        let default = TcpListener::bind("127.0.0.1:11022");
        let server = Server::start(BACKENDS[0], &[]);
        let said = admin_line(&server);
        if default.is_ok() || !said.starts_with("127.0.0.1:11022") {
            let expected = "none: 127.0.0.1:11022 is in use";
            assert!(said.starts_with(expected), "{said}");
            break (default, server);
        }
        assert!(Instant::now() < deadline, "somebody else ends all the time");
    };
    server.connect().assert_serves();
    server.wait_for_log(&["no admin address", "127.0.0.1:11022"]);
    let server = Server::start(BACKENDS[0], &["admin.listen=off"]);
    assert_eq!(admin_line(&server), "off");
}

#[test]
fn top_without_a_server_says_what_to_type() {
    let free = Reserved::new();
    for how in [&["--once"][..], &["--json"], &[]] {
        let (code, said, error) = top(&[&["--admin", &free.address()], how].concat());
        assert_eq!(
            (code, error.trim_end().lines().count()),
            (2, 1),
            "{said}{error}"
        );
        assert!(
            error.contains("no server answers") && error.contains("--admin"),
            "{error}"
        );
    }
    let (code, _, error) = top(&["--admin", "nonsense", "--once"]);
    assert!(code == 2 && error.contains("HOST:PORT"), "{error}");
    let server = Server::start(BACKENDS[0], &[ANYWHERE]);
    let (code, _, error) = top(&["--admin", admin_address(&server)]);
    assert!(
        code == 2 && error.contains("--once"),
        "no terminal here: {error}"
    );
}
