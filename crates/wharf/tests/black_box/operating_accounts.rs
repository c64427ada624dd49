//! Accounts that operators list, find by a part of their names, and give new passwords.

use crate::operating::{Operator, id_of, newcomer};
use crate::operators::ANYWHERE;
use crate::platform::{Guest, by_token, log_in};
use crate::support::{BACKENDS, Server};
use wharf::proto::session::{Code, Goodbye};

#[test]
fn accounts_are_listed_and_found_by_how_their_names_begin() {
    let server = Server::start(BACKENDS[0], &[ANYWHERE]);
    let operator = Operator::of(&server);
    let people = ["kim", "Kimchi", "kimono", "lee"].map(|name| newcomer(&server, name).2);
    let listed = |arguments: &[&str]| {
        let arguments = [&["accounts"], arguments].concat();
        let mut answer = operator.does(&arguments);
        let accounts = answer["accounts"].take();
        let accounts = accounts.as_array().expect("a list").clone();
        let ids: Vec<String> = accounts.iter().map(|it| id_of(&it["account"])).collect();
        (ids, answer["next_page"].as_str().map(str::to_owned))
    };
    assert_eq!(listed(&["list"]), (people.to_vec(), None));
    assert_eq!(listed(&["list", "--search", "LE"]).0, people[3..]);
    let (first, next) = listed(&["list", "--limit", "3"]);
    assert_eq!(first, people[..3]);
    let next = next.expect("there are more");
    assert_eq!(listed(&["list", "--page", &next]).0, people[3..]);
    let refused = operator.is_refused(&["accounts", "list", "--page", "x"]);
    assert!(refused.contains("wharf admin: "), "{refused}");

    assert_eq!(listed(&["find", "kimc"]).0, people[1..2]);
    assert_eq!(listed(&["find", "ki"]).0, people[..3]);
    let found = operator.does(&["accounts", "find", "KIM"]);
    assert_eq!(id_of(&found["account"]), people[0], "one is called so");
    operator.is_refused(&["accounts", "ban", "kimc", "--reason", "x"]);
    let (_, said, _) = operator.run(&["accounts", "list", "--limit", "1"]);
    let line = format!("{}  kim\nthere are more: --page ", people[0]);
    assert!(said.starts_with(&line), "{said}");
}

#[test]
fn who_has_forgotten_a_password_is_given_another_that_nobody_is_told_again() {
    let mut server = Server::start(BACKENDS[0], &[ANYWHERE, "log.level=debug"]);
    let operator = Operator::of(&server);
    let (mut kim, kims_login, kims) = newcomer(&server, "kim");
    let new = ["accounts", "new-password", "kim", "--reason"];
    let answer = operator.does(&[&new[..], &["forgotten"]].concat());
    let given = answer["password"].as_str().expect("a password").to_owned();
    assert_eq!(kim.notice::<Goodbye>().code(), Code::Revoked);
    assert!(kim.client.is_ended());
    let mut kim = Guest::new(&server);
    assert_eq!(kim.refused(&by_token(&kims_login)), Code::Token);
    let old = kim.refused(&log_in("kim", "correct horse"));
    assert_eq!(old, Code::Credentials);
    kim.ask(&log_in("kim", &given)).unwrap();

    let (code, said, _) = operator.run(&["accounts", "new-password", &kims]);
    let told = format!("the new password of kim (account {kims}): ");
    assert!(code == 0 && said.starts_with(&told), "{said}");
    let second = said[told.len()..].lines().next().unwrap().to_owned();
    assert_ne!(second, given);
    Guest::new(&server).ask(&log_in("kim", &second)).unwrap();
    let expected = [
        format!("operator account.new_password {kims} forgotten"),
        format!("operator account.new_password {kims} "),
    ];
    assert_eq!(operator.audit(&[]), expected);
    operator.is_refused(&["accounts", "new-password", "nobody"]);
    let audit = operator.does(&["audit"]).to_string();
    for _ in 0..2 {
        server.wait_for_log(&["an operator acts", "new-password"]);
    }
    // Behind the acts.
    server.wait_for_log(&["an operator looks", "\"audit\""]);
    let logged = server.log_until_now();
    for password in [given, second] {
        assert!(!audit.contains(&password) && !logged.contains(&password));
    }
}
