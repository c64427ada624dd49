//! Plots as SVG.

use std::fmt::Display;

use charts_rs::{AxisScale, LineChart, Series};

/// Lines over a sweep: one point of each line for each case.
#[derive(Clone, Debug)]
pub struct Plot {
    title: String,
    cases: Vec<String>,
    lines: Vec<(String, Vec<f64>)>,
    is_logarithmic: bool,
}

impl Plot {
    /// A plot without lines. The title names the unit; `cases` stand below, in this order.
    pub fn new(title: &str, cases: &[impl Display]) -> Self {
        Self {
            title: title.to_owned(),
            cases: cases.iter().map(ToString::to_string).collect(),
            lines: Vec::new(),
            is_logarithmic: false,
        }
    }

    /// With a line: a figure for each case.
    ///
    /// # Panics
    /// When there are not as many figures as cases.
    pub fn line(mut self, name: &str, figures: Vec<f64>) -> Self {
        assert_eq!(figures.len(), self.cases.len(), "figures of {name}");
        self.lines.push((name.to_owned(), figures));
        self
    }

    /// With powers of ten at equal distances upward.
    pub fn logarithmic(self) -> Self {
        Self {
            is_logarithmic: true,
            ..self
        }
    }

    pub(crate) fn svg(&self) -> Result<String, String> {
        let series = self.lines.iter().map(|(name, figures)| {
            let figures = figures.iter().map(|figure| *figure as f32);
            Series::new(name.clone(), figures.collect())
        });
        let mut chart = LineChart::new(series.collect(), self.cases.clone());
        chart.base.title.text = self.title.clone();
        chart.width = 720.0;
        chart.height = 360.0;
        if self.is_logarithmic {
            chart.y_axis_configs[0].scale = AxisScale::Log(10.0);
        }
        chart.svg().map_err(|error| error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plot_shows_its_title_its_cases_and_its_lines() {
        let plot = Plot::new("CPU a message (us)", &[64, 4096]).line("echo", vec![1.0, 9.5]);
        for plot in [
            plot.clone().svg().unwrap(),
            plot.logarithmic().svg().unwrap(),
        ] {
            assert!(plot.starts_with("<svg"), "{plot}");
            for part in ["CPU a message (us)", "64", "4096", "echo"] {
                assert!(plot.contains(part), "{part} in {plot}");
            }
        }
    }
}
