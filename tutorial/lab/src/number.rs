//! Numbers as one reads them.

/// Three significant digits, and thousands apart: `0.00123`, `4.56`, `1,230`.
pub fn number(figure: f64) -> String {
    if figure == 0.0 || !figure.is_finite() {
        return figure.to_string();
    }
    let magnitude = figure.abs().log10().floor() as i32;
    let decimals = usize::try_from(2 - magnitude).unwrap_or(0);
    let text = format!("{figure:.decimals$}");
    let (whole, fraction) = match text.split_once('.') {
        Some((whole, fraction)) => (whole, format!(".{fraction}")),
        None => (text.as_str(), String::new()),
    };
    let digits = whole.trim_start_matches('-').len();
    let mut grouped = String::new();
    for (index, digit) in whole.trim_start_matches('-').chars().enumerate() {
        if index > 0 && (digits - index) % 3 == 0 {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    let sign = if whole.starts_with('-') { "-" } else { "" };
    format!("{sign}{grouped}{fraction}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_three_digits_or_all_of_their_whole_part() {
        let pairs = [
            (0.0, "0"),
            (0.001_234, "0.00123"),
            (1.0, "1.00"),
            (45.678, "45.7"),
            (999.4, "999"),
            (1_234.5, "1,234"),
            (9_876_543.0, "9,876,543"),
            (-1_234.0, "-1,234"),
        ];
        for (figure, text) in pairs {
            assert_eq!(number(figure), text);
        }
    }
}
