//! The command line.

mod admin;
mod assemble;
mod banner;
mod bench;
mod bots;
mod chat;
mod data_lock;
mod db;
mod doctor;
mod examples;
mod operate;
mod say;
mod serve;
mod services;
mod settings;
mod tickets;
mod top;
mod words;

use assemble::Game;
use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Args, CommandFactory, FromArgMatches, Parser, Subcommand};
use std::env::consts::EXE_SUFFIX;
use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;
use wharf_content::AppBuilder;
use wharf_host::config::{ConfigError, Effective, Layers, Source};
use wharf_host::machine;

/// The exit code of a command that could not start: bad usage, bad configuration, no server.
const CANNOT_START: u8 = 2;

/// An online game server on completion ports.
#[derive(Debug, Parser)]
#[command(name = "wharf", version, after_help = examples::OF_THE_CHAT)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    config: ConfigArgs,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve until told to stop (Ctrl-C, SIGTERM); the default command
    Serve(ServeArgs),
    /// Load a server with dummy clients and check every delivery
    Bots(wharf_bots::BotArgs),
    /// Talk with a server from the terminal, or from a script
    Chat(chat::ChatArgs),
    /// Show what a running server does, live
    Top(top::TopArgs),
    /// Do what operators do: accounts, bans, notices, maintenance, reports
    Admin(operate::AdminArgs),
    /// Measure what this machine carries: CPU of a message, memory of a session
    Bench(bench::BenchArgs),
    /// Look after the store: migrate, backup, restore, verify
    Db(db::DbArgs),
    /// Say whether this machine is fit to serve, and what to type to mend it
    #[command(after_help = doctor::ABOUT)]
    Doctor(ConfigArgs),
    /// Show the configuration
    Config {
        #[command(subcommand)]
        command: ConfigCommand,
    },
}

#[derive(Debug, Subcommand)]
enum ConfigCommand {
    /// Print every setting in effect as TOML, with where each value came from
    Print(ConfigArgs),
}

#[derive(Debug, Default, Args)]
struct ServeArgs {
    #[command(flatten)]
    config: ConfigArgs,
    /// Stop when standard input ends: whoever starts a server has it end with itself
    #[arg(long, hide = true)]
    until_input_ends: bool,
}

/// Where configuration comes from, weakest first: built-in defaults, the file, the environment
/// (WHARF_LIMITS__SESSIONS_MAX=100), these flags.
#[derive(Clone, Debug, Default, PartialEq, Eq, Args)]
struct ConfigArgs {
    /// Configuration file [default: wharf.toml, if it is there]
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Address to listen on [default: 127.0.0.1:11021]
    #[arg(long, value_name = "ADDR")]
    listen: Option<String>,
    /// Directory of everything the server writes [default: data]
    #[arg(long, value_name = "DIR")]
    data: Option<String>,
    /// Completion port: auto, uring, readiness or iocp [default: auto]
    #[arg(long, value_name = "BACKEND")]
    port_backend: Option<String>,
    /// I/O threads [default: the processors this process may run on]
    #[arg(long, value_name = "N", allow_hyphen_values = true)]
    shards: Option<String>,
    /// Set any setting, such as limits.sessions_max=100; may be repeated
    #[arg(long, value_name = "KEY=VALUE")]
    set: Vec<String>,
}

/// Runs the command that the process was started with, for the classic chat.
pub fn main() -> ExitCode {
    let parsed = Cli::try_parse_from(std::env::args_os());
    run(or_exit(parsed), Game::Classic)
}

/// Runs the command that `arguments` are, the program's name first, for a game of one's own.
pub(crate) fn main_of(
    arguments: impl IntoIterator<Item = OsString>,
    game: impl FnOnce(&mut AppBuilder) + 'static,
) -> ExitCode {
    let arguments: Vec<OsString> = arguments.into_iter().collect();
    let program = arguments.first().map(PathBuf::from).unwrap_or_default();
    let name = program.file_name().unwrap_or("game".as_ref());
    let name = name.to_string_lossy();
    let name = name.strip_suffix(EXE_SUFFIX).unwrap_or(&name);
    let mut command = Cli::command().after_help(examples::of_a_game(name));
    let matches = command.try_get_matches_from_mut(arguments);
    let parsed = matches.and_then(|matches| {
        Cli::from_arg_matches(&matches).map_err(|error| error.format(&mut command))
    });
    run(or_exit(parsed), Game::Own(Box::new(game)))
}

/// What was typed; where it is wrong the process ends, having said why.
fn or_exit(parsed: Result<Cli, clap::Error>) -> Cli {
    parsed.unwrap_or_else(|error| with_subcommands(error).exit())
}

/// What is wrong; where there is no such subcommand, with those that there are.
fn with_subcommands(mut error: clap::Error) -> clap::Error {
    if error.kind() == ErrorKind::InvalidSubcommand {
        // Which command was meant is not known by the words: they may be values, or stand behind
        // the wrong one.
        let usage = error.get(ContextKind::Usage).map(ToString::to_string);
        let root = Cli::command();
        let mut command = &root;
        // Behind "Usage:" and the program.
        for word in usage.unwrap_or_default().split_whitespace().skip(2) {
            command = command.find_subcommand(word).unwrap_or(command);
        }
        let names: Vec<&str> = command.get_subcommands().map(|it| it.get_name()).collect();
        let text = format!("there are {}", names.join(", "));
        let tip = ContextValue::StyledStrs(vec![text.into()]);
        error.insert(ContextKind::Suggested, tip);
        // Words that merely share letters with what was typed help nobody.
        error.remove(ContextKind::SuggestedSubcommand);
    }
    error
}

fn run(Cli { command, config }: Cli, game: Game) -> ExitCode {
    match command.unwrap_or_else(|| Command::Serve(ServeArgs::default())) {
        Command::Serve(args) => serve::run(&config.then(args.config), args.until_input_ends, game),
        Command::Bots(_) if !config.is_empty() => refuse(
            &"what stands before `bots` configures a server, and bots are none; \
              `wharf bots --help` lists what they take",
        ),
        Command::Bots(args) => bots::run(&args),
        Command::Chat(_) if !config.is_empty() => refuse(
            &"what stands before `chat` configures a server, and chat is none; \
              `wharf chat --help` lists what it takes",
        ),
        Command::Chat(args) => chat::run(&args),
        Command::Top(_) if !config.is_empty() => refuse(
            &"what stands before `top` configures a server, and top looks at one; \
              `wharf top --help` lists what it takes",
        ),
        Command::Top(args) => top::run(&args),
        Command::Admin(_) if !config.is_empty() => refuse(
            &"what stands before `admin` configures a server, and admin speaks to one; \
              `wharf admin --help` lists what it takes",
        ),
        Command::Admin(args) => operate::run(&args),
        Command::Bench(_) if !config.is_empty() => refuse(
            &"what stands before `bench` configures a server, and bench starts its own; \
              `wharf bench --help` lists what it takes",
        ),
        Command::Bench(_) if matches!(game, Game::Own(_)) => refuse(
            &"bench measures the classic chat, which this program does not serve: \
              use the program `wharf`",
        ),
        Command::Bench(args) => bench::run(&args),
        Command::Db(args) => db::run(&args, &config),
        Command::Doctor(args) => doctor::run(&config.then(args), game),
        Command::Config {
            command: ConfigCommand::Print(args),
        } => match config.then(args).resolve() {
            Ok(config) => {
                say::say(config);
                ExitCode::SUCCESS
            }
            Err(error) => refuse(&error),
        },
    }
}

/// One clear line, and the exit code of what could not start.
fn refuse(problem: &dyn std::fmt::Display) -> ExitCode {
    say::complain(format_args!("wharf: {problem}"));
    ExitCode::from(CANNOT_START)
}

impl ConfigArgs {
    /// These, typed before the command, and `later` ones, typed behind it, which win.
    fn then(self, later: Self) -> Self {
        Self {
            config: later.config.or(self.config),
            listen: later.listen.or(self.listen),
            data: later.data.or(self.data),
            port_backend: later.port_backend.or(self.port_backend),
            shards: later.shards.or(self.shards),
            set: [self.set, later.set].concat(),
        }
    }

    fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    fn layers(&self) -> Result<Layers, ConfigError> {
        let mut command_line = Vec::new();
        for typed in &self.set {
            let (key, value) = key_and_value(typed)?;
            command_line.push((format!("--set {key}"), key.to_owned(), value.to_owned()));
        }
        let named = [
            ("--listen", "listen", &self.listen),
            ("--data", "data", &self.data),
            ("--port-backend", "port_backend", &self.port_backend),
            ("--shards", "shards", &self.shards),
        ];
        for (flag, key, value) in named {
            if let Some(value) = value {
                command_line.push((flag.to_owned(), key.to_owned(), value.clone()));
            }
        }
        // What is not text cannot be one of ours: keys and values are.
        let environment = std::env::vars_os().filter_map(|(name, value)| {
            Some((name.into_string().ok()?, value.into_string().ok()?))
        });
        Ok(Layers {
            file: self.config.clone(),
            environment: environment.collect(),
            command_line,
        })
    }

    fn resolve(&self) -> Result<Effective, ConfigError> {
        Effective::resolve(settings::TABLES, &machine::look(), &self.layers()?)
    }
}

/// What was typed behind `--set`.
fn key_and_value(typed: &str) -> Result<(&str, &str), ConfigError> {
    match typed.split_once('=') {
        Some((key, value)) => Ok((key.trim(), value.trim())),
        None => Err(ConfigError {
            source: Source::CommandLine(format!("--set {typed}")),
            problem: "must be KEY=VALUE, such as chat.rooms=12".to_owned(),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_subcommand_that_there_is_not_is_answered_with_those_that_there_are() {
        for (typed, told) in [
            (
                "wharf admin accounts --json lost",
                "there are list, find, ban, unban,",
            ),
            (
                "wharf admin accounts --token-file find lost",
                "there are list, find, ban, unban,",
            ),
            ("wharf admin acounts find", "there are accounts, kick,"),
            ("wharf admin romos list", "there are accounts, kick,"),
            ("wharf serbe", "there are serve, bots,"),
            ("wharf nosuch", "there are serve, bots,"),
            ("wharf admin frobnicate", "there are accounts, kick,"),
        ] {
            let error = Cli::try_parse_from(typed.split(' ')).unwrap_err();
            let text = with_subcommands(error).to_string();
            assert!(text.contains(told), "{text}");
            assert!(!text.contains("similar"), "{text}");
        }
    }
}
