//! What is said of a key that no setting has: what was probably meant.

use crate::config::Setting;

/// What is wrong with a setting that is none of `settings`.
pub(super) fn setting(key: &str, settings: &[&'static Setting]) -> String {
    let inside = format!(".{key}");
    let in_a_section = settings
        .iter()
        .map(|setting| setting.key)
        .find(|known| known.ends_with(&inside));
    let known = settings.iter().map(|setting| setting.key);
    match in_a_section.or_else(|| nearest(key, known)) {
        Some(nearest) => format!("there is no setting {key:?}; did you mean {nearest:?}?"),
        None if is_section(key, settings) => {
            format!("{key:?} is a section: write [{key}], and its settings below")
        }
        None => format!("there is no setting {key:?}; {ALL}"),
    }
}

/// What is wrong with a section in which none of `settings` is.
pub(super) fn section(key: &str, settings: &[&'static Setting]) -> String {
    let sections = settings
        .iter()
        .filter_map(|setting| Some(setting.key.rsplit_once('.')?.0));
    match nearest(key, sections) {
        Some(nearest) => format!("there is no section [{key}]; did you mean [{nearest}]?"),
        None => format!("there is no section [{key}]; {ALL}"),
    }
}

const ALL: &str = "`wharf config print` lists them all";

/// Whether any of `settings` is in the section `key`.
pub(super) fn is_section(key: &str, settings: &[&'static Setting]) -> bool {
    let inside = |setting: &&&Setting| {
        let rest = setting.key.strip_prefix(key);
        rest.is_some_and(|rest| rest.starts_with('.'))
    };
    settings.iter().any(|setting| inside(&setting))
}

/// The one of `known` that looks like `key`, if one does.
fn nearest(key: &str, known: impl Iterator<Item = &'static str>) -> Option<&'static str> {
    known
        .map(|known| (strsim::damerau_levenshtein(known, key), known))
        .min()
        .filter(|(distance, _)| *distance <= key.len().max(6) / 3)
        .map(|(_, nearest)| nearest)
}
