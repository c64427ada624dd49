//! The screen as a state machine: snapshots and keys in, a picture out.

use super::figures::{count, uptime};
use super::sample::Sample;
use super::views::View;
use ratatui::Frame;
use ratatui::buffer::Buffer;
use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyEventKind, KeyModifiers};
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::{Modifier, Style};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Paragraph, Sparkline, Widget as _};
use std::collections::VecDeque;
use wharf_host::admin::Snapshot;

/// Seconds of history that the sparkline has; more columns than terminals do.
const HISTORY_MAX: usize = 512;

/// What follows from a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Flow {
    Go,
    Quit,
}

/// What is on the screen.
///
/// Feed it with [`Board::handle_snapshot`], [`Board::handle_failure`] and [`Board::handle_key`] in
/// any order; [`Board::draw`] shows how it stands.
#[derive(Debug)]
pub(super) struct Board {
    view: View,
    /// The first line of the view that is shown.
    scroll: u16,
    is_paused: bool,
    is_helping: bool,
    sample: Sample,
    /// Messages in each second, the last one first.
    history: VecDeque<u64>,
    /// Why there is nothing newer.
    failure: Option<String>,
}

impl Board {
    pub(super) fn new(first: Snapshot) -> Self {
        Self {
            view: View::Overview,
            scroll: 0,
            is_paused: false,
            is_helping: false,
            sample: Sample::new(None, first),
            history: VecDeque::new(),
            failure: None,
        }
    }

    pub(super) fn handle_snapshot(&mut self, now: Snapshot) {
        self.failure = None;
        if self.is_paused {
            return;
        }
        let before = std::mem::take(&mut self.sample.now);
        self.sample = Sample::new(Some(before), now);
        match self.sample.messages() {
            Some(messages) => self.history.push_front(messages.round() as u64),
            // Another server than before.
            None => self.history.clear(),
        }
        self.history.truncate(HISTORY_MAX);
    }

    pub(super) fn handle_failure(&mut self, problem: String) {
        self.failure = Some(problem);
    }

    pub(super) fn handle_key(&mut self, key: KeyEvent) -> Flow {
        if key.kind == KeyEventKind::Release {
            return Flow::Go;
        }
        let is_control = key.modifiers.contains(KeyModifiers::CONTROL);
        match key.code {
            KeyCode::Char('c') if is_control => return Flow::Quit,
            KeyCode::Char('q') | KeyCode::Esc => return Flow::Quit,
            KeyCode::Char('p') => self.is_paused = !self.is_paused,
            KeyCode::Char('?') => self.is_helping = !self.is_helping,
            KeyCode::Up => self.scroll = self.scroll.saturating_sub(1),
            KeyCode::Down => self.scroll = self.scroll.saturating_add(1),
            KeyCode::Char(digit @ '1'..='5') => {
                self.view = View::ALL[digit as usize - '1' as usize];
                self.is_helping = false;
                self.scroll = 0;
            }
            _ => {}
        }
        Flow::Go
    }

    pub(super) fn draw(&mut self, frame: &mut Frame<'_>) {
        let [title, tabs, _, body, foot] = Layout::vertical([
            Constraint::Length(1),
            Constraint::Length(1),
            Constraint::Length(1),
            Constraint::Min(0),
            Constraint::Length(1),
        ])
        .areas(frame.area());
        let buffer = frame.buffer_mut();
        title_line(&self.sample.now).render(title, buffer);
        self.tabs().render(tabs, buffer);
        if self.is_helping {
            Paragraph::new(HELP).render(body, buffer);
        } else {
            self.draw_view(body, buffer);
        }
        if let Some(failure) = &self.failure {
            let text = format!(" {failure}; what stands here is old");
            Line::styled(text, Style::new().red().bold()).render(foot, buffer);
        }
    }

    fn draw_view(&mut self, area: Rect, buffer: &mut Buffer) {
        let lines = self.view.lines(&self.sample);
        let height = u16::try_from(lines.len()).unwrap_or(u16::MAX);
        self.scroll = self.scroll.min(height.saturating_sub(area.height));
        Paragraph::new(lines)
            .scroll((self.scroll, 0))
            .render(area, buffer);
        let below = area.height.saturating_sub(height);
        if self.view == View::Overview && below >= SPARKLINE_ROWS_MIN {
            let y = area.y + height + 1;
            self.draw_sparkline(
                Rect {
                    y,
                    height: below - 1,
                    ..area
                },
                buffer,
            );
        }
    }

    fn draw_sparkline(&self, area: Rect, buffer: &mut Buffer) {
        let most = self.history.iter().copied().max().unwrap_or(0);
        let columns = area.width.saturating_sub(2);
        // The last second stands at the right.
        let shown: Vec<u64> = self.history.iter().copied().take(columns.into()).collect();
        let title = format!(
            " messages a second, the last {} s, at most {}",
            shown.len(),
            count(most)
        );
        let [above, bars] =
            Layout::vertical([Constraint::Length(1), Constraint::Min(0)]).areas(area);
        Line::styled(title, Style::new().add_modifier(Modifier::BOLD)).render(above, buffer);
        let bars = Rect {
            x: bars.x + 1,
            width: columns,
            ..bars
        };
        Sparkline::default()
            .data(shown.iter().rev().copied())
            .max(most.max(1))
            .style(Style::new().cyan())
            .render(right_part(bars, shown.len()), buffer);
    }

    fn tabs(&self) -> Line<'static> {
        let mut spans = Vec::new();
        for (number, view) in (1..).zip(View::ALL) {
            let style = if view == self.view {
                Style::new().reversed()
            } else {
                Style::new()
            };
            spans.push(Span::raw(" "));
            spans.push(Span::styled(format!("{number} {}", view.name()), style));
            spans.push(Span::raw(" "));
        }
        spans.push(Span::raw("   "));
        spans.push(match self.is_paused {
            true => Span::styled("p PAUSED", Style::new().yellow().bold()),
            false => Span::raw("p pause"),
        });
        spans.push(Span::raw("   ? help   q quit"));
        Line::from(spans)
    }
}

/// Rows that a sparkline needs: an empty one, its title, and itself.
const SPARKLINE_ROWS_MIN: u16 = 3;

const HELP: &str = " 1-5        the views: overview, shards, rooms, ends, store
 up, down   move in a view that is longer than the screen
 p          pause, and go on
 ?          this, and back
 q, Ctrl-C  quit

 What is written per second is what happened between the last two looks at the
 server, a second apart. A limit that is nearly full is marked with !, one that
 is full with !!. The limits of a shard are shown for its fullest shard.";

fn right_part(area: Rect, columns: usize) -> Rect {
    let width = area.width.min(u16::try_from(columns).unwrap_or(u16::MAX));
    Rect {
        x: area.right() - width,
        width,
        ..area
    }
}

fn title_line(now: &Snapshot) -> Line<'static> {
    let about = format!(
        " wharf {}  {}, {}  {}  up {}  ",
        now.version,
        now.backend,
        now.placement,
        now.listen,
        uptime(now.uptime_seconds)
    );
    let state = match now.state.as_str() {
        "serving" => Span::styled(now.state.clone(), Style::new().green()),
        _ => Span::styled(now.state.clone(), Style::new().red().bold()),
    };
    Line::from(vec![Span::raw(about), state])
}

/// Every view, one below the other, as text for scripts.
pub(super) fn page(sample: &Sample) -> String {
    let mut lines = vec![title_line(&sample.now)];
    for view in View::ALL {
        lines.push(Line::default());
        lines.extend(view.lines(sample));
    }
    let texts = lines
        .iter()
        .map(|line| line.to_string().trim_end().to_owned() + "\n");
    texts.collect()
}
