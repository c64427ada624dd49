//! Signatures of tickets, verified by `ring`. Nothing is signed here.

use jsonwebtoken::crypto::{CryptoProvider, JwtSigner, JwtVerifier, KeyUtils};
use jsonwebtoken::errors::{Error, ErrorKind};
use jsonwebtoken::signature::{self, Verifier};
use jsonwebtoken::{Algorithm, DecodingKey, DecodingKeyKind, EncodingKey};
use ring::signature::{
    ECDSA_P256_SHA256_FIXED, ED25519, RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents,
    UnparsedPublicKey, VerificationAlgorithm,
};

static PROVIDER: CryptoProvider = CryptoProvider {
    signer_factory: signer,
    verifier_factory: verifier,
    key_utils: KeyUtils::new_unimplemented(),
};

/// Has the library for tickets verify by `ring`. Does nothing the second time, or if the program
/// has chosen another.
pub(super) fn install() {
    // An error means that one is installed: whichever it is, it verifies.
    let _ = PROVIDER.install_default();
}

fn signer(_: &Algorithm, _: &EncodingKey) -> Result<Box<dyn JwtSigner>, Error> {
    Err(ErrorKind::UnsupportedAlgorithm.into())
}

/// Each algorithm takes keys of its own kind only: an RSA key is never mistaken for a secret.
fn verifier(algorithm: &Algorithm, key: &DecodingKey) -> Result<Box<dyn JwtVerifier>, Error> {
    let key = match (algorithm, key.kind()) {
        (Algorithm::RS256, DecodingKeyKind::RsaModulusExponent { n, e }) => PublicKey::Rsa {
            n: without_zeros(n),
            e: without_zeros(e),
        },
        (Algorithm::ES256, DecodingKeyKind::SecretOrDer(point)) => {
            PublicKey::Plain(&ECDSA_P256_SHA256_FIXED, point.clone())
        }
        (Algorithm::EdDSA, DecodingKeyKind::SecretOrDer(point)) => {
            PublicKey::Plain(&ED25519, point.clone())
        }
        _ => return Err(ErrorKind::InvalidAlgorithm.into()),
    };
    Ok(Box::new(RingVerifier {
        algorithm: *algorithm,
        key,
    }))
}

/// Some write numbers with zeros before them, which `ring` does not take.
fn without_zeros(number: &[u8]) -> Vec<u8> {
    let begin = number.iter().position(|&byte| byte != 0);
    number[begin.unwrap_or(number.len())..].to_vec()
}

struct RingVerifier {
    algorithm: Algorithm,
    key: PublicKey,
}

enum PublicKey {
    Rsa { n: Vec<u8>, e: Vec<u8> },
    Plain(&'static dyn VerificationAlgorithm, Vec<u8>),
}

impl Verifier<Vec<u8>> for RingVerifier {
    fn verify(&self, message: &[u8], signature: &Vec<u8>) -> Result<(), signature::Error> {
        let verified = match &self.key {
            PublicKey::Rsa { n, e } => {
                let key = RsaPublicKeyComponents { n, e };
                key.verify(&RSA_PKCS1_2048_8192_SHA256, message, signature)
            }
            PublicKey::Plain(algorithm, key) => {
                UnparsedPublicKey::new(*algorithm, key).verify(message, signature)
            }
        };
        verified.map_err(|_| signature::Error::new())
    }
}

impl JwtVerifier for RingVerifier {
    fn algorithm(&self) -> Algorithm {
        self.algorithm
    }
}
