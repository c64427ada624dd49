//! Whole servers and who asks about them.

mod format;
mod operate;
mod services;

use super::desk::Desk;
use super::door::{Admin, AdminDoor, Times};
use super::exposition::Kind;
use super::look::Office;
use super::tables::{LOGIC, NET, PORT};
use super::{About, AdminClient, AdminError, AdminOptions, AskError, pages};
use crate::config::Secret;
use crate::doorman::{AnyName, Doorman};
use crate::server::{Placement, Server, ServerOptions};
use crate::switchboard::{Control, ShardReport, Switchboard};
use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, mpsc};
use std::time::{Duration, Instant};
use wharf_content::{AppBuilder, Foyer, FoyerCx, Handled, LogicOptions, Room};
use wharf_net::{Admission, CloseReason, NetLimits, NetStats};
use wharf_port::{PortOptions, PortStats};
use wharf_wire::Packet;
use wharf_wire::classic::Echo;

#[cfg(target_os = "linux")]
type Backend = wharf_port::UringPort;
#[cfg(windows)]
type Backend = wharf_port::IocpPort;

/// Longer than anything takes.
const PATIENCE: Duration = Duration::from_secs(60);
const ANYWHERE: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 0);

/// Keeps the thread of whoever sends an echo until told otherwise.
struct Keeper(Mutex<mpsc::Receiver<()>>);

impl Foyer for Keeper {}

impl Keeper {
    fn echo(&self, cx: &mut FoyerCx<'_>, echo: Echo) -> Handled {
        self.0.lock().unwrap().recv().expect("somebody tells");
        cx.reply(&echo);
        Ok(())
    }
}

#[derive(Default)]
struct Table;
impl Room for Table {}

/// A server, its admin address, and who asks there.
struct Rig {
    client: AdminClient,
    admin: Option<Admin>,
    address: SocketAddr,
    server: Server,
    /// Each word lets one echo be answered.
    echo: mpsc::Sender<()>,
}

impl Rig {
    fn start(shards: u8, placement: Placement) -> Self {
        Self::with(shards, placement, None, Times::default())
    }

    fn with(shards: u8, placement: Placement, token: Option<&str>, times: Times) -> Self {
        let services = Arc::new(crate::services::NoServices);
        Self::with_services(shards, placement, token, times, services)
    }

    fn with_services(
        shards: u8,
        placement: Placement,
        token: Option<&str>,
        times: Times,
        services: Arc<dyn crate::services::Services>,
    ) -> Self {
        let (echo, told) = mpsc::channel();
        let options = ServerOptions {
            services,
            ..options(shards, placement, told)
        };
        Self::serving(&options, echo, token, times)
    }

    fn serving(
        options: &ServerOptions,
        echo: mpsc::Sender<()>,
        token: Option<&str>,
        times: Times,
    ) -> Self {
        let token = token.map(|token| Secret::new(token.to_owned()));
        let listen = ANYWHERE;
        let door = AdminDoor::open(&AdminOptions {
            listen,
            token: token.clone(),
        })
        .unwrap();
        let address = door.local_addr();
        let server = Server::start::<Backend>(options, ANYWHERE, Arc::new(|| {})).unwrap();
        let about = About {
            version: "1.2.3".to_owned(),
            backend: "the \"best\"".to_owned(),
        };
        let stuck_after = Duration::from_millis(200);
        let office = Office::with_patience(&server, options, about, stuck_after);
        let admin = door.serve_pages(pages::router(office), times).unwrap();
        Self {
            client: AdminClient::new(&address.to_string(), token).unwrap(),
            admin: Some(admin),
            address,
            server,
            echo,
        }
    }

    fn get(&self, path: &str) -> (u16, String) {
        self.client.get(path).unwrap()
    }

    /// Asks until the answer is `wanted`.
    fn wait_for(&self, path: &str, wanted: impl Fn(u16, &str) -> bool) -> String {
        let until = Instant::now() + PATIENCE;
        loop {
            let (status, text) = self.get(path);
            if wanted(status, &text) {
                return text;
            }
            assert!(Instant::now() < until, "{path} stays {status}: {text}");
        }
    }

    /// A client that has sent an echo.
    fn send_echo(&self) -> TcpStream {
        let mut client = TcpStream::connect(self.server.local_addr()).unwrap();
        let text = "mine".into();
        client.write_all(&Echo { text }.to_frame()).unwrap();
        client
    }

    /// What comes back for raw bytes, up to the end.
    fn raw(&self, request: &[u8]) -> String {
        let mut stream = TcpStream::connect(self.address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        // Who is refused half-way may be cut while it still sends, and hears nothing.
        let _ = stream.write_all(request);
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer);
        String::from_utf8_lossy(&answer).into_owned()
    }
}

fn options(shards: u8, placement: Placement, told: mpsc::Receiver<()>) -> ServerOptions {
    let limits = NetLimits {
        drain: Duration::from_millis(100),
        ..NetLimits::for_sessions(64, shards.into())
    };
    let mut app = AppBuilder::new();
    app.room::<Table>("table").rooms(5);
    app.foyer(Keeper(Mutex::new(told))).on(Keeper::echo);
    ServerOptions {
        shards,
        placement,
        port: PortOptions::for_sockets(limits.sockets_per_port(1)),
        logic: LogicOptions {
            logic_count: shards.into(),
            io_count: shards.into(),
            ..LogicOptions::default()
        },
        app: Arc::new(app.build()),
        doorman: Arc::new(Doorman::new(Box::new(AnyName), Box::new(|| 0))),
        services: Arc::new(crate::services::NoServices),
        admission: Arc::new(Admission::new(&limits)),
        limits,
        watch_handlers: true,
    }
}

/// The sum of a family's samples.
fn sum(page: &format::Page, family: &str) -> f64 {
    let samples = &page
        .get(family)
        .unwrap_or_else(|| panic!("no {family}"))
        .samples;
    samples.iter().map(|it| it.2).sum()
}

#[test]
fn prometheus_reads_every_statistic_of_every_shard() {
    for placement in [Placement::Fused, Placement::Split] {
        let rig = Rig::start(2, placement);
        rig.echo.send(()).unwrap();
        let mut client = rig.send_echo();
        client.read_exact(&mut [0; 9]).unwrap();
        let text = rig.wait_for("/metrics", |_, text| {
            let page = format::read(text).unwrap_or_else(|error| panic!("{error}\n{text}"));
            sum(&page, "wharf_content_frames_total") == 1.0
        });
        let page = format::read(&text).unwrap();
        let families = NET.iter().map(|row| (row.name, row.kind));
        let families = families.chain(PORT.iter().map(|row| (row.name, row.kind)));
        let families = families.chain(LOGIC.iter().map(|row| (row.name, row.kind)));
        for (name, kind) in families {
            let family = page.get(name).unwrap_or_else(|| panic!("no {name}"));
            assert_eq!(family.kind == "counter", kind == Kind::Counter, "{name}");
            let shards: Vec<&str> = family.samples.iter().map(|it| &*it.1["shard"]).collect();
            assert_eq!(shards, ["0", "1"], "{name}");
        }
        assert_eq!(sum(&page, "wharf_net_received_bytes_total"), 9.0);
        assert_eq!(sum(&page, "wharf_sessions"), 1.0);
        assert_eq!(sum(&page, "wharf_rooms_max"), 5.0);
        assert_eq!(sum(&page, "wharf_shard_up"), 2.0);
        assert!(sum(&page, "process_resident_memory_bytes") > 100_000.0);
        let closed = &page["wharf_net_sessions_closed_total"].samples;
        assert_eq!(
            closed.len(),
            2 * CloseReason::COUNT,
            "each reason of each shard"
        );
        let info = &page["wharf_build_info"].samples[0].1;
        assert_eq!(
            (&*info["version"], &*info["backend"]),
            ("1.2.3", "the \"best\"")
        );
        assert_eq!(page["wharf_content_tick_work_seconds"].kind, "histogram");
    }
}

#[test]
fn the_same_is_told_as_a_snapshot() {
    for placement in [Placement::Fused, Placement::Split] {
        let rig = Rig::start(2, placement);
        rig.echo.send(()).unwrap();
        rig.send_echo().read_exact(&mut [0; 9]).unwrap();
        let is_gone =
            |_, text: &str| text.contains("\"peer-closed\":1") && !text.contains("\"sessions\":1");
        rig.wait_for("/api/stats", is_gone);
        let snapshot = rig.client.snapshot().unwrap();
        let total = |field: &str| -> u64 {
            snapshot
                .shards
                .iter()
                .map(|shard| shard.logic[field] + shard.net[field])
                .sum()
        };
        assert_eq!(total("sessions"), 0, "the client has gone");
        let frames: u64 = snapshot
            .shards
            .iter()
            .map(|shard| shard.logic["frames"])
            .sum();
        assert_eq!((frames, snapshot.shards.len()), (1, 2));
        assert_eq!(snapshot.state, "serving");
        assert_eq!(snapshot.limits.sessions, 64);
        assert_eq!(snapshot.listen, rig.server.local_addr().to_string());
        assert!(snapshot.uptime_seconds > 0.0);
        let is_told = snapshot
            .shards
            .iter()
            .all(|shard| shard.cpu_seconds.is_some());
        assert_eq!(is_told, cfg!(target_os = "linux"));
    }
}

#[test]
fn a_shard_that_does_not_turn_is_named_until_it_does() {
    for placement in [Placement::Fused, Placement::Split] {
        let rig = Rig::start(1, placement);
        assert_eq!(rig.get("/healthz"), (200, "ok\n".to_owned()));
        assert_eq!(rig.get("/readyz").0, 200);
        let mut client = rig.send_echo();
        let said = rig.wait_for("/healthz", |status, _| status == 503);
        assert!(
            said.starts_with("shard 0: a handler of the foyer (Packet("),
            "{said}"
        );
        let said = rig.wait_for("/readyz", |status, _| status == 503);
        assert!(said.contains("\"reason\":\"unhealthy\""), "{said}");
        let (status, text) = rig.get("/metrics");
        let page = format::read(&text).unwrap();
        assert_eq!((status, sum(&page, "wharf_shard_up")), (200, 0.0));
        assert_eq!(sum(&page, "wharf_ready"), 0.0, "as it is told there");
        rig.echo.send(()).unwrap();
        client.read_exact(&mut [0; 9]).unwrap();
        rig.wait_for("/healthz", |status, _| status == 200);
    }
}

#[test]
fn a_server_that_stops_is_healthy_and_not_ready() {
    let rig = Rig::start(2, Placement::Fused);
    assert_eq!(rig.get("/readyz"), (200, "{\"ready\":true}\n".to_owned()));
    rig.server.begin_stop();
    let said = rig.wait_for("/readyz", |status, _| status == 503);
    assert!(said.contains("\"reason\":\"stopping\""), "{said}");
    // Its shards end, one after the other.
    rig.wait_for("/metrics", |_, text| text.contains("wharf_ready 0"));
    assert_eq!(rig.get("/healthz").0, 200);
}

#[test]
fn a_server_without_a_seat_is_not_ready() {
    let rig = Rig::start(1, Placement::Fused);
    let clients: Vec<TcpStream> = (0..64)
        .map(|_| TcpStream::connect(rig.server.local_addr()).unwrap())
        .collect();
    let said = rig.wait_for("/readyz", |status, _| status == 503);
    assert!(said.contains("full\""), "{said}");
    drop(clients);
    rig.wait_for("/readyz", |status, _| status == 200);
}

#[test]
fn a_question_costs_a_shard_one_turn_and_no_question_none() {
    let (_echo, told) = mpsc::channel();
    let options = options(2, Placement::Fused, told);
    let server = Server::start::<Backend>(&options, ANYWHERE, Arc::new(|| {})).unwrap();
    let mut desk = Desk::new(Arc::clone(server.switchboard()), false, PATIENCE);
    let runtime = runtime();
    let mut waits = |_| -> Vec<u64> {
        let shards = runtime.block_on(desk.look());
        shards
            .iter()
            .map(|it| it.report.as_ref().unwrap().0.port.waits)
            .collect()
    };
    let looks: Vec<Vec<u64>> = (0..6).map(&mut waits).collect();
    // Before the second the threads may still have been about to sleep for the first time.
    for two in looks[1..].windows(2) {
        assert_eq!(two[1], [two[0][0] + 1, two[0][1] + 1], "{looks:?}");
    }
}

#[test]
fn a_shard_that_is_silent_is_asked_once_and_is_in_trouble() {
    let board = Arc::new(Switchboard::new(1, 1));
    let mut desk = Desk::new(Arc::clone(&board), true, Duration::from_millis(100));
    let runtime = runtime();
    for _ in 0..3 {
        let shards = runtime.block_on(desk.look());
        let trouble = shards[0].trouble.as_ref().expect("it does not turn");
        assert!(trouble.starts_with("has not turned for"), "{trouble}");
        assert!(shards[0].report.is_none());
        assert_eq!(board.io[0].controls.look(Vec::len), Some(1));
    }
}

#[test]
fn an_answer_that_comes_late_is_taken_and_the_next_one_asked_for() {
    let board = Arc::new(Switchboard::new(1, 1));
    let mut desk = Desk::new(Arc::clone(&board), false, PATIENCE);
    let runtime = runtime();
    let mut waits = || {
        let shards = runtime.block_on(desk.look());
        shards[0]
            .report
            .as_ref()
            .map(|(report, _)| report.port.waits)
    };
    assert_eq!(waits(), None);
    for late in [7, 8] {
        let mut asked = Vec::new();
        assert!(board.io[0].controls.take(&mut asked), "asked again");
        let Some(Control::Report(answer)) = asked.pop() else {
            panic!("no question");
        };
        let mut report = ShardReport {
            shard: 0,
            net: NetStats::default(),
            port: PortStats::default(),
            logic: None,
        };
        report.port.waits = late;
        answer(report);
        assert_eq!(waits(), Some(late));
    }
}

#[test]
fn a_shard_that_has_ended_is_in_trouble_unless_the_server_stops() {
    let board = Arc::new(Switchboard::new(1, 1));
    let mut desk = Desk::new(Arc::clone(&board), false, PATIENCE);
    board.shard_ended(0);
    let mut trouble = || runtime().block_on(desk.look())[0].trouble.clone();
    assert_eq!(trouble().as_deref(), Some("has ended"));
    board.begin_stop();
    assert_eq!(trouble(), None);
}

fn runtime() -> tokio::runtime::Runtime {
    let mut builder = tokio::runtime::Builder::new_current_thread();
    builder.enable_time().build().unwrap()
}

#[test]
fn slow_and_rude_clients_are_cut_and_everybody_else_is_served() {
    let times = Times {
        headers: Duration::from_millis(300),
        answered: Duration::from_millis(600),
    };
    let rig = Rig::with(1, Placement::Fused, None, times);
    let beginnings: [&[u8]; 4] = [b"", b"G", b"GET / HTTP/1.1\r\nHost: loc", b"\r\n"];
    let mut slow: Vec<TcpStream> = (0..48)
        .map(|index| {
            let mut stream = TcpStream::connect(rig.address).unwrap();
            stream.set_read_timeout(Some(PATIENCE)).unwrap();
            stream
                .write_all(beginnings[index % beginnings.len()])
                .unwrap();
            stream
        })
        .collect();
    assert_eq!(rig.get("/healthz").0, 200);
    for stream in &mut slow {
        let ended = stream.read_to_end(&mut Vec::new());
        let is_late = |error: &std::io::Error| {
            matches!(
                error.kind(),
                std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut
            )
        };
        assert!(
            !ended.as_ref().is_err_and(is_late),
            "it was not cut: {ended:?}"
        );
    }
    let head = "GET /healthz HTTP/1.1\r\nHost: localhost\r\n";
    assert!(
        rig.raw(format!("{head}\r\n").as_bytes())
            .starts_with("HTTP/1.1 200 ")
    );
    let long = format!("{head}Long: {}\r\n\r\n", "x".repeat(100_000));
    assert!(!rig.raw(long.as_bytes()).contains(" 200 "));
    let many = format!("{head}{}\r\n", "A: b\r\n".repeat(1_000));
    assert!(!rig.raw(many.as_bytes()).contains(" 200 "));
    let body = format!(
        "POST{}Content-Length: 1000000000\r\n\r\nx",
        &head["GET".len()..]
    );
    assert!(rig.raw(body.as_bytes()).starts_with("HTTP/1.1 405 "));
    for rubbish in [
        "\u{1}\u{2}\r\n\r\n",
        "GET /healthz\r\n\r\n",
        "\u{16}\u{3}\u{1}\r\n",
    ] {
        let said = rig.raw(rubbish.as_bytes());
        assert!(
            said.is_empty() || said.starts_with("HTTP/1.1 400 "),
            "{said}"
        );
    }
    let stranger = head.replace("localhost", "evil.example") + "\r\n";
    assert!(rig.raw(stranger.as_bytes()).starts_with("HTTP/1.1 403 "));
    assert_eq!(rig.get("/nowhere").0, 404);
    assert_eq!(rig.get("/healthz").0, 200);
}

#[test]
fn a_token_is_asked_for_where_there_is_one() {
    let token = "0123456789abcdef0123456789abcdef";
    let rig = Rig::with(1, Placement::Fused, Some(token), Times::default());
    let client = |token: Option<&str>| {
        let token = token.map(|token| Secret::new(token.to_owned()));
        AdminClient::new(&rig.address.to_string(), token).unwrap()
    };
    for path in [
        "/",
        "/metrics",
        "/healthz",
        "/readyz",
        "/api/stats",
        "/nowhere",
    ] {
        assert_eq!(client(None).get(path).unwrap().0, 401, "{path}");
        assert_eq!(
            client(Some(&token[1..])).get(path).unwrap().0,
            401,
            "{path}"
        );
        let expected = if path == "/nowhere" { 404 } else { 200 };
        assert_eq!(rig.get(path).0, expected, "{path}");
    }
    let refused = client(None).snapshot().unwrap_err();
    assert!(matches!(refused, AskError::Refused(401, _)), "{refused}");
}

#[test]
fn an_address_that_may_not_or_cannot_be_had_is_told() {
    let open = |listen: &str, token: Option<Secret>| {
        let listen = listen.parse().unwrap();
        AdminDoor::open(&AdminOptions { listen, token })
    };
    let refused = open("0.0.0.0:0", None).unwrap_err();
    assert!(matches!(refused, AdminError::NeedsToken(_)), "{refused}");
    assert!(refused.to_string().contains("admin.token"), "{refused}");
    assert!(matches!(
        open("[::]:0", None),
        Err(AdminError::NeedsToken(_))
    ));
    open("0.0.0.0:0", Some(Secret::new("x".repeat(32)))).unwrap();
    let taken = TcpListener::bind(ANYWHERE).unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let refused = open(&address, None).unwrap_err().to_string();
    assert!(refused.contains("is in use"), "{refused}");
}

#[test]
fn nothing_listens_any_more_when_it_has_been_dropped() {
    let mut rig = Rig::start(1, Placement::Fused);
    assert_eq!(rig.get("/healthz").0, 200);
    drop(rig.admin.take());
    let gone = rig.client.get("/healthz").unwrap_err();
    assert!(matches!(gone, AskError::NotThere(..)), "{gone}");
}

#[test]
fn a_client_says_what_it_met_where_there_is_no_admin_address() {
    let listener = TcpListener::bind(ANYWHERE).unwrap();
    let name = listener.local_addr().unwrap().to_string();
    let other = std::thread::spawn(move || {
        for answer in [
            &b"220 mail.example ESMTP\r\n"[..],
            b"HTTP/1.1 200 OK\r\n\r\n<html>",
        ] {
            let (mut stream, _) = listener.accept().unwrap();
            let _ = stream.read(&mut [0; 1_024]);
            stream.write_all(answer).unwrap();
        }
    });
    let client = AdminClient::new(&name, None).unwrap();
    let met = client.snapshot().unwrap_err();
    assert!(matches!(met, AskError::NotHttp(..)), "{met}");
    let met = client.snapshot().unwrap_err();
    assert!(matches!(met, AskError::NotWharf(_)), "{met}");
    other.join().unwrap();
    let nowhere = AdminClient::new("no port at all", None).unwrap_err();
    assert!(matches!(nowhere, AskError::NoSuchName(..)), "{nowhere}");
}
