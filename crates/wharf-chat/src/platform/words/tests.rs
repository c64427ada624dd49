//! What is found, what is not, and what is shown instead.

use super::*;
use proptest::prelude::*;

const LIST: &str = "\
    # of the tests
    darn
    gosh darn = refuse   # a phrase
    바보 = mask part
    멍청이
    馬鹿
    сука
    cop
    año
    \u{1f595}
";

fn words() -> Words {
    Words::parse(LIST.as_bytes()).unwrap()
}

/// What is shown of each text; `None` for one that is refused.
fn check(cases: &[(&str, Option<&str>)]) {
    let words = words();
    for (text, expected) in cases {
        let shown = match words.judge(text) {
            Judgement::Clean => Some((*text).to_owned()),
            Judgement::Masked(shown) => Some(shown),
            Judgement::Refused => None,
        };
        assert_eq!(shown.as_deref(), *expected, "{text:?}");
    }
}

#[test]
fn a_word_is_masked_letter_by_letter_and_the_rest_stays_as_typed() {
    check(&[
        ("Oh DARN, Kim!", Some("Oh ****, Kim!")),
        ("darn darn", Some("**** ****")),
        ("ｄａｒｎ it", Some("**** it")),
        ("darn2", Some("****2")),
        ("a_darn_thing", Some("a_****_thing")),
        ("Darn\u{200b}", Some("****")),
        ("d\u{200b}a\u{ad}rn!", Some("****!")),
        ("d\u{336}a\u{336}r\u{336}n\u{336} x", Some("**** x")),
        ("go \u{1f595}\u{fe0f} away", Some("go * away")),
    ]);
}

#[test]
fn a_phrase_is_found_whatever_stands_between_its_words() {
    check(&[
        ("Gosh  Darn", None),
        ("oh gosh\ndarn!", None),
        ("gosh, darn", Some("gosh, ****")),
        ("goshdarn", Some("goshdarn")),
    ]);
}

#[test]
fn parts_of_other_words_are_not_meant_where_the_script_tells_words_apart() {
    check(&[
        ("darned adarn", Some("darned adarn")),
        ("멍청이", Some("***")),
        ("멍청이야", Some("멍청이야")),
        ("바보야", Some("**야")),
        ("왕바보", Some("왕**")),
        ("바봄", Some("바봄")),
        ("这馬鹿的", Some("这**的")),
        ("darn은", Some("****은")),
    ]);
}

#[test]
fn syllables_and_letters_that_were_taken_apart_are_the_same() {
    check(&[
        ("\u{1107}\u{1161}\u{1107}\u{1169}야", Some("**야")),
        (
            "\u{1107}\u{1161}\u{1107}\u{1169}\u{11b7}",
            Some("\u{1107}\u{1161}\u{1107}\u{1169}\u{11b7}"),
        ),
        ("AN\u{303}O", Some("***")),
        ("ano", Some("ano")),
        ("an\u{303}o\u{301}", Some("an\u{303}o\u{301}")),
    ]);
}

#[test]
fn letters_of_another_script_count_as_what_they_look_like_in_words_that_mix_them() {
    check(&[
        ("d\u{430}rn", Some("****")),
        ("СУКА", Some("****")),
        ("c\u{443}\u{43a}a", Some("****")),
        // A Russian word that looks like an English one.
        ("\u{441}\u{43e}\u{440}", Some("\u{441}\u{43e}\u{440}")),
        ("c0p", Some("***")),
        ("2023 100", Some("2023 100")),
    ]);
}

#[test]
fn whoever_cannot_be_told_sees_all_of_them_masked() {
    assert_eq!(
        words().mask("gosh darn it").as_deref(),
        Some("**** **** it")
    );
    assert_eq!(words().mask("hello"), None);
    assert_eq!(Words::default().judge("darn"), Judgement::Clean);
}

#[test]
fn what_is_wrong_with_a_list_is_told_with_its_place() {
    let told = |list: &[u8]| Words::parse(list).unwrap_err().to_string();
    for (list, expected) in [
        (
            "a\n바보 = maks\n",
            r#"2:6: "maks" must be one of "mask", "refuse", "part""#,
        ),
        (
            "a =",
            r#"1:3: behind the = stands "mask" or "refuse", and "part" or not"#,
        ),
        ("\n = mask", "2:1: there is no word before the ="),
        ("ok\n \u{200b}", "2:2: there is nothing in this word to see"),
        (
            "Ab\nab = refuse",
            "2:1: line 1 says something else of the same word",
        ),
    ] {
        assert_eq!(told(list.as_bytes()), expected);
    }
    assert_eq!(
        told(b"fine\nca\xff"),
        "2:3: no UTF-8 from here on: save the file as UTF-8"
    );
    let long = "x".repeat(101);
    assert!(told(long.as_bytes()).starts_with("1:1: a word or phrase has at most 100"));
    let many: String = (0..=20_000).map(|number| format!("w{number}\n")).collect();
    assert!(told(many.as_bytes()).starts_with("20001:1: a list has at most 20000"));
    let same = Words::parse("Ab\n# again\nab\n\u{feff}".as_bytes());
    assert!(
        same.is_err(),
        "a mark of the order of bytes stands at the begin only"
    );
    assert_eq!(Words::parse("\u{feff}Ab\nab".as_bytes()).unwrap().len(), 1);
    assert!(Words::parse(b"# nothing\n\n").unwrap().is_empty());
}

proptest! {
    #[test]
    fn whatever_is_typed_is_only_ever_shortened_and_clean_afterwards(text in "\\PC{0,40}") {
        let words = words();
        if let Some(shown) = words.mask(&text) {
            prop_assert!(shown.chars().count() <= text.chars().count());
            prop_assert!(shown.contains('*'));
            prop_assert_eq!(words.judge(&shown), Judgement::Clean, "{}", shown);
        }
    }

    #[test]
    fn a_word_between_others_is_found_wherever_it_stands(
        before in "[a-z]{0,6}", behind in "[a-z]{0,6}",
    ) {
        let text = format!("{before} darn {behind}");
        prop_assume!(before != "gosh" && before != "darn" && behind != "darn");
        prop_assume!(before != "cop" && behind != "cop");
        let shown = format!("{before} **** {behind}");
        prop_assert_eq!(words().judge(&text), Judgement::Masked(shown));
    }
}
