//! What the watching costs.

use super::*;
use crate::PortOptions;
use crate::sim::{Faults, SimPort, SimWorld};

/// A long life in few slots.
#[test]
fn the_books_do_not_grow_with_what_is_over() {
    let world = SimWorld::new(0, Faults::none());
    let mut port = Checked::new(SimPort::new(&world, &PortOptions::default()));
    let pulse = port.inner().pulse();
    let remembered = |port: &Checked<SimPort>| {
        let books = [port.ops.len(), port.sockets.len(), port.closing.len()];
        books.iter().sum::<usize>() + port.ended_ops.len() + port.closed_sockets.len()
    };
    let mut after_ten = 0;
    for life in 0..1_000 {
        let local = "127.0.0.1:0".parse().unwrap();
        let listener = port.listen(local, &ListenOptions::default()).unwrap();
        port.arm_accept(listener, Token(life)).unwrap();
        port.close(listener, CloseHow::Fin, Token(life));
        let mut batch = Vec::with_capacity(8);
        while !batch
            .iter()
            .any(|it: &Completion| matches!(it.event, Event::Closed))
        {
            port.wait(&mut batch, Some(Instant::ZERO)).unwrap();
            world.advance_to(pulse.next().unwrap_or_default());
        }
        if life == 10 {
            after_ten = remembered(&port);
        }
    }
    assert_eq!(remembered(&port), after_ten);
    port.assert_idle();
}
