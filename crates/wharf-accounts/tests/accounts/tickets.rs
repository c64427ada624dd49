//! The studio's own tickets, from the request to the account. (What makes one good or bad is
//! tested beside the code that checks them.)

use crate::rig::{Rig, register};
use wharf_accounts::{Error, LoggedIn, Outcome, Request, TicketRules, Tickets};

/// Signed by the key of `KEYS`; good from second 1,000 to 2,000, for `user-1`, called Kim.
const TICKET: &str = include_str!("../../src/ticket/fixtures/rsa.jwt");
const KEYS: &str = include_str!("../../src/ticket/fixtures/rsa.json");
/// Another key.
const OTHER_KEYS: &str = r#"{"keys":[{"kty":"OKP","crv":"Ed25519","kid":"new",
    "x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}"#;

fn tickets(keys: &str) -> Option<Tickets> {
    let rules = TicketRules {
        issuer: "studio".into(),
        audience: "game".into(),
        leeway_ms: 0,
    };
    Some(Tickets::new(keys, rules).unwrap())
}

fn rig() -> Rig {
    let mut rig = Rig::new();
    rig.accounts.set_tickets(tickets(KEYS));
    rig.at = 1_500_000;
    rig
}

fn show(ticket: &str) -> Request {
    Request::LogInByTicket {
        ticket: ticket.into(),
        device: "browser".into(),
    }
}

fn enter(rig: &mut Rig) -> Result<LoggedIn, Error> {
    rig.enter(show(TICKET.trim()))
}

#[test]
fn a_ticket_makes_an_account_the_first_time_with_the_name_that_it_says() {
    let mut rig = rig();
    let new = enter(&mut rig).unwrap();
    assert!(new.is_new);
    assert_eq!(new.display_name, "Kim");
    let again = enter(&mut rig).unwrap();
    assert_eq!(again.user.account, new.user.account);
    assert!(!again.is_new);
}

#[test]
fn a_ticket_whose_name_is_taken_gets_another() {
    let mut rig = rig();
    rig.enter(register("KIM")).unwrap();
    let new = enter(&mut rig).unwrap();
    assert!(new.display_name.starts_with("Player "), "{new:?}");
}

#[test]
fn a_ticket_is_good_for_as_long_as_its_time_and_its_key() {
    let mut rig = rig();
    for at in [999_999, 2_000_000] {
        rig.at = at;
        assert_eq!(enter(&mut rig), Err(Error::Token));
    }
    rig.at = 1_000_000;
    enter(&mut rig).unwrap();
    rig.accounts.set_tickets(tickets(OTHER_KEYS));
    assert_eq!(enter(&mut rig), Err(Error::Token));
    rig.accounts.set_tickets(None);
    assert_eq!(enter(&mut rig), Err(Error::Token));
    rig.accounts.set_tickets(tickets(KEYS));
    enter(&mut rig).unwrap();
    for rubbish in ["", "a.b.c", &"x.".repeat(3_000), "short", "no key, this is"] {
        assert_eq!(rig.enter(show(rubbish)), Err(Error::Token));
    }
    let changed = TICKET.trim().replacen('J', "K", 1);
    assert_eq!(rig.enter(show(&changed)), Err(Error::Token));
}

#[test]
fn a_key_for_one_use_is_good_once() {
    let mut rig = rig();
    let keep = |rig: &mut Rig, value: &str| {
        rig.store
            .keys
            .insert("0123456789abcdef".into(), value.as_bytes().to_vec());
    };
    keep(&mut rig, r#"{"sub":"user-1"}"#);
    let key = show("0123456789abcdef");
    let new = rig.enter(key.clone()).unwrap();
    assert_eq!(rig.enter(key.clone()), Err(Error::Token));
    // It is the same user as that of a signed ticket.
    assert_eq!(enter(&mut rig).unwrap().user.account, new.user.account);
    keep(&mut rig, "rubbish");
    assert_eq!(rig.enter(key), Err(Error::Token));
}

#[test]
fn an_account_is_linked_to_a_ticket_by_whoever_shows_it() {
    let mut rig = rig();
    let lee = rig.enter(register("lee")).unwrap().user;
    let link = |ticket: &str| Request::LinkTicket {
        ticket: ticket.into(),
    };
    assert_eq!(rig.ask(Some(lee), link("a.b.c")), Err(Error::Token));
    let linked = rig.ask(Some(lee), link(TICKET.trim()));
    assert_eq!(linked, Ok(Outcome::Done));
    assert_eq!(enter(&mut rig).unwrap().user.account, lee.account);
    let park = rig.enter(register("park")).unwrap().user;
    let taken = rig.ask(Some(park), link(TICKET.trim()));
    assert_eq!(taken, Err(Error::Taken));
    rig.store
        .keys
        .insert("0123456789abcdef".into(), br#"{"sub":"user-2"}"#.to_vec());
    let linked = rig.ask(Some(park), link("0123456789abcdef"));
    assert_eq!(linked, Ok(Outcome::Done));
}
