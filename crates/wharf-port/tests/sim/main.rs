//! What is particular to the simulated world: that a seed repeats its run, that its faults happen,
//! and when its ports want a turn.

mod echo;

use echo::{Outcome, echo};
use std::net::SocketAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;
use wharf_base::{Instant, Rng};
use wharf_port::sim::{FaultCounts, Faults, SimPeer, SimPeerListener, SimPort, SimRead, SimWorld};
use wharf_port::{
    CloseHow, ConnectError, ConnectOptions, Event, ListenOptions, Port, PortOptions, SocketId,
    Token,
};

fn drawn(seed: u64) -> Faults {
    Faults::draw(&mut Rng::from_seed(seed))
}

#[test]
fn a_seed_repeats_its_run_exactly() {
    for seed in 0..20 {
        let [first, second] = [(); 2].map(|()| echo(seed, drawn(seed), 0.1));
        assert_eq!(first, second, "seed {seed}");
    }
}

#[test]
fn other_seeds_are_other_runs_of_the_same_faults() {
    assert_ne!(echo(1, drawn(1), 0.0).hash, echo(2, drawn(1), 0.0).hash);
}

#[test]
fn without_faults_everything_arrives_and_nothing_is_counted() {
    let outcome = echo(1, Faults::none(), 0.0);
    assert_eq!((outcome.whole, outcome.cut), (echo::LINKS, 0));
    let of_the_pool = FaultCounts {
        starved_recvs: outcome.counts.starved_recvs,
        stalled_sends: outcome.counts.stalled_sends,
        ..FaultCounts::default()
    };
    assert_eq!(outcome.counts, of_the_pool);
}

#[test]
fn faults_that_cut_nothing_lose_nothing() {
    for seed in 0..50 {
        let faults = Faults {
            reset: 0.0,
            refused: 0.0,
            no_address: 0.0,
            dead_accept: 0.0,
            ..drawn(seed)
        };
        let Outcome { whole, cut, .. } = echo(seed, faults, 0.0);
        assert_eq!((whole, cut), (echo::LINKS, 0), "seed {seed}");
    }
}

#[test]
fn every_fault_happens() {
    let mut counts = FaultCounts::default();
    (0..100).for_each(|seed| counts.add(&echo(seed, drawn(seed), 0.1).counts));
    for (kind, count) in counts.each() {
        assert!(count > 10, "{kind}: {count} times");
    }
}

/// A connection between two ends that belong to no port.
fn pair(world: &SimWorld) -> (SimPeer, SimPeer) {
    let to = SocketAddr::from(([127, 0, 0, 1], 7));
    let listener = SimPeerListener::listen(world, to).expect("nobody else listens");
    let from = SocketAddr::from(([127, 0, 0, 1], 70));
    let connected = SimPeer::connect(world, from, to).expect("somebody listens");
    let (accepted, address) = listener.accept().expect("one has come");
    assert_eq!(address, from);
    (connected, accepted)
}

/// A calm world in which everything takes a millisecond at the most.
fn slow_world() -> SimWorld {
    let faults = Faults {
        delay_max: Duration::from_millis(1),
        ..Faults::none()
    };
    SimWorld::new(1, faults)
}

/// When `peer` sees something, and what.
fn first_sight(world: &SimWorld, peer: &mut SimPeer) -> (Duration, SimRead) {
    let start = world.now();
    loop {
        match peer.read() {
            SimRead::NothingYet => world.advance_to(world.now() + Duration::from_micros(1)),
            seen => return (world.now().saturating_since(start), seen),
        }
        assert!(
            world.now() < start + Duration::from_secs(1),
            "nothing comes"
        );
    }
}

#[test]
fn a_connection_keeps_its_latency() {
    let world = slow_world();
    let (mut one, mut other) = pair(&world);
    let mut latencies = Vec::new();
    for _ in 0..5 {
        assert_eq!(one.write(b"x"), Some(1));
        latencies.push(first_sight(&world, &mut other).0);
    }
    assert!(latencies[0] > Duration::ZERO);
    assert!(
        latencies.iter().all(|latency| *latency == latencies[0]),
        "{latencies:?}"
    );
}

#[test]
fn one_end_notices_a_reset_later_than_the_other() {
    let world = slow_world();
    let (one, mut other) = pair(&world);
    one.reset();
    let (latency, seen) = first_sight(&world, &mut other);
    assert!(latency > Duration::ZERO && seen == SimRead::Reset);
}

#[test]
fn a_reader_that_stops_holds_up_the_writer_and_lets_go_again() {
    let world = SimWorld::new(1, Faults::none());
    let (mut one, mut other) = pair(&world);
    let taken = one.write(&vec![1; 1 << 20]).expect("open");
    assert!(taken < 1 << 20, "a buffer without bound");
    assert_eq!(one.write(b"more"), Some(0));
    let (_, seen) = first_sight(&world, &mut other);
    let SimRead::Bytes(bytes) = seen else {
        panic!("{seen:?}")
    };
    assert_eq!(one.write(&vec![2; 1 << 20]), Some(bytes.len()));
}

#[test]
fn leaving_a_world_that_panicked_does_not_panic_again() {
    let world = SimWorld::new(1, Faults::none());
    let ends = pair(&world);
    let port = SimPort::new(&world, &PortOptions::for_sockets(4));
    let beyond_everything = Faults {
        delay_max: Duration::ZERO,
        ..Faults::none()
    };
    world.set_faults(beyond_everything);
    let died = catch_unwind(AssertUnwindSafe(|| pair(&world)));
    assert!(died.is_err(), "a delay below nothing was drawn");
    drop((ends, port));
}

/// A port with two buffers, and one socket on it.
fn small_port(world: &SimWorld) -> (SimPort, SocketId, SimPeer) {
    let options = PortOptions {
        recv_buffers: 2,
        recv_buffer_bytes: 8,
        ..PortOptions::for_sockets(4)
    };
    let mut port = SimPort::new(world, &options);
    let any = SocketAddr::from(([127, 0, 0, 1], 0));
    let listener = port.listen(any, &ListenOptions::default()).unwrap();
    let address = port.local_addr(listener).unwrap();
    port.arm_accept(listener, Token(1)).unwrap();
    let from = SocketAddr::from(([127, 0, 0, 1], 70));
    let peer = SimPeer::connect(world, from, address).expect("it listens");
    let mut accepted = turns(world, &mut port);
    let Some(Event::Accepted(Ok(socket))) = accepted.pop() else {
        panic!("{accepted:?}")
    };
    let socket = port.adopt(socket).unwrap();
    (port, socket, peer)
}

/// Gives the port turns for as long as it wants them; what came.
fn turns(world: &SimWorld, port: &mut SimPort) -> Vec<Event> {
    let mut events = Vec::new();
    while let Some(at) = port.pulse().next() {
        world.advance_to(at);
        let mut batch = Vec::with_capacity(64);
        port.wait(&mut batch, None).unwrap();
        events.extend(batch.into_iter().map(|completion| completion.event));
    }
    events
}

#[test]
fn a_starved_port_wants_a_turn_when_a_buffer_comes_home() {
    let world = SimWorld::new(1, Faults::none());
    let (mut port, socket, mut peer) = small_port(&world);
    port.arm_recv(socket, Token(2)).unwrap();
    assert_eq!(peer.write(&[0; 24]), Some(24));
    let mut held = turns(&world, &mut port);
    assert_eq!(held.len(), 2, "two buffers: {held:?}");
    assert_eq!(port.pulse().next(), None, "there is no third");
    held.pop();
    assert_eq!(port.pulse().next(), Some(Instant::ZERO));
    assert!(matches!(
        turns(&world, &mut port)[..],
        [Event::Received(Ok(_))]
    ));
}

#[test]
fn a_port_wants_a_turn_for_what_ended_at_once() {
    let world = SimWorld::new(1, Faults::none());
    let (mut port, socket, _peer) = small_port(&world);
    let nowhere = SocketAddr::from(([127, 0, 0, 1], 9));
    let options = ConnectOptions::default();
    port.connect(nowhere, &options, Token(3)).unwrap();
    let refused = Event::Connected(Err(ConnectError::Refused));
    assert_eq!(
        format!("{:?}", turns(&world, &mut port)),
        format!("[{refused:?}]")
    );
    port.close(socket, CloseHow::Fin, Token(4));
    assert!(matches!(turns(&world, &mut port)[..], [Event::Closed]));
}

#[test]
fn a_wake_makes_a_port_want_one_turn() {
    let world = SimWorld::new(1, Faults::none());
    let (mut port, _socket, _peer) = small_port(&world);
    assert_eq!(port.pulse().next(), None);
    (0..3).for_each(|_| port.waker().wake());
    assert!(matches!(turns(&world, &mut port)[..], [Event::Woken]));
}
