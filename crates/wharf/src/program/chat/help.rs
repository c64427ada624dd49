//! What `/help` says.

use super::commands::{COMMANDS, Command, find, nearest};
use super::parse::{Call, Mistake};

/// What the commands from that one on are for.
const GROUPS: &[(&str, &str)] = &[
    ("help", "This program"),
    ("login", "Who you are"),
    ("rooms", "Rooms"),
    ("say", "Talking"),
    ("topic", "Looking after a room"),
    ("profile", "Your account"),
    ("announce", "For moderators of the server"),
];

/// The list of all commands, or more about one of them.
///
/// # Errors
/// For a command that is not there.
pub(super) fn help(call: &Call, is_classic: bool) -> Result<Vec<String>, Mistake> {
    let Some(name) = call.get("command") else {
        return Ok(list(is_classic));
    };
    let name = name.trim_start_matches('/').to_lowercase();
    match find(&name) {
        Some(command) => Ok(about(command, is_classic)),
        None => {
            let mut mistake = call.mistake(format!("there is no /{name}"));
            if let Some(near) = nearest(&name) {
                mistake.hint = format!("did you mean /help {near}?");
            }
            Err(mistake)
        }
    }
}

fn list(is_classic: bool) -> Vec<String> {
    let mut lines = Vec::new();
    let mut heading = None;
    for command in COMMANDS {
        let begins = GROUPS.iter().find(|(first, _)| *first == command.name);
        heading = begins.map(|(_, heading)| *heading).or(heading);
        if is_classic && !command.is_classic {
            continue;
        }
        if let Some(heading) = heading.take() {
            lines.push(format!("{heading}:"));
        }
        lines.push(format!("  /{:<11} {}", command.name, command.about));
    }
    lines.push("/help NAME says more; what begins with no / is said".to_owned());
    lines
}

fn about(command: &Command, is_classic: bool) -> Vec<String> {
    let mut lines = vec![command.usage(), format!("  {}", command.about)];
    if !command.more.is_empty() {
        lines.push(format!("  {}", command.more));
    }
    if !command.aliases.is_empty() {
        let also: Vec<_> = command.aliases.iter().map(|it| format!("/{it}")).collect();
        lines.push(format!("  also {}", also.join(", ")));
    }
    if is_classic && !command.is_classic {
        lines.push("  not in the classic protocol: leave out --classic".to_owned());
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::super::parse::parse;
    use super::*;

    fn helped(line: &str, is_classic: bool) -> Result<String, Mistake> {
        let call = parse(line, false).unwrap().unwrap();
        help(&call, is_classic).map(|lines| lines.join("\n"))
    }

    #[test]
    fn the_list_has_every_command_below_its_heading() {
        let list = helped("/help", false).unwrap();
        for (_, heading) in GROUPS {
            assert!(list.contains(&format!("{heading}:\n  /")), "{heading}");
        }
        for command in COMMANDS {
            assert!(list.contains(&format!("  /{} ", command.name)), "{list}");
        }
        assert_eq!(list.lines().count(), GROUPS.len() + COMMANDS.len() + 1);
    }

    #[test]
    fn the_classic_list_has_what_that_protocol_has() {
        let list = helped("/help", true).unwrap();
        assert!(list.contains("/enter ") && list.contains("/members "));
        assert!(
            !list.contains("/rooms ") && !list.contains("moderators"),
            "{list}"
        );
        let told = helped("/help rooms", true).unwrap();
        assert!(told.ends_with("leave out --classic"), "{told}");
    }

    #[test]
    fn more_about_a_command_is_found_by_any_of_its_names() {
        for line in ["/help enter", "/help /JOIN", "/? join"] {
            let told = helped(line, false).unwrap();
            assert!(
                told.starts_with("/enter ROOM [PASSWORD]\n  enter a room\n"),
                "{told}"
            );
            assert!(told.ends_with("also /join"), "{told}");
        }
        let mistake = helped("/help entr", false).unwrap_err();
        assert_eq!(mistake.text, "there is no /entr");
        assert_eq!(mistake.hint, "did you mean /help enter?");
        let mistake = helped("/help xyzzy", false).unwrap_err();
        assert_eq!(mistake.hint, "/help [COMMAND]");
    }

    #[test]
    fn the_document_has_every_command_as_it_is_typed() {
        let document = include_str!("../../../../../docs/CHAT.md");
        for command in COMMANDS {
            let row = format!("| `{}` | {}", command.usage(), command.about);
            assert!(document.contains(&row), "not in docs/CHAT.md: {row}");
        }
    }
}
