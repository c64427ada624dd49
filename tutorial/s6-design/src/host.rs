//! Brings the layers together: events of the network become calls of the content, and what the
//! content has become is told to the network. One thread does all of it (decision 0003).

use std::collections::BTreeMap;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use crate::content::{Player, World};
use crate::network::{ClientId, Event, Frame, Network};
use crate::wire::{News, Snapshot, news_frame, read_steer};

/// How long a tick lasts.
pub const TICK: Duration = Duration::from_millis(100);

/// What the network is to do.
#[derive(Debug, PartialEq, Eq)]
pub enum Order {
    /// Send a frame.
    Send(ClientId, Frame),
    /// End a client.
    End(ClientId),
}

/// The world, and whose dot is whose. It neither waits nor reads a clock.
pub struct Host {
    world: World,
    players: BTreeMap<ClientId, Player>,
}

impl Host {
    /// A host of this world.
    pub fn new(world: World) -> Host {
        Host {
            world,
            players: BTreeMap::new(),
        }
    }

    /// Something happened to a client.
    pub fn handle_event(&mut self, event: Event) -> Vec<Order> {
        match event {
            Event::Connected(client) => self.welcome(client),
            Event::Received(client, body) => self.steer(client, &body),
            Event::Ended(client) => {
                if let Some(player) = self.players.remove(&client) {
                    self.world.leave(player);
                }
                Vec::new()
            }
        }
    }

    /// It is time for a tick.
    pub fn handle_tick(&mut self) -> Vec<Order> {
        self.world.tick();
        // One frame for all: it is made once, however many get it.
        let frame = frame(&News::Snapshot(Snapshot::of(&self.world)));
        let send = |&client: &ClientId| Order::Send(client, frame.clone());
        self.players.keys().map(send).collect()
    }

    fn welcome(&mut self, client: ClientId) -> Vec<Order> {
        let Some(player) = self.world.enter() else {
            return vec![Order::Send(client, frame(&News::Full)), Order::End(client)];
        };
        self.players.insert(client, player);
        vec![Order::Send(client, frame(&News::Welcome(player)))]
    }

    fn steer(&mut self, client: ClientId, body: &[u8]) -> Vec<Order> {
        // Who was ended may still have frames on their way.
        let Some(&player) = self.players.get(&client) else {
            return Vec::new();
        };
        match read_steer(body) {
            Some(heading) => {
                self.world.steer(player, heading);
                Vec::new()
            }
            None => {
                // A client of ours does not say such things. Only this one pays for it.
                self.players.remove(&client);
                self.world.leave(player);
                vec![Order::End(client)]
            }
        }
    }
}

fn frame(news: &News) -> Frame {
    news_frame(news).into()
}

/// Runs the host until the network is gone, with the ticks as regular as the machine allows.
pub fn run(mut host: Host, network: &Network, events: &Receiver<Event>) {
    let mut next_tick = Instant::now() + TICK;
    loop {
        let now = Instant::now();
        let orders = if now >= next_tick {
            next_tick = tick_after(next_tick, now);
            host.handle_tick()
        } else {
            match events.recv_timeout(next_tick - now) {
                Ok(event) => host.handle_event(event),
                Err(RecvTimeoutError::Timeout) => continue,
                Err(RecvTimeoutError::Disconnected) => return,
            }
        };
        for order in orders {
            match order {
                Order::Send(client, frame) => network.send(client, &frame),
                Order::End(client) => network.end(client),
            }
        }
    }
}

/// When the next tick is due, if one was due at `tick` and has come `now`. Ticks do not drift by
/// being a little late; after a pause there is one, and not all those that were missed.
fn tick_after(tick: Instant, now: Instant) -> Instant {
    let next = tick + TICK;
    if next > now { next } else { now + TICK }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::content::Heading;
    use crate::wire::steer_frame;

    fn host(players_max: Player) -> Host {
        Host::new(World::new(players_max, 7))
    }

    fn body(frame: Vec<u8>) -> Vec<u8> {
        frame[2..].to_vec()
    }

    #[test]
    fn who_connects_is_welcomed_and_hears_of_each_tick() {
        let mut host = host(2);
        let welcome = frame(&News::Welcome(0));
        assert_eq!(
            host.handle_event(Event::Connected(5)),
            [Order::Send(5, welcome)]
        );
        let orders = host.handle_tick();
        let snapshot = frame(&News::Snapshot(Snapshot::of(&host.world)));
        assert_eq!(orders, [Order::Send(5, snapshot)]);
    }

    #[test]
    fn ticks_do_not_drift_and_those_missed_in_a_pause_stay_missed() {
        let due = Instant::now();
        assert_eq!(tick_after(due, due + TICK / 3), due + TICK);
        assert_eq!(tick_after(due, due + TICK * 7), due + TICK * 8);
    }

    #[test]
    fn who_finds_no_room_is_told_so_and_then_ended() {
        let mut host = host(0);
        let told = [Order::Send(5, frame(&News::Full)), Order::End(5)];
        assert_eq!(host.handle_event(Event::Connected(5)), told);
        assert_eq!(host.handle_event(Event::Ended(5)), []);
    }

    #[test]
    fn who_talks_nonsense_is_ended_and_nobody_else() {
        let mut host = host(2);
        host.handle_event(Event::Connected(5));
        host.handle_event(Event::Connected(6));
        let nonsense = Event::Received(5, b"north".to_vec());
        assert_eq!(host.handle_event(nonsense), [Order::End(5)]);
        // What comes late from them concerns nobody.
        let late = Event::Received(5, body(steer_frame(Heading::East)));
        assert_eq!(host.handle_event(late), []);
        assert_eq!(host.handle_event(Event::Ended(5)), []);
        assert_eq!(host.handle_tick().len(), 1);
    }

    #[test]
    fn a_number_that_is_free_again_goes_to_the_next_client_and_its_old_frames_do_not() {
        let mut host = host(1);
        host.handle_event(Event::Connected(5));
        host.handle_event(Event::Ended(5));
        host.handle_event(Event::Connected(6));
        let place = |host: &Host| host.world.dots().next().unwrap().1.cell;
        let before = place(&host);
        host.handle_event(Event::Received(5, body(steer_frame(Heading::East))));
        host.handle_tick();
        assert_eq!(place(&host), before);
    }
}
