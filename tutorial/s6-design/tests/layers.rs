//! The layers know each other only in one direction.

/// What a file may name of its siblings, and words that it may not have.
fn check(file: &str, source: &str, may_use: &[&str], may_not_name: &[&str]) {
    let code = source.split("#[cfg(test)]").next().unwrap();
    let code: Vec<&str> = code
        .lines()
        .filter(|line| !line.trim_start().starts_with("//"))
        .collect();
    for line in &code {
        for used in line.split("crate::").skip(1) {
            let name: String = used.chars().take_while(|c| c.is_alphanumeric()).collect();
            assert!(
                may_use.contains(&name.as_str()),
                "{file} uses {name}: {line}"
            );
        }
        for word in may_not_name {
            assert!(!line.contains(word), "{file} names {word}: {line}");
        }
    }
}

#[test]
fn content_names_no_socket_thread_clock_or_byte_of_the_wire() {
    let outside = ["std::net", "std::io", "thread", "time::", "mpsc", "Mutex"];
    check(
        "content.rs",
        include_str!("../src/content.rs"),
        &[],
        &outside,
    );
}

#[test]
fn the_network_does_not_know_the_game() {
    let game = ["World", "Heading", "Player", "Snapshot", "News"];
    check(
        "network.rs",
        include_str!("../src/network.rs"),
        &["wire"],
        &game,
    );
}

#[test]
fn the_host_names_no_socket_and_the_client_no_layer_of_the_server() {
    let below = ["content", "network", "wire"];
    let sockets = ["TcpStream", "TcpListener"];
    check("host.rs", include_str!("../src/host.rs"), &below, &sockets);
    let shared = ["content", "wire"];
    let servers = ["World", "Network", "Host"];
    check(
        "client.rs",
        include_str!("../src/client.rs"),
        &shared,
        &servers,
    );
}
