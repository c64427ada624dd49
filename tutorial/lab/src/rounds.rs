//! Rounds: every case once in each, so that a noisy minute meets them all alike.

/// The middle of some figures, and how far they lie apart.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Spread {
    /// The middle one.
    pub median: f64,
    /// The smallest.
    pub min: f64,
    /// The largest.
    pub max: f64,
}

impl Spread {
    /// Of these figures.
    ///
    /// # Panics
    /// When there are none.
    pub fn of(figures: &[f64]) -> Self {
        assert!(!figures.is_empty(), "nothing was measured");
        let mut sorted = figures.to_vec();
        sorted.sort_by(f64::total_cmp);
        let middle = sorted.len() / 2;
        let median = match sorted.len() % 2 {
            1 => sorted[middle],
            _ => (sorted[middle - 1] + sorted[middle]) / 2.0,
        };
        Self {
            median,
            min: sorted[0],
            max: sorted[sorted.len() - 1],
        }
    }
}

/// One case, measured.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Measured {
    /// What was measured, over all rounds.
    pub figure: Spread,
    /// How much of the first case's figure it is, round by round.
    pub ratio: Spread,
}

/// Measures every case once in each of `rounds`, and compares each with the first case of the same
/// round. The order turns from round to round, so that none is always the one that warms up.
///
/// # Panics
/// When there are no rounds or no cases.
pub fn side_by_side<C>(
    rounds: usize,
    cases: &[C],
    mut measure: impl FnMut(&C) -> f64,
) -> Vec<Measured> {
    assert!(!cases.is_empty(), "there is nothing to measure");
    let mut figures = vec![Vec::with_capacity(rounds); cases.len()];
    for round in 0..rounds {
        for turn in 0..cases.len() {
            let case = (round + turn) % cases.len();
            figures[case].push(measure(&cases[case]));
        }
    }
    let measured = |of_case: &Vec<f64>| {
        let with_first = of_case.iter().zip(&figures[0]);
        let ratios: Vec<f64> = with_first.map(|(figure, first)| figure / first).collect();
        Measured {
            figure: Spread::of(of_case),
            ratio: Spread::of(&ratios),
        }
    };
    figures.iter().map(measured).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_spread_is_of_all_figures() {
        let spread = Spread::of(&[3.0, 1.0, 2.0, 9.0]);
        assert_eq!((spread.min, spread.median, spread.max), (1.0, 2.5, 9.0));
        assert_eq!(Spread::of(&[3.0, 1.0, 2.0]).median, 2.0);
    }

    /// The machine becomes twice as slow from round to round; the ratio does not notice.
    #[test]
    fn cases_are_compared_within_their_round() {
        let mut calls = 0;
        let mut order = Vec::new();
        let measured = side_by_side(3, &[10.0, 30.0], |case| {
            let round = calls / 2;
            calls += 1;
            order.push(*case);
            case * f64::from(1 << round)
        });
        assert_eq!(order, [10.0, 30.0, 30.0, 10.0, 10.0, 30.0]);
        let (first, second) = (measured[0], measured[1]);
        assert_eq!(first.figure, Spread::of(&[10.0, 20.0, 40.0]));
        assert_eq!(second.figure, Spread::of(&[30.0, 60.0, 120.0]));
        assert_eq!(first.ratio, Spread::of(&[1.0]));
        assert_eq!(second.ratio, Spread::of(&[3.0]));
    }
}
