//! What a tick costs, by how many play: the figures behind decisions 0002 and 0004.

use std::hint::black_box;
use std::io;

use lesson_lab::{Figures, Plot, Table, cpu, number, side_by_side};

use crate::content::{Heading, Player, World};
use crate::host::TICK;
use crate::wire::{News, Snapshot, news_frame};

const PLAYERS: [Player; 5] = [1, 4, 16, 64, 200];
const ROUNDS: usize = 7;
const TICKS: u32 = 2_000;

/// Counts and measures, and writes all figures of this package.
///
/// # Errors
///
/// When a file cannot be written.
pub fn write() -> io::Result<()> {
    let figures = Figures::of(env!("CARGO_MANIFEST_DIR"), env!("CARGO_PKG_NAME"));

    let ticks_a_second = 1.0 / TICK.as_secs_f64();
    let mut table = Table::new(&["players", "bytes a snapshot", "KB/s to each", "KB/s to all"]);
    let mut plot = Plot::new("What leaves the server (KB/s)", &PLAYERS);
    let mut to_all = Vec::new();
    for players in PLAYERS {
        let bytes = snapshot_frame(&crowded(players)).len() as f64;
        let to_each = bytes * ticks_a_second / 1e3;
        to_all.push(to_each * f64::from(players));
        let figures = [bytes, to_each, to_each * f64::from(players)].map(number);
        table.row(&[&[players.to_string()][..], &figures].concat());
    }
    figures.write_table("bytes", "What a snapshot in each tick sends", &table)?;
    plot = plot.line("to all", to_all).logarithmic();
    figures.write_plot("bytes", &plot)?;

    let measured = side_by_side(ROUNDS, &PLAYERS, |&players| {
        let mut world = crowded(players);
        let mut bytes = 0;
        let cost = cpu::of_this_thread(|| {
            for _ in 0..TICKS {
                world.tick();
                bytes += snapshot_frame(&world).len();
            }
        });
        black_box(bytes);
        cost.as_secs_f64() * 1e6 / f64::from(TICKS)
    });
    let table = Table::of_cases("players", "us a tick", &PLAYERS, &measured);
    figures.write_table("cpu", "The host's CPU time for a tick", &table)
}

fn snapshot_frame(world: &World) -> Vec<u8> {
    news_frame(&News::Snapshot(Snapshot::of(world)))
}

/// A world in which everybody moves, this way and that.
fn crowded(players: Player) -> World {
    let headings = [Heading::North, Heading::East, Heading::South, Heading::West];
    let mut world = World::new(players, 1);
    for turn in 0..players {
        let player = world.enter().expect("there is room");
        world.steer(player, headings[usize::from(turn) % 4]);
    }
    world
}
