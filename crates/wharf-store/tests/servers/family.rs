//! A process and its children, all at once: PostgreSQL has one for each connection.

use super::wait_until;
use rustix::process::{Pid, Signal, kill_process};
use std::fs;
use std::path::Path;

/// Sends a signal to a process and all that descend from it.
pub(super) fn signal_all(process: u32, signal: Signal) {
    // First the parent is stopped, so that it has no more children meanwhile.
    send(process, Signal::STOP);
    for child in children(process) {
        send(child, signal);
    }
    send(process, signal);
}

/// Stops a process and all that descend from it, and waits until each of their threads stands
/// still: one takes the signal, and until it has its turn the others go on.
pub(super) fn stop_all(process: u32) {
    signal_all(process, Signal::STOP);
    let family = [&[process], &children(process)[..]].concat();
    wait_until("every thread stands still", || {
        family.iter().all(|&process| is_still(process))
    });
}

/// Kills a process and all that descend from it, and waits until its descendants are gone.
pub(super) fn kill_all(process: u32) {
    send(process, Signal::STOP);
    let children = children(process);
    signal_all(process, Signal::KILL);
    for child in children {
        wait_until("a killed process is gone", || !is_alive(child));
    }
}

fn send(process: u32, signal: Signal) {
    let process = i32::try_from(process).ok().and_then(Pid::from_raw);
    if let Some(process) = process {
        // It may have ended by itself.
        let _ = kill_process(process, signal);
    }
}

fn children(parent: u32) -> Vec<u32> {
    let processes = fs::read_dir("/proc").into_iter().flatten().flatten();
    let mut children = Vec::new();
    for process in processes {
        let Some(number) = process.file_name().to_str().and_then(|it| it.parse().ok()) else {
            continue;
        };
        if stat(number).is_some_and(|(_, its_parent)| its_parent == parent) {
            children.push(number);
        }
    }
    let theirs: Vec<u32> = children.iter().copied().flat_map(self::children).collect();
    children.extend(theirs);
    children
}

fn is_alive(process: u32) -> bool {
    stat(process).is_some_and(|(state, _)| state != "Z" && state != "X")
}

/// Whether no thread of a process runs, or will without being told to.
fn is_still(process: u32) -> bool {
    let threads = fs::read_dir(format!("/proc/{process}/task"));
    let mut threads = threads.into_iter().flatten().flatten();
    threads.all(|thread| {
        let state = stat_in(&thread.path()).map(|(state, _)| state);
        state.is_none_or(|state| ["T", "Z", "X"].contains(&state.as_str()))
    })
}

/// The state and the parent of a process.
fn stat(process: u32) -> Option<(String, u32)> {
    stat_in(Path::new(&format!("/proc/{process}")))
}

/// The same of the process or thread that this folder is of: proc(5).
fn stat_in(folder: &Path) -> Option<(String, u32)> {
    let text = fs::read_to_string(folder.join("stat")).ok()?;
    // Behind the name, which may hold anything, brackets and spaces as well.
    let (_, rest) = text.rsplit_once(") ")?;
    let mut words = rest.split(' ');
    Some((words.next()?.to_owned(), words.next()?.parse().ok()?))
}
