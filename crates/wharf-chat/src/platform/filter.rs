//! The word filter where something is said or named: what is shown instead, and what is refused.

use super::words::{Judgement, Words};
use core::fmt;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};
use wharf_proto::chat::content::What;
use wharf_proto::session::{Code, Error};

/// The words that are not to be said. Whoever has one of these sees the list that was given to any
/// of them last; what is judged meanwhile is judged by one list.
#[derive(Clone, Default)]
pub struct WordList(Arc<RwLock<Words>>);

impl WordList {
    /// Judges by these words from now on.
    pub fn replace(&self, words: Words) {
        // Only whole values are moved in and out under this lock; the list of before is freed
        // behind it.
        let mut list = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let before = core::mem::replace(&mut *list, words);
        drop(list);
        drop(before);
    }

    fn words(&self) -> RwLockReadGuard<'_, Words> {
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// What others see of what was said.
    ///
    /// # Errors
    /// [`Code::Filtered`] if it is not to be said at all.
    pub(crate) fn filter(&self, what: &mut What) -> Result<(), Error> {
        let (text, field) = match what {
            What::Text(text) => (text, "content.text"),
            What::Item(item) => (&mut item.name, "content.item.name"),
            What::Emote(text) => (text, "content.emote"),
        };
        match self.words().judge(text) {
            Judgement::Clean => {}
            Judgement::Masked(shown) => *text = shown,
            Judgement::Refused => {
                let why = "there is a word in it that is not said here";
                return Err(Error::new(Code::Filtered, why).in_field(field));
            }
        }
        Ok(())
    }

    /// What others see of a line by the classic packets, which have no word for a refusal: every
    /// word of the list is masked.
    pub(crate) fn mask(&self, text: &str) -> Option<String> {
        self.words().mask(text)
    }

    /// Whether something may be called so, or be about that. Neither is masked.
    ///
    /// # Errors
    /// [`Code::Filtered`] if there is a word of the list in it.
    pub(crate) fn check_name(&self, field: &'static str, name: &str) -> Result<(), Error> {
        match self.words().judge(name) {
            Judgement::Clean => Ok(()),
            Judgement::Masked(_) | Judgement::Refused => {
                let why = "there is a word in it that is not said here";
                Err(Error::new(Code::Filtered, why).in_field(field))
            }
        }
    }
}

/// Two are the same if a list that is given to one is the other's too.
impl PartialEq for WordList {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for WordList {}

impl fmt::Debug for WordList {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.words().fmt(f)
    }
}
