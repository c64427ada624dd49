//! Events for people: lines that fit the terminal, with colours where it has some.

#[cfg(test)]
mod tests;

use super::event::{About, Done, Event, Problem, code_name};
use super::json::{is_erased, rank};
use super::parse::Call;
use super::tables;
use super::width::{columns, harmless, harmless_lines, wrap};
use crate::program::operate::{counted, time};
use wharf_proto::ServerPacket;
use wharf_proto::chat::content::What;
use wharf_proto::chat::{Content, Message};
use wharf_proto::room::{Entered, Info, Member, Rank, Reason, Removed};
use wharf_proto::session::{Code, Maintenance};

/// How a part of a line looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Style {
    Plain,
    /// What is beside the matter.
    Dim,
    /// What went wrong.
    Bad,
    /// A name.
    Name,
    /// What is for oneself alone.
    Private,
    /// What those who run the server say.
    Loud,
}

impl Style {
    fn code(self) -> &'static str {
        match self {
            Self::Plain => "",
            Self::Dim => "\u{1b}[2m",
            Self::Bad => "\u{1b}[31m",
            Self::Name => "\u{1b}[36m",
            Self::Private => "\u{1b}[35m",
            Self::Loud => "\u{1b}[1;33m",
        }
    }
}

/// A line before it is wrapped: a head, behind which what is too long goes on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Line {
    pub(super) head: (Style, String),
    pub(super) body: (Style, String),
}

impl Line {
    pub(super) fn new(style: Style, text: impl Into<String>) -> Self {
        Self {
            head: (style, String::new()),
            body: (style, text.into()),
        }
    }

    fn said(style: Style, head: String, text: &str) -> Vec<Self> {
        let mut lines = Vec::new();
        for (index, text) in harmless_lines(text).into_iter().enumerate() {
            let head = match index {
                0 => head.clone(),
                _ => " ".repeat(columns(&head).min(8)),
            };
            lines.push(Self {
                head: (style, head),
                body: (Style::Plain, text),
            });
        }
        lines
    }
}

/// What a terminal can show.
#[derive(Clone, Copy, Debug)]
pub(super) struct Paper {
    /// Its columns; `None` where nothing is wrapped.
    pub(super) columns: Option<usize>,
    pub(super) has_colours: bool,
}

impl Paper {
    /// Lines as they are written, each ended.
    pub(super) fn write(&self, lines: &[Line]) -> String {
        let mut text = String::new();
        for line in lines {
            let (style, head) = &line.head;
            let indent = columns(head);
            let parts = match self.columns {
                Some(most) => {
                    // A head that is too long leaves no room beside it.
                    let rest = if indent * 2 > most { 2 } else { indent };
                    let first = most.saturating_sub(indent).max(1);
                    let lines = wrap(&line.body.1, first, most.saturating_sub(rest).max(1));
                    (lines, rest)
                }
                None => (vec![line.body.1.clone()], 0),
            };
            for (index, part) in parts.0.iter().enumerate() {
                match index {
                    0 => text += &self.paint(*style, head),
                    _ => text += &" ".repeat(parts.1),
                }
                text += &self.paint(line.body.0, part);
                text.push('\n');
            }
        }
        text
    }

    fn paint(&self, style: Style, text: &str) -> String {
        let code = style.code();
        if !self.has_colours || code.is_empty() || text.is_empty() {
            return text.to_owned();
        }
        format!("{code}{text}\u{1b}[0m")
    }
}

/// An event as lines; none for what people need not be told.
pub(super) fn lines(event: &Event) -> Vec<Line> {
    match event {
        Event::Connected { target, server, .. } => {
            let server = harmless(server);
            vec![Line::new(
                Style::Dim,
                format!("connected to {target}: {server}"),
            )]
        }
        Event::Lost {
            why,
            again_ms,
            is_typed,
        } => {
            let again = match again_ms {
                None if *is_typed => "; type on: that connects again".to_owned(),
                Some(again_ms) => format!("; trying again in {:.1} s", *again_ms as f64 / 1e3),
                None => "; /connect tries again".to_owned(),
            };
            vec![Line::new(Style::Bad, harmless(why) + &again)]
        }
        Event::Hint(text) => vec![Line::new(Style::Dim, text.clone())],
        Event::Failed { problem, .. } => failed(problem),
        Event::Done { call, done, about } => match done {
            Done::Packet(packet) => answer(call, packet, about),
            Done::Lines(lines) => {
                let line = |line: &String| Line::new(Style::Plain, line.clone());
                lines.iter().map(line).collect()
            }
            Done::Pong(took) => {
                let took_ms = took.as_secs_f64() * 1e3;
                vec![Line::new(Style::Dim, format!("{took_ms:.2} ms"))]
            }
            Done::Heard(_) | Done::Nothing => Vec::new(),
        },
        Event::Notice { packet, about } => notice(packet, about),
    }
}

fn failed(problem: &Problem) -> Vec<Line> {
    let mut text = format!("{}: {}", problem.code, harmless(&problem.text));
    // The text says until when something holds and why, as people read it.
    let told = problem
        .details
        .iter()
        .filter(|(name, _)| !["until_ms", "reason"].contains(&name.as_str()));
    for (name, value) in told {
        text += &format!(" ({} {})", harmless(name), harmless(value));
    }
    let mut lines = vec![Line::new(Style::Bad, text)];
    if !problem.hint.is_empty() {
        lines.push(Line::new(Style::Dim, format!("  {}", problem.hint)));
    }
    lines
}

/// What the server answered to a command.
fn answer(call: &Call, packet: &ServerPacket, about: &About) -> Vec<Line> {
    let dim = |text: String| vec![Line::new(Style::Dim, text)];
    let command = call.command.name;
    match packet {
        // It is heard when it is told to all.
        ServerPacket::SaidSo(_) if command == "say" || command == "emote" || command == "item" => {
            Vec::new()
        }
        ServerPacket::SaidSo(it) if it.is_duplicate => dim("that was said before".to_owned()),
        ServerPacket::SaidSo(it) => {
            let mut text = format!("whispered to {}", harmless(&call.text("name")));
            if it.waits {
                text += "; it waits, as far as can be seen they are not there";
            }
            dim(text)
        }
        ServerPacket::Entered(it) => entered(it),
        ServerPacket::Left(_) => dim("left".to_owned()),
        ServerPacket::Changed(it) => it.info.as_ref().map(changed).unwrap_or_default(),
        ServerPacket::History(it) => {
            let mut messages: Vec<&Message> = it.messages.iter().collect();
            messages.sort_by_key(|it| it.seq);
            let mut lines: Vec<_> = messages.into_iter().flat_map(past).collect();
            if it.has_more {
                lines.insert(0, Line::new(Style::Dim, "there is more: before= or after="));
            }
            lines
        }
        ServerPacket::Announced(it) => {
            dim(format!("told {}", counted(it.sessions.into(), "session")))
        }
        ServerPacket::Reported(it) => dim(format!("reported as number {}", it.report)),
        ServerPacket::LoggedIn(_) => notice(packet, about),
        other => {
            let lines = tables::lines(other, about);
            if lines.is_empty() {
                dim("done".to_owned())
            } else {
                lines
            }
        }
    }
}

/// What nobody asked for.
fn notice(packet: &ServerPacket, about: &About) -> Vec<Line> {
    let dim = |text: String| vec![Line::new(Style::Dim, text)];
    let loud = |text: String| vec![Line::new(Style::Loud, text)];
    match packet {
        ServerPacket::Said(it) => it.message.as_ref().map(said).unwrap_or_default(),
        ServerPacket::Whispered(it) => {
            let message = it.message.as_ref();
            let lines = message.map(|message| whispered(message, it.was_kept));
            lines.unwrap_or_default()
        }
        ServerPacket::WasRemoved(it) if it.with > 0 => {
            dim(format!("whisper {} was removed", it.seq))
        }
        ServerPacket::WasRemoved(it) => dim(format!("message {} was removed", it.seq)),
        ServerPacket::Announcement(it) => Line::said(Style::Loud, "*** ".to_owned(), &it.text),
        ServerPacket::Joined(it) => match &it.member {
            Some(member) => dim(format!("{} came", harmless(&member.display_name))),
            None => Vec::new(),
        },
        ServerPacket::Parted(it) => {
            let name = harmless(&about.name(it.account));
            dim(format!("{name} {}", how_they_went(it.reason())))
        }
        ServerPacket::Removed(it) => {
            let mut text = how_it_ended(it, &room(about));
            if !it.text.is_empty() {
                text += &format!(": {}", harmless(&it.text));
            }
            loud(text)
        }
        ServerPacket::Muted(it) => {
            let what = match it.is_muted {
                true => "those who run the server have muted you",
                false => "those who run the server let you speak again",
            };
            loud(muted(what, it.is_muted.then_some(it.until_ms), &it.text))
        }
        ServerPacket::MutedHere(it) => {
            let what = match it.is_muted {
                true => format!("a moderator muted you in {}", room(about)),
                false => format!("a moderator lets you speak again in {}", room(about)),
            };
            loud(muted(&what, it.is_muted.then_some(it.until_ms), &it.text))
        }
        ServerPacket::NowChanged(it) => it.info.as_ref().map(changed).unwrap_or_default(),
        ServerPacket::MemberChanged(it) => match &it.member {
            Some(member) => dim(member_text(member)),
            None => Vec::new(),
        },
        ServerPacket::Goodbye(it) => {
            let text = harmless(&it.text);
            loud(match it.code() {
                Code::Kicked => format!("those who run the server have kicked you: {text}"),
                Code::Banned => format!("those who run the server have banned you: {text}"),
                _ => format!("the server ends it: {}, {text}", code_name(it.code)),
            })
        }
        ServerPacket::QueuePlace(it) => {
            dim(format!("the server is full: {} before you", it.before))
        }
        ServerPacket::Maintenance(it) => loud(maintenance(it, about)),
        ServerPacket::LoggedIn(it) => {
            let name = harmless(&it.display_name);
            let mut text = format!("logged in as {name}, account #{}", it.account);
            if it.is_new {
                text += ", which is new";
            }
            dim(text)
        }
        ServerPacket::Entered(it) => entered(it),
        _ => Vec::new(),
    }
}

/// Its times are there where they are known: when it begins only before it does.
fn maintenance(it: &Maintenance, about: &About) -> String {
    if !it.is_on {
        let next = match about.is_out {
            true => ": /login NAME logs in now",
            false => "",
        };
        return format!("maintenance is over, or called off{next}");
    }
    let mut text = "maintenance".to_owned();
    for (word, at) in [("from", it.begins_ms), ("until", it.ends_ms)] {
        if at != 0 {
            text += &format!(" {word} {}", time(at));
        }
    }
    format!("{text}: {}", harmless(&it.text))
}

/// The room that something is about.
fn room(about: &About) -> String {
    let room = about.room.as_ref();
    room.map_or_else(|| "the room".to_owned(), |it| harmless(&it.name))
}

/// A mute, or the end of one, with its end if it is one, and why.
fn muted(what: &str, until_ms: Option<i64>, why: &str) -> String {
    let until = until_ms.map_or_else(String::new, |at| format!(" {}", tables::until(at)));
    let why = match why {
        "" => String::new(),
        why => format!(": {}", harmless(why)),
    };
    format!("{what}{until}{why}")
}

fn how_they_went(reason: Reason) -> &'static str {
    match reason {
        Reason::Unspecified | Reason::Left => "left",
        Reason::Gone => "is gone: the connection ended",
        Reason::Kicked => "was kicked",
        Reason::Banned => "was kicked, and is kept out",
        Reason::Closed => "left: the room was closed",
    }
}

fn how_it_ended(removed: &Removed, room: &str) -> String {
    match removed.reason() {
        Reason::Banned => format!(
            "a moderator kicked you out of {room}, and you are kept out {}",
            tables::until(removed.until_ms)
        ),
        Reason::Closed => format!("{room} was closed"),
        Reason::Left | Reason::Gone => format!("you are no longer in {room}"),
        Reason::Kicked => format!("a moderator kicked you out of {room}"),
        Reason::Unspecified => format!("you were sent out of {room}"),
    }
}

/// Who said it, for people.
pub(super) fn author(message: &Message) -> String {
    match &*message.author_name {
        "" if is_erased(message) => "(erased)".to_owned(),
        "" => "the server".to_owned(),
        name => harmless(name),
    }
}

fn said(message: &Message) -> Vec<Line> {
    let name = author(message);
    match what(message) {
        Some(What::Emote(emote)) => {
            let text = format!("* {name} {}", harmless(emote));
            vec![Line::new(Style::Name, text)]
        }
        _ => Line::said(Style::Name, format!("{name}: "), &shown(message)),
    }
}

/// What waited for this login is told with the time when it was said.
fn whispered(message: &Message, was_kept: bool) -> Vec<Line> {
    let name = author(message);
    let head = match was_kept {
        true => format!("{name} whispered at {}: ", tables::date(message.at_ms)),
        false => format!("{name} whispers: "),
    };
    Line::said(Style::Private, head, &shown(message))
}

fn past(message: &Message) -> Vec<Line> {
    let at = tables::date(message.at_ms);
    let head = format!("{:>5} {at} {}: ", message.seq, author(message));
    Line::said(Style::Dim, head, &shown(message))
}

fn what(message: &Message) -> Option<&What> {
    message
        .content
        .as_ref()
        .and_then(|it: &Content| it.what.as_ref())
}

fn shown(message: &Message) -> String {
    match what(message) {
        Some(What::Text(text)) => text.clone(),
        Some(What::Item(item)) => format!("[{} #{}]", item.name, item.item),
        Some(What::Emote(emote)) => format!("* {emote}"),
        None => "(removed)".to_owned(),
    }
}

fn entered(entered: &Entered) -> Vec<Line> {
    let mut lines = Vec::new();
    if let Some(info) = &entered.info {
        let text = format!("in {}, as {}", harmless(&info.name), rank(entered.rank()));
        lines.push(Line::new(Style::Dim, text));
        if !info.topic.is_empty() {
            lines.push(Line::new(
                Style::Dim,
                format!("topic: {}", harmless(&info.topic)),
            ));
        }
    }
    let names: Vec<_> = entered.members.iter().map(member_text).collect();
    lines.push(Line::new(Style::Dim, format!("here: {}", names.join(", "))));
    lines
}

fn changed(info: &Info) -> Vec<Line> {
    let text = format!("the room is now: {}", tables::room_sentence(info));
    vec![Line::new(Style::Dim, text)]
}

/// A member with what is to be said of them.
pub(super) fn member_text(member: &Member) -> String {
    let mut text = harmless(&member.display_name);
    if member.rank() > Rank::Member {
        text += &format!(" ({})", rank(member.rank()));
    }
    if member.is_muted {
        text += " (muted)";
    }
    text
}
