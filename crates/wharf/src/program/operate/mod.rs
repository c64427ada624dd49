//! `wharf admin`: what operators do, through a running server's admin address.

mod accounts;
mod acts;
mod args;
mod lasting;
mod line;
mod names;
mod rooms;
mod show;
mod who;

pub(super) use args::AdminArgs;
pub(super) use show::{clean, counted, time};

use super::CANNOT_START;
use super::say::{complain, say};
use super::top::read_token;
use line::{Line, Trouble};
use std::process::ExitCode;

/// The exit code of an act that the server refused.
const REFUSED: u8 = 1;

/// Does it; 1 if the server refuses, 2 if it cannot be asked.
pub(super) fn run(args: &AdminArgs) -> ExitCode {
    let done = open(args).and_then(|line| acts::run(&line, &args.command));
    match done {
        Ok(told) if args.how.json => say(format_args!("{}\n", told.json)),
        Ok(told) => say(told.text),
        Err(Trouble::Refused(text)) => {
            complain(format_args!("wharf admin: {text}"));
            return ExitCode::from(REFUSED);
        }
        Err(Trouble::NotAsked(text)) => {
            complain(format_args!("wharf admin: {text}"));
            return ExitCode::from(CANNOT_START);
        }
    }
    ExitCode::SUCCESS
}

fn open(args: &AdminArgs) -> Result<Line, Trouble> {
    let token = args.how.token_file.as_deref().map(read_token).transpose();
    Line::open(&args.how.admin, token.map_err(Trouble::NotAsked)?)
}
