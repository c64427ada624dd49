//! `wharf bots`.

use super::CANNOT_START;
use super::say::complain;
use std::process::ExitCode;
use wharf_bots::Stop;

/// Runs the workload to its end or to a signal; 0 when every delivery was right, 1 when one was
/// wrong, 2 when it could not start.
pub(super) fn run(args: &wharf_bots::BotArgs) -> ExitCode {
    let stop = Stop::new();
    if let Err(error) = stop_on_signals("wharf bots", stop.clone()) {
        complain(format_args!(
            "wharf bots: signals cannot be handled: {error}"
        ));
    }
    match wharf_bots::run_args(args, &stop) {
        Ok(report) if report.is_right() => ExitCode::SUCCESS,
        Ok(_) => ExitCode::FAILURE,
        Err(error) => {
            complain(format_args!("wharf bots: {error}"));
            ExitCode::from(CANNOT_START)
        }
    }
}

/// The first signal ends the run early, with its report; the second ends the process.
pub(super) fn stop_on_signals(who: &'static str, stop: Stop) -> Result<(), ctrlc::Error> {
    ctrlc::set_handler(move || {
        if stop.is_asked() {
            std::process::exit(1);
        }
        complain(format_args!(
            "\n{who}: ending early; once more ends at once"
        ));
        stop.ask();
    })
}
