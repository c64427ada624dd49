//! PostgreSQL over TLS: as strictly as the URL asks for, and never less.

use crate::authority::Authority;
use crate::servers::{Kind, PATIENT, Server};
use std::path::Path;
use tempfile::TempDir;
use wharf_store::{SqlError, Value, connect};

/// Whether the link is encrypted, as the server sees it.
fn is_encrypted(url: &str) -> Result<bool, SqlError> {
    let mut database = connect(url, &PATIENT)?;
    let sql = "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()";
    let rows = database.query(sql, &[])?;
    Ok(rows[0].0[0] == Value::Integer(1))
}

#[test]
fn a_link_is_as_secret_as_its_url_asks_for_and_leads_to_whom_it_names() {
    let folder = TempDir::new().unwrap();
    let (ours, others) = (Authority::new(), Authority::new());
    let (known, unknown) = (
        ours.file(folder.path(), "ours.pem"),
        others.file(folder.path(), "others.pem"),
    );
    let server = ours.server(folder.path(), "127.0.0.1");
    let url = |options: &str| format!("{}?{options}", server.url());
    let with =
        |mode: &str, file: &Path| url(&format!("sslmode={mode}&sslrootcert={}", file.display()));
    assert!(!is_encrypted(&server.url()).unwrap());
    assert!(!is_encrypted(&url("sslmode=disable")).unwrap());
    assert!(is_encrypted(&url("sslmode=require")).unwrap());
    for mode in ["require", "verify-ca", "verify-full"] {
        assert!(is_encrypted(&with(mode, &known)).unwrap(), "{mode}");
        let error = is_encrypted(&with(mode, &unknown)).unwrap_err();
        assert!(matches!(error, SqlError::Broken(_)), "{mode}: {error}");
        assert!(error.to_string().contains("certificate"), "{mode}: {error}");
    }
}

#[test]
fn a_server_under_another_name_is_refused_by_those_who_look_at_it() {
    let folder = TempDir::new().unwrap();
    let ours = Authority::new();
    let known = ours.file(folder.path(), "ours.pem");
    let server = ours.server(folder.path(), "db.example");
    let with = |mode: &str| {
        let (url, file) = (server.url(), known.display());
        format!("{url}?sslmode={mode}&sslrootcert={file}")
    };
    assert!(is_encrypted(&with("verify-ca")).unwrap());
    let error = is_encrypted(&with("verify-full")).unwrap_err();
    assert!(error.to_string().contains("not valid for name"), "{error}");
}

#[test]
fn a_server_without_tls_is_refused_by_those_who_ask_for_it() {
    let server = Server::start(Kind::PostgreSql);
    let url = format!("{}?sslmode=require", server.url());
    let error = is_encrypted(&url).unwrap_err();
    assert!(error.to_string().contains("TLS"), "{error}");
}
