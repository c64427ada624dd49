//! Who vouches for servers that tests start, so that what asks for TLS finds some.

use crate::servers::{Kind, Medium, Server};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::{Path, PathBuf};

/// Whom servers run as that refuse to run as root.
const NOBODY: u32 = 65_534;

/// An authority, which vouches for servers.
pub(crate) struct Authority(Issuer<'static, KeyPair>, String);

impl Authority {
    pub(crate) fn new() -> Self {
        let key = KeyPair::generate().unwrap();
        let mut about = CertificateParams::new(Vec::new()).unwrap();
        about.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let certificate = about.self_signed(&key).unwrap().pem();
        Self(Issuer::new(about, key), certificate)
    }

    /// Its certificate, in a file.
    pub(crate) fn file(&self, folder: &Path, name: &str) -> PathBuf {
        let file = folder.join(name);
        fs::write(&file, &self.1).unwrap();
        file
    }

    /// A PostgreSQL that shows a certificate for `name`.
    pub(crate) fn server(&self, folder: &Path, name: &str) -> Server {
        let key = KeyPair::generate().unwrap();
        let about = CertificateParams::new(vec![name.to_owned()]).unwrap();
        let certificate = about.signed_by(&key, &self.0).unwrap().pem();
        let (shown, kept) = (folder.join("server.pem"), folder.join("server.key"));
        fs::write(&shown, certificate).unwrap();
        fs::write(&kept, key.serialize_pem()).unwrap();
        fs::set_permissions(&kept, Permissions::from_mode(0o600)).unwrap();
        if rustix::process::geteuid().is_root() {
            for path in [folder, &shown, &kept] {
                chown(path, Some(NOBODY), Some(NOBODY)).unwrap();
            }
        }
        let setting = |name: &str, file: &Path| format!("{name}={}", file.display());
        let certificate = setting("ssl_cert_file", &shown);
        let key = setting("ssl_key_file", &kept);
        let settings = ["-c", "ssl=on", "-c", &certificate, "-c", &key];
        Server::start_with(Kind::PostgreSql, Medium::Memory, &settings)
    }
}
