//! Looking into statements: where they end, and where their parameters are.

/// Gives the parameters of a statement numbers: each `?` becomes `$1`, `$2` and so on, but not in
/// quotes and comments.
#[cfg(feature = "postgres")]
pub(crate) fn numbered(sql: &str) -> String {
    let mut numbered = String::with_capacity(sql.len() + 8);
    let mut begin = 0;
    for (index, place) in places(sql, b'?').into_iter().enumerate() {
        numbered.push_str(&sql[begin..place]);
        numbered.push('$');
        numbered.push_str(&(index + 1).to_string());
        begin = place + 1;
    }
    numbered.push_str(&sql[begin..]);
    numbered
}

/// Cuts a text into its statements, without what ends them.
pub(super) fn statements(sql: &str) -> Vec<&str> {
    let mut statements = Vec::new();
    let mut begin = 0;
    for place in places(sql, b';').into_iter().chain([sql.len()]) {
        let statement = sql[begin..place].trim();
        if !statement.is_empty() {
            statements.push(statement);
        }
        begin = place + 1;
    }
    statements
}

/// Where `wanted` stands, outside of quotes and comments.
fn places(sql: &str, wanted: u8) -> Vec<usize> {
    let bytes = sql.as_bytes();
    let mut places = Vec::new();
    let mut at = 0;
    while let [first, rest @ ..] = &bytes[at..] {
        at = match (first, rest.first()) {
            // A quote inside quotes is written twice: that ends one text and begins the next.
            (b'\'' | b'"' | b'`', _) => behind(bytes, at + 1, &[*first]),
            (b'-', Some(b'-')) => behind(bytes, at + 2, b"\n"),
            (b'/', Some(b'*')) => behind(bytes, at + 2, b"*/"),
            _ => {
                if *first == wanted {
                    places.push(at);
                }
                at + 1
            }
        };
    }
    places
}

/// The place behind the next `end`, or the end of it all.
fn behind(bytes: &[u8], from: usize, end: &[u8]) -> usize {
    let found = bytes[from..]
        .windows(end.len())
        .position(|window| window == end);
    found.map_or(bytes.len(), |index| from + index + end.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(feature = "postgres")]
    #[test]
    fn parameters_are_numbered_and_question_marks_in_texts_are_not() {
        for (sql, expected) in [
            ("SELECT 1", "SELECT 1"),
            ("a = ? AND b = ?", "a = $1 AND b = $2"),
            ("?", "$1"),
            ("'?' = ?", "'?' = $1"),
            ("'it''s ?' = ?", "'it''s ?' = $1"),
            (r#""odd?" = ? -- why?"#, r#""odd?" = $1 -- why?"#),
            ("a -- what?\n = ?", "a -- what?\n = $1"),
            ("a /* ? */ = ?", "a /* ? */ = $1"),
            ("`?` = ? /* open ?", "`?` = $1 /* open ?"),
            ("'한글?' = ?, '?", "'한글?' = $1, '?"),
            ("a - ? / ?", "a - $1 / $2"),
            ("", ""),
        ] {
            assert_eq!(numbered(sql), expected);
        }
    }

    #[test]
    fn statements_end_at_semicolons_and_not_in_texts() {
        let sql = "CREATE a (b);\n\nINSERT ';' -- c; d\n, 'e';;\n /* f; */ ; g";
        let expected = ["CREATE a (b)", "INSERT ';' -- c; d\n, 'e'", "/* f; */", "g"];
        assert_eq!(statements(sql), expected);
    }
}
