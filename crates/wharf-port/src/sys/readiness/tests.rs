//! What only the inside can show.

use super::*;

#[test]
fn every_session_has_its_socket_options() {
    crate::sys::option_tests::check::<ReadinessPort>(|port, socket| {
        &port.ledger.socket(socket).unwrap().handle
    });
}
