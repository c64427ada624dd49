//! The list of words that are not to be said: a file that is read at the start, and again when it
//! changes.

use wharf_chat::{WordList, Words};
use wharf_host::config::Effective;
use wharf_host::reload::{self, Follower};

const WORDS: &str = "chat.words";

/// A list, and the text that it was read from.
pub(super) struct List {
    pub(super) words: Words,
    text: Vec<u8>,
}

/// Reads the list, if there is one.
///
/// # Errors
/// Where the setting stands, and what is wrong with its file: line and column of it.
pub(super) fn read(config: &Effective) -> Result<Option<List>, String> {
    let Some(file) = config.path_if_set(WORDS) else {
        return Ok(None);
    };
    let shown = file.display();
    let told = |why: String| format!("{}: {WORDS}: {why}", config.source(WORDS));
    let text = std::fs::read(file).map_err(|why| told(format!("{shown} cannot be read: {why}")))?;
    let words = Words::parse(&text).map_err(|why| told(format!("{shown}:{why}")))?;
    Ok(Some(List { words, text }))
}

/// Reads the list into `words`, if there is one, and has it read again whenever it is another. A
/// list that is wrong or gone changes nothing then, and is logged. That it cannot be watched is no
/// reason not to serve.
///
/// # Errors
/// As [`read`].
pub(super) fn start(config: &Effective, words: &WordList) -> Result<Option<Follower>, String> {
    let (Some(list), Some(file)) = (read(config)?, config.path_if_set(WORDS)) else {
        return Ok(None);
    };
    let (shown, text) = (file.display().to_string(), list.text);
    words.replace(list.words);
    let words = words.clone();
    let changed = move |text: Option<&[u8]>| match text.map(Words::parse) {
        Some(Ok(list)) => {
            tracing::info!(file = shown, words = list.len(), "word list reloaded");
            words.replace(list);
        }
        Some(Err(why)) => {
            tracing::warn!("{shown}:{why}; word list not reloaded: the one from before stays");
        }
        None => {
            tracing::warn!(
                file = shown,
                "word list is gone or cannot be read: it stays as it was"
            );
        }
    };
    Ok(reload::follow(file, "the word list", Some(text), changed)
        .inspect_err(|error| tracing::warn!(%error, "the word list will not be reloaded"))
        .ok())
}
