//! What `--help` says to try.

/// Of the program `wharf`, which has accounts and a store.
pub(super) const OF_THE_CHAT: &str = "\
Without a command, wharf serves.

Try:
  wharf                            serve the chat on 127.0.0.1:11021
  wharf chat --guest               in another terminal: talk, /help tells how
  wharf bots                       1,000 clients that check every delivery
  wharf top                        what a running server does, live; its store, too
  wharf admin notice --all \"hi\"    tell everybody; also accounts, bans, rooms, reports
  wharf bench                      what this machine carries, in half a minute
  wharf db verify                  is the store sound; also backup and restore
  wharf doctor                     is this machine fit, and what to type if not
  wharf config print               every setting, its value and where that came from

docs/CHAT.md tells of accounts and rooms, docs/OPERATIONS.md of settings, stores and metrics.";

/// Of a program with a game of its own, which has neither.
pub(super) fn of_a_game(program: &str) -> String {
    let lines = [
        ("", "serve the game on 127.0.0.1:11021"),
        (
            "chat --classic --user ann",
            "play, if its rooms talk as the chat's do",
        ),
        ("bots echo", "64 clients that check every answer"),
        ("top", "what a running server does, live"),
        ("admin notice --all \"hi\"", "tell everybody"),
        ("doctor", "is this machine fit, and what to type if not"),
        (
            "config print",
            "every setting, its value and where that came from",
        ),
    ];
    let lines = lines.map(|(command, about)| {
        let typed = format!("{program} {command}");
        format!("  {typed:<32} {about}\n")
    });
    format!(
        "Without a command, {program} serves.\n\nTry:\n{}\n\
         A game of one's own has no accounts and no store yet:\nwhat is said of \
         those is of the program wharf.",
        lines.concat()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_game_is_told_of_by_its_own_name_and_of_nothing_that_it_has_not() {
        let help = of_a_game("dice");
        assert!(help.contains("\n  dice bots echo "), "{help}");
        for absent in ["wharf chat", "--guest", " db ", " bench", "accounts list"] {
            assert!(!help.contains(absent), "{absent}: {help}");
        }
    }
}
