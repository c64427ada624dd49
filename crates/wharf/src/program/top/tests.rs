//! Pictures of a made-up server, as a terminal of 80 columns shows them.

use super::board::{Board, Flow, page};
use super::sample::Sample;
use expect_test::{Expect, expect};
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use ratatui::style::Color;
use std::collections::BTreeMap;
use wharf_host::admin::{
    Limits, ProcessUse, ServicesSnapshot, ShardSnapshot, Snapshot, StoreSnapshot,
};

fn map(entries: &[(&str, u64)]) -> BTreeMap<String, u64> {
    entries
        .iter()
        .map(|&(name, value)| (name.to_owned(), value))
        .collect()
}

/// A server of two shards that has served so many seconds.
fn server(seconds: u64) -> Snapshot {
    let shard = |shard: u8| {
        let part = u64::from(shard) + 1;
        let mut late = vec![0; 24];
        late[7] = seconds * 99;
        late[12] = seconds;
        ShardSnapshot {
            shard,
            report_age_seconds: Some(0.001),
            cpu_seconds: Some(0.25 * seconds as f64),
            net: map(&[
                ("sessions", 400 * part),
                ("queues", part),
                ("queued_bytes", 70_000 * part),
                ("leaving_bytes", 1_000),
                ("reassembly_bytes", 40),
                ("opened", 30 * seconds),
                ("frames_in", 1_000 * seconds),
                ("frames_out", 20_000 * seconds * part),
                ("bytes_in", 64_000 * seconds),
                ("bytes_out", 1_500_000 * seconds),
                ("pauses_credit", 0),
                ("pauses_rate", 2 * seconds),
                ("pauses_replies", 0),
            ]),
            closed: map(&[("peer-closed", 20 * seconds), ("slow-reader", 3)]),
            turned_away: map(&[("refused-full", 7)]),
            port: map(&[
                ("waits", 500 * seconds),
                ("wakes", 4 * seconds),
                ("sockets", 401),
                ("recv_buffers_out", 12),
            ]),
            logic: map(&[
                ("rooms", 5),
                ("members", 400 * part),
                ("frames", 990 * seconds),
                ("sends", 20_000 * seconds),
                ("broadcasts", 900 * seconds),
                ("logins", 30 * seconds),
                ("logins_refused", 1),
                ("entered", 30 * seconds),
                ("left", 20 * seconds),
                ("ticks", 20 * seconds),
                ("ticks_skipped", 3),
                ("room_panics", 0),
            ]),
            tick_lateness: late,
            ..ShardSnapshot::default()
        }
    };
    Snapshot {
        version: "0.1.0".to_owned(),
        backend: "uring".to_owned(),
        placement: "fused".to_owned(),
        listen: "127.0.0.1:11021".to_owned(),
        started_unix_seconds: 1.7e9,
        uptime_seconds: seconds as f64,
        state: "serving".to_owned(),
        limits: Limits {
            sessions: 1_400,
            sessions_not_logged_in: 100,
            rooms: 10,
            send_memory_bytes_per_shard: 64 << 20,
            reassembly_bytes_per_shard: 4 << 20,
            receive_buffers_per_shard: 1_024,
        },
        sessions: 1_200,
        sessions_not_logged_in: 98,
        addresses: 3,
        process: ProcessUse {
            cpu_seconds: 0.5 * seconds as f64,
            resident_bytes: 123 << 20,
            descriptors: Some(1_250),
            descriptors_max: Some(20_000),
        },
        shards: vec![shard(0), shard(1)],
        services: Some(services(seconds)),
    }
}

/// Its services: the store is well, Redis has been gone for a while.
fn services(seconds: u64) -> ServicesSnapshot {
    let mut times = vec![0; 24];
    times[10] = 90 * seconds;
    times[13] = 10 * seconds;
    // Before anybody looked.
    times[20] = 1_000_000;
    let store = StoreSnapshot {
        kind: "sqlite".to_owned(),
        is_answering: true,
        steady_seconds: seconds as f64,
        figures: map(&[
            ("waiting", 3),
            ("waiting_max", 4_096),
            ("groups", 25 * seconds),
            ("grouped", 80 * seconds),
            ("connections", 1),
        ]),
        requests: map(&[("answered", 100 * seconds), ("late", 2)]),
        answer_times: times,
    };
    let redis = StoreSnapshot {
        kind: "redis".to_owned(),
        steady_seconds: 12.0,
        figures: map(&[("waiting_max", 4_096), ("connections", 3)]),
        requests: map(&[("answered", 7), ("unavailable", 41)]),
        answer_times: vec![0; 24],
        ..StoreSnapshot::default()
    };
    let logins = [
        ("token", map(&[("ok", 20 * seconds), ("wrong", 4)])),
        ("password", map(&[("ok", 5 * seconds), ("delayed", 9)])),
    ];
    ServicesSnapshot {
        desk: map(&[("open", 2), ("answered", 300 * seconds), ("refused", 0)]),
        people: map(&[
            ("online", 1_100),
            ("queued", 90),
            ("queued_max", 100),
            ("halls", 12),
            ("halls_max", 1_024),
            ("hall_members", 80),
        ]),
        logins: logins.map(|(way, ends)| (way.to_owned(), ends)).into(),
        accounts_made: 1_234,
        hashing: map(&[
            ("threads", 2),
            ("waiting", 1),
            ("waiting_max", 1_024),
            ("done", 8 * seconds),
            ("refused", 0),
        ]),
        hash_busy_seconds: 0.5 * seconds as f64,
        store,
        redis: Some(redis),
        ..ServicesSnapshot::default()
    }
}

/// A board that has seen the server twice.
fn board() -> Board {
    let mut board = Board::new(server(3_600));
    board.handle_snapshot(server(3_601));
    board
}

fn press(board: &mut Board, key: char) -> Flow {
    board.handle_key(KeyEvent::new(KeyCode::Char(key), KeyModifiers::NONE))
}

fn terminal(board: &mut Board, (width, height): (u16, u16)) -> Terminal<TestBackend> {
    let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
    terminal.draw(|frame| board.draw(frame)).unwrap();
    terminal
}

/// What stands on a screen, without what is empty.
fn picture(board: &mut Board, size: (u16, u16)) -> String {
    let terminal = terminal(board, size);
    let buffer = terminal.backend().buffer();
    let rows = buffer.content().chunks(size.0.into());
    let row = |cells: &[ratatui::buffer::Cell]| {
        let text: String = cells.iter().map(|cell| cell.symbol()).collect();
        text.trim_end().to_owned() + "\n"
    };
    rows.map(row).collect()
}

fn shows(board: &mut Board, expected: Expect) {
    // Framed: what begins with a space shall keep it.
    let picture = picture(board, (80, 24));
    let framed = picture.lines().map(|line| format!("|{line}\n"));
    expected.assert_eq(&framed.collect::<String>());
}

#[test]
fn the_overview_fits_a_terminal_of_80_by_24() {
    shows(
        &mut board(),
        expect![[r#"
            | wharf 0.1.0  uring, fused  127.0.0.1:11021  up 01:00:01  serving
            | 1 overview  2 shards  3 rooms  4 ends  5 store    p pause   ? help   q quit
            |
            | sessions             1,200 of      1,400   86 % #################... !
            | not logged in           98 of        100   98 % #################### !!
            | rooms                   10 of         10  100 % ####################
            | send memory      137.7 KiB of   64.0 MiB    0 % ....................
            | part frames           40 B of    4.0 MiB    0 % ....................
            | recv buffers            12 of      1,024    1 % ....................
            | descriptors          1,250 of     20,000    6 % #...................
            |
            | messages    2,000/s in, 60,000/s out
            | bytes       125.0 KiB/s in, 2.9 MiB/s out
            | sessions    60/s opened, 40/s closed, 0/s turned away
            | logins      60/s, 0/s refused
            | rooms       10 with 1,200 members, 1,800 broadcasts/s
            | queues      205.1 KiB wait for 3 sessions
            | process     50 % CPU, 123.0 MiB memory
            | store       sqlite up, 3 wait, 100/s answered, 99 % < 8.2 ms; 1,100 online
            |
            | messages a second, the last 1 s, at most 62,000
            |                                                                              █
            |                                                                              █
            |
        "#]],
    );
}

#[test]
fn the_shards_stand_side_by_side() {
    let mut board = board();
    press(&mut board, '2');
    shows(
        &mut board,
        expect![[r#"
            | wharf 0.1.0  uring, fused  127.0.0.1:11021  up 01:00:01  serving
            | 1 overview  2 shards  3 rooms  4 ends  5 store    p pause   ? help   q quit
            |
            | shard sessions      in/s     out/s     in B/s    out B/s    CPU  waits/s
            |     0      400     1,000    20,000   62.5 KiB    1.4 MiB   25 %      500
            |     1      800     1,000    40,000   62.5 KiB    1.4 MiB   25 %      500
            |
            | shard      queued   queues     leaving   paused/s    wakes/s   sockets
            |     0    68.4 KiB        1      1000 B        2.0        4.0       401
            |     1   136.7 KiB        2      1000 B        2.0        4.0       401
            |
            |
            |
            |
            |
            |
            |
            |
            |
            |
            |
            |
            |
            |
        "#]],
    );
}

#[test]
fn the_rooms_tell_what_is_said_in_them() {
    let mut board = board();
    press(&mut board, '3');
    shows(
        &mut board,
        expect![[r#"
            | wharf 0.1.0  uring, fused  127.0.0.1:11021  up 01:00:01  serving
            | 1 overview  2 shards  3 rooms  4 ends  5 store    p pause   ? help   q quit
            |
            | shard    rooms   members    frames/s      said/s  ticks/s  skipped  99 % late
            |     0        5       400         990         900       20        3   < 128 us
            |     1        5       800         990         900       20        3   < 128 us
            |
            | named rooms             12 of      1,024    1 % ....................
            | members there           80
            |
            | of all rooms                        in all  per second
            | logins                             216,060          60
            | logins refused                           2           0
            | entered a room                     216,060          60
            | refused to enter                         0           0
            | left a room                        144,040          40
            | frames to receivers            144,040,000      40,000
            | refusals by handlers                     0           0
            | rules broken                             0           0
            | letters refused                          0           0
            | rooms panicked                           0           0
            | foyer panicked                           0           0
            |
            |
        "#]],
    );
}

#[test]
fn the_ends_tell_every_reason() {
    let mut board = board();
    press(&mut board, '4');
    shows(
        &mut board,
        expect![[r#"
            | wharf 0.1.0  uring, fused  127.0.0.1:11021  up 01:00:01  serving
            | 1 overview  2 shards  3 rooms  4 ends  5 store    p pause   ? help   q quit
            |
            | sessions closed                     in all  per second
            | peer-closed                        144,040          40
            | slow-reader                              6           0
            |
            | turned away                         in all  per second
            | refused-full                            14           0
            |
            |
            |
            |
            |
            |
            |
            |
            |
            |
            |
            |
            |
            |
            |
        "#]],
    );
}

#[test]
fn the_store_and_what_stands_before_it_have_a_view() {
    let mut board = board();
    press(&mut board, '5');
    shows(
        &mut board,
        expect![[r#"
        | wharf 0.1.0  uring, fused  127.0.0.1:11021  up 01:00:01  serving
        | 1 overview  2 shards  3 rooms  4 ends  5 store    p pause   ? help   q quit
        |
        | store       state            for  waiting   answers/s  commits/s  in a commit
        | sqlite         up       01:00:01        3         100         25          3.2
        | redis        DOWN       00:00:12        0           0          -            -
        |
        | answers           50 %       99 %    busy   late  unavailable  failed    lost
        | sqlite        < 1.0 ms   < 8.2 ms       0      2            0       0       0
        | redis                -          -       0      0           41       0       2
        |
        | store queue              3 of      4,096    0 % ....................
        | redis queue              0 of      4,096    0 % ....................
        | hash queue               1 of      1,024    0 % ....................
        | login queue             90 of        100   90 % ##################.. !
        | named rooms             12 of      1,024    1 % ....................
        |
        | people      1,100 online, 80 in named rooms; 1,234 accounts made
        | passwords   8.0/s hashed, 0/s refused, 2 threads 25 % busy
        | queries     2 open, 300/s answered, 0/s refused
        |
        | logins of accounts                  in all  per second
        | all that succeeded                  90,025          25
        |
    "#]],
    );
    for _ in 0..30 {
        board.handle_key(KeyEvent::new(KeyCode::Down, KeyModifiers::NONE));
    }
    let bottom = picture(&mut board, (80, 12));
    for line in [
        " all that succeeded                  90,025          25",
        " token: ok                           72,020          20",
        " password: delayed                        9           0",
    ] {
        assert!(bottom.contains(line), "{bottom}");
    }
}

#[test]
fn a_store_that_is_down_is_red_and_services_in_trouble_are_named() {
    let mut board = board();
    let mut sick = server(3_602);
    let services = sick.services.as_mut().unwrap();
    services.store.is_answering = false;
    services.desk.insert("panics".to_owned(), 2);
    services.trouble = Some("has not turned for 7.0 s".to_owned());
    board.handle_snapshot(sick);
    let screen = terminal(&mut board, (80, 26));
    let buffer = screen.backend().buffer();
    let row = |word: &str| {
        let text = |y| (0..80).map(|x| buffer[(x, y)].symbol()).collect::<String>();
        let found = (0..26).find(|&y| text(y).contains(word));
        found.unwrap_or_else(|| panic!("no {word}"))
    };
    assert_eq!(buffer[(1, row("sqlite DOWN"))].fg, Color::Red);
    assert_eq!(buffer[(1, row("services: has not turned"))].fg, Color::Red);
    press(&mut board, '5');
    let screen = picture(&mut board, (80, 40));
    assert!(screen.contains("services    panicked 2 times"), "{screen}");
}

#[test]
fn a_server_without_services_says_so() {
    let without = Snapshot {
        services: None,
        ..server(3_600)
    };
    let mut board = Board::new(without);
    for (key, word) in [('1', "queues"), ('3', "of all rooms"), ('5', "no accounts")] {
        press(&mut board, key);
        let picture = picture(&mut board, (80, 24));
        assert!(picture.contains(word), "{picture}");
        assert!(
            !picture.contains("sqlite") && !picture.contains("named"),
            "{picture}"
        );
    }
}

#[test]
fn help_tells_the_keys_and_goes_again() {
    let mut board = board();
    let before = picture(&mut board, (80, 24));
    press(&mut board, '?');
    shows(
        &mut board,
        expect![[r#"
            | wharf 0.1.0  uring, fused  127.0.0.1:11021  up 01:00:01  serving
            | 1 overview  2 shards  3 rooms  4 ends  5 store    p pause   ? help   q quit
            |
            | 1-5        the views: overview, shards, rooms, ends, store
            | up, down   move in a view that is longer than the screen
            | p          pause, and go on
            | ?          this, and back
            | q, Ctrl-C  quit
            |
            | What is written per second is what happened between the last two looks at the
            | server, a second apart. A limit that is nearly full is marked with !, one that
            | is full with !!. The limits of a shard are shown for its fullest shard.
            |
            |
            |
            |
            |
            |
            |
            |
            |
            |
            |
            |
        "#]],
    );
    press(&mut board, '?');
    assert_eq!(picture(&mut board, (80, 24)), before);
}

#[test]
fn the_first_look_knows_no_rates() {
    let mut board = Board::new(server(10));
    let picture = picture(&mut board, (80, 24));
    assert!(picture.contains("-/s in, -/s out"), "{picture}");
}

#[test]
fn a_limit_that_is_nearly_full_is_marked_and_coloured() {
    let mut board = board();
    let terminal = terminal(&mut board, (80, 24));
    let buffer = terminal.backend().buffer();
    let colour_of = |name: &str| {
        let row = (0..24).find(|&y| {
            let text: String = (0..80).map(|x| buffer[(x, y)].symbol()).collect();
            text.starts_with(&format!(" {name}"))
        });
        buffer[(1, row.expect("a row"))].fg
    };
    assert_eq!(colour_of("sessions"), Color::Yellow, "1,200 of 1,400");
    assert_eq!(colour_of("not logged in"), Color::Red, "98 of 100");
    assert_eq!(colour_of("rooms"), Color::Reset, "all of them, as is usual");
    assert_eq!(colour_of("descriptors"), Color::Reset);
}

#[test]
fn a_pause_keeps_what_is_shown_and_says_so() {
    let mut board = board();
    press(&mut board, 'p');
    board.handle_snapshot(server(4_000));
    let paused = picture(&mut board, (80, 24));
    assert!(
        paused.contains("PAUSED") && paused.contains("up 01:00:01"),
        "{paused}"
    );
    press(&mut board, 'p');
    board.handle_snapshot(server(4_001));
    let after = picture(&mut board, (80, 24));
    assert!(
        !after.contains("PAUSED") && after.contains("up 01:06:41"),
        "{after}"
    );
}

#[test]
fn a_server_that_does_not_answer_is_told_until_it_does() {
    let mut board = board();
    board.handle_failure("no server answers on 127.0.0.1:11022: refused".to_owned());
    let told = picture(&mut board, (80, 24));
    assert!(
        told.contains("no server answers") && told.contains("is old"),
        "{told}"
    );
    board.handle_snapshot(server(3_603));
    assert!(!picture(&mut board, (80, 24)).contains("no server answers"));
}

#[test]
fn a_server_that_was_started_again_begins_again() {
    let mut board = board();
    let again = Snapshot {
        started_unix_seconds: 1.8e9,
        ..server(3_700)
    };
    board.handle_snapshot(again);
    let picture = picture(&mut board, (80, 24));
    assert!(picture.contains("-/s in, -/s out"), "{picture}");
    assert!(picture.contains("at most 0"), "no history: {picture}");
}

#[test]
fn a_shard_in_trouble_is_named_on_two_views() {
    let mut board = board();
    let mut sick = server(3_602);
    sick.state = "full".to_owned();
    sick.shards[1].trouble = Some("has not turned for 7.0 s".to_owned());
    board.handle_snapshot(sick);
    for key in ['1', '2'] {
        press(&mut board, key);
        let picture = picture(&mut board, (80, 24));
        assert!(
            picture.contains("shard 1: has not turned for 7.0 s"),
            "{picture}"
        );
        assert!(
            picture.lines().next().unwrap().ends_with("full"),
            "{picture}"
        );
    }
}

#[test]
fn any_size_of_terminal_is_drawn_on() {
    let mut board = board();
    for size in [
        (1, 1),
        (3, 2),
        (20, 5),
        (79, 23),
        (80, 8),
        (200, 60),
        (600, 20),
    ] {
        for key in ['1', '2', '3', '4', '5', '?'] {
            press(&mut board, key);
            picture(&mut board, size);
        }
    }
}

#[test]
fn a_view_that_is_longer_than_the_screen_moves_and_stops_at_its_end() {
    let mut board = board();
    press(&mut board, '3');
    let size = (80, 10);
    let top = picture(&mut board, size);
    assert!(
        top.contains("named rooms") && !top.contains("foyer panicked"),
        "{top}"
    );
    let go = |board: &mut Board, code| board.handle_key(KeyEvent::new(code, KeyModifiers::NONE));
    for _ in 0..100 {
        go(&mut board, KeyCode::Down);
        picture(&mut board, size);
    }
    let bottom = picture(&mut board, size);
    assert!(
        bottom.contains("foyer panicked") && !bottom.contains("named rooms"),
        "{bottom}"
    );
    for _ in 0..20 {
        go(&mut board, KeyCode::Up);
        picture(&mut board, size);
    }
    assert_eq!(picture(&mut board, size), top);
}

#[test]
fn only_the_keys_that_quit_quit() {
    let mut board = board();
    for key in ['p', '?', '1', '2', '3', '4', '5', '6', 'x', 'c'] {
        assert_eq!(press(&mut board, key), Flow::Go, "{key}");
    }
    assert_eq!(press(&mut board, 'q'), Flow::Quit);
    let control_c = KeyEvent::new(KeyCode::Char('c'), KeyModifiers::CONTROL);
    assert_eq!(board.handle_key(control_c), Flow::Quit);
    let escape = KeyEvent::new(KeyCode::Esc, KeyModifiers::NONE);
    assert_eq!(board.handle_key(escape), Flow::Quit);
}

#[test]
fn a_page_for_scripts_has_every_view_below_the_other() {
    let page = page(&Sample::new(Some(server(3_600)), server(3_601)));
    let words = [
        "sessions closed",
        "of all rooms",
        "waits/s",
        "messages",
        "serving",
        "logins of accounts",
        "named rooms",
    ];
    for word in words {
        assert!(page.contains(word), "{word} is not in:\n{page}");
    }
    let is_plain = |line: &str| line.len() <= 80 && line == line.trim_end() && line.is_ascii();
    assert!(page.lines().all(is_plain), "{page}");
}

#[test]
fn the_object_for_scripts_has_what_happens_in_a_second_beside_it() {
    let json = Sample::new(Some(server(3_600)), server(3_601)).to_json();
    assert_eq!(json["per_second"]["messages_out"], 60_000.0);
    assert_eq!(json["per_second"]["cpu_seconds"], 0.5);
    assert_eq!(json["shards"][1]["net"]["sessions"], 800);
    assert_eq!(json["per_second"]["store_commits"], 25.0);
    assert_eq!(json["per_second"]["logins_by_account"], 25.0);
    assert_eq!(json["services"]["people"]["hall_members"], 80);
    let first = Sample::new(None, server(1)).to_json();
    assert!(first["per_second"]["messages_out"].is_null());
}
