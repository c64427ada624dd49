//! What the databases that are reached over a network have in common.

#[cfg(any(feature = "mysql", feature = "postgres"))]
mod migrator;
#[cfg(any(feature = "mysql", feature = "postgres"))]
mod statements;

#[cfg(any(feature = "mysql", feature = "postgres"))]
pub(crate) use migrator::{Changes, Migrator};
#[cfg(feature = "postgres")]
pub(crate) use statements::numbered;

use crate::database::{Database, SqlError};
use crate::store::Connect;
use core::time::Duration;
use std::sync::Arc;

/// How long a server may take. What takes longer has failed: a server that hangs never holds its
/// caller for ever.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timeouts {
    /// To be reached, and to let us in.
    pub connect: Duration,
    /// To answer a statement. The server ends a statement by itself after this time; it is given
    /// half a second more to say so.
    pub statement: Duration,
}

/// How much longer than a statement's time its answer is waited for.
#[cfg(any(feature = "mysql", feature = "postgres", feature = "redis"))]
pub(crate) const GRACE: Duration = Duration::from_millis(500);

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(3),
            statement: Duration::from_secs(5),
        }
    }
}

/// Connects to the database that `url` names: `postgres://`, `mysql://` or `mariadb://`.
///
/// # Errors
/// That no such database is known, or what it says. The URL, which holds a password, is in no
/// error.
#[cfg_attr(
    not(any(feature = "mysql", feature = "postgres")),
    expect(unused_variables, reason = "there is no server to wait for")
)]
pub fn connect(url: &str, timeouts: &Timeouts) -> Result<Box<dyn Database>, SqlError> {
    let scheme = url.split_once("://").map_or("", |(scheme, _)| scheme);
    match scheme {
        #[cfg(feature = "postgres")]
        "postgres" | "postgresql" => {
            let database = crate::PostgreSql::connect(url, timeouts)?;
            Ok(Box::new(database))
        }
        #[cfg(feature = "mysql")]
        "mysql" | "mariadb" => {
            let database = crate::MySql::connect(url, timeouts)?;
            Ok(Box::new(database))
        }
        #[cfg(not(feature = "postgres"))]
        "postgres" | "postgresql" => Err(missing("postgres")),
        #[cfg(not(feature = "mysql"))]
        "mysql" | "mariadb" => Err(missing("mysql")),
        _ => Err(unknown()),
    }
}

/// Whether `url` is one that [`connect`] understands: a server is not asked, a file not read.
///
/// # Errors
/// What is wrong with it. The URL, which holds a password, is in no error.
///
/// ```
/// assert!(wharf_store::check_url("postgres://kim:secret@db/wharf").is_ok());
/// assert!(wharf_store::check_url("oracle://kim:secret@db/wharf").is_err());
/// ```
pub fn check_url(url: &str) -> Result<(), SqlError> {
    match url.split_once("://").map_or("", |(scheme, _)| scheme) {
        #[cfg(feature = "postgres")]
        "postgres" | "postgresql" => crate::PostgreSql::check_url(url),
        #[cfg(feature = "mysql")]
        "mysql" | "mariadb" => crate::MySql::check_url(url),
        #[cfg(not(feature = "postgres"))]
        "postgres" | "postgresql" => Err(missing("postgres")),
        #[cfg(not(feature = "mysql"))]
        "mysql" | "mariadb" => Err(missing("mysql")),
        _ => Err(unknown()),
    }
}

/// Whether the files that `url` names, such as certificates, can be read and are what they should
/// be; it has gone through [`check_url`].
///
/// # Errors
/// Which is not, and why.
pub fn check_files(url: &str) -> Result<(), SqlError> {
    match url.split_once("://").map_or("", |(scheme, _)| scheme) {
        #[cfg(feature = "postgres")]
        "postgres" | "postgresql" => crate::PostgreSql::check_files(url),
        _ => Ok(()),
    }
}

fn unknown() -> SqlError {
    SqlError::Wrong(
        "the store's URL begins with none of postgres://, mysql:// and mariadb://".into(),
    )
}

#[cfg(not(all(feature = "postgres", feature = "mysql")))]
fn missing(feature: &str) -> SqlError {
    SqlError::Wrong(format!(
        "this build knows no such server: build it with the feature {feature}"
    ))
}

/// Makes connections to the database that `url` names, as a [`crate::Store`] wants them.
pub fn connector(url: impl Into<String>, timeouts: Timeouts) -> Connect {
    let url = url.into();
    Arc::new(move |_| connect(&url, &timeouts))
}

/// Says once for each connection where a server promises less than it is trusted with.
#[cfg(any(feature = "mysql", feature = "postgres"))]
pub(crate) fn warn(server: &str, doubts: &[String]) {
    for doubt in doubts {
        tracing::warn!(
            server,
            doubt,
            "what is acknowledged may be lost in a power cut"
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_of_nothing_known_is_refused_without_its_password() {
        for url in ["", "wharf.db", "oracle://kim:secret@localhost/wharf"] {
            let Err(SqlError::Wrong(why)) = connect(url, &Timeouts::default()) else {
                panic!("{url} was taken")
            };
            assert_eq!(check_url(url), Err(SqlError::Wrong(why.clone())));
            assert!(
                why.contains("postgres://") && !why.contains("secret"),
                "{why}"
            );
        }
    }

    #[test]
    fn what_is_wrong_with_a_url_is_said_without_its_password() {
        for url in [
            "postgres://kim:secret@localhost:port/wharf",
            "postgres://kim:secret@localhost/wharf?secret=1",
            "postgres://kim:secret@localhost/wharf?sslmode=verify-full",
            "postgres://kim:secret@/wharf",
            "mysql://kim:secret@localhost:port/wharf",
            "mysql://kim:secret@localhost/wharf?secret=secret",
            "mysql://kim:secret@localhost",
            "mariadb://kim:secret@",
        ] {
            let Err(error) = connect(url, &Timeouts::default()) else {
                panic!("{url} was taken")
            };
            assert!(!error.to_string().contains("secret"), "{error}");
            assert!(matches!(error, SqlError::Wrong(_)), "{url}: {error}");
            assert_eq!(
                check_url(url),
                Err(error),
                "it is told without a server too"
            );
        }
    }

    #[test]
    fn a_server_that_this_build_has_no_client_of_is_refused_with_the_features_name() {
        let clients = [
            ("postgres", cfg!(feature = "postgres")),
            ("mysql", cfg!(feature = "mysql")),
        ];
        for (feature, is_built) in clients {
            let url = format!("{feature}://kim:secret@db/wharf");
            let missing = format!("build it with the feature {feature}");
            match check_url(&url) {
                Ok(()) => assert!(is_built, "{url} was taken"),
                Err(error) => assert!(!is_built && error.to_string().ends_with(&missing)),
            }
        }
    }

    #[cfg(all(feature = "mysql", feature = "postgres"))]
    #[test]
    fn a_url_that_can_be_used_passes_whether_anybody_is_there_or_not() {
        for url in [
            "postgres://kim:secret@192.0.2.1:1/wharf",
            "postgresql://db/wharf?sslmode=verify-full&sslrootcert=/no/ca",
            "mysql://kim:secret@192.0.2.1/wharf",
            "mariadb://db/wharf",
        ] {
            assert_eq!(check_url(url), Ok(()), "{url}");
        }
    }

    #[cfg(feature = "postgres")]
    #[test]
    fn a_file_that_a_url_names_is_looked_at_by_itself() {
        let url = "postgres://kim:secret@db/wharf?sslmode=verify-full&sslrootcert=";
        let error = check_files(&format!("{url}/no/ca"))
            .unwrap_err()
            .to_string();
        assert!(
            error.contains("/no/ca") && !error.contains("secret"),
            "{error}"
        );
        let folder = tempfile::tempdir().unwrap();
        let empty = folder.path().join("ca.pem");
        std::fs::write(&empty, "no certificate\n").unwrap();
        let error = check_files(&format!("{url}{}", empty.display())).unwrap_err();
        assert!(error.to_string().contains("ca.pem"), "{error}");
        assert_eq!(check_files("postgres://db/wharf?sslmode=require"), Ok(()));
        assert_eq!(check_files("mariadb://db/wharf"), Ok(()));
    }
}
