//! A text as people read it: without what nobody sees, whatever its case and its form.
//!
//! Letters are taken apart (NFKD, case-folded), which finds what NFKC finds and lets each letter
//! know where it was typed. A mark stays with its letter, a syllable of Hangul is one character.

use super::Shown;
use caseless::Caseless;
use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::{canonical_combining_class, is_combining_mark};
use unicode_script::{Script, UnicodeScript};
use unicode_security::confusable_detection::skeleton;

/// A text in letters.
pub(super) struct Folded {
    pub(super) letters: Vec<Letter>,
    /// Characters as typed.
    pub(super) chars: usize,
    /// Those of which something is in `letters`.
    is_seen: Vec<bool>,
}

/// A letter, or a part of one that was taken apart.
#[derive(Clone, Copy)]
pub(super) struct Letter {
    /// As it is compared.
    pub(super) plain: char,
    /// As which character it was typed.
    typed: usize,
    /// Whether it is a part of the one before.
    joins: bool,
    kind: Kind,
}

/// What may stand beside what in one word.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// Between words.
    Gap,
    Digit,
    /// Of a script that puts nothing between its words.
    Unspaced,
    Of(Script),
}

impl Folded {
    pub(super) fn of(text: &str) -> Self {
        let mut folded = Self {
            letters: Vec::with_capacity(text.len()),
            chars: 0,
            is_seen: Vec::with_capacity(text.len()),
        };
        for letter in text.chars() {
            let before = folded.letters.len();
            folded.push(letter);
            folded.chars += 1;
            folded.is_seen.push(folded.letters.len() > before);
        }
        folded.order_marks();
        folded
    }

    fn push(&mut self, letter: char) {
        if letter.is_ascii_graphic() {
            return self.push_plain(letter.to_ascii_lowercase());
        }
        if letter.is_whitespace() {
            let is_first = self.letters.last().is_none_or(|last| last.plain != ' ');
            if is_first {
                self.push_plain(' ');
            }
            return;
        }
        if is_unseen(letter) {
            return;
        }
        let plain = core::iter::once(letter).nfkd().default_case_fold().nfkd();
        for letter in plain.filter(|letter| !is_unseen(*letter)) {
            self.push_plain(letter);
        }
    }

    fn push_plain(&mut self, plain: char) {
        let last = self.letters.last();
        let joins = last.is_some_and(|last| joins(last.plain, plain));
        let kind = match last {
            Some(last) if joins => last.kind,
            _ => kind_of(plain, last.map(|last| last.kind)),
        };
        self.letters.push(Letter {
            plain,
            typed: self.chars,
            joins,
            kind,
        });
    }

    /// Marks of one letter have one order, however they were typed.
    fn order_marks(&mut self) {
        let class = |letter: &Letter| canonical_combining_class(letter.plain);
        let runs = self
            .letters
            .chunk_by_mut(|one, next| class(one) != 0 && class(next) != 0);
        for run in runs.filter(|run| run.len() > 1) {
            run.sort_by_key(class);
        }
    }

    /// Whether a character ends before letter `index`.
    pub(super) fn is_between_characters(&self, index: usize) -> bool {
        self.letters.get(index).is_none_or(|letter| !letter.joins)
    }

    /// Whether a word ends, or may end, before letter `index`.
    pub(super) fn is_between_words(&self, index: usize) -> bool {
        let kind = |index: usize| self.letters.get(index).map(|letter| letter.kind);
        match (index.checked_sub(1).and_then(kind), kind(index)) {
            (Some(one), Some(other)) => one != other || matches!(one, Kind::Gap | Kind::Unspaced),
            _ => true,
        }
    }

    /// The letters with those of other scripts as what they look like, in words that mix scripts
    /// which nobody mixes, or letters with digits; `None` if there is no such word. In a word of
    /// one script every letter is what it is: a Russian one may look like an English one.
    pub(super) fn seen_alike(&self) -> Option<Vec<char>> {
        let mut is_any_mixed = false;
        let mut seen = Vec::with_capacity(self.letters.len());
        let words = self
            .letters
            .chunk_by(|one, next| (one.kind == Kind::Gap) == (next.kind == Kind::Gap));
        for word in words {
            let is_mixed = is_mixed(word);
            is_any_mixed |= is_mixed;
            let as_seen = |letter: &Letter| match is_mixed {
                true => alike(letter.plain),
                false => letter.plain,
            };
            seen.extend(word.iter().map(as_seen));
        }
        is_any_mixed.then_some(seen)
    }

    /// Has stars shown instead of `letters`, one for each character that people see.
    pub(super) fn hide(&self, letters: &[Letter], shown: &mut [Shown]) {
        let typed = letters.iter().map(|letter| letter.typed);
        let (Some(first), Some(mut end)) = (typed.clone().min(), typed.max()) else {
            return;
        };
        end += 1;
        // What is not seen goes with the letter before it.
        while self.is_seen.get(end) == Some(&false) {
            end += 1;
        }
        for shown in &mut shown[first..end] {
            if *shown == Shown::AsTyped {
                *shown = Shown::Nothing;
            }
        }
        for letter in letters.iter().filter(|letter| !letter.joins) {
            shown[letter.typed] = Shown::Star;
        }
    }
}

/// What a letter looks like, if that is one letter.
pub(super) fn alike(letter: char) -> char {
    if letter.is_ascii_alphabetic() {
        return letter;
    }
    let mut bytes = [0; 4];
    let mut seen = skeleton(letter.encode_utf8(&mut bytes));
    match (seen.next(), seen.next()) {
        (Some(seen), None) if seen.is_alphanumeric() => {
            let mut folded = core::iter::once(seen).default_case_fold();
            folded.next().unwrap_or(letter)
        }
        _ => letter,
    }
}

fn is_mixed(word: &[Letter]) -> bool {
    let has = |kind: Kind| word.iter().any(|letter| letter.kind == kind);
    let latin = has(Kind::Of(Script::Latin));
    let scripts = [
        latin,
        has(Kind::Of(Script::Greek)),
        has(Kind::Of(Script::Cyrillic)),
    ];
    let count = scripts.iter().filter(|is_there| **is_there).count();
    count > 1 || (latin && has(Kind::Digit))
}

fn kind_of(letter: char, before: Option<Kind>) -> Kind {
    if letter.is_ascii_alphabetic() {
        return Kind::Of(Script::Latin);
    }
    if !letter.is_alphanumeric() && !is_combining_mark(letter) {
        return Kind::Gap;
    }
    if letter.is_numeric() {
        return Kind::Digit;
    }
    match letter.script() {
        Script::Han
        | Script::Hiragana
        | Script::Katakana
        | Script::Bopomofo
        | Script::Thai
        | Script::Lao
        | Script::Khmer
        | Script::Myanmar
        | Script::Tibetan => Kind::Unspaced,
        // Of whatever it stands behind.
        Script::Common | Script::Inherited => before.unwrap_or(Kind::Gap),
        script => Kind::Of(script),
    }
}

/// Whether `next` is a part of the character that `last` begins or goes on with.
fn joins(last: char, next: char) -> bool {
    let is_vowel = |letter: char| ('\u{1160}'..='\u{11a7}').contains(&letter);
    let is_final = |letter: char| ('\u{11a8}'..='\u{11ff}').contains(&letter);
    let is_initial = |letter: char| ('\u{1100}'..='\u{115f}').contains(&letter);
    match next {
        _ if is_vowel(next) => is_initial(last) || is_vowel(last),
        _ if is_final(next) => is_vowel(last) || is_final(last),
        _ => is_combining_mark(next) && last != ' ',
    }
}

/// Whether nobody sees a character, or only as a stroke through the letter before it: what is left
/// out when texts are compared (Unicode's default ignorables, overlays, enclosing marks).
fn is_unseen(letter: char) -> bool {
    matches!(letter,
        '\0'..='\x1f' | '\x7f'..='\u{9f}'
        | '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}'..='\u{1160}' | '\u{17b4}'..='\u{17b5}'
        | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}'
        | '\u{ffa0}' | '\u{fff0}'..='\u{fff8}' | '\u{1bca0}'..='\u{1bca3}'
        | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}'
        | '\u{334}'..='\u{338}' | '\u{20d0}'..='\u{20f0}')
}
