//! The pictures.

use crate::figures::line::Line;
use charts_rs::{HorizontalBarChart, LineChart, Series};

/// CPU per message of each server.
pub fn cpu(title: &str, cell: &[Line]) -> Result<String, String> {
    let cpu = cell
        .iter()
        .map(|line| line.cpu_us_per_message as f32)
        .collect();
    let names = cell.iter().map(|line| line.peer.clone()).collect();
    let mut chart =
        HorizontalBarChart::new(vec![Series::new("CPU us a message".into(), cpu)], names);
    chart.base.title.text = title.to_owned();
    chart.width = 720.0;
    chart.height = 60.0 + 34.0 * cell.len() as f32;

    chart.svg().map_err(|error| error.to_string())
}

/// CPU per message against the number of sessions, a line for each server.
pub fn growth(title: &str, lines: &[&Line]) -> Result<String, String> {
    let mut sessions: Vec<usize> = lines.iter().map(|line| line.sessions).collect();
    sessions.sort_unstable();
    sessions.dedup();
    let mut peers: Vec<&str> = Vec::new();
    for line in lines {
        if !peers.contains(&line.peer.as_str()) {
            peers.push(&line.peer);
        }
    }
    let figure = |peer: &str, count: usize| {
        let of_it = |line: &&&Line| line.peer == peer && line.sessions == count;
        lines
            .iter()
            .find(of_it)
            .map_or(0.0, |line| line.cpu_us_per_message as f32)
    };
    let series = peers
        .iter()
        .map(|peer| {
            Series::new(
                (*peer).to_owned(),
                sessions.iter().map(|&count| figure(peer, count)).collect(),
            )
        })
        .collect();
    let mut chart = LineChart::new(series, sessions.iter().map(usize::to_string).collect());
    chart.base.title.text = format!("{title}: CPU us a message against sessions");
    chart.width = 720.0;
    chart.svg().map_err(|error| error.to_string())
}
