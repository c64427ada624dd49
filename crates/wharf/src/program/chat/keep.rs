//! What is kept between runs: the token of the last login, the secret by which this machine logs
//! in, and the history of lines. For each server its own; readable by its user alone.

use serde::{Deserialize, Serialize};
use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use wharf_accounts::Chance;

/// Where things are kept.
#[derive(Clone, Debug)]
pub(super) struct Keep {
    /// `None` where the user has no such directory.
    folder: Option<PathBuf>,
    token_file: Option<PathBuf>,
    /// The server's part of file names.
    server: String,
}

/// The token of a login.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Token {
    /// The server that gave it; it is never shown to another.
    pub(super) target: String,
    /// The name that was logged in by, if one was.
    pub(super) user: Option<String>,
    /// In hexadecimal digits.
    token: String,
    pub(super) expires_ms: i64,
}

impl Token {
    pub(super) fn new(target: &str, user: Option<String>, token: &[u8], expires_ms: i64) -> Self {
        Self {
            target: target.to_owned(),
            user,
            token: hex(token),
            expires_ms,
        }
    }

    pub(super) fn bytes(&self) -> Vec<u8> {
        unhex(&self.token).unwrap_or_default()
    }
}

impl Keep {
    /// What is kept for the server at `target`, below the user's directory for configuration, or
    /// the token in a file of its own.
    pub(super) fn new(
        environment: impl Fn(&str) -> Option<PathBuf>,
        target: &str,
        token_file: Option<PathBuf>,
    ) -> Self {
        Self {
            folder: folder(environment),
            token_file,
            server: file_name(target),
        }
    }

    /// What is kept for the server at `target`, in the user's directory: a file that was named is
    /// for the login at the first one.
    pub(super) fn elsewhere(&self, target: &str) -> Self {
        Self {
            folder: self.folder.clone(),
            token_file: None,
            server: file_name(target),
        }
    }

    /// The token of the last login at this server, if there is one.
    pub(super) fn token(&self, target: &str) -> Option<Token> {
        let text = fs::read_to_string(self.token_path()?).ok()?;
        let token: Token = serde_json::from_str(&text).ok()?;
        (token.target == target && token.bytes().len() == 32).then_some(token)
    }

    /// # Errors
    /// The system's, with the file.
    pub(super) fn save_token(&self, token: &Token) -> Result<(), String> {
        let Some(path) = self.token_path() else {
            return Err("there is no directory to keep the token in: give --token-file".to_owned());
        };
        let text = serde_json::to_string(token).map_err(|error| error.to_string())?;
        write(&path, text.as_bytes()).map_err(|error| format!("{}: {error}", path.display()))
    }

    /// A login that has ended needs no token.
    pub(super) fn forget_token(&self) {
        if let Some(path) = self.token_path() {
            // One that is not there is forgotten.
            let _ = fs::remove_file(path);
        }
    }

    /// The secret by which this machine logs in at this server; made the first time.
    ///
    /// # Errors
    /// If it can be neither read nor kept.
    pub(super) fn device_secret(&self, chance: &mut dyn Chance) -> Result<Vec<u8>, String> {
        let path = self
            .path("device")
            .ok_or("there is no directory to keep a secret in")?;
        let told = |error: &dyn std::fmt::Display| format!("{}: {error}", path.display());
        match fs::read_to_string(&path) {
            Ok(text) => {
                let secret = unhex(text.trim()).filter(|secret| secret.len() == 32);
                secret.ok_or_else(|| told(&"that is no secret; it would make another account"))
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let mut secret = vec![0; 32];
                chance.fill(&mut secret);
                write(&path, hex(&secret).as_bytes()).map_err(|error| told(&error))?;
                Ok(secret)
            }
            Err(error) => Err(told(&error)),
        }
    }

    /// Where lines that were typed are kept.
    pub(super) fn history_file(&self) -> Option<PathBuf> {
        let folder = self.folder.as_ref()?;
        make_folder(folder).ok()?;
        Some(folder.join("history"))
    }

    fn token_path(&self) -> Option<PathBuf> {
        self.token_file.clone().or_else(|| self.path("token"))
    }

    fn path(&self, ending: &str) -> Option<PathBuf> {
        let folder = self.folder.as_ref()?;
        Some(folder.join(format!("{}.{ending}", self.server)))
    }
}

/// A server, as a part of file names.
fn file_name(target: &str) -> String {
    let letter = |letter: char| match letter {
        'a'..='z' | 'A'..='Z' | '0'..='9' | '.' | '-' => letter,
        _ => '_',
    };
    target.chars().map(letter).collect()
}

/// The user's directory for what programs keep.
fn folder(environment: impl Fn(&str) -> Option<PathBuf>) -> Option<PathBuf> {
    let system = match cfg!(windows) {
        true => environment("APPDATA"),
        false => {
            let home = environment("HOME").map(|home| home.join(".config"));
            environment("XDG_CONFIG_HOME")
                .filter(|it| it.is_absolute())
                .or(home)
        }
    };
    Some(system?.join("wharf").join("chat"))
}

fn make_folder(folder: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}

/// Writes a file that nobody else may read (on Windows the user's own directory sees to that),
/// whole or not at all.
fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let folder = path.parent().filter(|it| !it.as_os_str().is_empty());
    if let Some(folder) = folder {
        make_folder(folder)?;
    }
    // A file of tempfile's is its user's alone from the beginning.
    let mut file = tempfile::NamedTempFile::new_in(folder.unwrap_or(Path::new(".")))?;
    file.write_all(bytes)?;
    file.as_file().sync_all()?;
    file.persist(path)?;
    Ok(())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    if !text.is_ascii() || !text.len().is_multiple_of(2) {
        return None;
    }
    let pairs = (0..text.len()).step_by(2);
    pairs
        .map(|place| u8::from_str_radix(&text[place..place + 2], 16).ok())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Sevens;

    impl Chance for Sevens {
        fn fill(&mut self, bytes: &mut [u8]) {
            bytes.fill(7);
        }
    }

    struct Nothing;

    impl Chance for Nothing {
        fn fill(&mut self, _: &mut [u8]) {
            panic!("it was there already");
        }
    }

    fn keep(folder: &Path, target: &str) -> Keep {
        Keep::new(|_| Some(folder.to_owned()), target, None)
    }

    #[test]
    fn a_token_is_kept_for_its_server_alone_until_it_is_forgotten() {
        let folder = tempfile::tempdir().unwrap();
        let kept = keep(folder.path(), "[::1]:11021");
        assert!(kept.token("[::1]:11021").is_none());
        let token = Token::new("[::1]:11021", Some("kim".to_owned()), &[0xab; 32], 5);
        kept.save_token(&token).unwrap();
        let again = keep(folder.path(), "[::1]:11021")
            .token("[::1]:11021")
            .unwrap();
        assert!(again == token && again.bytes() == [0xab; 32]);
        assert!(keep(folder.path(), "other:1").token("other:1").is_none());
        // Two names that look alike to the file system are still two servers.
        assert!(
            keep(folder.path(), "[::1]:11021")
                .token("(::1):11021")
                .is_none()
        );
        kept.forget_token();
        assert!(kept.token("[::1]:11021").is_none());
    }

    #[test]
    fn a_device_keeps_its_secret() {
        let folder = tempfile::tempdir().unwrap();
        let kept = keep(folder.path(), "a:1");
        assert_eq!(kept.device_secret(&mut Sevens).unwrap(), [7; 32]);
        assert_eq!(kept.device_secret(&mut Nothing).unwrap(), [7; 32]);
        let file = kept.path("device").unwrap();
        fs::write(&file, "short").unwrap();
        kept.device_secret(&mut Sevens).unwrap_err();
        assert_eq!(fs::read_to_string(&file).unwrap(), "short", "left as it is");
    }

    #[cfg(unix)]
    #[test]
    fn nobody_else_may_read_it() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        let kept = keep(folder.path(), "a:1");
        kept.device_secret(&mut Sevens).unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        let file = kept.path("device").unwrap();
        assert_eq!(mode(&file), 0o600);
        assert_eq!(mode(file.parent().unwrap()), 0o700);
        let token = folder.path().join("my token");
        let kept = Keep::new(|_| None, "a:1", Some(token.clone()));
        fs::write(&token, "").unwrap();
        fs::set_permissions(&token, fs::Permissions::from_mode(0o666)).unwrap();
        kept.save_token(&Token::new("a:1", None, &[1; 32], 0))
            .unwrap();
        assert_eq!(mode(&token), 0o600);
        let elsewhere = kept.elsewhere("b:1");
        assert_eq!(elsewhere.token_path(), None, "the file is the first one's");
    }
}
