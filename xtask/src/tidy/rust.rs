//! Rust sources, read once for all checks: their syntax tree, and their tokens without comments.

use std::ops::RangeInclusive;

use proc_macro2::{Delimiter, TokenStream, TokenTree};

use super::Finding;
use super::tree::Tree;

/// One Rust file.
pub(super) struct Source<'a> {
    pub(super) path: &'a str,
    pub(super) text: &'a str,
    pub(super) syntax: syn::File,
    /// In order, macro bodies included; no comments.
    pub(super) tokens: Vec<Token>,
    /// Lines of text that cannot be folded: raw strings, strings of several lines, and those that
    /// have their line to themselves.
    verbatim: Vec<RangeInclusive<usize>>,
}

/// A word, a single punctuation character, a literal, or one half of a pair of brackets.
pub(super) struct Token {
    pub(super) text: String,
    pub(super) line: usize,
}

impl Source<'_> {
    /// Whether the line belongs to a text that is quoted as it is.
    pub(super) fn is_verbatim(&self, line: usize) -> bool {
        self.verbatim.iter().any(|lines| lines.contains(&line))
    }

    /// Whether the file holds nothing but tests.
    pub(super) fn is_test(&self) -> bool {
        self.path
            .split('/')
            .any(|part| part == "tests" || part == "tests.rs")
    }
}

/// Reads every Rust file; those that are not Rust are findings.
pub(super) fn parse(tree: &Tree) -> (Vec<Source<'_>>, Vec<Finding>) {
    let mut sources = Vec::new();
    let mut unreadable = Vec::new();
    for (path, text) in tree.ending(".rs") {
        match read(path, text) {
            Ok(source) => sources.push(source),
            Err(error) => {
                let line = error.span().start().line;
                unreadable.push(Finding::new(
                    path,
                    line,
                    "does not parse: the compiler says why",
                ));
            }
        }
    }
    (sources, unreadable)
}

/// Reads one Rust file.
pub(super) fn read<'a>(path: &'a str, text: &'a str) -> syn::Result<Source<'a>> {
    let mut source = Source {
        path,
        text,
        syntax: syn::parse_file(text)?,
        tokens: Vec::new(),
        verbatim: Vec::new(),
    };
    source.flatten(text.parse::<TokenStream>()?);
    Ok(source)
}

impl Source<'_> {
    fn flatten(&mut self, stream: TokenStream) {
        for tree in stream {
            let lines = tree.span().start().line..=tree.span().end().line;
            let begins_its_line = self
                .tokens
                .last()
                .is_none_or(|last| last.line < *lines.start());
            let TokenTree::Group(group) = tree else {
                let text = tree.to_string();
                let is_raw = text.starts_with("r#\"") || text.starts_with("r\"");
                let is_alone = text.starts_with('"') && begins_its_line;
                if is_raw || is_alone || lines.start() < lines.end() {
                    self.verbatim.push(lines.clone());
                }
                self.tokens.push(Token {
                    text,
                    line: *lines.start(),
                });
                continue;
            };
            let (open, close) = match group.delimiter() {
                Delimiter::Parenthesis => ("(", ")"),
                Delimiter::Brace => ("{", "}"),
                Delimiter::Bracket => ("[", "]"),
                Delimiter::None => ("", ""),
            };
            self.tokens.push(Token {
                text: open.into(),
                line: *lines.start(),
            });
            self.flatten(group.stream());
            self.tokens.push(Token {
                text: close.into(),
                line: *lines.end(),
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::lines;
    use super::*;
    use expect_test::expect;

    #[test]
    fn a_file_that_is_not_rust_is_found_and_hides_no_other() {
        let tree = Tree::planted(&[
            ("a.rs", "fn a() {\n    <<<<<<<\n}\n"),
            ("b.rs", "fn b() {}"),
        ]);
        let (sources, unreadable) = parse(&tree);
        expect![[r#"
            a.rs:3: does not parse: the compiler says why
        "#]]
        .assert_eq(&lines(unreadable));
        assert_eq!(
            sources.iter().map(|source| source.path).collect::<Vec<_>>(),
            ["b.rs"]
        );
    }
}
