//! Whole runs on each completion port of this machine, against a small server in a thread of its
//! own, on the same kind of port.

mod server;

use server::TinyServer;
use wharf_bots::{BotOptions, BotsError, Report, Silent, Stop, Workload, run};

fn options(workload: Workload, server: &TinyServer) -> BotOptions {
    BotOptions {
        port_backend: server.backend(),
        target: server.address(),
        sessions: 40,
        rooms: 4,
        seconds: 0.5,
        ..BotOptions::of_workload(workload)
    }
}

fn run_right(options: &BotOptions) -> Report {
    let report = run(options, &mut Silent, &Stop::new()).unwrap_or_else(|error| panic!("{error}"));
    assert!(report.is_right(), "{report}");
    report
}

#[test]
fn chat_reaches_every_member() {
    for server in TinyServer::on_each_port() {
        let options = BotOptions {
            rate: 20.0,
            ..options(Workload::Chat, &server)
        };
        let report = run_right(&options);
        assert_eq!(report.sent, 40 * 10);
        assert_eq!(report.delivered, report.sent * 10);
        assert_eq!(report.closes["by-the-bot"], 40);
    }
}

#[test]
fn threads_share_the_work_and_send_the_same() {
    for server in TinyServer::on_each_port() {
        let options = BotOptions {
            rate: 20.0,
            threads: 3,
            ..options(Workload::Chat, &server)
        };
        let report = run_right(&options);
        assert_eq!(
            (report.ready, report.sent, report.delivered),
            (40, 400, 4_000)
        );
    }
}

#[test]
fn a_closed_loop_of_echoes_goes_round() {
    for server in TinyServer::on_each_port() {
        let options = BotOptions {
            rate: 0.0,
            in_flight: 4,
            size: 4_000,
            ..options(Workload::Echo, &server)
        };
        let report = run_right(&options);
        assert_eq!(report.sent, report.delivered);
        assert!(
            report.sent > 160,
            "every session's first four came back: {report}"
        );
    }
}

#[test]
fn churn_leaves_nothing_behind() {
    for server in TinyServer::on_each_port() {
        let report = run_right(&options(Workload::Churn, &server));
        assert!(report.cycles >= 40, "{report}");
        assert_eq!(report.closes["by-the-bot"], report.cycles);
    }
}

#[test]
fn a_reader_that_stops_catches_up_when_it_reads_on() {
    for server in TinyServer::on_each_port() {
        let report = run_right(&options(Workload::Slow, &server));
        assert_eq!((report.slow.stopped, report.slow.caught_up), (4, 4));
    }
}

#[test]
fn sessions_come_from_the_addresses_that_were_given() {
    for server in TinyServer::on_each_port() {
        let options = BotOptions {
            source_addresses: "127.0.0.7,127.0.0.8".parse().unwrap(),
            ..options(Workload::Idle, &server)
        };
        let report = run_right(&options);
        assert_eq!(report.delivered, 40, "each proved to live");
        assert_eq!(server.peers_from("127.0.0.7"), 20);
        assert_eq!(server.peers_from("127.0.0.8"), 20);
    }
}

#[test]
fn nothing_listening_is_said_with_what_to_type() {
    for server in TinyServer::on_each_port() {
        // Port 1 (tcpmux) is nobody's any more, and no listener on port 0 is ever given it.
        let options = BotOptions {
            target: "127.0.0.1:1".parse().unwrap(),
            ..options(Workload::Chat, &server)
        };
        let error = run(&options, &mut Silent, &Stop::new()).unwrap_err();
        assert!(matches!(error, BotsError::NobodyListens { .. }), "{error}");
        assert!(error.to_string().contains("cargo run --release"), "{error}");
    }
}
