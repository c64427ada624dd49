//! What may be typed.

use super::lasting::{Lasting, lasting};
use clap::{ArgGroup, Args, Subcommand, ValueEnum};
use std::path::PathBuf;

const ABOUT: &str = "\
Speaks to a running server's admin address, as `wharf top` does. Whatever changes something is in
the server's audit log: wharf admin audit.

Exit code 0: done. 1: the server refused it, and why. 2: the server could not be asked.";

#[derive(Debug, Args)]
#[command(after_help = ABOUT)]
pub(in super::super) struct AdminArgs {
    #[command(flatten)]
    pub(super) how: How,
    #[command(subcommand)]
    pub(super) command: Act,
}

/// How the server is asked.
#[derive(Debug, Args)]
pub(super) struct How {
    /// The server's admin address
    #[arg(
        long,
        global = true,
        value_name = "ADDR",
        default_value = "127.0.0.1:11022"
    )]
    pub(super) admin: String,
    /// File with the server's admin.token, if it wants one
    #[arg(long, global = true, value_name = "FILE")]
    pub(super) token_file: Option<PathBuf>,
    /// Print one JSON object instead of text; ids are texts in it
    #[arg(long, global = true)]
    pub(super) json: bool,
}

/// What is to be done.
#[derive(Debug, Subcommand)]
pub(super) enum Act {
    /// List, find, ban, mute, sign out, export and erase accounts; give new passwords
    Accounts {
        #[command(subcommand)]
        command: Accounts,
    },
    /// End a session on the server that --admin names, and on no other; its account may come again
    Kick {
        /// The account, by the name that others see or its id
        #[arg(value_name = "NAME|ID")]
        who: String,
        /// Why, for the audit log and for the one it is done to
        #[arg(long, value_name = "TEXT", default_value = "")]
        reason: String,
    },
    /// List, show, change, hand over and close rooms that have a name
    Rooms {
        #[command(subcommand)]
        command: Rooms,
    },
    /// Say something to everybody, or to everybody in a room
    Notice(Notice),
    /// Let nobody in but moderators, now or later; who is in stays
    Maintenance {
        #[command(subcommand)]
        command: Maintenance,
    },
    /// Say who moderates the server: reports, notices, bans, and logging in during maintenance
    Moderators {
        #[command(subcommand)]
        command: Moderators,
    },
    /// Read what people have reported, and decide it
    Reports {
        #[command(subcommand)]
        command: Reports,
    },
    /// Read who did what, newest first
    Audit {
        /// So many entries
        #[arg(long, value_name = "N", default_value_t = 20,
              value_parser = clap::value_parser!(u32).range(1..=100_000))]
        last: u32,
        /// Only what that account did, or what was done to it
        #[arg(long, value_name = "NAME|ID")]
        account: Option<String>,
    },
}

#[derive(Debug, Subcommand)]
pub(super) enum Accounts {
    /// List accounts by name, a page at a time
    List {
        /// Only names that begin like this, or look as if
        #[arg(long, value_name = "TEXT", default_value = "")]
        search: String,
        /// Go on there: the end of a page tells where
        #[arg(long, value_name = "PAGE")]
        page: Option<String>,
        /// So many accounts
        #[arg(long, value_name = "N", default_value_t = 100,
              value_parser = clap::value_parser!(u32).range(1..=100_000))]
        limit: u32,
    },
    /// Tell who that is; where nobody is called so, whose names begin like it
    Find {
        /// An account's id, or the name that others see, a guest's too; or how it begins
        #[arg(value_name = "NAME|ID|BEGINNING")]
        who: String,
    },
    /// End all sessions and logins of an account, and forbid new ones
    Ban {
        /// The account, by the name that others see or its id
        #[arg(value_name = "NAME|ID")]
        who: String,
        /// For how long, such as 30m, 12h, 7d or 4w; without it until `unban`
        #[arg(long = "for", value_name = "TIME", value_parser = lasting)]
        lasting: Option<Lasting>,
        /// Why, for the audit log and for the one it is done to
        #[arg(long, value_name = "TEXT")]
        reason: String,
    },
    /// Let an account log in again
    Unban(Measure),
    /// Let an account say nothing anywhere
    Mute {
        /// The account, by the name that others see or its id
        #[arg(value_name = "NAME|ID")]
        who: String,
        /// For how long, such as 30m, 12h, 7d or 4w; without it until `unmute`
        #[arg(long = "for", value_name = "TIME", value_parser = lasting)]
        lasting: Option<Lasting>,
        /// Why, for the audit log
        #[arg(long, value_name = "TEXT")]
        reason: String,
    },
    /// Let an account speak again
    Unmute(Measure),
    /// Tell where an account is logged in
    Sessions {
        /// The account, by the name that others see or its id
        #[arg(value_name = "NAME|ID")]
        who: String,
    },
    /// End all sessions and logins of an account
    SignOut(Measure),
    /// Give an account that has one a new password, tell it once, and end all its logins
    ///
    /// It is for whoever has forgotten theirs. Nobody chooses it; recovery codes are worth nothing
    /// any more. Its owner logs in by it and changes it: `/password` in `wharf chat`
    NewPassword(Measure),
    /// Let somebody try again at once who was wrong too often, or who comes from such an address
    Forgive {
        /// The account, by the name that others see or its id; or an address
        #[arg(value_name = "NAME|ID|ADDRESS")]
        who: String,
        /// Why, for the audit log
        #[arg(long, value_name = "TEXT", default_value = "")]
        reason: String,
    },
    /// Write everything that is kept about an account into a file, one JSON object a line
    Export {
        /// The account, by the name that others see or its id
        #[arg(value_name = "NAME|ID")]
        who: String,
        /// Where to; nothing is overwritten
        file: PathBuf,
    },
    /// Erase an account: what is personal goes, and there is no way back
    Erase {
        /// The account, by the name that others see or its id
        #[arg(value_name = "NAME|ID")]
        who: String,
        /// Do not ask
        #[arg(long)]
        yes: bool,
        /// Why, for the audit log
        #[arg(long, value_name = "TEXT", default_value = "")]
        reason: String,
    },
}

#[derive(Debug, Args)]
pub(super) struct Measure {
    /// The account, by the name that others see or its id
    #[arg(value_name = "NAME|ID")]
    pub(super) who: String,
    /// Why, for the audit log
    #[arg(long, value_name = "TEXT", default_value = "")]
    pub(super) reason: String,
}

#[derive(Debug, Subcommand)]
pub(super) enum Rooms {
    /// List the rooms that have a name, and how many of all kinds are open
    List {
        /// Only names that begin like this
        #[arg(long, value_name = "TEXT", default_value = "")]
        search: String,
    },
    /// Show a room: what it is, who is in it, and who is more or less than a member
    Show {
        /// The room, by its name or by the id that `rooms list` tells
        #[arg(value_name = "NAME|ID")]
        room: String,
    },
    /// Change a room's name, its topic, or whether anybody new may enter; those in it are told
    #[command(group = ArgGroup::new("what").required(true).multiple(true)
                                           .args(["name", "topic", "lock", "unlock"]))]
    Change {
        /// The room, by its name or its id
        #[arg(value_name = "NAME|ID")]
        room: String,
        /// Another name
        #[arg(long, value_name = "TEXT")]
        name: Option<String>,
        /// Another topic
        #[arg(long, value_name = "TEXT")]
        topic: Option<String>,
        /// Let nobody new enter but its owner and moderators
        #[arg(long, conflicts_with = "unlock")]
        lock: bool,
        /// Let people enter again
        #[arg(long)]
        unlock: bool,
        /// Why, for the audit log
        #[arg(long, value_name = "TEXT", default_value = "")]
        reason: String,
    },
    /// Make an account the owner of a room, and whoever was it a moderator
    HandOver {
        /// The room, by its name or its id
        #[arg(value_name = "NAME|ID")]
        room: String,
        /// The account, by its name or its id; in a room that does not stay it must be there
        #[arg(value_name = "NAME|ID")]
        who: String,
        /// Why, for the audit log
        #[arg(long, value_name = "TEXT", default_value = "")]
        reason: String,
    },
    /// Close a room for good, with its history; those in it are sent out
    Close {
        /// The room, by its name or its id
        #[arg(value_name = "NAME|ID")]
        room: String,
        /// Why, for the audit log and for those in it
        #[arg(long, value_name = "TEXT", default_value = "")]
        reason: String,
    },
}

#[derive(Debug, Args)]
#[command(group = ArgGroup::new("whom").required(true).args(["all", "room", "room_id"]))]
pub(super) struct Notice {
    /// To everybody who is logged in
    #[arg(long)]
    pub(super) all: bool,
    /// To everybody in the room with that number, or with that name
    #[arg(long, value_name = "NUMBER|NAME")]
    pub(super) room: Option<String>,
    /// To everybody in the room with that id, which `rooms list` tells
    #[arg(long, value_name = "ID")]
    pub(super) room_id: Option<i64>,
    /// What, at most 500 characters
    pub(super) text: String,
}

#[derive(Debug, Subcommand)]
pub(super) enum Maintenance {
    /// Begin it or announce it, or say something else about it
    On {
        /// What people are told
        text: String,
        /// Begin it so long from now, such as 30m, 12h or 7d, and say so until then; without it now
        #[arg(long = "from", value_name = "TIME", value_parser = lasting)]
        from: Option<Lasting>,
        /// End it by itself when it has lasted so long; without it when `off` is said
        #[arg(long = "for", value_name = "TIME", value_parser = lasting)]
        lasting: Option<Lasting>,
    },
    /// End it
    Off,
    /// Tell whether there is any
    Show,
}

#[derive(Debug, Subcommand)]
pub(super) enum Moderators {
    /// List them
    List,
    /// Make a moderator of an account
    Add {
        /// The account, by the name that others see or its id
        #[arg(value_name = "NAME|ID")]
        who: String,
    },
    /// No longer
    Remove {
        /// The account, by the name that others see or its id
        #[arg(value_name = "NAME|ID")]
        who: String,
    },
}

#[derive(Debug, Subcommand)]
pub(super) enum Reports {
    /// List reports, oldest first
    List {
        /// Which
        #[arg(long, value_enum, default_value = "open")]
        stage: Stage,
    },
    /// Read a report with what was said around it
    Show {
        /// The report
        id: i64,
    },
    /// Take a report, so that nobody else works on it
    Take {
        /// The report
        id: i64,
    },
    /// Decide a report that was taken here
    Decide {
        /// The report
        id: i64,
        /// What to do
        #[arg(value_enum)]
        action: Decision,
        /// For how long somebody is muted or banned, such as 30m, 12h, 7d or 4w; without it until
        /// it is taken back
        #[arg(long = "for", value_name = "TIME", value_parser = lasting)]
        lasting: Option<Lasting>,
        /// Why, for the audit log and for the one it is done to; what a warning says
        #[arg(long, value_name = "TEXT", default_value = "")]
        text: String,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Stage {
    /// Nobody has looked at them
    Open,
    /// Somebody looks at them
    Taken,
    /// They are decided, latest first
    Decided,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Decision {
    /// Give it back for others to take
    Release,
    /// Nothing is wrong
    Dismiss,
    /// Send the account a warning
    Warn,
    /// Remove the message
    Remove,
    /// Let the account say nothing anywhere
    Mute,
    /// Let the account no longer log in
    Ban,
}

/// The word of one of the values above, as the server knows it.
pub(super) fn word(value: impl ValueEnum) -> String {
    let value = value.to_possible_value();
    value.map_or_else(String::new, |value| value.get_name().to_owned())
}
