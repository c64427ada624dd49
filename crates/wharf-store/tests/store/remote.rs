//! What the store trusts a connection with, on PostgreSQL and MariaDB alike.

use crate::servers::{Kind, PATIENT, Server};
use std::sync::Barrier;
use std::thread;
use wharf_store::{Database, Row, SqlError, Value, connect};

/// Runs a test on each server, in an empty database with one table.
fn each_server(test: impl Fn(Kind, &str, &mut dyn Database)) {
    for (kind, table) in [
        (
            Kind::PostgreSql,
            "CREATE TABLE thing (id BIGINT NOT NULL PRIMARY KEY, \
             name VARCHAR(255) COLLATE \"C\" UNIQUE, content BYTEA)",
        ),
        (
            Kind::MariaDb,
            "CREATE TABLE thing (id BIGINT NOT NULL PRIMARY KEY, name VARCHAR(255) \
             CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin UNIQUE, content BLOB)",
        ),
    ] {
        let server = Server::start(kind);
        let url = server.fresh_database();
        let mut database = open(&url);
        database.execute(table, &[]).expect("it is empty");
        test(kind, &url, &mut *database);
    }
}

fn open(url: &str) -> Box<dyn Database> {
    connect(url, &PATIENT).expect("it was started")
}

fn insert(
    database: &mut dyn Database,
    id: i64,
    name: Option<&str>,
    content: Value,
) -> Result<u64, SqlError> {
    let sql = "INSERT INTO thing (id, name, content) VALUES (?, ?, ?)";
    database.execute(sql, &[id.into(), name.into(), content])
}

#[test]
fn a_value_comes_back_as_it_went_in() {
    let all: Vec<u8> = (0..=255).collect();
    let texts = [
        "",
        "it's ?; -- \"quoted\" `so` \\ \\' %_",
        "한글 e\u{301} 👩‍👩‍👧",
        " a ",
    ];
    let numbers = [0, 1, -1, i64::MAX, i64::MIN];
    each_server(|kind, _, database| {
        for (number, text) in numbers
            .iter()
            .zip(texts.iter().map(|it| Some(*it)).chain([None]))
        {
            insert(database, *number, text, Value::Bytes(all.clone())).unwrap();
            let sql = "SELECT id, name, content, '?' FROM thing WHERE id = ?";
            let rows = database.query(sql, &[(*number).into()]).unwrap();
            let question = "?".into();
            let expected = [
                (*number).into(),
                text.into(),
                Value::Bytes(all.clone()),
                question,
            ];
            assert_eq!(rows, [Row(expected.into())], "{kind:?}");
        }
        let sql = "SELECT content FROM thing WHERE name IS NULL AND id < ?";
        let null = database.query(sql, &[0i64.into()]);
        assert_eq!(
            null,
            Ok(vec![Row(vec![Value::Bytes(all.clone())])]),
            "{kind:?}"
        );
        insert(database, 7, None, Value::Null).unwrap();
        let rows = database
            .query("SELECT name, content FROM thing WHERE id = 7", &[])
            .unwrap();
        assert_eq!(rows, [Row(vec![Value::Null, Value::Null])], "{kind:?}");
        let counts = database.query("SELECT COUNT(*), MAX(id), 1 = 1 FROM thing", &[]);
        let expected = vec![Row(vec![6i64.into(), i64::MAX.into(), 1i64.into()])];
        assert_eq!(counts, Ok(expected), "{kind:?}");
    });
}

#[test]
fn texts_are_compared_by_their_bytes() {
    each_server(|kind, _, database| {
        for (id, text) in (1..).zip(["a", "A", "a ", " a", "a\u{301}", "\u{e1}", "ß", "ss"]) {
            let inserted = insert(database, id, Some(text), Value::Null);
            assert_eq!(inserted, Ok(1), "{kind:?}: {text:?} is like none before");
        }
        let sql = "SELECT id FROM thing WHERE name = ?";
        assert_eq!(
            database.query(sql, &["a".into()]),
            Ok(vec![Row(vec![1i64.into()])])
        );
        let sql = "SELECT id FROM thing WHERE name LIKE ? ORDER BY name";
        let found = database.query(sql, &["a%".into()]).unwrap();
        assert_eq!(found.len(), 3, "{kind:?}");
    });
}

#[test]
fn what_is_there_already_is_unique_and_the_transaction_goes_on() {
    each_server(|kind, _, database| {
        let begin = database.begin();
        database.execute(begin, &[]).unwrap();
        insert(database, 1, Some("a"), Value::Null).unwrap();
        for (id, name) in [(1, "b"), (2, "a")] {
            database.execute("SAVEPOINT request", &[]).unwrap();
            let twice = insert(database, id, Some(name), Value::Null);
            assert_eq!(twice, Err(SqlError::Unique), "{kind:?}");
            database
                .execute("ROLLBACK TO SAVEPOINT request", &[])
                .unwrap();
            database.execute("RELEASE SAVEPOINT request", &[]).unwrap();
        }
        insert(database, 2, Some("b"), Value::Null).unwrap();
        database.execute("COMMIT", &[]).unwrap();
        let rows = database
            .query("SELECT id FROM thing ORDER BY id", &[])
            .unwrap();
        assert_eq!(
            rows,
            [Row(vec![1i64.into()]), Row(vec![2i64.into()])],
            "{kind:?}"
        );
    });
}

#[test]
fn an_update_counts_the_rows_that_it_found_whether_they_changed_or_not() {
    each_server(|kind, _, database| {
        insert(database, 1, Some("a"), Value::Null).unwrap();
        let sql = "UPDATE thing SET name = ? WHERE id = ?";
        for (id, expected) in [(1i64, 1), (1, 1), (2, 0)] {
            let touched = database.execute(sql, &["b".into(), id.into()]);
            assert_eq!(touched, Ok(expected), "{kind:?}");
        }
    });
}

#[test]
fn what_does_not_fit_is_wrong_and_is_not_quoted() {
    each_server(|kind, _, database| {
        let long = "secret".repeat(100);
        for (what, result) in [
            ("too long", insert(database, 1, Some(&long), Value::Null)),
            (
                "no such table",
                database.execute("DELETE FROM nothing", &[]),
            ),
            ("no SQL", database.execute("SELEKT ?", &[1i64.into()])),
            ("a parameter too few", {
                database.execute(
                    "DELETE FROM thing WHERE id = ? AND name = ?",
                    &[1i64.into()],
                )
            }),
            ("a null", {
                database.execute(
                    "INSERT INTO thing (id, name) VALUES (?, ?)",
                    &[Value::Null, "secret".into()],
                )
            }),
        ] {
            let Err(SqlError::Wrong(why)) = result else {
                panic!("{kind:?}, {what}: {result:?}")
            };
            assert!(!why.contains("secret"), "{kind:?}: {why}");
        }
        // And it is still of use.
        insert(database, 1, Some("a"), Value::Null).unwrap();
    });
}

#[test]
fn of_two_who_wait_for_each_other_one_is_told_to_try_again() {
    each_server(|kind, url, database| {
        insert(database, 1, Some("a"), Value::Null).unwrap();
        insert(database, 2, Some("b"), Value::Null).unwrap();
        let barrier = Barrier::new(2);
        let act = |first: i64, second: i64| {
            let mut database = open(url);
            let begin = database.begin();
            database.execute(begin, &[])?;
            let sql = "UPDATE thing SET content = NULL WHERE id = ?";
            database.execute(sql, &[first.into()])?;
            barrier.wait();
            database.execute(sql, &[second.into()])?;
            database.execute("COMMIT", &[])
        };
        let (one, other) = thread::scope(|scope| {
            let other = scope.spawn(|| act(2, 1));
            (act(1, 2), other.join().expect("it does not panic"))
        });
        let busy = [&one, &other]
            .iter()
            .filter(|it| ***it == Err(SqlError::Busy))
            .count();
        let done = [&one, &other].iter().filter(|it| it.is_ok()).count();
        // PostgreSQL may tell both: their transactions read what the other wrote.
        assert!(busy >= 1 && busy + done == 2, "{kind:?}: {one:?} {other:?}");
    });
}

#[test]
fn tables_are_made_once_by_several_who_start_together() {
    each_server(|kind, url, database| {
        thread::scope(|scope| {
            let starting: Vec<_> = (0..3)
                .map(|_| scope.spawn(|| open(url).migrate()))
                .collect();
            for started in starting {
                assert_eq!(
                    started.join().expect("it does not panic"),
                    Ok(()),
                    "{kind:?}"
                );
            }
        });
        assert_eq!(database.migrate(), Ok(()), "{kind:?}");
        let sql = "SELECT COUNT(*) FROM account";
        assert_eq!(
            database.query(sql, &[]),
            Ok(vec![Row(vec![0i64.into()])]),
            "{kind:?}"
        );
    });
}

#[test]
fn a_migration_that_was_cut_short_goes_on() {
    each_server(|kind, _, database| {
        // In PostgreSQL it is one transaction.
        if kind == Kind::MariaDb {
            database.migrate().unwrap();
            let history = "DELETE FROM refinery_schema_history WHERE version = ?";
            assert_eq!(database.execute(history, &[1i64.into()]), Ok(1));
            database.execute("DROP TABLE token", &[]).unwrap();
            // Only the last may be cut short, so those behind it are as if they never were.
            let later = "DELETE FROM refinery_schema_history WHERE version > ?";
            database.execute(later, &[1i64.into()]).unwrap();
            assert_eq!(database.migrate(), Ok(()));
            let sql = "SELECT COUNT(*) FROM token";
            assert_eq!(database.query(sql, &[]), Ok(vec![Row(vec![0i64.into()])]));
        }
    });
}
