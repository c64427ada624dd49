//! `wharf bots`.

use super::CANNOT_START;
use std::process::ExitCode;

/// Runs the workload; 0 when every delivery was right, 1 when one was wrong, 2 when it could not
/// start.
pub(super) fn run(args: &wharf_bots::BotArgs) -> ExitCode {
    match wharf_bots::run_args(args) {
        Ok(report) if report.is_right() => ExitCode::SUCCESS,
        Ok(_) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("wharf bots: {error}");
            ExitCode::from(CANNOT_START)
        }
    }
}
