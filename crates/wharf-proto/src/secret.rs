//! What is shown of a secret.

use core::fmt;

/// Stands for a secret of so many bytes or items.
pub(crate) struct Secret(pub(crate) usize);

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<{} hidden>", self.0)
    }
}

#[cfg(test)]
mod tests {
    use crate::{account, chat};

    #[test]
    fn a_log_shows_names_and_how_long_secrets_are() {
        let login = account::LogIn {
            name: "ann".into(),
            password: "correct horse".into(),
            device: None,
        };
        let shown = r#"LogIn { name: "ann", password: <13 hidden>, device: None }"#;
        assert_eq!(format!("{login:?}"), shown);
        let by = account::link::By::DeviceSecret(vec![7; 32]);
        let link = account::Link { by: Some(by) };
        assert_eq!(
            format!("{link:?}"),
            "Link { by: Some(DeviceSecret(<32 hidden>)) }"
        );
        let content = chat::Content {
            what: Some(chat::content::What::Text("between us".into())),
        };
        let whisper = chat::Whisper {
            to: Some(chat::whisper::To::Account(7)),
            content: Some(content),
            client_id: 1,
        };
        let shown = "Whisper { client_id: 1, to: Some(Account(7)), \
                     content: Some(Content { what: Some(Text(<10 hidden>)) }) }";
        let sorted = |text: &str| {
            let mut letters: Vec<char> = text.chars().collect();
            letters.sort_unstable();
            letters
        };
        // In whatever order prost shows the fields.
        assert_eq!(sorted(&format!("{whisper:?}")), sorted(shown));
        let profile = account::SetProfile {
            document: Some(vec![1; 9]),
            ..account::SetProfile::default()
        };
        assert!(format!("{profile:?}").contains("document: Some(<9 hidden>)"));
    }
}
