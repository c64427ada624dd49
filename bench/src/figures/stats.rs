//! Medians, and how far they can be trusted.

/// Draws of a bootstrap.
const DRAWS: usize = 2_000;
/// Of them, those to each side that an interval of 95 % leaves out.
const OUTSIDE: usize = DRAWS * 25 / 1_000;

/// A median with what lies around it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Spread {
    pub median: f64,
    pub min: f64,
    pub max: f64,
}

impl Spread {
    /// `None` for no figures.
    pub fn of(figures: &[f64]) -> Option<Self> {
        Some(Self {
            median: median(figures)?,
            min: figures.iter().copied().fold(f64::INFINITY, f64::min),
            max: figures.iter().copied().fold(f64::NEG_INFINITY, f64::max),
        })
    }
}

/// A median and its 95 % bootstrap interval.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Interval {
    pub median: f64,
    pub low: f64,
    pub high: f64,
}

impl Interval {
    /// Of the median of `figures`; always the same for the same figures. `None` for none.
    pub fn of(figures: &[f64]) -> Option<Self> {
        let middle = median(figures)?;
        let mut chance = Chance(0x9e37_79b9_7f4a_7c15);
        let mut draw = vec![0.0; figures.len()];
        let mut medians: Vec<f64> = (0..DRAWS)
            .map(|_| {
                draw.fill_with(|| figures[chance.below(figures.len())]);
                median(&draw).expect("as many as there are figures")
            })
            .collect();
        medians.sort_by(f64::total_cmp);
        Some(Self {
            median: middle,
            low: medians[OUTSIDE],
            high: medians[DRAWS - 1 - OUTSIDE],
        })
    }

    /// Half its width, as a share of the median.
    pub fn half_width(&self) -> f64 {
        (self.high - self.low) / 2.0 / self.median
    }
}

/// The middle of `figures`; `None` for none.
pub fn median(figures: &[f64]) -> Option<f64> {
    let mut sorted = figures.to_vec();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    match sorted.len() {
        0 => None,
        odd if odd % 2 == 1 => Some(sorted[middle]),
        _ => Some((sorted[middle - 1] + sorted[middle]) / 2.0),
    }
}

/// A generator (xorshift64*) good enough to shuffle and to resample.
pub struct Chance(pub u64);

impl Chance {
    pub fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 32) as usize % bound
    }

    /// Another order of `items`.
    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for index in (1..items.len()).rev() {
            items.swap(index, self.below(index + 1));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn medians() {
        assert_eq!(median(&[]), None);
        assert_eq!(median(&[3.0, 1.0, 2.0]), Some(2.0));
        assert_eq!(median(&[4.0, 1.0, 2.0, 3.0]), Some(2.5));
    }

    #[test]
    fn an_interval_holds_the_median_and_narrows_with_more_figures() {
        let mut chance = Chance(7);
        let mut figures = |count| -> Vec<f64> {
            (0..count)
                .map(|_| 1.0 + chance.below(100) as f64 / 1_000.0)
                .collect()
        };
        let few = Interval::of(&figures(5)).unwrap();
        let many = Interval::of(&figures(500)).unwrap();
        assert!(few.low <= few.median && few.median <= few.high);
        assert!(many.half_width() < few.half_width(), "{many:?} {few:?}");
    }

    /// Whether the figures are below the k-th of n is a coin for each draw, so theory has the ends:
    /// of seven, the second is the first that the median of seven draws is at most with a chance of
    /// more than 2.5 % (10 %; 1 % for the first), and the sixth the last.
    #[test]
    fn an_interval_is_the_one_that_theory_has() {
        let seven = [4.0, 7.0, 1.0, 6.0, 2.0, 5.0, 3.0];
        let expected = Interval {
            median: 4.0,
            low: 2.0,
            high: 6.0,
        };
        assert_eq!(Interval::of(&seven), Some(expected));
        // Of five, the first has 5.8 %: nothing may be left out.
        let five = Interval::of(&[1.0, 2.0, 3.0, 4.0, 5.0]).unwrap();
        assert_eq!((five.low, five.high), (1.0, 5.0));
        assert_eq!(five.half_width(), 2.0 / 3.0);
    }

    #[test]
    fn an_interval_shifts_and_scales_as_its_figures_do() {
        let figures = [1.0, 1.5, 2.5, 3.0, 7.0, 8.0, 8.5, 9.0];
        let plain = Interval::of(&figures).unwrap();
        let other = Interval::of(&figures.map(|it| 2.0 * it + 4.0)).unwrap();
        let of = |it: f64| 2.0 * it + 4.0;
        assert_eq!(
            (other.low, other.median, other.high),
            (of(plain.low), of(plain.median), of(plain.high))
        );
    }

    #[test]
    fn a_shuffle_loses_nothing_and_every_order_comes_up_as_often() {
        let mut chance = Chance(11);
        let mut counts = std::collections::BTreeMap::new();
        for _ in 0..6_000 {
            let mut order = [0, 1, 2];
            chance.shuffle(&mut order);
            *counts.entry(order).or_insert(0) += 1;
        }
        assert_eq!(counts.len(), 6, "{counts:?}");
        for (order, count) in counts {
            assert!((800..1_200).contains(&count), "{order:?}: {count}");
        }
    }

    #[test]
    fn a_spread_is_of_all_figures() {
        let spread = Spread::of(&[3.0, 1.0, 2.0, 9.0]).unwrap();
        assert_eq!((spread.min, spread.median, spread.max), (1.0, 2.5, 9.0));
        assert_eq!(Spread::of(&[]), None);
    }

    #[test]
    fn equal_figures_have_no_width() {
        let interval = Interval::of(&[2.0; 9]).unwrap();
        assert_eq!(
            interval,
            Interval {
                median: 2.0,
                low: 2.0,
                high: 2.0
            }
        );
    }
}
