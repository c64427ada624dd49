//! The pictures.

use crate::figures::line::Line;
use crate::workload::{QUANTILES, Sample};
use charts_rs::{AxisScale, HorizontalBarChart, LineChart, NIL_VALUE, Position, Series};

const WIDTH: f32 = 720.0;

/// Wharf's share of what each other server needs for a message.
pub fn ratios(title: &str, cell: &[Line]) -> Result<String, String> {
    let others = cell.iter().filter(|line| line.peer != "wharf");
    let bar = |line: &Line| {
        let ratio = (line.ratio? * 1_000.0).round() as f32 / 1_000.0;
        Some((line.peer.clone(), ratio))
    };
    // Drawn from the bottom up.
    let (names, ratios): (Vec<_>, Vec<_>) = others.rev().filter_map(bar).unzip();
    let count = names.len();
    let name = "Wharf's CPU over its own; below 1, Wharf needs less";
    let mut chart = HorizontalBarChart::new(vec![Series::new(name.into(), ratios)], names);
    chart.base.title.text = title.to_owned();
    chart.series_label_position = Some(Position::Right);
    chart.width = WIDTH;
    chart.height = 100.0 + 34.0 * count as f32;
    chart.svg().map_err(|error| error.to_string())
}

/// Latency at each quantile, a line for each server; `None` if none was kept.
pub fn latencies(
    title: &str,
    cell: &[Line],
    curve: fn(&Sample) -> &[f64],
) -> Option<Result<String, String>> {
    let at = |line: &Line, index: usize| {
        line.median(|sample| curve(sample).get(index).copied().unwrap_or(0.0)) as f32
    };
    let series: Vec<_> = cell
        .iter()
        .filter(|line| at(line, 0) > 0.0)
        .map(|line| {
            let points = (0..QUANTILES.len()).map(|index| at(line, index));
            Series::new(line.peer.clone(), points.collect())
        })
        .collect();
    if series.is_empty() {
        return None;
    }
    let names = QUANTILES.map(|quantile| match quantile {
        1.0 => "max".to_owned(),
        _ => format!("p{}", (quantile * 1_000.0).round() / 10.0),
    });
    let title = format!("{title} (us)");
    Some(lines(&title, series, names.to_vec(), AxisScale::Log(10.0)))
}

/// CPU per message against the number of sessions, a line for each server.
pub fn growth(title: &str, of_it: &[Line]) -> Result<String, String> {
    let mut sessions: Vec<usize> = of_it.iter().map(|line| line.sessions).collect();
    sessions.sort_unstable();
    sessions.dedup();
    let mut peers: Vec<&str> = Vec::new();
    for line in of_it {
        if !peers.contains(&line.peer.as_str()) {
            peers.push(&line.peer);
        }
    }
    let figure = |peer: &str, count: usize| {
        let wanted = |line: &&Line| line.peer == peer && line.sessions == count;
        of_it
            .iter()
            .find(wanted)
            .map_or(NIL_VALUE, |line| line.cpu_us_per_message as f32)
    };
    let series = peers
        .iter()
        .map(|peer| {
            let points = sessions.iter().map(|&count| figure(peer, count));
            Series::new((*peer).to_owned(), points.collect())
        })
        .collect();
    let title = format!("{title}: CPU us a message against sessions");
    lines(
        &title,
        series,
        sessions.iter().map(usize::to_string).collect(),
        AxisScale::Linear,
    )
}

fn lines(
    title: &str,
    series: Vec<Series>,
    names: Vec<String>,
    scale: AxisScale,
) -> Result<String, String> {
    let mut chart = LineChart::new(series, names);
    chart.base.title.text = title.to_owned();
    chart.y_axis_configs[0].scale = scale;
    chart.width = WIDTH;
    chart.height = 360.0;
    chart.svg().map_err(|error| error.to_string())
}
