//! What resolving promises, and every message word for word.

use super::*;
use crate::config::SETTINGS;
use expect_test::{Expect, expect};

const MACHINE: Machine = Machine {
    processors: 2,
    descriptors_max: Some(20_000),
};

fn resolve(
    file: impl AsRef<[u8]>,
    environment: &[(&str, &str)],
    set: &[&str],
) -> Result<Effective, String> {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("wharf.toml");
    std::fs::write(&path, file).unwrap();
    let own = |(name, value): &(&str, &str)| (name.to_string(), value.to_string());
    let layers = Layers {
        file: Some(path.clone()),
        environment: environment.iter().map(own).collect(),
        command_line: set
            .iter()
            .map(|pair| {
                let (key, value) = pair.split_once('=').unwrap();
                (format!("--set {key}"), key.to_string(), value.to_string())
            })
            .collect(),
    };
    Effective::resolve(&[SETTINGS], &MACHINE, &layers).map_err(|error| {
        error
            .to_string()
            .replace(&format!("{}/", directory.path().display()), "")
            .replace(&format!("{}\\", directory.path().display()), "")
    })
}

fn refused(file: impl AsRef<[u8]>, environment: &[(&str, &str)], set: &[&str], expected: Expect) {
    expected.assert_eq(&resolve(file, environment, set).expect_err("refused"));
}

#[test]
fn each_layer_wins_over_the_one_below() {
    let file = "listen = '127.0.0.1:1'\n[limits]\nsessions_max = 10\nlogin_seconds = 7\n";
    let environment = [
        ("WHARF_LIMITS__SESSIONS_MAX", "11"),
        ("WHARF_DATA", "/d"),
        ("HOME", "/"),
    ];
    let effective = resolve(file, &environment, &["data=e", "data=true"]).unwrap();
    assert_eq!(effective.address("listen").port(), 1);
    assert_eq!(effective.integer("limits.sessions_max"), 11);
    assert_eq!(
        effective.integer("limits.sessions_not_logged_in"),
        11,
        "follows"
    );
    assert_eq!(effective.integer("limits.login_seconds"), 7);
    assert_eq!(
        effective.path("data"),
        Path::new("true"),
        "the last --set wins"
    );
    let source = |key: &str| effective.source(key).to_string();
    assert!(source("limits.login_seconds").ends_with("wharf.toml:4:1"));
    assert_eq!(source("limits.sessions_max"), "WHARF_LIMITS__SESSIONS_MAX");
    assert_eq!(source("data"), "--set data");
    assert_eq!(source("limits.drain_seconds"), "default");
    assert_eq!(
        source("shards"),
        "default, from this machine's 2 processors"
    );
    assert_eq!(
        source("limits.sessions_not_logged_in"),
        "default, from limits.sessions_max"
    );
}

#[test]
fn the_defaults_follow_the_machine() {
    let effective = resolve("", &[], &[]).unwrap();
    assert_eq!(effective.integer("limits.sessions_max"), 18_744);
    assert_eq!(effective.integer("limits.sessions_not_logged_in"), 1_874);
    assert_eq!(effective.integer("accounts.queue_max"), 1_000);
    assert_eq!(
        effective.source("limits.sessions_max").to_string(),
        "default, from this machine's 20000 descriptors"
    );
    let many = resolve("", &[], &["shards=64"]).unwrap();
    assert_eq!(many.integer("limits.sessions_max"), 18_680);
    assert_eq!(many.integer("limits.sessions_not_logged_in"), 1_868);
    let waiting = resolve("", &[], &["accounts.queue_max=5000"]).unwrap();
    assert_eq!(waiting.integer("limits.sessions_max"), 14_744);
    let small = Machine {
        descriptors_max: Some(1_024),
        ..MACHINE
    };
    let (sessions, shards) = (small.sessions_max(2, None), small.shards());
    let queue = small.queue_max(sessions);
    assert!(queue > 0 && sessions + queue <= small.sessions_by_descriptors(shards).unwrap());
    let windows = Machine {
        descriptors_max: None,
        ..MACHINE
    };
    assert_eq!(windows.sessions_max(2, None), 16_384);
    let large = Machine {
        descriptors_max: Some(1 << 20),
        ..MACHINE
    };
    assert_eq!(large.sessions_max(2, None), 65_536);
}

#[test]
fn an_unknown_key_is_refused_with_its_place_and_the_nearest_key() {
    refused(
        "\n[limits]\n  session_max = 5\n",
        &[],
        &[],
        expect![[
            r#"wharf.toml:3:3: there is no setting "limits.session_max"; did you mean "limits.sessions_max"?"#
        ]],
    );
    refused(
        "sessions_max = 5\n",
        &[],
        &[],
        expect![[
            r#"wharf.toml:1:1: there is no setting "sessions_max"; did you mean "limits.sessions_max"?"#
        ]],
    );
    refused(
        "",
        &[("WHARF_COLOUR", "red")],
        &[],
        expect![[
            r#"WHARF_COLOUR: there is no setting "colour"; `wharf config print` lists them all"#
        ]],
    );
}

#[test]
fn the_likeliest_mistakes_are_told_with_what_to_write() {
    refused(
        "limits = 5",
        &[],
        &[],
        expect![[
            r#"wharf.toml:1:1: "limits" is a section: write [limits], and its settings below"#
        ]],
    );
    refused(
        "listen = 127.0.0.1:11021",
        &[],
        &[],
        expect![[
            r#"wharf.toml:1:15: in `listen = 127.0.0.1:11021`: a text stands in quotes: listen = "127.0.0.1:11021""#
        ]],
    );
    refused(
        "[limits\nsessions_max = 5",
        &[],
        &[],
        expect!["wharf.toml:1:8: in `[limits`: unclosed table, expected `]`"],
    );
    refused(
        "[access]\nallow = [10.0.0.0/8]",
        &[],
        &[],
        expect!["wharf.toml:2:14: in `allow = [10.0.0.0/8]`: each text of a list stands in quotes"],
    );
    refused(
        "\ninsecure =",
        &[],
        &[],
        expect!["wharf.toml:2:11: in `insecure =`: there is no value"],
    );
    refused(
        "shards = 1\nshards = 2",
        &[],
        &[],
        expect!["wharf.toml:2:1: in `shards = 2`: duplicate key"],
    );
    refused(
        "",
        &[],
        &["listen=here"],
        expect![[
            r#"--set listen=here: must be an address in numbers and a port, such as "127.0.0.1:11021" for this machine alone or "0.0.0.0:11021" for all"#
        ]],
    );
    refused(
        "",
        &[("WHARF_SHARDS", "2.5")],
        &[],
        expect!["WHARF_SHARDS: shards = 2.5: must be a whole number from 1 to 64"],
    );
    refused(
        "shards = 2.5",
        &[],
        &[],
        expect!["wharf.toml:1:1: shards = 2.5: must be a whole number from 1 to 64"],
    );
}

#[test]
fn a_bad_value_is_refused_with_what_is_allowed() {
    refused(
        "placement = 'both'",
        &[],
        &[],
        expect![[r#"wharf.toml:1:1: placement = "both": must be one of "fused", "split""#]],
    );
    refused(
        "",
        &[],
        &["limits.login_seconds=0"],
        expect![[r#"--set limits.login_seconds=0: must be a whole number from 1 to 86400"#]],
    );
    refused(
        "access.deny = ['10.0.0.0/8', 'somewhere']",
        &[],
        &[],
        expect![[
            r#"wharf.toml:1:8: access.deny = ["10.0.0.0/8", "somewhere"]: must be a list of networks, such as ["10.0.0.0/8", "2001:db8::/32"]"#
        ]],
    );
    refused(
        "insecure = 1.5",
        &[],
        &[],
        expect![[r#"wharf.toml:1:1: insecure = 1.5: must be true or false"#]],
    );
}

#[test]
fn an_unknown_section_is_refused_though_it_is_empty() {
    refused(
        "[limts]\n",
        &[],
        &[],
        expect!["wharf.toml:1:2: there is no section [limts]; did you mean [limits]?"],
    );
    refused(
        "chat2 = {}",
        &[],
        &[],
        expect!["wharf.toml:1:1: there is no section [chat2]; `wharf config print` lists them all"],
    );
    refused(
        "shards = {}",
        &[],
        &[],
        expect!["wharf.toml:1:1: shards = {}: must be a whole number from 1 to 64"],
    );
    assert!(resolve("[limits]\n[log]\n", &[], &[]).is_ok());
}

#[test]
fn of_two_mistakes_in_a_file_the_first_is_told() {
    refused(
        "[log]\nlevel = 'loud'\nformat = 'bold'\n[access]\nallow = 1",
        &[],
        &[],
        expect![[
            r#"wharf.toml:2:1: log.level = "loud": must be one of "error", "warn", "info", "debug""#
        ]],
    );
}

#[test]
fn a_file_that_is_no_text_is_refused_with_line_and_column() {
    refused(
        b"# fine\ndata = 'caf\xe9'\n",
        &[],
        &[],
        expect!["wharf.toml:2:12: no UTF-8 from here on: save the file as UTF-8"],
    );
}

#[test]
fn broken_toml_is_refused_with_line_and_column() {
    let error = resolve("listen = '127.0.0.1:1'\ninsecure = \n", &[], &[]).unwrap_err();
    assert!(error.starts_with("wharf.toml:2:1"), "{error}");
}

#[test]
fn more_sessions_than_descriptors_are_refused() {
    refused(
        "",
        &[],
        &["limits.sessions_max=20000"],
        expect![
            "--set limits.sessions_max: 20000 sessions need 20256 descriptors and the hard limit is 20000: lower it, or raise the limit as root: ulimit -Hn 20256"
        ],
    );
}

#[test]
fn what_is_printed_can_be_read_again() {
    let text = resolve("", &[], &["placement=split", "access.allow=['::1']"])
        .unwrap()
        .to_string();
    let again = resolve(&text, &[], &[]).unwrap();
    assert_eq!(again.choice("placement"), "split");
    assert_eq!(again.networks("access.allow").len(), 1);
}

#[test]
fn where_settings_come_from_is_told_the_strongest_first() {
    let origins = |environment: &[(&str, &str)], set: &[&str]| {
        let origins = resolve("", environment, set).unwrap().origins();
        let last = origins.last().unwrap();
        assert!(last.ends_with("wharf.toml"), "{last}");
        origins[..origins.len() - 1].join(" over ")
    };
    let data = ("WHARF_DATA", "/d");
    assert_eq!(origins(&[], &[]), "");
    assert_eq!(origins(&[data], &[]), "the environment");
    assert_eq!(
        origins(&[data], &["shards=1"]),
        "the command line over the environment"
    );
    let hidden = origins(&[data], &["data=e"]);
    assert_eq!(hidden, "the command line", "nothing is left of the other");
}

#[test]
fn a_secret_is_kept_and_never_shown() {
    let token = "0123456789abcdef0123456789abcdef";
    let set = format!("admin.token={token}");
    let effective = resolve("", &[], &[&set]).unwrap();
    assert_eq!(effective.secret("admin.token").unwrap().expose(), token);
    let shown = format!("{effective} {effective:?}");
    assert!(!shown.contains("0123456789"), "{shown}");
    let left_out = "\n# token is a secret, and left out here  # --set admin.token\n";
    assert!(effective.to_string().contains(left_out), "{effective}");
    assert!(
        resolve("", &[], &[])
            .unwrap()
            .secret("admin.token")
            .is_none()
    );
    // What is printed can be loaded, with a secret set beside it.
    let again = resolve(effective.to_string(), &[], &[]).unwrap();
    assert!(again.secret("admin.token").is_none());
    let again = resolve(effective.to_string(), &[], &[&set]).unwrap();
    assert_eq!(again.secret("admin.token").unwrap().expose(), token);
    refused(
        "admin.token = '0123456789'",
        &[],
        &[],
        expect![[
            r#"wharf.toml:1:7: admin.token = (hidden): must be at least 32 visible ASCII characters in quotes, or "" for none"#
        ]],
    );
    refused(
        "",
        &[],
        &["admin.token=0123456789"],
        expect![[
            r#"--set admin.token=(hidden): must be at least 32 visible ASCII characters in quotes, or "" for none"#
        ]],
    );
}

#[test]
fn an_address_may_be_off_where_its_setting_says_so() {
    let effective = resolve("admin.listen = 'off'", &[], &[]).unwrap();
    assert_eq!(effective.address_if_on("admin.listen"), None);
    assert!(effective.is_set("admin.listen"));
    let effective = resolve("", &[], &[]).unwrap();
    let address = effective.address_if_on("admin.listen").unwrap();
    assert_eq!(address.to_string(), "127.0.0.1:11022");
    assert!(!effective.is_set("admin.listen"));
    refused(
        "",
        &[],
        &["admin.listen=on"],
        expect![[
            r#"--set admin.listen=on: must be "off", or an address in numbers and a port, such as "127.0.0.1:11022""#
        ]],
    );
}

#[test]
fn more_that_wait_to_log_in_than_sessions_are_refused() {
    let waiting = "limits.sessions_not_logged_in=2000";
    refused(
        "limits.sessions_max = 1000",
        &[],
        &[waiting],
        expect![[
            r#"--set limits.sessions_not_logged_in: 2000 not logged in are more than limits.sessions_max = 1000, of which they are a part: lower it, or raise the other"#
        ]],
    );
    assert!(resolve("limits.sessions_max = 2000", &[], &[waiting]).is_ok());
}

#[test]
fn keys_for_tickets_want_to_know_who_signs_and_for_whom() {
    refused(
        "[accounts.tickets]\njwks = 'keys.json'\nissuer = 'studio'\n",
        &[],
        &[],
        expect![
            "wharf.toml:2:1: accounts.tickets.jwks wants accounts.tickets.audience beside it: what a ticket has to say as aud"
        ],
    );
    refused(
        "[accounts.tickets]\nissuer = \"a\\nb\"\n",
        &[],
        &[],
        expect![[
            r#"wharf.toml:2:1: accounts.tickets.issuer = "a\nb": must be a line of at most 256 bytes in quotes, or "" for none"#
        ]],
    );
    refused(
        "accounts.tickets.jwks = 5",
        &[],
        &[],
        expect![[
            r#"wharf.toml:1:18: accounts.tickets.jwks = 5: must be a path in quotes, or "" for none"#
        ]],
    );
    let whole = "[accounts.tickets]\njwks = 'keys.json'\nissuer = 'studio'\naudience = 'game'\n";
    let effective = resolve(whole, &[], &[]).unwrap();
    assert_eq!(
        effective.path_if_set("accounts.tickets.jwks"),
        Some(Path::new("keys.json"))
    );
    let without = resolve(whole, &[], &["accounts.tickets.jwks="]).unwrap();
    assert_eq!(without.path_if_set("accounts.tickets.jwks"), None);
}

#[test]
fn a_url_of_no_store_is_refused_where_it_stands_and_never_shown() {
    refused(
        "[store]\nurl = 'oracle://kim:hush@db/wharf'\n",
        &[],
        &[],
        expect![
            "wharf.toml:2:1: store.url: the store's URL begins with none of postgres://, mysql:// and mariadb://"
        ],
    );
    refused(
        "\nstore.url = 'postgres://kim:hush@db/wharf?sslmode=allow'",
        &[],
        &[],
        expect![
            "wharf.toml:2:7: store.url: sslmode in the store's URL must be one of disable, prefer, require, verify-ca, verify-full"
        ],
    );
    refused(
        "store = { redis = 'http://:hush@cache' }",
        &[],
        &[],
        expect![
            "wharf.toml:1:11: store.redis: the URL of Redis is not redis://USER:PASSWORD@HOST:PORT/NUMBER"
        ],
    );
    refused(
        "",
        &[("WHARF_STORE__URL", "mysql://kim:hush@db")],
        &[],
        expect![
            "WHARF_STORE__URL: store.url: the store's URL is not mysql://USER:PASSWORD@HOST:PORT/DATABASE"
        ],
    );
    refused(
        "",
        &[],
        &["store.redis=redis://kim:hush@cache:port"],
        expect![
            "--set store.redis: the URL of Redis is not redis://USER:PASSWORD@HOST:PORT/NUMBER"
        ],
    );
    let sound = "[store]\nurl = 'mariadb://kim:hush@db/wharf'\nredis = 'redis://:hush@cache'\n";
    let effective = resolve(sound, &[], &[]).unwrap();
    assert!(!format!("{effective} {effective:?}").contains("hush"));
    assert!(resolve("store = { url = '', redis = '' }", &[], &[]).is_ok());
}
