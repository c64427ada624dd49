//! Tables in Markdown.

use std::fmt::{self, Display, Write as _};

use crate::number::number;
use crate::rounds::Measured;

/// A table; its text is Markdown.
#[derive(Clone, Debug)]
pub struct Table {
    columns: usize,
    rows: Vec<Vec<String>>,
}

impl Table {
    /// An empty one with these columns. The first is text, the others are set to the right.
    pub fn new(columns: &[&str]) -> Self {
        let head = columns.iter().map(ToString::to_string).collect();
        Self {
            columns: columns.len(),
            rows: vec![head],
        }
    }

    /// One row for each case: median, smallest and largest figure, and the ratio to the first
    /// case with its own spread.
    pub fn of_cases(
        case: &str,
        figure: &str,
        cases: &[impl Display],
        measured: &[Measured],
    ) -> Self {
        let mut table = Self::new(&[case, figure, "min", "max", "ratio", "min", "max"]);
        for (case, measured) in cases.iter().zip(measured) {
            let Measured { figure, ratio } = measured;
            let figures = [figure, ratio].map(|it| [it.median, it.min, it.max].map(number));
            let mut row = vec![case.to_string()];
            row.extend(figures.into_iter().flatten());
            table.rows.push(row);
        }
        table
    }

    /// Adds a row.
    ///
    /// # Panics
    /// When it has not as many cells as there are columns.
    pub fn row(&mut self, cells: &[impl AsRef<str>]) {
        assert_eq!(cells.len(), self.columns, "cells of a row");
        let cells = cells.iter().map(|cell| cell.as_ref().replace('|', "\\|"));
        self.rows.push(cells.collect());
    }
}

impl Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, row) in self.rows.iter().enumerate() {
            writeln!(f, "| {} |", row.join(" | "))?;
            if index == 0 {
                let mut line = String::from("|---|");
                for _ in 1..self.columns {
                    line.write_str("---:|")?;
                }
                writeln!(f, "{line}")?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rounds::side_by_side;

    #[test]
    fn a_table_is_markdown() {
        let mut table = Table::new(&["what", "bytes"]);
        table.row(&["a | b", "8,192"]);
        let expected = "| what | bytes |\n|---|---:|\n| a \\| b | 8,192 |\n";
        assert_eq!(table.to_string(), expected);
    }

    #[test]
    fn cases_have_their_spread_and_their_ratio_to_the_first() {
        let measured = side_by_side(1, &[10.0, 25.0], |case| *case);
        let table = Table::of_cases("buffer", "us", &["small", "large"], &measured);
        let expected = "\
| buffer | us | min | max | ratio | min | max |
|---|---:|---:|---:|---:|---:|---:|
| small | 10.0 | 10.0 | 10.0 | 1.00 | 1.00 | 1.00 |
| large | 25.0 | 25.0 | 25.0 | 2.50 | 2.50 | 2.50 |
";
        assert_eq!(table.to_string(), expected);
    }
}
