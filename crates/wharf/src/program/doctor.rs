//! `wharf doctor`: is this machine fit to serve, and what to type if not.

use super::assemble::{self, Assembly, Game, wish};
use super::db::place_of;
use super::say::say;
use super::{ConfigArgs, admin, data_lock, refuse, serve, services, tickets, words};
use std::io::{self, IsTerminal, stdout};
use std::path::{Path, absolute};
use std::process::ExitCode;
use std::{fmt, fs};
use wharf_host::config::{Effective, Machine};
use wharf_host::machine;
use wharf_port::BackendWish;
use wharf_store::admin::{Seen, inspect};
use wharf_store::{Access, Place, Redis, RedisPlace};

/// What was found out about one thing.
struct Finding {
    subject: &'static str,
    verdict: Verdict,
    /// What is there.
    text: String,
    /// What to type, where something is to be mended or could be better.
    remedy: Option<String>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Verdict {
    Good,
    /// It serves, but could be better.
    Fair,
    /// It does not start.
    Bad,
}

pub(super) const ABOUT: &str = "\
Exit code 0: fit to serve; what is marked \"fair\" could be better. 1: what is marked \"bad\" keeps
the server from starting. 2: a setting is wrong, and which.";

/// Examines this machine for the configuration at hand; 0 if it can serve, 1 if it cannot.
pub(super) fn run(args: &ConfigArgs, game: Game) -> ExitCode {
    let config = match args.resolve() {
        Ok(config) => config,
        Err(error) => return refuse(&error),
    };
    let machine = machine::look();
    let assembly = assemble::assemble(&config, game);
    let mut findings = vec![
        system(),
        backend(&config),
        descriptors(&config, &machine),
        processors(&config, &machine),
        settings(&config, assembly.as_ref()),
    ];
    findings.extend(assembly.iter().map(|it| listener(&config, it)));
    findings.push(admin_address(&config));
    let store = stored_at(&config, assembly.as_ref());
    findings.push(data(&config, store.as_ref()));
    if let Some(store) = &store {
        findings.push(database(&config, store));
        findings.extend(services::store_places(&config).short.as_ref().map(redis));
        findings.extend(ticket_keys(&config));
        findings.extend(word_list(&config));
    }
    for finding in &findings {
        say(format_args!("{finding}\n"));
    }
    if findings
        .iter()
        .any(|finding| finding.verdict == Verdict::Bad)
    {
        say("\nNot fit to serve yet: what is marked \"bad\" has to be mended first.\n");
        ExitCode::FAILURE
    } else {
        let has_fair = findings.iter().any(|it| it.verdict == Verdict::Fair);
        say(match has_fair {
            true => "\nThis machine is fit to serve; what is marked \"fair\" could be better.\n",
            false => "\nThis machine is fit to serve.\n",
        });
        ExitCode::SUCCESS
    }
}

#[cfg(unix)]
fn system() -> Finding {
    let name = rustix::system::uname();
    let text = |part: &std::ffi::CStr| part.to_string_lossy().into_owned();
    good(
        "system",
        format!("{} {}", text(name.sysname()), text(name.release())),
    )
}

#[cfg(not(unix))]
fn system() -> Finding {
    good("system", std::env::consts::OS.to_owned())
}

/// Whether `wharf serve` would take this configuration.
fn settings(config: &Effective, assembly: Result<&Assembly, &String>) -> Finding {
    let assembly = match assembly {
        Ok(assembly) => assembly,
        Err(problem) => return bad("settings", problem.clone(), None),
    };
    match serve::refuse_open_door(config, config.address("listen"), assembly) {
        Ok(()) => good("settings", "fit each other".to_owned()),
        Err(trouble) => bad("settings", trouble.problem, Some(trouble.remedy)),
    }
}

/// Which backend would be taken, and what forbids a better one where none was asked for.
fn backend(config: &Effective) -> Finding {
    let wish = wish(config);
    match wharf_port::choose(wish) {
        Ok(chosen) if chosen.is_best() || wish != BackendWish::Auto => {
            good("port", chosen.to_string())
        }
        Ok(chosen) => Finding {
            subject: "port",
            verdict: Verdict::Fair,
            text: chosen.to_string(),
            remedy: chosen
                .remedy()
                .map(|remedy| format!("io_uring serves with less CPU: {remedy}")),
        },
        Err(error) => bad(
            "port",
            error.to_string(),
            Some("--port-backend auto".to_owned()),
        ),
    }
}

fn descriptors(config: &Effective, machine: &Machine) -> Finding {
    let sessions = config.integer("limits.sessions_max");
    let Some(limit) = machine.descriptors_max else {
        return good(
            "sessions",
            format!("{sessions}; this system sets no limit of descriptors"),
        );
    };
    // What is asked for explicitly and does not fit was refused with the configuration.
    if let Err(trouble) = serve::raise_descriptors(assemble::descriptors(config)) {
        return bad("sessions", trouble.problem, Some(trouble.remedy));
    }
    let text = format!("{sessions}, with a hard limit of {limit} descriptors");
    if machine.sessions_max(config.integer("shards"), None) >= MANY_SESSIONS {
        return good("sessions", text);
    }
    Finding {
        subject: "sessions",
        verdict: Verdict::Fair,
        text,
        remedy: Some(format!("for more sessions, {}", serve::MORE_DESCRIPTORS)),
    }
}

/// Fewer than this on a server is most often an oversight.
const MANY_SESSIONS: u64 = 4_096;

fn processors(config: &Effective, machine: &Machine) -> Finding {
    let shards = config.integer("shards");
    let processors = u64::from(machine.processors);
    let text = format!("{shards} on {processors} processors that this process may run on");
    if shards <= processors {
        return good("shards", text);
    }
    Finding {
        subject: "shards",
        verdict: Verdict::Fair,
        text,
        remedy: Some(format!(
            "more shards than processors only wait: --shards {processors}"
        )),
    }
}

/// Whether `wharf serve` could listen there now.
fn listener(config: &Effective, assembly: &Assembly) -> Finding {
    let address = config.address("listen");
    match serve::try_listen(assembly, address) {
        Ok(()) => good("listen", format!("{address} is free")),
        Err(trouble) => bad("listen", trouble.problem, Some(trouble.remedy)),
    }
}

/// Whether the admin address could be had now.
fn admin_address(config: &Effective) -> Finding {
    match admin::open(config) {
        Ok(admin::Door::Open(door)) => good("admin", format!("{} is free", door.local_addr())),
        Ok(admin::Door::Off) => good("admin", "off".to_owned()),
        Ok(admin::Door::Taken(error)) => Finding {
            subject: "admin",
            verdict: Verdict::Fair,
            text: "the server would start without".to_owned(),
            remedy: Some(error.to_string()),
        },
        Err(problem) => bad("admin", problem, None),
    }
}

/// Where the server would keep accounts; a game of one's own has none.
fn stored_at(config: &Effective, assembly: Result<&Assembly, &String>) -> Option<Place> {
    let is_classic = assembly.is_ok_and(|assembly| assembly.is_classic);
    is_classic.then(|| place_of(config))
}

/// Whether the database answers, or its file is what it should be.
fn database(config: &Effective, place: &Place) -> Finding {
    if let Place::File(path) = place {
        return database_file(path);
    }
    if let Err(problem) = services::check_files(config, place) {
        return bad("store", problem, None);
    }
    match place.connector()(Access::Read) {
        Ok(_) => good("store", format!("{place} answers")),
        Err(error) => Finding {
            subject: "store",
            verdict: Verdict::Fair,
            text: format!("{place} cannot be used now: {error}"),
            remedy: Some("until it can, the server serves only who needs no account".to_owned()),
        },
    }
}

fn database_file(path: &Path) -> Finding {
    let name = path.display();
    let verify = "`wharf db verify` looks at all of it";
    match inspect(path) {
        Ok(Seen::Nothing) => good("store", format!("{name} is made by the first start")),
        Ok(Seen::Sound) => good("store", format!("{name} opens, and its pages are sound")),
        Ok(Seen::Opens) => good("store", format!("{name} opens; it is large: {verify}")),
        Ok(Seen::Locked) => Finding {
            subject: "store",
            verdict: Verdict::Fair,
            text: format!("{name} is locked by another process"),
            remedy: Some(format!("stop that, or wait for it; {verify}")),
        },
        Err(trouble) => bad(
            "store",
            format!("{}: {}", trouble.place, trouble.what),
            Some(trouble.remedy),
        ),
    }
}

/// Whether Redis answers.
fn redis(place: &RedisPlace) -> Finding {
    match Redis::try_connect(place) {
        Ok(()) => good("redis", "answers".to_owned()),
        Err(error) => Finding {
            subject: "redis",
            verdict: Verdict::Fair,
            text: format!("it cannot be used now: {}", error.reason()),
            remedy: Some("until it can, no ticket for one use is taken".to_owned()),
        },
    }
}

/// Whether the keys of login tickets can be read, if there are some.
fn ticket_keys(config: &Effective) -> Option<Finding> {
    match tickets::read(config) {
        Ok(keys) => keys.map(|_| good("tickets", "their keys can be read".to_owned())),
        Err(problem) => Some(bad("tickets", problem, None)),
    }
}

/// Whether the list of words can be read, if there is one.
fn word_list(config: &Effective) -> Option<Finding> {
    match words::read(config) {
        Ok(list) => list.map(|list| good("words", format!("{} on the list", list.words.len()))),
        Err(problem) => Some(bad("words", problem, None)),
    }
}

/// Whether the log files and the database can be written, which are all that the server writes.
fn data(config: &Effective, store: Option<&Place>) -> Finding {
    let directory = config.path("data");
    let whole = absolute(directory).unwrap_or_else(|_| directory.to_owned());
    let shown = whole.display();
    if !config.flag("log.files") && !matches!(store, Some(Place::File(_))) {
        return good("data", format!("nothing is written to {shown}"));
    }
    let parent = directory.ancestors().find(|ancestor| ancestor.exists());
    // The last ancestor of a relative path is the empty one, which is never there.
    let place = parent.unwrap_or(Path::new("."));
    match place.metadata() {
        Ok(metadata) if !metadata.is_dir() => bad(
            "data",
            format!("{} is no directory", place.display()),
            Some("--data DIR of a directory".to_owned()),
        ),
        Ok(_) => match try_write(place).and_then(|()| data_lock::is_taken(directory)) {
            Ok(true) if store.is_some() => bad("data", data_lock::taken(&whole), None),
            Ok(_) => good("data", format!("{shown} can be written to")),
            Err(error) => bad(
                "data",
                format!("{shown} cannot be written to: {error}"),
                Some("--data DIR of a directory that can".to_owned()),
            ),
        },
        Err(error) => bad(
            "data",
            format!("{shown}: {error}"),
            Some("--data DIR of a directory that exists".to_owned()),
        ),
    }
}

/// Permissions, a file system that is read-only, a full one: only trying tells.
fn try_write(directory: &Path) -> io::Result<()> {
    let file = directory.join(format!(".wharf-doctor-{}", std::process::id()));
    fs::write(&file, "may be deleted")?;
    fs::remove_file(&file)
}

fn good(subject: &'static str, text: String) -> Finding {
    Finding {
        subject,
        verdict: Verdict::Good,
        text,
        remedy: None,
    }
}

fn bad(subject: &'static str, text: String, remedy: Option<String>) -> Finding {
    Finding {
        subject,
        verdict: Verdict::Bad,
        text,
        remedy,
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (word, colour) = match self.verdict {
            Verdict::Good => ("good", 32),
            Verdict::Fair => ("fair", 33),
            Verdict::Bad => ("bad ", 31),
        };
        if stdout().is_terminal() {
            write!(f, "  \x1b[{colour}m{word}\x1b[0m  ")?;
        } else {
            write!(f, "  {word}  ")?;
        }
        write!(f, "{:<10}{}", self.subject, self.text)?;
        match &self.remedy {
            Some(remedy) => write!(f, "\n        {:<10}-> {remedy}", ""),
            None => Ok(()),
        }
    }
}
