//! The game: dots that move over a field and eat crumbs. It decides everything, and does no I/O:
//! the same seed and the same calls give the same world, on every machine.

use std::collections::BTreeMap;

/// The field is so wide and so high.
pub const FIELD: Cell = Cell { x: 40, y: 12 };

/// A place on the field, from the upper left corner.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cell {
    /// To the right.
    pub x: u8,
    /// Downward.
    pub y: u8,
}

/// Where a dot is heading.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Heading {
    /// It stays where it is.
    Nowhere,
    /// Up.
    North,
    /// Down.
    South,
    /// To the right.
    East,
    /// To the left.
    West,
}

/// A player's number in the world; free again when they leave.
pub type Player = u8;

/// What a player is in the world.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dot {
    /// Where it is; no two are in one place.
    pub cell: Cell,
    /// Crumbs eaten.
    pub score: u16,
    heading: Heading,
}

/// Invariant: every dot and the crumb are on the field, and no two dots in one cell.
pub struct World {
    players_max: Player,
    dots: BTreeMap<Player, Dot>,
    crumb: Cell,
    ticks: u32,
    chance: u64,
}

impl World {
    /// An empty world for so many players. Where things appear depends on the seed alone.
    pub fn new(players_max: Player, seed: u64) -> World {
        let mut world = World {
            players_max,
            dots: BTreeMap::new(),
            crumb: Cell { x: 0, y: 0 },
            ticks: 0,
            chance: seed | 1, // Zero would stay zero.
        };
        world.crumb = world.free_cell();
        world
    }

    /// A player comes, unless the world is full.
    pub fn enter(&mut self) -> Option<Player> {
        let player = (0..self.players_max).find(|player| !self.dots.contains_key(player))?;
        let dot = Dot {
            cell: self.free_cell(),
            score: 0,
            heading: Heading::Nowhere,
        };
        self.dots.insert(player, dot);
        Some(player)
    }

    /// A player goes.
    pub fn leave(&mut self, player: Player) {
        self.dots.remove(&player);
    }

    /// A player turns. It shows with the next tick.
    pub fn steer(&mut self, player: Player, heading: Heading) {
        if let Some(dot) = self.dots.get_mut(&player) {
            dot.heading = heading;
        }
    }

    /// One step of the world: each dot moves by one cell, if that is free.
    pub fn tick(&mut self) {
        self.ticks += 1;
        let players: Vec<Player> = self.dots.keys().copied().collect();
        for player in players {
            self.step(player);
        }
    }

    fn step(&mut self, player: Player) {
        let Some(dot) = self.dots.get(&player) else {
            return;
        };
        let ahead = dot.cell.toward(dot.heading);
        if self.is_taken(ahead) {
            return;
        }
        let eats = ahead == self.crumb;
        if let Some(dot) = self.dots.get_mut(&player) {
            dot.cell = ahead;
            dot.score += u16::from(eats);
        }
        if eats {
            self.crumb = self.free_cell();
        }
    }

    /// Everybody, by number.
    pub fn dots(&self) -> impl ExactSizeIterator<Item = (Player, &Dot)> {
        self.dots.iter().map(|(&player, dot)| (player, dot))
    }

    /// Where the crumb lies.
    pub fn crumb(&self) -> Cell {
        self.crumb
    }

    /// How many ticks the world is old.
    pub fn ticks(&self) -> u32 {
        self.ticks
    }

    fn is_taken(&self, cell: Cell) -> bool {
        self.dots.values().any(|dot| dot.cell == cell)
    }

    /// A cell with nobody in it. There are many more cells than players, so it is found soon.
    fn free_cell(&mut self) -> Cell {
        loop {
            let cell = Cell {
                x: self.below(FIELD.x),
                y: self.below(FIELD.y),
            };
            if !self.is_taken(cell) {
                return cell;
            }
        }
    }

    /// Chance, from the seed (Marsaglia's xorshift).
    fn below(&mut self, end: u8) -> u8 {
        self.chance ^= self.chance << 13;
        self.chance ^= self.chance >> 7;
        self.chance ^= self.chance << 17;
        u8::try_from(self.chance % u64::from(end)).expect("below a byte")
    }
}

impl Cell {
    /// The next cell, or the same one where the field ends.
    fn toward(self, heading: Heading) -> Cell {
        let Cell { x, y } = self;
        let (x, y) = match heading {
            Heading::Nowhere => (x, y),
            Heading::North => (x, y.saturating_sub(1)),
            Heading::South => (x, (y + 1).min(FIELD.y - 1)),
            Heading::East => ((x + 1).min(FIELD.x - 1), y),
            Heading::West => (x.saturating_sub(1), y),
        };
        Cell { x, y }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(world: &World, player: Player) -> Cell {
        world.dots[&player].cell
    }

    #[test]
    fn a_dot_moves_one_cell_in_each_tick_and_stops_at_the_edge() {
        let mut world = World::new(1, 7);
        let player = world.enter().unwrap();
        world.steer(player, Heading::East);
        for _ in 0..FIELD.x {
            let before = at(&world, player);
            world.tick();
            assert_eq!(at(&world, player), before.toward(Heading::East));
        }
        assert_eq!(at(&world, player).x, FIELD.x - 1);
    }

    #[test]
    fn no_two_dots_come_into_one_cell() {
        let mut world = World::new(2, 7);
        let [left, right] = [(); 2].map(|()| world.enter().unwrap());
        world.dots.get_mut(&left).unwrap().cell = Cell { x: 3, y: 3 };
        world.dots.get_mut(&right).unwrap().cell = Cell { x: 5, y: 3 };
        world.steer(left, Heading::East);
        world.steer(right, Heading::West);
        world.tick();
        assert_eq!([at(&world, left).x, at(&world, right).x], [4, 5]);
        world.tick();
        assert_eq!([at(&world, left).x, at(&world, right).x], [4, 5]);
    }

    #[test]
    fn who_comes_upon_the_crumb_eats_it_and_another_one_appears() {
        let mut world = World::new(1, 7);
        let player = world.enter().unwrap();
        world.crumb = Cell { x: 4, y: 3 };
        world.dots.get_mut(&player).unwrap().cell = Cell { x: 3, y: 3 };
        world.steer(player, Heading::East);
        world.tick();
        assert_eq!(world.dots[&player].score, 1);
        assert_ne!(world.crumb, Cell { x: 4, y: 3 });
    }

    #[test]
    fn a_full_world_takes_nobody_until_somebody_leaves() {
        let mut world = World::new(2, 7);
        let first = world.enter().unwrap();
        assert!(world.enter().is_some());
        assert_eq!(world.enter(), None);
        world.leave(first);
        assert_eq!(world.enter(), Some(first));
    }

    #[test]
    fn the_same_seed_and_the_same_calls_give_the_same_world() {
        let play = || {
            let mut world = World::new(4, 2026);
            let headings = [Heading::South, Heading::East, Heading::North, Heading::West];
            let players = headings.map(|heading| {
                let player = world.enter().unwrap();
                world.steer(player, heading);
                player
            });
            for turn in 0..200 {
                world.steer(players[turn % 4], headings[turn / 3 % 4]);
                world.tick();
            }
            (world.dots, world.crumb)
        };
        assert_eq!(play(), play());
    }
}
