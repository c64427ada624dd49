//! What client and server agree on at the start of a session.

use crate::session::{Code, Error, Hello};

/// The newest version of the protocol that is described here.
pub const VERSION: u32 = 1;
/// The oldest that is still served.
pub const VERSION_MIN: u32 = 1;

/// What a side speaks.
#[derive(Clone, Copy, Debug)]
pub struct Speaks<'a> {
    /// The newest version.
    pub version: u32,
    /// The oldest.
    pub version_min: u32,
    /// What it can do beyond the version, by name.
    pub features: &'a [&'a str],
}

/// What both speak from now on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Agreed<'a> {
    /// The version.
    pub version: u32,
    /// The features that both have, in the server's order.
    pub features: Vec<&'a str>,
}

/// The newest version that both speak, and the features that both have.
///
/// # Errors
/// [`Code::Version`] with the server's versions as details if there is none; [`Code::Invalid`] if
/// the client's oldest version is newer than its newest.
pub fn agree<'a>(hello: &Hello, server: &Speaks<'a>) -> Result<Agreed<'a>, Error> {
    let newest = hello.version;
    let oldest = match hello.version_min {
        0 => newest,
        oldest => oldest,
    };
    if oldest > newest {
        let text = format!("version_min {oldest} is newer than version {newest}");
        return Err(Error::new(Code::Invalid, text).in_field("version_min"));
    }
    let version = newest.min(server.version);
    if version < oldest.max(server.version_min) {
        let side = if newest < server.version_min {
            "old"
        } else {
            "new"
        };
        let text = format!(
            "the client is too {side}: it speaks versions {oldest} to {newest}, and the server {} \
             to {}",
            server.version_min, server.version
        );
        return Err(Error::new(Code::Version, text)
            .with("version", server.version)
            .with("version_min", server.version_min));
    }
    let is_wished = |feature: &&&str| hello.features.iter().any(|wished| wished == **feature);
    let features = server.features.iter().filter(is_wished).copied();
    Ok(Agreed {
        version,
        features: features.collect(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const SERVER: Speaks<'_> = Speaks {
        version: 5,
        version_min: 3,
        features: &["resume", "json"],
    };

    fn agreed(version_min: u32, version: u32) -> Result<u32, Code> {
        let hello = Hello {
            version,
            version_min,
            ..Hello::default()
        };
        let agreed = agree(&hello, &SERVER);
        agreed.map(|it| it.version).map_err(|error| error.code())
    }

    #[test]
    fn the_newest_version_of_both_is_spoken() {
        for (version_min, version, expected) in [
            (0, 5, Ok(5)),
            (0, 3, Ok(3)),
            (0, 2, Err(Code::Version)),
            (0, 6, Err(Code::Version)),
            (1, 6, Ok(5)),
            (5, 9, Ok(5)),
            (6, 9, Err(Code::Version)),
            (1, 2, Err(Code::Version)),
            (1, 3, Ok(3)),
            (4, 3, Err(Code::Invalid)),
            (u32::MAX, u32::MAX, Err(Code::Version)),
            (1, u32::MAX, Ok(5)),
        ] {
            assert_eq!(
                agreed(version_min, version),
                expected,
                "{version_min} to {version}"
            );
        }
    }

    #[test]
    fn only_features_of_both_are_used() {
        let hello = Hello {
            version: 5,
            features: ["json", "warp", "json"].map(String::from).to_vec(),
            ..Hello::default()
        };
        assert_eq!(agree(&hello, &SERVER).unwrap().features, ["json"]);
    }

    #[test]
    fn whoever_is_refused_learns_what_the_server_speaks() {
        let hello = Hello {
            version: 1,
            ..Hello::default()
        };
        let error = agree(&hello, &SERVER).unwrap_err();
        let details = error.details.iter().map(|it| (&*it.name, &*it.value));
        let details: Vec<_> = details.collect();
        assert_eq!(details, [("version", "5"), ("version_min", "3")]);
        assert!(
            error.text.starts_with("the client is too old"),
            "{}",
            error.text
        );
    }
}
