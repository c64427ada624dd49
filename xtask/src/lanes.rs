//! Several things at once: jobs that do not know of each other, and stages, each as soon as a lane
//! is free and what it needs has ended.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;

use crate::command::Voice;
use crate::stages::Stage;

/// Has so many threads each take the `next` job, with its number, and `run` it, until there is none
/// left. They speak in the caller's voice. Returns what came of each, by their numbers.
pub(crate) fn share<J, T: Send>(
    threads: usize,
    next: impl Fn() -> Option<(usize, J)> + Sync,
    run: impl Fn(J) -> T + Sync,
) -> Vec<T> {
    let voice = Voice::of_this_thread();
    let run_some = || {
        voice.take();
        std::iter::from_fn(&next)
            .map(|(number, job)| (number, run(job)))
            .collect::<Vec<_>>()
    };
    let mut done: Vec<(usize, T)> = thread::scope(|scope| {
        let threads: Vec<_> = (0..threads).map(|_| scope.spawn(run_some)).collect();
        let done = threads.into_iter().map(thread::ScopedJoinHandle::join);
        done.flat_map(|done| done.unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
            .collect()
    });
    done.sort_by_key(|(number, _)| *number);
    done.into_iter().map(|(_, done)| done).collect()
}

/// Has `run` do each of the stages, at most `lanes` at once. They begin in their order, but one
/// that has to wait for others lets those behind it pass. Returns what `run` said of each that
/// began, in the stages' order; none begins once it has said something that `ends_all`.
pub(crate) fn run<T: Send>(
    stages: &[&'static Stage],
    lanes: usize,
    run: impl Fn(&'static Stage) -> T + Sync,
    ends_all: impl Fn(&T) -> bool + Sync,
) -> Vec<T> {
    let schedule = Schedule::of(stages);
    let run_to_end = |stage| {
        let said = run(stage);
        schedule.end(stage, ends_all(&said));
        said
    };
    share(lanes, || schedule.next(), run_to_end)
}

/// What the lanes share.
struct Schedule {
    stages: Mutex<Stages>,
    changed: Condvar,
}

struct Stages {
    /// With their place in the order.
    waiting: Vec<(usize, &'static Stage)>,
    running: Vec<&'static str>,
}

impl Schedule {
    fn of(stages: &[&'static Stage]) -> Schedule {
        let waiting = stages.iter().copied().enumerate().collect();
        let running = Vec::new();
        Schedule {
            stages: Mutex::new(Stages { waiting, running }),
            changed: Condvar::new(),
        }
    }

    /// Waits for the next that may begin; there is none once all have begun.
    fn next(&self) -> Option<(usize, &'static Stage)> {
        let mut stages = self.lock();
        loop {
            if stages.waiting.is_empty() {
                return None;
            }
            if let Some(next) = stages.begin() {
                return Some(next);
            }
            stages = self
                .changed
                .wait(stages)
                .unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn end(&self, stage: &Stage, ends_all: bool) {
        let mut stages = self.lock();
        stages.running.retain(|name| *name != stage.name);
        if ends_all {
            stages.waiting.clear();
        }
        self.changed.notify_all();
    }

    fn lock(&self) -> MutexGuard<'_, Stages> {
        self.stages.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Stages {
    fn begin(&mut self) -> Option<(usize, &'static Stage)> {
        let ready = self.waiting.iter().position(|(_, stage)| {
            let has_ended = |name: &&str| *name == stage.name || !self.is_to_end(name);
            stage.after.iter().all(has_ended)
        })?;
        let (index, stage) = self.waiting.remove(ready);
        self.running.push(stage.name);
        Some((index, stage))
    }

    /// One that was not chosen has nothing to end.
    fn is_to_end(&self, name: &str) -> bool {
        let mut waiting = self.waiting.iter().map(|(_, stage)| stage.name);
        self.running.contains(&name) || waiting.any(|waiting| waiting == name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stages::STAGES;

    /// The names in the order in which they began and ended, on so many lanes.
    fn events(stages: &[&'static Stage], lanes: usize) -> Vec<(&'static str, &'static str)> {
        let events = Mutex::new(Vec::new());
        let note = |what, stage: &Stage| events.lock().unwrap().push((what, stage.name));
        let said = run(
            stages,
            lanes,
            |stage| {
                note("begins", stage);
                thread::yield_now();
                note("ends", stage);
                stage.name
            },
            |_| false,
        );
        let order: Vec<&str> = stages.iter().map(|stage| stage.name).collect();
        assert_eq!(said, order);
        events.into_inner().unwrap()
    }

    #[test]
    fn every_stage_runs_once_and_behind_those_that_it_is_to_follow() {
        let all: Vec<&Stage> = STAGES.iter().collect();
        for lanes in 1..=4 {
            let events = events(&all, lanes);
            assert_eq!(events.len(), 2 * STAGES.len());
            let place = |what, name| events.iter().position(|event| *event == (what, name));
            for stage in STAGES {
                for before in stage.after.iter().filter(|name| **name != stage.name) {
                    let ended = place("ends", before).expect("`after` names a stage");
                    let began = place("begins", stage.name).unwrap();
                    assert!(
                        ended < began,
                        "{} before {before}, {lanes} lanes",
                        stage.name
                    );
                }
            }
        }
    }

    #[test]
    fn a_stage_does_not_wait_for_one_that_was_not_chosen() {
        let chosen = STAGES.iter().filter(|stage| stage.name == "black-box");
        let chosen: Vec<&Stage> = chosen.collect();
        assert_eq!(events(&chosen, 2).len(), 2);
    }

    #[test]
    fn a_stage_that_waits_lets_the_one_behind_it_pass() {
        let names = ["program", "black-box", "loom"];
        let named = |name| STAGES.iter().find(|stage| stage.name == name).unwrap();
        let chosen = names.map(named);
        let loom_has_begun = (Mutex::new(false), Condvar::new());
        let said = run(
            &chosen,
            2,
            |stage| {
                let (begun, changed) = &loom_has_begun;
                let mut begun = begun.lock().unwrap();
                if stage.name == "loom" {
                    *begun = true;
                    changed.notify_all();
                }
                if stage.name == "program" {
                    drop(changed.wait_while(begun, |begun| !*begun).unwrap());
                }
                stage.name
            },
            |_| false,
        );
        assert_eq!(said, names);
    }

    #[test]
    fn nothing_begins_behind_what_ends_all() {
        let all: Vec<&Stage> = STAGES.iter().collect();
        let said = run(&all, 1, |stage| stage.name, |name| *name == "tidy");
        assert_eq!(said, ["setup", "fmt", "tidy"]);
    }
}
