//! Text as it stands in a terminal: what others write is shown harmlessly, wrapped and cut by the
//! columns that it takes, which are two for a Korean letter and none for an accent.

use std::fmt::Write as _;
use unicode_segmentation::UnicodeSegmentation as _;
use unicode_width::UnicodeWidthStr as _;

/// Accents on one letter that are shown: more would run over the lines around it.
const MARKS_MAX: usize = 8;

/// Columns that a text takes.
pub(super) fn columns(text: &str) -> usize {
    text.graphemes(true).map(|it| it.width()).sum()
}

/// A text of others, so that it can do nothing to the terminal: control characters, escape
/// sequences and what turns the direction of writing are shown as what they are. It is one line.
pub(super) fn harmless(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for letter in text.graphemes(true) {
        for character in letter.chars().take(1 + MARKS_MAX) {
            match character {
                '\t' => shown.push(' '),
                '\n' => shown.push('\u{23ce}'),
                '\u{0}'..='\u{1f}' => shown.extend(['^', caret(character)]),
                '\u{7f}' => shown.push_str("^?"),
                other if is_harmful(other) => {
                    let _ = write!(shown, "<{:04X}>", u32::from(other));
                }
                other => shown.push(other),
            }
        }
    }
    shown
}

/// The same of a text that may have several lines; carriage returns before their ends are no news.
pub(super) fn harmless_lines(text: &str) -> Vec<String> {
    let line = |line: &str| harmless(line.strip_suffix('\r').unwrap_or(line));
    text.split('\n').map(line).collect()
}

/// A line of JSON with the characters escaped that a terminal may obey and JSON lets through.
pub(super) fn harmless_json(line: &str) -> String {
    let mut shown = String::with_capacity(line.len());
    for character in line.chars() {
        if character == '\u{7f}' || is_harmful(character) {
            let _ = write!(shown, "\\u{:04x}", u32::from(character));
        } else {
            shown.push(character);
        }
    }
    shown
}

/// Controls of the second kind, marks that turn the direction, and spaces without width. All are
/// in the first plane. What joins emoji is none of them.
fn is_harmful(character: char) -> bool {
    matches!(
        character,
        '\u{80}'..='\u{9f}'
            | '\u{61c}'
            | '\u{200b}'
            | '\u{200e}'..='\u{200f}'
            | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}'
            | '\u{feff}'
            | '\u{fff9}'..='\u{fffb}'
    )
}

/// The letter that stands for a control character, such as `[` for escape.
fn caret(control: char) -> char {
    char::from_u32(u32::from(control) + 0x40).unwrap_or('?')
}

/// A text in lines of at most `first` columns, then `rest`: between words where that is possible,
/// never within a letter. A letter that is wider than the line stands alone.
pub(super) fn wrap(text: &str, first: usize, rest: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    let mut left = first;
    for word in words(text, rest) {
        let wide = columns(word);
        if wide <= left {
            push(&mut lines, word);
            left -= wide;
        } else if word.trim().is_empty() {
            // The end of the line stands for the space.
            lines.push(String::new());
            left = rest;
        } else if wide <= rest && !last_is_empty(&lines) {
            trim_last(&mut lines);
            lines.push(word.to_owned());
            left = rest - wide;
        } else {
            left = push_letters(&mut lines, word, left, rest);
        }
    }
    if lines.len() > 1 && last_is_empty(&lines) {
        lines.pop();
    }
    lines
}

/// The parts of a text between which a line may end: at spaces; what fits into no line, elsewhere.
fn words(text: &str, most: usize) -> impl Iterator<Item = &str> {
    let is_space = |word: &str| word.trim().is_empty();
    let mut left = text;
    let runs = std::iter::from_fn(move || {
        let first = left.split_word_bounds().next()?;
        let ends = left
            .split_word_bound_indices()
            .find(|(_, word)| is_space(word) != is_space(first))
            .map_or(left.len(), |(place, _)| place);
        let (run, behind) = left.split_at(ends);
        left = behind;
        Some(run)
    });
    runs.flat_map(move |run| {
        let is_whole = columns(run) <= most || is_space(run);
        let parts = (!is_whole).then(|| run.split_word_bounds());
        is_whole
            .then_some(run)
            .into_iter()
            .chain(parts.into_iter().flatten())
    })
}

/// A text in at most so many columns; what was cut is shown by `…`.
pub(super) fn cut(text: &str, most: usize) -> String {
    if columns(text) <= most {
        return text.to_owned();
    }
    let mut shown = String::new();
    let mut left = most.saturating_sub(1);
    for letter in text.graphemes(true) {
        let Some(rest) = left.checked_sub(letter.width()) else {
            break;
        };
        left = rest;
        shown.push_str(letter);
    }
    if most > 0 {
        shown.push('…');
    }
    shown
}

/// A text filled up with spaces, or cut, to so many columns.
pub(super) fn pad(text: &str, to: usize) -> String {
    let text = cut(text, to);
    let missing = to.saturating_sub(columns(&text));
    text + &" ".repeat(missing)
}

fn push_letters(lines: &mut Vec<String>, word: &str, mut left: usize, rest: usize) -> usize {
    for letter in word.graphemes(true) {
        let wide = letter.width();
        if wide > left && !last_is_empty(lines) {
            lines.push(String::new());
            left = rest;
        }
        push(lines, letter);
        left = left.saturating_sub(wide);
    }
    left
}

fn push(lines: &mut [String], text: &str) {
    lines
        .last_mut()
        .expect("never without a line")
        .push_str(text);
}

fn last_is_empty(lines: &[String]) -> bool {
    lines.last().is_none_or(String::is_empty)
}

fn trim_last(lines: &mut [String]) {
    let last = lines.last_mut().expect("never without a line");
    last.truncate(last.trim_end().len());
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_korean_letter_takes_two_columns_and_an_accent_none() {
        for (text, wide) in [
            ("abc", 3),
            ("한글", 4),
            ("e\u{301}", 1),
            ("\u{1112}\u{1161}\u{11ab}", 2),
            ("👨\u{200d}👩\u{200d}👧", 2),
            ("", 0),
        ] {
            assert_eq!(columns(text), wide, "{text:?}");
        }
    }

    #[test]
    fn what_others_write_cannot_command_the_terminal() {
        for (text, shown) in [
            ("\u{1b}[2J\u{1b}]0;owned\u{7}", "^[[2J^[]0;owned^G"),
            ("a\rb\u{8}\u{7f}", "a^Mb^H^?"),
            ("\u{9b}31m", "<009B>31m"),
            ("abc\u{202e}cba", "abc<202E>cba"),
            ("two\nlines\tand", "two⏎lines and"),
            ("kim\u{200b}", "kim<200B>"),
            ("안녕 e\u{301} 👨\u{200d}👩", "안녕 e\u{301} 👨\u{200d}👩"),
        ] {
            assert_eq!(harmless(text), shown);
        }
        let piled = format!("a{}", "\u{301}".repeat(500));
        assert_eq!(harmless(&piled).chars().count(), 1 + MARKS_MAX);
        assert_eq!(harmless_lines("one\r\n\u{1b}two"), ["one", "^[two"]);
    }

    #[test]
    fn json_is_the_same_to_a_program_and_harmless_to_a_terminal() {
        let said = "\u{1b}[31m\u{9b}5n\u{7f}\u{202e}한";
        let line = harmless_json(&serde_json::to_string(said).unwrap());
        assert!(line.is_ascii() || line.contains('한'), "{line}");
        assert!(!line.chars().any(char::is_control), "{line}");
        assert_eq!(serde_json::from_str::<String>(&line).unwrap(), said);
    }

    #[test]
    fn a_line_is_wrapped_between_words_and_never_within_a_letter() {
        for (text, first, rest, lines) in [
            ("one two three", 7, 7, &["one two", "three"][..]),
            ("one two three", 8, 7, &["one two", "three"]),
            ("한글은두칸", 5, 5, &["한글", "은두", "칸"]),
            ("한글 입력", 5, 5, &["한글", "입력"]),
            ("a 한글은두칸", 4, 6, &["a 한", "글은두", "칸"]),
            ("abcdefgh", 3, 4, &["abc", "defg", "h"]),
            ("한", 1, 1, &["한"]),
            ("", 5, 5, &[""]),
            ("[slow=...] [hidden]", 14, 14, &["[slow=...]", "[hidden]"]),
            ("one-two", 5, 5, &["one-", "two"]),
        ] {
            assert_eq!(
                wrap(text, first, rest),
                lines,
                "{text:?} in {first}, {rest}"
            );
        }
    }

    #[test]
    fn a_cut_ends_at_a_letter_and_shows_that_it_is_one() {
        for (text, most, shown) in [
            ("한글입력", 8, "한글입력"),
            ("한글입력", 7, "한글입…"),
            ("한글입력", 6, "한글…"),
            ("e\u{301}e\u{301}e\u{301}", 2, "e\u{301}…"),
            ("abc", 1, "…"),
            ("abc", 0, ""),
        ] {
            assert_eq!(cut(text, most), shown);
        }
        assert_eq!(pad("한", 4), "한  ");
        assert_eq!(pad("한글입력", 4), "한… ");
    }

    proptest! {
        #[test]
        fn nothing_is_lost_and_no_line_is_too_wide(
            text in "[a-z 가-힣e\u{301}]{0,60}",
            width in 2usize..20,
        ) {
            let lines = wrap(&text, width, width);
            for line in &lines {
                prop_assert!(columns(line) <= width, "{line:?}");
            }
            let letters = |text: &str| text.replace(' ', "");
            prop_assert_eq!(letters(&lines.concat()), letters(&text));
        }
    }
}
