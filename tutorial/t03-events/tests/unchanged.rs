//! The chat and the file server came later than the echo, and the network part is as it was.

use sha2::{Digest, Sha256};

/// The network part, as it was when there was nothing but echo over it. Who changes it has to
/// change this too, and can no longer say that an application is all that changed.
const NETWORK: [(&str, &str, &str); 4] = [
    (
        "application.rs",
        include_str!("../src/application.rs"),
        "6d08c37810fc1c53",
    ),
    (
        "network.rs",
        include_str!("../src/network.rs"),
        "e5326b8e0173846d",
    ),
    (
        "session.rs",
        include_str!("../src/session.rs"),
        "7c382e99dffd2aef",
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
