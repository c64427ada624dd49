//! What is kept about somebody, as people read it: what they said as text, not as a packet's bytes.

use crate::operators::CONTENT;
use prost::Message as _;
use wharf_data::Answer;
use wharf_data::keep::{self, Field, Record};
use wharf_proto::chat::Content;
use wharf_proto::chat::content::What;

/// The same answer; what was said in it is text. Everything else is as it was.
pub(crate) fn readable(mut answer: Answer) -> Answer {
    if let Answer::Keep(keep::Answer::Exported { records, .. }) = &mut answer {
        records.iter_mut().for_each(read);
    }
    answer
}

/// What the store calls the kind of a message's body, and the body.
const KIND: &str = "content_kind";
const BODY: &str = "body";

fn read(record: &mut Record) {
    let field = |name| record.fields.iter().find(|(it, _)| *it == name);
    let (Some((_, Field::Number(kind))), Some((_, Field::Bytes(body)))) =
        (field(KIND), field(BODY))
    else {
        return;
    };
    // What nobody here can read is given out as it is kept.
    if *kind != i64::from(CONTENT) {
        return;
    }
    let Ok(Content { what: Some(what) }) = Content::decode(&body[..]) else {
        return;
    };
    let said = match what {
        What::Text(text) => vec![("text", Field::Text(text))],
        What::Item(item) => vec![
            ("item", Field::Id(item.item)),
            ("item_name", Field::Text(item.name)),
        ],
        What::Emote(emote) => vec![("emote", Field::Text(emote))],
    };
    let rest = core::mem::take(&mut record.fields).into_iter();
    let mut said = Some(said);
    for (name, value) in rest {
        match name {
            KIND => {}
            BODY => record.fields.extend(said.take().unwrap_or_default()),
            _ => record.fields.push((name, value)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(kind: u32, body: Vec<u8>) -> String {
        let fields = vec![
            ("seq", Field::Number(7)),
            (KIND, Field::Number(kind.into())),
            (BODY, Field::Bytes(body)),
            ("at", Field::Time(0)),
        ];
        let kind = "message";
        let records = vec![Record { kind, fields }];
        let next = None;
        match readable(Answer::Keep(keep::Answer::Exported { records, next })) {
            Answer::Keep(keep::Answer::Exported { records, .. }) => records[0].to_json(),
            other => panic!("{other:?}"),
        }
    }

    fn content(what: What) -> Vec<u8> {
        Content { what: Some(what) }.encode_to_vec()
    }

    #[test]
    fn what_was_said_is_text_and_what_nobody_can_read_is_as_it_is_kept() {
        let text = line(CONTENT, content(What::Text("안녕 \"kim\"".into())));
        let rest = r#""at":"1970-01-01T00:00:00.000Z"}"#;
        let begins = r#"{"kind":"message","seq":7,"#;
        assert_eq!(text, format!(r#"{begins}"text":"안녕 \"kim\"",{rest}"#));
        let emote = line(CONTENT, content(What::Emote("wave".into())));
        assert_eq!(emote, format!(r#"{begins}"emote":"wave",{rest}"#));
        let item = wharf_proto::chat::Item {
            item: i64::MAX,
            name: "sword".into(),
        };
        let item = line(CONTENT, content(What::Item(item)));
        let told = r#""item":"9223372036854775807","item_name":"sword""#;
        assert_eq!(item, format!("{begins}{told},{rest}"));
        let other = line(CONTENT + 1, vec![0, 255]);
        let told = r#""content_kind":2,"body":{"base64":"AP8="}"#;
        assert_eq!(other, format!("{begins}{told},{rest}"));
        let broken = line(CONTENT, vec![255]);
        assert!(broken.contains("base64"), "{broken}");
    }
}
