//! Workloads against the model server: right when it is, wrong by the right name when it is not.

use super::FirstFailure;
use super::model::{Planted, World};
use crate::tally::Faults;
use crate::{BotOptions, Report, Workload};
use clap::ValueEnum;
use wharf_base::{Duration, Instant};

fn options(workload: Workload) -> BotOptions {
    BotOptions {
        sessions: 60,
        rooms: 3,
        seconds: if workload == Workload::Churn {
            1.0
        } else {
            10.0
        },
        ..BotOptions::of_workload(workload)
    }
}

fn run(workload: Workload, planted: Planted) -> Report {
    World::run(&options(workload), planted).unwrap()
}

/// Runs the canonical chat against a model with a fault and returns what was found.
fn faults(planted: Planted) -> Faults {
    let report = run(Workload::Chat, planted);
    assert!(!report.is_right());
    report.faults
}

#[test]
fn a_right_server_has_no_faults_in_any_workload() {
    for &workload in Workload::value_variants() {
        let report = run(workload, Planted::Nothing);
        assert!(report.is_right(), "{report}");
        assert!(report.latency.is_some(), "{report}");
    }
}

#[test]
fn chat_counts_every_delivery() {
    let report = run(Workload::Chat, Planted::Nothing);
    assert_eq!((report.ready, report.sent, report.accepted), (60, 600, 600));
    assert_eq!(
        report.delivered,
        600 * 20,
        "each reaches the 20 of its room"
    );
    let latency = report.latency.unwrap();
    assert_eq!(latency.count, report.delivered);
    assert!((999.0..1_002.0).contains(&latency.max_us), "{latency:?}");
}

#[test]
fn each_planted_fault_is_found_by_its_name() {
    let none = Faults::default();
    let cases = [
        (Planted::Loss, Faults { lost: 1, ..none }),
        (
            Planted::Duplicate,
            Faults {
                duplicated: 1,
                ..none
            },
        ),
        (
            Planted::Overtaken,
            Faults {
                out_of_order: 1,
                ..none
            },
        ),
        (
            Planted::Flip,
            Faults {
                corrupted: 1,
                lost: 1,
                ..none
            },
        ),
        (
            Planted::WrongName,
            Faults {
                corrupted: 1,
                lost: 1,
                ..none
            },
        ),
        (
            Planted::Stray,
            Faults {
                strayed: 1,
                lost: 1,
                ..none
            },
        ),
        // Bot 17 came sixth into its room.
        (
            Planted::Unannounced,
            Faults {
                wrong_lists: 5,
                ..none
            },
        ),
        (Planted::Refusal, Faults { refused: 1, ..none }),
        (Planted::NameInUse, Faults { refused: 1, ..none }),
        (
            Planted::Cut,
            Faults {
                closed_early: 1,
                ..none
            },
        ),
        (
            Planted::Mute,
            Faults {
                never_ready: 60,
                ..none
            },
        ),
    ];
    for (planted, expected) in cases {
        assert_eq!(faults(planted), expected, "{planted:?}");
    }
}

#[test]
fn where_only_accounts_are_let_in_one_bot_finds_out_for_all() {
    for &workload in Workload::value_variants() {
        let report = run(workload, Planted::AccountsOnly);
        let expected = Faults {
            refused: 1,
            ..Faults::default()
        };
        assert_eq!(report.faults, expected, "{workload:?}");
        assert!(report.ended_early, "{workload:?}");
    }
}

#[test]
fn echoes_are_checked_as_strictly() {
    let found = |planted| run(Workload::Echo, planted).faults;
    let none = Faults::default();
    assert_eq!(
        found(Planted::Flip),
        Faults {
            corrupted: 1,
            lost: 1,
            ..none
        }
    );
    assert_eq!(
        found(Planted::Duplicate),
        Faults {
            duplicated: 1,
            ..none
        }
    );
    assert_eq!(found(Planted::Loss).lost, 1);
}

#[test]
fn a_server_that_is_not_there_is_told_apart() {
    let options = options(Workload::Chat);
    let failure = World::run(&options, Planted::Deaf).unwrap_err();
    assert_eq!(failure, FirstFailure::Refused);
}

#[test]
fn a_run_without_sessions_ends_at_once() {
    let options = options(Workload::Chat);
    let (report, ended_at) = World::run_timed(&options, Planted::Collapse).unwrap();
    assert_eq!(report.faults.closed_early, 60);
    assert!(
        ended_at < Instant::ZERO + Duration::from_secs(9),
        "{ended_at:?}"
    );
}

#[test]
fn every_run_ends_whatever_the_server_does() {
    for &workload in Workload::value_variants() {
        for planted in Planted::ALL {
            let options = BotOptions {
                seconds: 2.0,
                rate: 5.0,
                ..options(workload)
            };
            let outcome = World::run(&options, planted);
            assert_eq!(
                outcome.is_err(),
                planted == Planted::Deaf,
                "{workload:?} {planted:?}"
            );
        }
    }
}

#[test]
fn a_stall_is_charged_to_every_message_that_was_due_meanwhile() {
    let report = run(Workload::Chat, Planted::Stall);
    assert!(report.is_right(), "{report}");
    let latency = report.latency.unwrap();
    // A tenth of the messages fall into the stalled second, evenly: the longest waits all of it,
    // and of all messages one in a hundred waits longer than nine tenths of it.
    assert!(latency.max_us > 950e3, "{latency:?}");
    assert!((850e3..950e3).contains(&latency.p99_us), "{latency:?}");
    assert!(latency.p50_us < 1_100.0, "{latency:?}");
}

#[test]
fn readers_that_stop_and_read_on_have_missed_nothing() {
    let slow = run(Workload::Slow, Planted::Nothing).slow;
    assert_eq!((slow.stopped, slow.cut, slow.caught_up), (6, 0, 6));
}

#[test]
fn readers_that_are_cut_are_expected_and_counted() {
    let report = run(Workload::Slow, Planted::CutSlow);
    assert!(report.is_right(), "{report}");
    let slow = report.slow;
    assert_eq!((slow.stopped, slow.cut, slow.caught_up), (6, 6, 0));
    assert_eq!(report.closes["peer-reset"], 6);
}

#[test]
fn idle_sessions_prove_at_the_end_that_they_live() {
    let report = run(Workload::Idle, Planted::Nothing);
    assert_eq!((report.ready, report.sent, report.delivered), (60, 60, 60));
    let cut = run(Workload::Idle, Planted::CutEcho);
    assert_eq!(
        (cut.sent, cut.delivered, cut.faults.closed_early),
        (60, 30, 30)
    );
}

#[test]
fn churn_goes_round_until_its_time_is_over() {
    let report = run(Workload::Churn, Planted::Nothing);
    // A round is three requests and two ends of a link, 1 ms each, and then the next.
    assert_eq!(report.cycles, report.ready);
    assert!((60 * 190..=60 * 210).contains(&report.cycles), "{report}");
    let paced = World::run(
        &BotOptions {
            rate: 2.0,
            ..options(Workload::Churn)
        },
        Planted::Nothing,
    );
    assert_eq!(paced.unwrap().cycles, 60 * 2);
}

#[test]
fn a_closed_loop_keeps_so_many_messages_under_way() {
    let closed = |in_flight| {
        let options = BotOptions {
            rate: 0.0,
            in_flight,
            seconds: 1.0,
            ..options(Workload::Echo)
        };
        World::run(&options, Planted::Nothing).unwrap()
    };
    let (one, four) = (closed(1), closed(4));
    assert!(one.is_right() && four.is_right());
    assert_eq!(one.sent, 60 * 1_000, "one a millisecond");
    assert_eq!(four.sent, 4 * one.sent);
}

#[test]
fn a_closed_loop_of_chat_is_timed_by_whoever_spoke() {
    let options = BotOptions {
        rate: 0.0,
        in_flight: 2,
        seconds: 0.2,
        ..options(Workload::Chat)
    };
    let report = World::run(&options, Planted::Nothing).unwrap();
    assert!(report.is_right(), "{report}");
    assert!(report.sent > 2 * 60 * 20, "{report}");
    assert_eq!(
        report.delivered,
        report.sent * 20,
        "the 20 of a room hear it"
    );
    let latency = report.latency.unwrap();
    assert_eq!(latency.count, report.sent, "its sender alone times it");
    assert!(latency.max_us < 10_000.0, "{latency:?}");
}

#[test]
fn the_same_seed_sends_the_same() {
    let told = |seed| {
        let options = BotOptions {
            seed,
            ..options(Workload::Chat)
        };
        serde_json::to_string(&World::run(&options, Planted::Nothing).unwrap()).unwrap()
    };
    assert_eq!(told(5), told(5));
    assert_ne!(told(5), told(6));
}
