//! Every way in which a ticket can be wrong.

use super::*;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::rand::SystemRandom;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _,
};
use serde_json::{Value, json};

/// Signed by the key of `rsa.json` with OpenSSL; good from second 1,000 to 2,000.
const RSA_TICKET: &str = include_str!("fixtures/rsa.jwt");
const RSA_KEYS: &str = include_str!("fixtures/rsa.json");

fn base64(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

fn rules() -> TicketRules {
    TicketRules {
        issuer: "studio".into(),
        audience: "game".into(),
        leeway_ms: 0,
    }
}

fn claims() -> Value {
    json!({"iss": "studio", "aud": "game", "sub": "user-1", "exp": 2_000, "iat": 1_000})
}

fn ed_key(seed: u8) -> Ed25519KeyPair {
    Ed25519KeyPair::from_seed_unchecked(&[seed; 32]).unwrap()
}

fn ed_jwk(id: &str, key: &Ed25519KeyPair) -> Value {
    let x = base64(key.public_key());
    json!({"kty": "OKP", "crv": "Ed25519", "kid": id, "use": "sig", "alg": "EdDSA", "x": x})
}

fn signed(header: &Value, claims: &Value, sign: impl Fn(&[u8]) -> Vec<u8>) -> String {
    let message = format!(
        "{}.{}",
        base64(header.to_string()),
        base64(claims.to_string())
    );
    let signature = base64(sign(message.as_bytes()));
    format!("{message}.{signature}")
}

fn ed_signed(header: &Value, claims: &Value) -> String {
    signed(header, claims, |message| {
        ed_key(1).sign(message).as_ref().to_vec()
    })
}

fn tickets() -> Tickets {
    let keys = json!({"keys": [ed_jwk("one", &ed_key(1)), ed_jwk("two", &ed_key(2))]});
    Tickets::new(&keys.to_string(), rules()).unwrap()
}

const NOON: UnixMs = 1_500_000;

fn check(header: Value, claims: Value) -> Result<String, TicketError> {
    let ticket = ed_signed(&header, &claims);
    tickets().check(&ticket, NOON).map(|ticket| ticket.subject)
}

fn with(changes: Value) -> Value {
    let mut claims = claims();
    for (name, value) in changes.as_object().unwrap() {
        claims[name] = value.clone();
    }
    claims
}

fn header() -> Value {
    json!({"alg": "EdDSA", "kid": "one"})
}

#[test]
fn a_good_ticket_of_each_algorithm_says_who_somebody_is() {
    assert_eq!(check(header(), claims()), Ok("user-1".into()));
    let several = with(json!({"aud": ["other", "game"]}));
    assert_eq!(check(header(), several), Ok("user-1".into()));

    let rsa = Tickets::new(RSA_KEYS, rules()).unwrap();
    let ticket = rsa.check(RSA_TICKET.trim(), NOON).unwrap();
    assert_eq!(ticket.name.as_deref(), Some("Kim"));

    let random = SystemRandom::new();
    let algorithm = &ECDSA_P256_SHA256_FIXED_SIGNING;
    let document = EcdsaKeyPair::generate_pkcs8(algorithm, &random).unwrap();
    let key = EcdsaKeyPair::from_pkcs8(algorithm, document.as_ref(), &random).unwrap();
    let (x, y) = key.public_key().as_ref()[1..].split_at(32);
    let jwk = json!({"kty": "EC", "crv": "P-256", "x": base64(x), "y": base64(y)});
    let keys = Tickets::new(&json!({"keys": [jwk]}).to_string(), rules()).unwrap();
    let sign = |message: &[u8]| key.sign(&random, message).unwrap().as_ref().to_vec();
    let ticket = signed(&json!({"alg": "ES256"}), &claims(), sign);
    assert_eq!(keys.check(&ticket, NOON).unwrap().subject, "user-1");
    let forged = signed(&json!({"alg": "ES256"}), &claims(), |_| {
        sign(b"another text")
    });
    assert_eq!(keys.check(&forged, NOON), Err(TicketError::Signature));
}

#[test]
fn a_ticket_without_a_signature_is_none() {
    for algorithm in ["none", "None", "NONE", ""] {
        let header = json!({"alg": algorithm, "kid": "one"});
        let ticket = signed(&header, &claims(), |_| Vec::new());
        assert_eq!(tickets().check(&ticket, NOON), Err(TicketError::Shape));
    }
    let bare = signed(&header(), &claims(), |_| Vec::new());
    assert_eq!(tickets().check(&bare, NOON), Err(TicketError::Signature));
    for rubbish in ["", ".", "..", "a.b.c", "a.b", "....", "\u{ac00}.b.c"] {
        assert_eq!(tickets().check(rubbish, NOON), Err(TicketError::Shape));
    }
}

#[test]
fn a_public_key_is_never_taken_for_a_secret() {
    let rsa = Tickets::new(RSA_KEYS, rules()).unwrap();
    let header = json!({"alg": "HS256", "kid": "rsa"});
    let ticket = signed(&header, &claims(), |message| message.to_vec());
    assert_eq!(rsa.check(&ticket, NOON), Err(TicketError::Algorithm));
    let other = json!({"alg": "RS512", "kid": "rsa"});
    let ticket = signed(&other, &claims(), |message| message.to_vec());
    assert_eq!(rsa.check(&ticket, NOON), Err(TicketError::Algorithm));
}

#[test]
fn the_key_must_be_the_one_that_is_named() {
    let named = |id: &str| check(json!({"alg": "EdDSA", "kid": id}), claims());
    assert_eq!(named("two"), Err(TicketError::Signature));
    assert_eq!(named("three"), Err(TicketError::UnknownKey));
    // Two keys, and none is named.
    let unnamed = check(json!({"alg": "EdDSA"}), claims());
    assert_eq!(unnamed, Err(TicketError::UnknownKey));
    let other = Tickets::new(RSA_KEYS, rules()).unwrap();
    let mut foreign = RSA_TICKET.trim().to_owned();
    foreign.replace_range(foreign.len() - 8..foreign.len() - 4, "AAAA");
    assert_eq!(other.check(&foreign, NOON), Err(TicketError::Signature));
}

#[test]
fn a_ticket_that_asks_for_what_is_not_known_is_refused() {
    let header = json!({"alg": "EdDSA", "kid": "one", "crit": ["b64"], "b64": false});
    assert_eq!(check(header, claims()), Err(TicketError::Critical));
}

#[test]
fn a_ticket_is_for_this_game_by_this_studio() {
    let checked = |changes| check(header(), with(changes));
    assert_eq!(
        checked(json!({"iss": "stranger"})),
        Err(TicketError::Issuer)
    );
    assert_eq!(
        checked(json!({"aud": "another"})),
        Err(TicketError::Audience)
    );
    assert_eq!(checked(json!({"aud": []})), Err(TicketError::Audience));
    for missing in ["iss", "aud", "sub", "exp"] {
        let mut claims = claims();
        claims.as_object_mut().unwrap().remove(missing);
        assert_eq!(
            check(header(), claims),
            Err(TicketError::Claims),
            "{missing}"
        );
    }
    for subject in [
        json!(""),
        json!("a\u{0}b"),
        json!("x".repeat(201)),
        json!(7),
    ] {
        assert_eq!(checked(json!({"sub": subject})), Err(TicketError::Claims));
    }
}

#[test]
fn a_ticket_is_good_in_its_time_only() {
    let at = |at: UnixMs, leeway_ms: u32, changes: Value| {
        let mut tickets = tickets();
        tickets.rules.leeway_ms = leeway_ms;
        let ticket = ed_signed(&header(), &with(changes));
        tickets.check(&ticket, at).map(|_| ())
    };
    let none = || json!({});
    assert_eq!(at(1_999_999, 0, none()), Ok(()));
    assert_eq!(at(2_000_000, 0, none()), Err(TicketError::Expired));
    assert_eq!(at(2_000_999, 1_000, none()), Ok(()));
    assert_eq!(at(2_001_000, 1_000, none()), Err(TicketError::Expired));
    assert_eq!(at(999_999, 0, none()), Err(TicketError::FromTheFuture));
    assert_eq!(at(999_000, 1_000, none()), Ok(()));
    let later = || json!({"nbf": 1_600});
    assert_eq!(at(1_599_999, 0, later()), Err(TicketError::NotYetValid));
    assert_eq!(at(1_600_000, 0, later()), Ok(()));
    assert_eq!(at(NOON, 0, json!({"exp": 1_500.5})), Ok(()));
    assert_eq!(
        at(NOON, 0, json!({"exp": "never"})),
        Err(TicketError::Claims)
    );
    assert_eq!(
        at(NOON, 0, json!({"exp": -1e300})),
        Err(TicketError::Expired)
    );
    assert_eq!(
        at(NOON, 0, json!({"nbf": "soon"})),
        Err(TicketError::Claims)
    );
}

#[test]
fn what_is_wrong_with_a_jwks_is_told() {
    let error = |keys: Value| Tickets::new(&json!({"keys": keys}).to_string(), rules()).err();
    assert!(matches!(
        Tickets::new("{}", rules()),
        Err(JwksError::Text(_))
    ));
    assert_eq!(error(json!([])), Some(JwksError::NoKey));
    // A secret, a key for another purpose, and one that does not exist yet.
    let others = json!([
        {"kty": "oct", "k": "c2VjcmV0", "kid": "secret"},
        {"kty": "RSA", "n": "AQAB", "e": "AQAB", "use": "enc"},
        {"kty": "lattice", "kid": "later"},
    ]);
    assert_eq!(error(others), Some(JwksError::NoKey));
    let twice = json!([ed_jwk("one", &ed_key(1)), ed_jwk("one", &ed_key(2))]);
    assert_eq!(error(twice), Some(JwksError::Twice("one".into())));
    let short = json!([{"kty": "RSA", "n": base64([9; 128]), "e": "AQAB", "kid": "short"}]);
    assert_eq!(error(short), Some(JwksError::Key("short".into())));
    let half = json!([{"kty": "OKP", "crv": "Ed25519", "x": base64([9; 16]), "kid": "half"}]);
    assert_eq!(error(half), Some(JwksError::Key("half".into())));
}

#[test]
fn what_stands_behind_a_key_for_one_use_is_json() {
    let ticket = Ticket::of_stored(br#"{"sub":"user-2","name":"Lee"}"#).unwrap();
    assert_eq!(ticket.subject, "user-2");
    assert_eq!(Ticket::of_stored(br#"{"sub":""}"#), None);
    assert_eq!(Ticket::of_stored(b"user-2"), None);
}
