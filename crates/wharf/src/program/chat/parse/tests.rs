//! What is typed, beside how it is understood.

use super::*;

/// A line as it is understood, arguments by name.
fn understood(line: &str) -> String {
    let call = match parse(line, true) {
        Ok(Some(call)) => call,
        Ok(None) => return "nothing".to_owned(),
        Err(mistake) => return format!("{} ({})", mistake.text, mistake.hint),
    };
    if let Err(mistake) = call.check() {
        return format!("{} ({})", mistake.text, mistake.hint);
    }
    let mut shown = call.command.name.to_owned();
    for (name, value) in &call.arguments {
        shown += &format!(" {name}=[{value}]");
    }
    for (name, value) in &call.others {
        shown += &format!(" {name}:[{value}]");
    }
    shown
}

#[test]
fn lines_are_said_and_commands_understood() {
    for (line, meant) in [
        ("  hello  there ", "say text=[  hello  there ]"),
        ("   ", "nothing"),
        ("//etc is a path", "say text=[/etc is a path]"),
        ("/W kim  hi  you", "w name=[kim] text=[hi  you]"),
        (r#"/w "kim lee" 안녕"#, "w name=[kim lee] text=[안녕]"),
        (r#"/w "a \"b\"" hi"#, r#"w name=[a "b"] text=[hi]"#),
        ("/w kim", "text is missing (/w NAME TEXT)"),
        ("/enter 3", "enter room=[3]"),
        (
            "/join lounge sesame",
            "enter password=[sesame] room=[lounge]",
        ),
        ("/enter a b c", "too much: c (/enter ROOM [PASSWORD])"),
        ("/history 50", "history count=[50]"),
        (
            "/history with=kim 5 before=9",
            "history before=[9] count=[5] with=[kim]",
        ),
        (
            "/history soon",
            "too much: soon (/history [COUNT] [with=...] [before=...] [after=...])",
        ),
        (
            "/ban kim 1h30m be nice",
            "ban name=[kim] text=[be nice] time=[1h30m]",
        ),
        ("/ban kim be nice", "ban name=[kim] text=[be nice]"),
        ("/ban kim 3 strikes", "ban name=[kim] text=[3 strikes]"),
        (
            r#"/create "a = b" topic="x y" hidden history=off"#,
            "create hidden=[yes] history=[off] name=[a = b] topic=[x y]",
        ),
        ("/create hidden", "create name=[hidden]"),
        (
            "/report kim seq=4 whisper it hurts",
            "report name=[kim] seq=[4] text=[it hurts] whisper=[yes]",
        ),
        ("/item 7 a sword", "item item=[7] name=[a sword]"),
        (
            r#"/item 17 "long sword" "#,
            "item item=[17] name=[long sword]",
        ),
        (r#"/name "Kim \"K\" Lee""#, r#"name name=[Kim "K" Lee]"#),
        (r#"/name Kim "K" Lee"#, r#"name name=[Kim "K" Lee]"#),
        (r#"/name "K" and "L""#, r#"name name=["K" and "L"]"#),
        (r#"/name "Kim"#, r#"name name=["Kim]"#),
        (r#"/name """#, "name is missing (/name NAME)"),
        (r#"/who "kim l""#, "who search=[kim l]"),
        (r#"/say "hello""#, r#"say text=["hello"]"#),
        ("/item seven", "item is a number (/item ITEM NAME)"),
        (
            "/wait message text=\"a b\" from=kim timeout=2",
            "wait for=[message] timeout=[2] from:[kim] text:[a b]",
        ),
        ("/entr 3", "there is no /entr (did you mean /enter?)"),
        (
            "/xyzzy",
            "there is no /xyzzy (/help lists what there is; //xyzzy says it as it is)",
        ),
    ] {
        assert_eq!(understood(line), meant, "{line}");
    }
}

#[test]
fn json_means_the_same_as_what_is_typed() {
    for (line, meant) in [
        (r#"{"cmd":"say","text":"hi\nyou"}"#, "say text=[hi\nyou]"),
        (
            r#" {"cmd":"w","name":"kim","text":"hi","id":7}"#,
            "w name=[kim] text=[hi]",
        ),
        (
            r#"{"cmd":"create","name":"a","hidden":true,"persistent":false,"max":5}"#,
            "create hidden=[yes] max=[5] name=[a]",
        ),
        (
            r#"{"cmd":"wait","for":"joined","room":3,"is_new":false,"timeout":5}"#,
            "wait for=[joined] timeout=[5] is_new:[false] room:[3]",
        ),
        (r#"{"cmd":"say","txt":"hi"}"#, "it takes no txt (/say TEXT)"),
        (r#"{"cmd":"sya"}"#, "there is no /sya (did you mean /say?)"),
        (
            r#"{"text":"hi"}"#,
            r#"cmd is missing (such as {"cmd":"say","text":"hello"})"#,
        ),
    ] {
        assert_eq!(understood(line), meant, "{line}");
    }
    assert!(understood("{nonsense").starts_with("no such JSON"));
    let said = parse("{smile}", false).unwrap().unwrap();
    assert_eq!(said.get("text"), Some("{smile}"), "people may type braces");
}

#[test]
fn what_is_empty_is_missing_but_for_a_topic() {
    for (line, missing) in [
        (r#"{"cmd":"say","text":" "}"#, Some("text is missing")),
        (
            r#"{"cmd":"w","name":"","text":"hi"}"#,
            Some("name is missing"),
        ),
        (r#"{"cmd":"topic","text":""}"#, None),
        ("/emote wave", None),
    ] {
        let call = parse(line, true).unwrap().unwrap();
        let checked = call.check().err().map(|mistake| mistake.text);
        assert_eq!(checked.as_deref(), missing, "{line}");
    }
}

#[test]
fn a_mistake_bears_its_command_and_what_the_script_called_it() {
    let mistake = |line: &str| {
        let mistake = parse(line, true).unwrap_err();
        (mistake.cmd, mistake.id)
    };
    let id = Some(Value::from("x"));
    let cmd = |name: &str| Some(name.to_owned());
    for (line, expected) in [
        (r#"{"cmd":"sya","id":"x"}"#, (cmd("sya"), id.clone())),
        (
            r#"{"cmd":"enter","romo":1,"id":"x"}"#,
            (cmd("enter"), id.clone()),
        ),
        (r#"{"id":"x"}"#, (None, id)),
        ("{", (None, None)),
        ("/SYA hello", (cmd("sya"), None)),
        ("/leave now please", (cmd("leave"), None)),
    ] {
        assert_eq!(mistake(line), expected, "{line}");
    }
}

#[test]
fn secrets_are_asked_for_and_never_shown() {
    let call = |line| parse(line, false).unwrap().unwrap();
    let missing = |line| call(line).missing_secrets().collect::<Vec<_>>();
    assert_eq!(missing("/login kim"), [("password", false)]);
    assert_eq!(missing("/password"), [("old", false), ("new", true)]);
    assert!(missing("/login kim horse").is_empty());
    assert!(missing("/enter 3").is_empty(), "most rooms have none");
    assert_eq!(missing("/link name kim"), [("secret", false)]);
    assert_eq!(missing("/link ticket"), [("secret", false)]);
    for line in ["/link", "/link name", "/link device", "/link ticket abc"] {
        assert!(missing(line).is_empty(), "{line}");
    }
    for line in [
        "/login kim horse",
        "/enter 3 sesame",
        "/create a password=b",
        "/recover a b c",
    ] {
        assert!(call(line).has_secret(), "{line}");
    }
    assert!(!call("/login kim").has_secret());
    assert_eq!(format!("{:?}", call("/login kim horse")), "/login");
}

#[test]
fn what_is_wrong_is_told_before_a_secret_is_asked_for() {
    for (line, wrong) in [
        ("/login", Some("name is missing")),
        ("/login kim", None),
        ("/recover kim", None),
        (
            "/erase",
            Some("there is no way back, so it is typed as /erase forever"),
        ),
        (
            "/erase today",
            Some("there is no way back, so it is typed as /erase forever"),
        ),
        ("/erase forever", None),
    ] {
        let call = parse(line, false).unwrap().unwrap();
        let told = call.check_open().err().map(|mistake| mistake.text);
        assert_eq!(told.as_deref(), wrong, "{line}");
    }
}

#[test]
fn times_have_units() {
    for (text, seconds) in [
        ("90s", Some(90)),
        ("1h30m", Some(5_400)),
        ("7d", Some(604_800)),
        ("90", None),
        ("m", None),
        ("1x", None),
        ("", None),
        ("99999999d", None),
    ] {
        assert_eq!(seconds_of(text), seconds, "{text}");
    }
}

#[test]
fn a_value_that_is_quoted_is_understood_as_it_was() {
    for (value, typed) in [
        ("kim", "kim"),
        ("Kim Lee", r#""Kim Lee""#),
        (r#"a "b" \"#, r#""a \"b\" \\""#),
    ] {
        assert_eq!(quoted(value), typed);
        let call = parse(&format!("/login {typed} secret"), false);
        assert_eq!(call.unwrap().unwrap().get("name"), Some(value));
    }
}
