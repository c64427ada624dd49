//! TLS to PostgreSQL, as much of it as the URL asks for: `sslmode` and `sslrootcert` mean what they
//! mean to `psql`.

use crate::database::SqlError;
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme,
};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// What a URL asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Wish {
    mode: Mode,
    /// Certificates of whoever vouches for the server.
    authorities: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    Plain,
    /// Nobody listens; who answers is not known.
    Encrypted,
    /// One for whom the authorities vouch answers.
    Vouched,
    /// The one that the URL names answers.
    Named,
}

/// The modes that a URL may ask for. Without any, and with `prefer`, nothing is encrypted.
const MODES: [(&str, Mode); 5] = [
    ("disable", Mode::Plain),
    ("prefer", Mode::Plain),
    ("require", Mode::Encrypted),
    ("verify-ca", Mode::Vouched),
    ("verify-full", Mode::Named),
];

/// The URL without what is about TLS, and that.
///
/// # Errors
/// If that makes no sense; the URL is not in it.
pub(super) fn wish_of(url: &str) -> Result<(String, Wish), SqlError> {
    let mut wish = Wish {
        mode: Mode::Plain,
        authorities: None,
    };
    let Some((place, options)) = url.split_once('?') else {
        return Ok((url.to_owned(), wish));
    };
    let mut others = Vec::new();
    for option in options.split('&') {
        match option.split_once('=') {
            Some(("sslmode", mode)) => {
                let known = MODES.iter().find(|(name, _)| *name == mode);
                let (_, mode) = known.ok_or_else(|| wrong(UNKNOWN_MODE))?;
                wish.mode = *mode;
            }
            Some(("sslrootcert", file)) => wish.authorities = Some(path_of(file)?),
            _ => others.push(option),
        }
    }
    match (wish.mode, &wish.authorities) {
        // As psql does.
        (Mode::Encrypted, Some(_)) => wish.mode = Mode::Vouched,
        (Mode::Vouched | Mode::Named, None) => return Err(wrong(NO_AUTHORITIES)),
        _ => {}
    }
    let url = match others.is_empty() {
        true => place.to_owned(),
        false => format!("{place}?{}", others.join("&")),
    };
    Ok((url, wish))
}

const UNKNOWN_MODE: &str = "sslmode in the store's URL must be one of disable, prefer, require, \
                            verify-ca, verify-full";
const NO_AUTHORITIES: &str = "sslmode=verify-ca and verify-full in the store's URL want \
                              sslrootcert=FILE beside them: the certificate of whoever vouches \
                              for the server";

fn path_of(text: &str) -> Result<PathBuf, SqlError> {
    let decoded = percent_encoding::percent_decode_str(text).decode_utf8();
    let path = decoded.map_err(|_| wrong("sslrootcert in the store's URL is no text"))?;
    Ok(PathBuf::from(path.as_ref()))
}

fn wrong(why: &str) -> SqlError {
    SqlError::Wrong(why.to_owned())
}

impl Wish {
    /// How to encrypt, if that is wanted.
    ///
    /// # Errors
    /// That the authorities' certificates cannot be read.
    pub(super) fn config(&self) -> Result<Option<ClientConfig>, SqlError> {
        if self.mode == Mode::Plain {
            return Ok(None);
        }
        let provider = Arc::new(ring::default_provider());
        let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .map_err(|why| SqlError::Wrong(format!("TLS to PostgreSQL: {why}")))?;
        let verifier: Arc<dyn ServerCertVerifier> = match (&self.authorities, self.mode) {
            (Some(file), Mode::Named) => authority(file, &provider)?,
            (Some(file), _) => Arc::new(Lenient {
                authority: Some(authority(file, &provider)?),
                provider,
            }),
            (None, _) => Arc::new(Lenient {
                authority: None,
                provider,
            }),
        };
        let config = builder
            .dangerous()
            .with_custom_certificate_verifier(verifier)
            .with_no_client_auth();
        Ok(Some(config))
    }
}

fn authority(
    file: &Path,
    provider: &Arc<CryptoProvider>,
) -> Result<Arc<WebPkiServerVerifier>, SqlError> {
    let told = |why: &dyn core::fmt::Display| {
        SqlError::Wrong(format!("sslrootcert = {}: {why}", file.display()))
    };
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_file_iter(file).map_err(|why| told(&why))? {
        let certificate = certificate.map_err(|why| told(&why))?;
        roots.add(certificate).map_err(|why| told(&why))?;
    }
    WebPkiServerVerifier::builder_with_provider(Arc::new(roots), Arc::clone(provider))
        .build()
        .map_err(|why| told(&why))
}

/// Takes a server under whatever name, or of whoever it is: for those who asked for no more.
#[derive(Debug)]
struct Lenient {
    authority: Option<Arc<WebPkiServerVerifier>>,
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for Lenient {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        between: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let Some(authority) = &self.authority else {
            return Ok(ServerCertVerified::assertion());
        };
        match authority.verify_server_cert(certificate, between, name, ocsp, now) {
            // The name is looked at last: all else was right.
            Err(Error::InvalidCertificate(
                CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
            )) => Ok(ServerCertVerified::assertion()),
            verified => verified,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signed, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signed, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        let algorithms = &self.provider.signature_verification_algorithms;
        algorithms.supported_schemes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wish(options: &str) -> Result<(String, Mode, Option<PathBuf>), SqlError> {
        let (url, wish) = wish_of(&format!("postgres://kim:secret@db/wharf{options}"))?;
        let rest = url.strip_prefix("postgres://kim:secret@db/wharf").unwrap();
        Ok((rest.to_owned(), wish.mode, wish.authorities))
    }

    #[test]
    fn what_is_about_tls_is_taken_out_of_the_url() {
        let ca = || Some(PathBuf::from("/etc/my ca.pem"));
        for (options, rest, mode, authorities) in [
            ("", "", Mode::Plain, None),
            ("?sslmode=disable", "", Mode::Plain, None),
            ("?sslmode=prefer&x=1", "?x=1", Mode::Plain, None),
            (
                "?x=1&sslmode=require&y=2",
                "?x=1&y=2",
                Mode::Encrypted,
                None,
            ),
            (
                "?sslmode=require&sslrootcert=/etc/my%20ca.pem",
                "",
                Mode::Vouched,
                ca(),
            ),
            (
                "?sslrootcert=/etc/my%20ca.pem&sslmode=verify-full",
                "",
                Mode::Named,
                ca(),
            ),
        ] {
            let expected = (rest.to_owned(), mode, authorities);
            assert_eq!(wish(options).unwrap(), expected, "{options}");
        }
    }

    #[test]
    fn what_makes_no_sense_is_told_without_the_password() {
        for (options, word) in [
            ("?sslmode=allow", "verify-full"),
            ("?sslmode=verify-full", "sslrootcert=FILE"),
            ("?sslmode=verify-ca", "sslrootcert=FILE"),
        ] {
            let error = wish(options).unwrap_err().to_string();
            assert!(error.contains(word) && !error.contains("secret"), "{error}");
        }
        let (_, missing) =
            wish_of("postgres://db/x?sslmode=verify-full&sslrootcert=/no/ca").unwrap();
        let error = missing.config().unwrap_err().to_string();
        assert!(error.contains("/no/ca"), "{error}");
    }
}
