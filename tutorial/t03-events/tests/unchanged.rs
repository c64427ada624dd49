//! The echo, the chat and the file server share one network part, and none has one of its own.

use sha2::{Digest, Sha256};

/// The network part that all three share. Who writes another application does not change it; who
/// does, changes it for all of them, and has to change this too.
const NETWORK: [(&str, &str, &str); 4] = [
    (
        "application.rs",
        include_str!("../src/application.rs"),
        "e62cac2a6ed0104f",
    ),
    (
        "network.rs",
        include_str!("../src/network.rs"),
        "777a7d98b6705e00",
    ),
    (
        "session.rs",
        include_str!("../src/session.rs"),
        "a98232764548f6d0",
    ),
    ("sys.rs", include_str!("../src/sys.rs"), "cd4dbd5cff7920a0"),
];

#[test]
fn for_the_chat_the_network_part_did_not_change() {
    for (name, text, hash) in NETWORK {
        // Git may give Windows other ends of lines.
        let text = text.replace("\r\n", "\n");
        let now: String = Sha256::digest(text.as_bytes())
            .iter()
            .take(8)
            .map(|byte| format!("{byte:02x}"))
            .collect();
        assert_eq!(now, hash, "{name} has changed");
    }
}
