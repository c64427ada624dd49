//! The studio's own tickets: signed tokens (JWT) that are checked against its public keys (JWKS).
//!
//! What the token says about its own algorithm and key is only ever compared with what the keys
//! say: an algorithm that no key is for, `none` among them, is not even looked at.

mod signature;

use core::fmt;
use jsonwebtoken::errors::ErrorKind;
use jsonwebtoken::jwk::{
    AlgorithmParameters, EllipticCurve, Jwk, JwkSet, KeyAlgorithm, PublicKeyUse,
};
use jsonwebtoken::{Algorithm, DecodingKey, DecodingKeyKind, Validation};
use serde::Deserialize;
use wharf_data::UnixMs;

/// What tickets must say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TicketRules {
    /// Who gives them out (`iss`).
    pub issuer: String,
    /// For whom they are (`aud`, or one of it).
    pub audience: String,
    /// By how much the studio's clocks may differ from ours, in milliseconds.
    pub leeway_ms: u32,
}

/// The keys that tickets are signed by, and what tickets must say.
#[derive(Clone, Debug)]
pub struct Tickets {
    rules: TicketRules,
    keys: Vec<Key>,
}

#[derive(Clone, Debug)]
struct Key {
    id: Option<String>,
    algorithm: Algorithm,
    key: DecodingKey,
}

/// What is wrong with a JWKS, for the operator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum JwksError {
    /// It is no JWKS.
    Text(String),
    /// It has no key for RS256, ES256 or EdDSA.
    NoKey,
    /// Two keys have the same id, or several have none.
    Twice(String),
    /// A key is not what its kind has to be, or too short.
    Key(String),
}

/// What a ticket says.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub(crate) struct Ticket {
    /// What the studio's service calls the user.
    #[serde(rename = "sub")]
    pub(crate) subject: String,
    /// The display name that a new account gets, if nobody has it.
    pub(crate) name: Option<String>,
}

/// Why a ticket is not good. For the log; the client hears that it is not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TicketError {
    /// No JWT, or of an algorithm that is not known.
    Shape,
    /// It asks for extensions that are not known.
    Critical,
    /// No key has its id.
    UnknownKey,
    /// The key is for another algorithm.
    Algorithm,
    Signature,
    Issuer,
    Audience,
    /// Something that it must say is missing or malformed.
    Claims,
    Expired,
    NotYetValid,
    FromTheFuture,
}

#[derive(Deserialize)]
struct Claims {
    iss: String,
    exp: f64,
    nbf: Option<f64>,
    iat: Option<f64>,
    #[serde(flatten)]
    ticket: Ticket,
}

/// Bytes of a ticket at the most.
pub(crate) const TICKET_BYTES_MAX: usize = 4_096;
/// Bytes of a subject at the most.
const SUBJECT_BYTES_MAX: usize = 200;
/// Bytes of a modulus at least: 2,048 bits.
const MODULUS_BYTES_MIN: usize = 256;

impl Tickets {
    /// The keys in a JWKS, as text. Those of other kinds or for other purposes are passed over.
    ///
    /// # Errors
    /// When it is none, or has no key of use.
    pub fn new(jwks: &str, rules: TicketRules) -> Result<Self, JwksError> {
        signature::install();
        let set: JwkSet =
            serde_json::from_str(jwks).map_err(|error| JwksError::Text(error.to_string()))?;
        let mut keys: Vec<Key> = Vec::new();
        for jwk in &set.keys {
            let Some(key) = Key::of(jwk)? else { continue };
            if keys.iter().any(|other| other.id == key.id) {
                return Err(JwksError::Twice(key.id.unwrap_or_default()));
            }
            keys.push(key);
        }
        if keys.is_empty() {
            return Err(JwksError::NoKey);
        }
        Ok(Self { rules, keys })
    }

    /// What a ticket says, if it is good at `at`.
    pub(crate) fn check(&self, ticket: &str, at: UnixMs) -> Result<Ticket, TicketError> {
        let header = jsonwebtoken::decode_header(ticket).map_err(|_| TicketError::Shape)?;
        if header.crit.is_some() {
            return Err(TicketError::Critical);
        }
        let key = match &header.kid {
            Some(id) => self.keys.iter().find(|key| key.id.as_ref() == Some(id)),
            // Without an id it is clear only if there is no choice.
            None => self.keys.first().filter(|_| self.keys.len() == 1),
        };
        let key = key.ok_or(TicketError::UnknownKey)?;
        let mut validation = Validation::new(key.algorithm);
        // The library would look at the clock.
        validation.validate_exp = false;
        validation.validate_nbf = false;
        validation.set_issuer(&[&self.rules.issuer]);
        validation.set_audience(&[&self.rules.audience]);
        validation.set_required_spec_claims(&["iss", "aud", "sub"]);
        let decoded = jsonwebtoken::decode::<Claims>(ticket, &key.key, &validation);
        let claims = decoded.map_err(|error| reason(error.kind()))?.claims;
        // The library lets an array pass.
        if claims.iss != self.rules.issuer {
            return Err(TicketError::Issuer);
        }
        self.check_times(&claims, at)?;
        claims.ticket.checked().ok_or(TicketError::Claims)
    }

    fn check_times(&self, claims: &Claims, at: UnixMs) -> Result<(), TicketError> {
        let (at, leeway) = (at as f64, f64::from(self.rules.leeway_ms));
        let is_after = |seconds: f64| seconds * 1_000.0 > at + leeway;
        if claims.exp * 1_000.0 + leeway <= at {
            return Err(TicketError::Expired);
        }
        if claims.nbf.is_some_and(is_after) {
            return Err(TicketError::NotYetValid);
        }
        if claims.iat.is_some_and(is_after) {
            return Err(TicketError::FromTheFuture);
        }
        Ok(())
    }
}

impl Ticket {
    /// What stands behind a key for one use: JSON with the same `sub` and `name`.
    pub(crate) fn of_stored(value: &[u8]) -> Option<Self> {
        let ticket: Self = serde_json::from_slice(value).ok()?;
        ticket.checked()
    }

    fn checked(self) -> Option<Self> {
        let subject = &self.subject;
        let is_sound = !subject.is_empty()
            && subject.len() <= SUBJECT_BYTES_MAX
            && !subject.chars().any(char::is_control);
        is_sound.then_some(self)
    }
}

impl Key {
    /// `None` for a key of another kind.
    fn of(jwk: &Jwk) -> Result<Option<Self>, JwksError> {
        let (algorithm, stated) = match &jwk.algorithm {
            AlgorithmParameters::RSA(_) => (Algorithm::RS256, KeyAlgorithm::RS256),
            AlgorithmParameters::EllipticCurve(it) if it.curve == EllipticCurve::P256 => {
                (Algorithm::ES256, KeyAlgorithm::ES256)
            }
            AlgorithmParameters::OctetKeyPair(it) if it.curve == EllipticCurve::Ed25519 => {
                (Algorithm::EdDSA, KeyAlgorithm::EdDSA)
            }
            _ => return Ok(None),
        };
        let common = &jwk.common;
        let is_for_this = common.key_algorithm.is_none_or(|it| it == stated)
            && !matches!(&common.public_key_use, Some(it) if *it != PublicKeyUse::Signature);
        if !is_for_this {
            return Ok(None);
        }
        let id = common.key_id.clone();
        let wrong = || JwksError::Key(id.clone().unwrap_or_default());
        let key = DecodingKey::from_jwk(jwk).map_err(|_| wrong())?;
        let is_whole = match (algorithm, key.kind()) {
            (_, DecodingKeyKind::RsaModulusExponent { n, .. }) => n.len() >= MODULUS_BYTES_MIN,
            (Algorithm::EdDSA, DecodingKeyKind::SecretOrDer(point)) => point.len() == 32,
            (_, DecodingKeyKind::SecretOrDer(point)) => point.len() == 65,
        };
        if !is_whole {
            return Err(wrong());
        }
        Ok(Some(Self { id, algorithm, key }))
    }
}

fn reason(kind: &ErrorKind) -> TicketError {
    match kind {
        ErrorKind::InvalidAlgorithm => TicketError::Algorithm,
        ErrorKind::InvalidSignature => TicketError::Signature,
        ErrorKind::InvalidIssuer => TicketError::Issuer,
        ErrorKind::InvalidAudience => TicketError::Audience,
        ErrorKind::Json(_) | ErrorKind::MissingRequiredClaim(_) => TicketError::Claims,
        _ => TicketError::Shape,
    }
}

impl fmt::Display for JwksError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(why) => write!(f, "this is no JWKS: {why}"),
            Self::NoKey => f.write_str("the JWKS has no key for RS256, ES256 or EdDSA"),
            Self::Twice(id) if id.is_empty() => {
                f.write_str("the JWKS has several keys without an id (kid)")
            }
            Self::Twice(id) => write!(f, "the JWKS has several keys with the id (kid) {id:?}"),
            Self::Key(id) => write!(
                f,
                "the key {id:?} of the JWKS is not whole (RSA keys have at least 2048 bits)"
            ),
        }
    }
}

impl core::error::Error for JwksError {}

#[cfg(test)]
mod tests;
