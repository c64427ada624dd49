//! The word filter of a server, and its list that is replaced while it runs.

use crate::platform::{Guest, by_number, log_in, register, say, text_of, whisper};
use crate::support::{BACKENDS, Server, output, replace, serve, wait_until};
use std::path::Path;
use wharf::proto::account::Rename;
use wharf::proto::chat::{Said, Whispered};
use wharf::proto::session::{Code, Error};
use wharf::wire::classic::{ChatNotify, ResultCode, UserListNotify, id};

/// A server with that list of words.
pub(crate) fn start(backend: &str, list: &Path) -> Server {
    let mut command = serve(backend, &[]);
    command.arg("--set");
    command.arg(format!("chat.words={}", list.display()));
    Server::start_command(command)
}

/// The next line that somebody hears.
fn heard(guest: &mut Guest) -> String {
    text_of(&guest.next_of::<Said>().message.unwrap()).to_owned()
}

pub(crate) fn assert_filtered(error: &Error, field: &str) {
    assert_eq!(
        (error.code(), &*error.field),
        (Code::Filtered, field),
        "{error:?}"
    );
}

#[test]
fn words_are_masked_or_refused_in_rooms_whispers_and_names() {
    for backend in BACKENDS {
        let folder = tempfile::tempdir().unwrap();
        let list = folder.path().join("words.txt");
        std::fs::write(&list, "darn\nheck = refuse\n바보 = mask part\n").unwrap();
        let server = start(backend, &list);
        let mut classic = server.connect();
        assert_eq!(classic.log_in("Darn"), ResultCode::LoginUserInvalid);
        assert_eq!(classic.log_in("classic"), ResultCode::None);
        assert_eq!(classic.enter(0), ResultCode::None);
        classic.read::<UserListNotify>();
        let mut kim = Guest::new(&server);
        assert_filtered(&kim.ask(&register("Da\u{155}n darn")).unwrap_err(), "name");
        kim.ask(&register("kim")).unwrap();
        let rename = Rename {
            display_name: "바보왕".into(),
        };
        assert_filtered(&kim.ask(&rename).unwrap_err(), "display_name");
        kim.ask(&by_number(0)).unwrap();
        let mut lee = Guest::new(&server);
        lee.ask(&register("lee")).unwrap();

        kim.ask(&say("oh DARN, 바보야")).unwrap();
        assert_eq!(heard(&mut kim), "oh ****, **야");
        assert_filtered(&kim.ask(&say("what the heck")).unwrap_err(), "content.text");
        kim.ask(&whisper("lee", "darned darn", 1)).unwrap();
        let told = lee.notice::<Whispered>().message.unwrap();
        assert_eq!(text_of(&told), "darned ****");
        let refused = kim.ask(&whisper("lee", "heck", 2)).unwrap_err();
        assert_filtered(&refused, "content.text");

        classic.say("heck, darn");
        loop {
            match classic.read_frame() {
                (id::CHAT_RESPONSE, _) => break,
                (frame, _) => assert_ne!(frame, id::ECHO),
            }
        }
        let chat = classic.read::<ChatNotify>();
        assert_eq!(chat.message.as_str(), "****, ****", "it cannot be told");
        assert_eq!(heard(&mut kim), "****, ****");
    }
}

#[test]
fn a_list_is_replaced_while_people_talk_and_a_bad_one_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let list = folder.path().join("words.txt");
    std::fs::write(&list, "darn\n").unwrap();
    let mut server = start(BACKENDS[0], &list);
    let mut kim = Guest::new(&server);
    kim.ask(&register("kim")).unwrap();
    kim.ask(&by_number(0)).unwrap();
    let shown = |kim: &mut Guest| {
        kim.ask(&say("darn heck")).unwrap();
        heard(kim)
    };
    assert_eq!(shown(&mut kim), "**** heck");
    replace(&list, "darn\nheck = forbid\n");
    server.wait_for_log(&["words.txt:2:8", "forbid", "not reloaded"]);
    assert_eq!(shown(&mut kim), "**** heck");
    std::fs::remove_file(&list).unwrap();
    server.wait_for_log(&["word list is gone"]);
    assert_eq!(shown(&mut kim), "**** heck");
    replace(&list, "heck\n");
    server.wait_for_log(&["word list reloaded"]);
    // Each room hears of it in its turn.
    wait_until("the new list holds", || shown(&mut kim) == "darn ****");
    let mut other = Guest::new(&server);
    other
        .ask(&log_in("kim", "correct horse"))
        .expect("names that were there stay");
}

#[test]
fn a_server_does_not_start_with_a_list_that_is_wrong() {
    let folder = tempfile::tempdir().unwrap();
    let list = folder.path().join("words.txt");
    std::fs::write(&list, "fine\n = mask\n").unwrap();
    let setting = format!("chat.words={}", list.display());
    let mut command = serve(BACKENDS[0], &[&setting]);
    let said = output(command.env("WHARF_DATA", folder.path()));
    assert_eq!(said.status.code(), Some(2));
    let said = String::from_utf8_lossy(&said.stderr);
    for words in ["--set chat.words", "words.txt:2:1", "no word before"] {
        assert!(said.contains(words), "{words} in {said}");
    }
}
