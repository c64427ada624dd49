//! The whole server on a PostgreSQL that shows a certificate: its links are encrypted, and to one
//! that nobody vouches for it talks about nothing.

use crate::authority::Authority;
use crate::platform::{Guest, log_in, register};
use crate::servers::{self, PASSWORD, PATIENT, wait_until};
use crate::support::{BACKENDS, Server, UNHURRIED, output, wharf};
use std::path::Path;
use wharf::proto::session::Code;
use wharf_store::Value;

fn start(url: &str) -> Server {
    let url = format!("store.url={url}");
    Server::start(BACKENDS[0], &[&[&*url], UNHURRIED].concat())
}

/// The URL of a database, for whoever trusts that authority.
fn trusting(database: &str, authority: &Path) -> String {
    let file = authority.display();
    format!("{database}?sslmode=verify-full&sslrootcert={file}")
}

/// Links of others to a database: those that are encrypted, and those that are not.
fn links(database: &str) -> [i64; 2] {
    let mut link = servers_link(database);
    let sql = "SELECT COUNT(*) FROM pg_stat_ssl s JOIN pg_stat_activity a ON a.pid = s.pid \
               WHERE a.datname = current_database() AND a.pid <> pg_backend_pid() AND s.ssl = ";
    ["true", "false"].map(|is_encrypted| {
        let rows = link.query(&format!("{sql}{is_encrypted}"), &[]).unwrap();
        match rows[0].0[0] {
            Value::Integer(count) => count,
            ref other => panic!("no number: {other:?}"),
        }
    })
}

fn servers_link(database: &str) -> Box<dyn wharf_store::Database> {
    wharf_store::connect(database, &PATIENT).unwrap()
}

/// Beside the server that serves; who is there is there in the file.
fn moves_into_a_file(url: &str, folder: &Path) {
    let (copy, data) = (folder.join("copy.db"), folder.join("data"));
    let (copy, data) = (copy.to_str().unwrap(), data.to_str().unwrap());
    for (command, expected) in [
        (&["backup", copy, "--store", url], "bytes, sound"),
        (&["restore", copy, "--data", data], "restored from"),
    ] {
        let said = output(wharf().arg("db").args(command));
        let told = String::from_utf8_lossy(&said.stdout);
        assert!(said.status.success() && told.contains(expected), "{said:?}");
    }
    let said = output(wharf().args(["db", "verify", "--data", data]));
    let told = String::from_utf8_lossy(&said.stdout).into_owned();
    assert!(told.contains("1 account,"), "{told}");
}

#[test]
fn a_server_keeps_accounts_on_a_postgresql_that_it_trusts_and_on_no_other() {
    let folder = tempfile::tempdir().unwrap();
    let (ours, others) = (Authority::new(), Authority::new());
    let (known, unknown) = (
        ours.file(folder.path(), "ours.pem"),
        others.file(folder.path(), "others.pem"),
    );
    let postgresql: servers::Server = ours.server(folder.path(), "127.0.0.1");
    let database = postgresql.fresh_database();

    let server = start(&trusting(&database, &known));
    let mut kim = Guest::new(&server);
    wait_until("the store", || match kim.ask(&register("kim")) {
        Ok(_) => true,
        Err(error) => {
            assert_eq!(error.code(), Code::Unavailable, "{error:?}");
            false
        }
    });
    let [encrypted, open] = links(&database);
    assert!(encrypted > 0 && open == 0, "{encrypted} and {open}");
    moves_into_a_file(&trusting(&database, &known), folder.path());
    drop((kim, server));

    let url = trusting(&database, &unknown);
    let mut server = start(&url);
    let line = server.wait_for_log(&["the store cannot be used", "certificate"]);
    assert!(!line.contains(PASSWORD), "{line}");
    let mut kim = Guest::new(&server);
    let refused = kim.refused(&log_in("kim", "correct horse"));
    assert_eq!(refused, Code::Unavailable);
    let said = output(wharf().args(["db", "verify", "--store", &url]));
    assert_eq!(said.status.code(), Some(2));
    let said = String::from_utf8_lossy(&said.stderr);
    assert!(
        said.contains("certificate") && !said.contains(PASSWORD),
        "{said}"
    );
}
