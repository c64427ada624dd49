//! What a file looks like: its header, its columns, its length and that of its functions.

use syn::spanned::Spanned;
use syn::visit::{self, Visit};

use super::Finding;
use super::rust::Source;

const COLUMNS_MAX: usize = 100;
const FUNCTION_LINES_MAX: usize = 70;
const FILE_LINES_MAX: usize = 800;

/// Finds what is missing, too wide or too long in one file.
pub(super) fn check(source: &Source<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut found = |line, message: String| {
        findings.push(Finding::new(source.path, line, message));
    };
    if !source.text.starts_with("//! ") {
        found(
            1,
            "begins without a `//!` header: say what this module is for".into(),
        );
    }
    // What is generated is as long as what it is made of; `cargo xtask proto` watches it.
    if source.path.contains("/src/generated/") {
        return findings;
    }
    for (index, line) in source.text.lines().enumerate() {
        let columns = line.chars().count();
        let can_fold = !line.contains("://") && !source.is_verbatim(index + 1);
        if columns > COLUMNS_MAX && can_fold {
            found(
                index + 1,
                format!("{columns} columns, more than {COLUMNS_MAX}"),
            );
        }
    }
    let lines = source.text.lines().count();
    if lines > FILE_LINES_MAX {
        found(
            0,
            format!("{lines} lines, more than {FILE_LINES_MAX}: split it"),
        );
    }
    if !source.is_test() {
        let mut functions = Functions { long: Vec::new() };
        functions.visit_file(&source.syntax);
        for (line, name, lines) in functions.long {
            let message = format!("`{name}` has {lines} lines, more than {FUNCTION_LINES_MAX}");
            found(line, message);
        }
    }
    findings
}

/// Walks a file for functions that are too long, tests left out.
struct Functions {
    /// First line, name, number of lines.
    long: Vec<(usize, String, usize)>,
}

impl Functions {
    fn measure(&mut self, signature: &syn::Signature, block: &syn::Block) {
        let first = signature.span().start().line;
        let last = block.span().end().line;
        let mut tables = Tables { lines: 0 };
        tables.visit_block(block);
        let lines = last - first + 1 - tables.lines;
        if lines > FUNCTION_LINES_MAX {
            self.long.push((first, signature.ident.to_string(), lines));
        }
    }
}

impl<'ast> Visit<'ast> for Functions {
    fn visit_item_mod(&mut self, item: &'ast syn::ItemMod) {
        if !is_for_tests(&item.attrs) {
            visit::visit_item_mod(self, item);
        }
    }

    fn visit_item_fn(&mut self, item: &'ast syn::ItemFn) {
        if !is_for_tests(&item.attrs) {
            self.measure(&item.sig, &item.block);
            visit::visit_item_fn(self, item);
        }
    }

    fn visit_impl_item_fn(&mut self, item: &'ast syn::ImplItemFn) {
        self.measure(&item.sig, &item.block);
        visit::visit_impl_item_fn(self, item);
    }

    fn visit_trait_item_fn(&mut self, item: &'ast syn::TraitItemFn) {
        if let Some(block) = &item.default {
            self.measure(&item.sig, block);
        }
        visit::visit_trait_item_fn(self, item);
    }
}

/// `#[test]`, or `#[cfg(..)]` with `test` in it.
fn is_for_tests(attributes: &[syn::Attribute]) -> bool {
    attributes.iter().any(|attribute| match &attribute.meta {
        syn::Meta::Path(path) => path.is_ident("test"),
        syn::Meta::List(list) if list.path.is_ident("cfg") => {
            let condition = list.tokens.to_string();
            condition
                .split(|c: char| !c.is_alphanumeric())
                .any(|word| word == "test")
        }
        _ => false,
    })
}

/// Counts the lines of tables, which may be as long as what they list: arrays, and matches that
/// map one thing to another.
struct Tables {
    lines: usize,
}

impl<'ast> Visit<'ast> for Tables {
    fn visit_expr(&mut self, expression: &'ast syn::Expr) {
        let is_table = match expression {
            syn::Expr::Array(_) => true,
            syn::Expr::Match(table) => table
                .arms
                .iter()
                .all(|arm| !matches!(*arm.body, syn::Expr::Block(_))),
            _ => false,
        };
        if is_table {
            self.lines += expression.span().end().line - expression.span().start().line;
        } else {
            visit::visit_expr(self, expression);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::lines;
    use super::super::rust::read;
    use super::*;
    use expect_test::{Expect, expect};

    fn finds(path: &str, text: &str, expected: Expect) {
        expected.assert_eq(&lines(check(&read(path, text).unwrap())));
    }

    /// As many lines as a function may have, and one.
    fn statements() -> String {
        "    work();\n".repeat(FUNCTION_LINES_MAX - 1)
    }

    #[test]
    fn a_module_without_a_header_is_found() {
        finds(
            "src/planted.rs",
            "fn planted() {}\n",
            expect![[r#"
            src/planted.rs:1: begins without a `//!` header: say what this module is for
        "#]],
        );
    }

    #[test]
    fn a_wide_line_is_found_and_columns_are_characters() {
        let wide = format!("//! Planted.\n// {}\n", "x".repeat(98));
        finds(
            "src/planted.rs",
            &wide,
            expect![[r#"
            src/planted.rs:2: 101 columns, more than 100
        "#]],
        );
        let korean = format!("//! Planted.\n// {}\n", "글".repeat(97));
        finds("src/planted.rs", &korean, expect![[""]]);
        let address = format!("//! Planted.\n// https://{}\n", "x".repeat(98));
        finds("src/planted.rs", &address, expect![[""]]);
    }

    #[test]
    fn quoted_text_may_be_wide_and_what_stands_beside_it_may_not() {
        let wide = "x".repeat(100);
        let quoted = format!(
            "//! Planted.\nconst A: &str = r\"{wide}\";\nconst B: &str = \"\n{wide}\";\n\
             const C: &str =\n    \"{wide}\";\nconst D: &str = \"{wide}\";\n"
        );
        finds(
            "src/planted.rs",
            &quoted,
            expect![[r#"
            src/planted.rs:7: 119 columns, more than 100
        "#]],
        );
    }

    #[test]
    fn what_is_generated_may_be_as_long_as_its_source() {
        let text = format!(
            "//! Planted.\n{}\n{}",
            "x".repeat(101),
            "\n".repeat(FILE_LINES_MAX)
        );
        let text = text.replace('x', "/");
        finds("crates/x/src/generated/planted.rs", &text, expect![[""]]);
        finds(
            "crates/x/src/generated/planted.rs",
            "fn planted() {}",
            expect![[r#"
            crates/x/src/generated/planted.rs:1: begins without a `//!` header: say what this module is for
        "#]],
        );
    }

    #[test]
    fn a_long_file_is_found() {
        let text = format!("//! Planted.\n{}", "\n".repeat(FILE_LINES_MAX));
        finds(
            "src/planted.rs",
            &text,
            expect![[r#"
            src/planted.rs: 801 lines, more than 800: split it
        "#]],
        );
    }

    #[test]
    fn a_long_function_is_found_wherever_it_stands() {
        let body = statements();
        let text = format!(
            "//! Planted.\nfn planted() {{\n{body}}}\nimpl X {{\nfn method() {{\n{body}}}\n}}\n\
             trait Y {{\nfn default() {{\n{body}}}\n}}\nmod z {{\nfn inner() {{\n{body}}}\n}}\n"
        );
        finds(
            "src/planted.rs",
            &text,
            expect![[r#"
            src/planted.rs:2: `planted` has 71 lines, more than 70
            src/planted.rs:74: `method` has 71 lines, more than 70
            src/planted.rs:147: `default` has 71 lines, more than 70
            src/planted.rs:220: `inner` has 71 lines, more than 70
        "#]],
        );
    }

    #[test]
    fn tests_and_tables_may_be_long() {
        let body = statements();
        let rows = "Some(1) => 2,\n".repeat(FUNCTION_LINES_MAX);
        let numbers = "1,\n".repeat(FUNCTION_LINES_MAX);
        let text = format!(
            "//! Planted.\n#[test]\nfn a_test() {{\n{body}}}\n\
             #[cfg(all(test, unix))]\nmod tests {{\nfn helper() {{\n{body}}}\n}}\n\
             fn table(x: Option<u8>) -> u8 {{\nmatch x {{\n{rows}}}\n}}\n\
             fn array() {{\nfor x in [\n{numbers}] {{\nuse_it(x);\n}}\n}}\n"
        );
        finds("src/planted.rs", &text, expect![[""]]);
        let text = format!("//! Planted.\nfn helper() {{\n{body}}}\n");
        finds("crates/x/tests/planted.rs", &text, expect![[""]]);
    }
}
