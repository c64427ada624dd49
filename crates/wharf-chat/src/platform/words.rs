//! The word filter: a list of words and phrases, each of which is masked or refused.
//!
//! ```text
//! # one a line; what it says nothing else of is masked
//! darn
//! gosh darn = refuse
//! 바보 = mask part        as a part of a word too: 바보야
//! ```
//!
//! Texts are compared as people read them ([`fold`]), at the ends of words where a script has any.

mod fold;

use aho_corasick::AhoCorasick;
use core::fmt;
use fold::Folded;
use std::collections::BTreeMap;

/// Words and phrases that are not to be said. Made once, asked often: a thousand words cost what
/// one does.
#[derive(Default)]
pub struct Words {
    entries: Vec<Entry>,
    /// Finds them as they are.
    exact: Option<AhoCorasick>,
    /// Finds those that are written with letters of another script that look alike.
    alike: Option<AhoCorasick>,
}

/// What becomes of a text with a word in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Action {
    /// The word is shown as stars.
    Mask,
    /// The text is not taken.
    Refuse,
}

struct Entry {
    action: Action,
    /// Whether it counts inside of words.
    is_part: bool,
    /// Letters, folded.
    letters: usize,
}

/// What is to be done with a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Judgement {
    /// Nothing.
    Clean,
    /// This is shown instead.
    Masked(String),
    /// It is not taken.
    Refused,
}

/// What is wrong with a list, and where; both from 1, columns count characters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WordsError {
    /// The line.
    pub line: usize,
    /// The character in it.
    pub column: usize,
    /// What is wrong, and what would be right.
    pub problem: String,
}

/// Words of a list at the most.
const WORDS_MAX: usize = 20_000;
/// Characters of one.
const WORD_CHARS_MAX: usize = 100;
/// Bytes of a whole list.
const LIST_BYTES_MAX: usize = 4 << 20;

impl Words {
    /// Reads a list: one word or phrase a line, then, behind `=`, `mask` or `refuse`, and `part` if
    /// it counts inside of words too. What is behind `#` is for people.
    ///
    /// # Errors
    /// The first thing that is wrong with it.
    pub fn parse(list: &[u8]) -> Result<Self, WordsError> {
        let text = as_text(list)?;
        let mut seen = BTreeMap::new();
        let (mut entries, mut exact, mut alike) = (Vec::new(), Vec::new(), Vec::<String>::new());
        for (line, text) in (1..).zip(text.lines()) {
            let at = |column, problem: String| WordsError {
                line,
                column,
                problem,
            };
            let Some((word, mut entry)) =
                entry_of(text).map_err(|(column, why)| at(column, why))?
            else {
                continue;
            };
            let column = column_of(text, word);
            let folded = Folded::of(word);
            entry.letters = folded.letters.len();
            if folded.letters.is_empty() {
                return Err(at(
                    column,
                    "there is nothing in this word to see".to_owned(),
                ));
            }
            let key: String = folded.letters.iter().map(|letter| letter.plain).collect();
            let rule = (entry.action, entry.is_part);
            match seen.insert(key.clone(), (rule, line)) {
                Some((other, _)) if other == rule => continue,
                Some((_, before)) => {
                    let why = format!("line {before} says something else of the same word");
                    return Err(at(column, why));
                }
                None => {}
            }
            if entries.len() == WORDS_MAX {
                return Err(at(column, format!("a list has at most {WORDS_MAX} words")));
            }
            exact.push(key);
            let seen = folded
                .letters
                .iter()
                .map(|letter| fold::alike(letter.plain));
            alike.push(seen.collect());
            entries.push(entry);
        }
        Ok(Self {
            exact: automaton(&exact)?,
            alike: automaton(&alike)?,
            entries,
        })
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether everything may be said.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// What is to be done with `text`.
    pub fn judge(&self, text: &str) -> Judgement {
        if self.is_empty() {
            return Judgement::Clean;
        }
        let folded = Folded::of(text);
        let found = self.found_in(&folded);
        let is_refused =
            |(entry, _): &(usize, usize)| self.entries[*entry].action == Action::Refuse;
        match found.is_empty() {
            true => Judgement::Clean,
            false if found.iter().any(is_refused) => Judgement::Refused,
            false => Judgement::Masked(self.masked(text, &folded, &found)),
        }
    }

    /// The text with stars for all words of the list, if it has any; those that are to be refused
    /// among them: for whoever cannot be told.
    pub fn mask(&self, text: &str) -> Option<String> {
        if self.is_empty() {
            return None;
        }
        let folded = Folded::of(text);
        let found = self.found_in(&folded);
        (!found.is_empty()).then(|| self.masked(text, &folded, &found))
    }

    /// The words of the list that are in a text, each with its first letter.
    fn found_in(&self, folded: &Folded) -> Vec<(usize, usize)> {
        let mut found = Vec::new();
        let (Some(exact), Some(alike)) = (&self.exact, &self.alike) else {
            return found;
        };
        let plain = folded.letters.iter().map(|letter| letter.plain);
        self.find(exact, folded, plain, &mut found);
        if let Some(seen) = folded.seen_alike() {
            self.find(alike, folded, seen.into_iter(), &mut found);
        }
        found
    }

    /// Puts the words in `letters` that count there into `found`, each with its first letter.
    fn find(
        &self,
        automaton: &AhoCorasick,
        folded: &Folded,
        letters: impl Iterator<Item = char>,
        found: &mut Vec<(usize, usize)>,
    ) {
        let mut text = String::with_capacity(folded.letters.len());
        let mut places = Vec::with_capacity(folded.letters.len());
        for letter in letters {
            places.push(text.len());
            text.push(letter);
        }
        for found_at in automaton.find_overlapping_iter(&text) {
            let entry = found_at.pattern().as_usize();
            let Ok(first) = places.binary_search(&found_at.start()) else {
                continue;
            };
            let Entry {
                is_part, letters, ..
            } = self.entries[entry];
            let end = first + letters;
            let is_whole = folded.is_between_characters(first) && folded.is_between_characters(end);
            let is_word = folded.is_between_words(first) && folded.is_between_words(end);
            if is_whole && (is_part || is_word) {
                found.push((entry, first));
            }
        }
    }

    fn masked(&self, text: &str, folded: &Folded, found: &[(usize, usize)]) -> String {
        let mut shown: Vec<Shown> = vec![Shown::AsTyped; folded.chars];
        for &(entry, first) in found {
            let letters = &folded.letters[first..first + self.entries[entry].letters];
            folded.hide(letters, &mut shown);
        }
        let char_shown = |(letter, shown): (char, &Shown)| match shown {
            Shown::AsTyped => Some(letter),
            Shown::Star | Shown::Nothing if letter.is_whitespace() => Some(letter),
            Shown::Star => Some('*'),
            Shown::Nothing => None,
        };
        text.chars().zip(&shown).filter_map(char_shown).collect()
    }
}

/// What is shown instead of a character that was typed.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Shown {
    AsTyped,
    Star,
    /// It was only a part of one that is a star now.
    Nothing,
}

fn as_text(list: &[u8]) -> Result<&str, WordsError> {
    let at = |offset: usize, problem: String| {
        let before = String::from_utf8_lossy(&list[..offset]);
        let start = before.rfind('\n').map_or(0, |newline| newline + 1);
        WordsError {
            line: before.matches('\n').count() + 1,
            column: before[start..].chars().count() + 1,
            problem,
        }
    };
    if list.len() > LIST_BYTES_MAX {
        return Err(at(0, format!("a list has at most {LIST_BYTES_MAX} bytes")));
    }
    let text = str::from_utf8(list).map_err(|why| {
        let problem = "no UTF-8 from here on: save the file as UTF-8".to_owned();
        at(why.valid_up_to(), problem)
    })?;
    Ok(text.strip_prefix('\u{feff}').unwrap_or(text))
}

/// What a line says, if it says something; or the column and what is wrong there.
fn entry_of(line: &str) -> Result<Option<(&str, Entry)>, (usize, String)> {
    let said = line.split('#').next().unwrap_or_default();
    let (word, rule) = match said.split_once('=') {
        Some((word, rule)) => (word.trim(), Some(rule)),
        None => (said.trim(), None),
    };
    if word.is_empty() {
        return match rule {
            None => Ok(None),
            Some(_) => Err((1, "there is no word before the =".to_owned())),
        };
    }
    let column = column_of(line, word);
    if word.chars().count() > WORD_CHARS_MAX {
        let why = format!("a word or phrase has at most {WORD_CHARS_MAX} characters");
        return Err((column, why));
    }
    let mut entry = Entry {
        action: Action::Mask,
        is_part: false,
        letters: 0,
    };
    let rules = rule.map(str::split_whitespace).into_iter().flatten();
    let mut is_ruled = rule.is_none();
    for rule in rules {
        is_ruled = true;
        match rule {
            "mask" => entry.action = Action::Mask,
            "refuse" => entry.action = Action::Refuse,
            "part" => entry.is_part = true,
            _ => {
                let why = format!("{rule:?} must be one of \"mask\", \"refuse\", \"part\"");
                return Err((column_of(line, rule), why));
            }
        }
    }
    match is_ruled {
        true => Ok(Some((word, entry))),
        false => {
            let why = "behind the = stands \"mask\" or \"refuse\", and \"part\" or not".to_owned();
            Err((said.trim_end().chars().count(), why))
        }
    }
}

/// Where `part` of a line begins, from 1, in characters.
fn column_of(line: &str, part: &str) -> usize {
    let offset = part.as_ptr() as usize - line.as_ptr() as usize;
    line[..offset].chars().count() + 1
}

fn automaton(words: &[String]) -> Result<Option<AhoCorasick>, WordsError> {
    if words.is_empty() {
        return Ok(None);
    }
    let built = AhoCorasick::new(words).map_err(|why| WordsError {
        line: 1,
        column: 1,
        problem: format!("the list is too large: {why}"),
    })?;
    Ok(Some(built))
}

impl fmt::Debug for Words {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Words({} of them)", self.len())
    }
}

impl fmt::Display for WordsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.line, self.column, self.problem)
    }
}

impl core::error::Error for WordsError {}

#[cfg(test)]
mod tests;
