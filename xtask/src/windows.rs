//! The Windows build on Linux: a compiler that can make it, and Wine to run it.
//!
//! The toolchain is rustup's where its Windows target is installed, else Debian's second one,
//! which ships the sources of std. Wine has a prefix of its own under `target/wine`.

pub(crate) mod ctrl_c;

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use crate::command::{self, is_installed, output, run, succeeds};
use crate::{Outcome, Workspace};

const TARGET: &str = "x86_64-pc-windows-gnu";
const LINKER: &str = "x86_64-w64-mingw32-gcc";
/// How long Wine's server waits for another program.
const SERVER_IDLE_SECONDS: u32 = 300;
/// With what Wine ends when it could not start a program: under load, once in some thousand times.
const WINES_OWN: i32 = 1;
/// How often a program of tests is started before that is its own end.
const STARTS_MAX: u32 = 3;
/// Where a toolchain that can build for Windows has its std.
const STD: &str = "lib/rustlib/x86_64-pc-windows-gnu/lib";

/// Why the Windows stages cannot run on this machine, if so.
pub(crate) fn missing(workspace: &Workspace) -> Option<String> {
    if cfg!(windows) {
        return Some("on Windows the other stages are the Windows build".into());
    }
    if let Some(program) = [LINKER, "wine"]
        .into_iter()
        .find(|program| !is_installed(program))
    {
        return Some(format!("{program} is not installed (cargo xtask setup)"));
    }
    toolchain(workspace).err()
}

/// `cargo` for the Windows target, its programs run under Wine; behind it come the arguments of
/// `subcommand`.
pub(crate) fn cargo(workspace: &Workspace, subcommand: &str) -> Outcome<Command> {
    let mut cargo = match toolchain(workspace)? {
        Toolchain::Rustup => command::cargo(workspace),
        Toolchain::Debian => debians_cargo(workspace),
    };
    // Here and not in .cargo/config.toml: on Windows itself no runner is wanted.
    let runner = format!(
        "target.{TARGET}.runner=[{:?}, \"wine-run\"]",
        workspace.xtask
    );
    cargo
        .arg(subcommand)
        .args(["--target", TARGET, "--config", &runner])
        .env("CARGO_TARGET_DIR", "target/windows")
        // What a later build would reuse costs this one a sixth of its time.
        .env("CARGO_INCREMENTAL", "0")
        // And the lines of a backtrace a tenth; a panic tells its own without them.
        .env("CARGO_PROFILE_DEV_DEBUG", "0")
        .env("CARGO_TARGET_X86_64_PC_WINDOWS_GNU_LINKER", LINKER);
    if matches!(toolchain(workspace)?, Toolchain::Debian) {
        cargo.arg("-Zbuild-std=std,panic_unwind");
    }
    Ok(cargo)
}

/// `cargo test` for the Windows target.
pub(crate) fn cargo_test(workspace: &Workspace) -> Outcome<Command> {
    Ok(command::linted(cargo(workspace, "test")?))
}

/// `cargo xtask windows`: cargo with the arguments as typed, for the Windows target.
pub(crate) fn cargo_with(workspace: &Workspace, arguments: &[OsString]) -> Outcome {
    if let Some(why) = missing(workspace) {
        return Err(why);
    }
    let _wine = Wine::start(workspace)?;
    let (subcommand, arguments) = arguments.split_first().expect("clap demands one");
    run(cargo(workspace, &subcommand.to_string_lossy())?.args(arguments))
}

enum Toolchain {
    /// The usual one; its std for Windows is installed.
    Rustup,
    /// Debian's `rustc-web` and friends, which build std from its sources.
    Debian,
}

fn toolchain(workspace: &Workspace) -> Outcome<Toolchain> {
    let mut rustc = Command::new("rustc");
    let sysroot = output(
        rustc
            .args(["--print", "sysroot"])
            .current_dir(&workspace.root),
    );
    let has_std = |sysroot: String| Path::new(sysroot.trim()).join(STD).is_dir();
    if sysroot.is_ok_and(has_std) {
        return Ok(Toolchain::Rustup);
    }
    let parts = [
        "bin/cargo",
        "bin/rustc",
        "bin/clippy-driver",
        "lib/rustlib/src",
    ];
    if parts
        .iter()
        .all(|part| Path::new("/usr").join(part).exists())
    {
        return Ok(Toolchain::Debian);
    }
    Err(format!("no Rust for {TARGET} (rustup target add {TARGET})"))
}

fn debians_cargo(workspace: &Workspace) -> Command {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let path = std::iter::once(PathBuf::from("/usr/bin")).chain(std::env::split_paths(&path));
    let mut cargo = Command::new("/usr/bin/cargo");
    cargo
        .current_dir(&workspace.root)
        .env(
            "PATH",
            std::env::join_paths(path).expect("the parts of a path join again"),
        )
        .env("RUSTC", "/usr/bin/rustc")
        .env("RUSTDOC", "/usr/bin/rustdoc")
        .env("RUSTC_BOOTSTRAP", "1")
        // What the cargo that runs us has set for its own compiler.
        .env_remove("CARGO")
        .env_remove("LD_LIBRARY_PATH")
        .env_remove("RUSTUP_TOOLCHAIN");
    cargo
}

/// Wine in a prefix of our own, ready to run programs; dropping it ends all that runs there.
pub(crate) struct Wine<'a> {
    workspace: &'a Workspace,
}

impl Wine<'_> {
    /// Makes the prefix and the library that Wine lacks, unless they are there, and starts Wine.
    pub(crate) fn start(workspace: &Workspace) -> Outcome<Wine<'_>> {
        let prefix = prefix(workspace);
        std::fs::create_dir_all(&prefix).map_err(|error| format!("target/wine: {error}"))?;
        let wine = Wine { workspace };
        wine.stop();
        // Debian's Wine ends its server with the last program. One that starts at that very moment
        // is cut off, so ours stays until it is stopped, or has had nothing to do for that long.
        let persistent = format!("--persistent={SERVER_IDLE_SECONDS}");
        // It holds a descriptor for each socket of them all, and fails them all at its limit.
        let with_all_descriptors = "ulimit -n $(ulimit -Hn) && exec wineserver \"$0\"";
        let mut server = wine_command(workspace, "sh");
        server.args(["-c", with_all_descriptors, &persistent]);
        // It does not keep our streams, at the end of which others may wait.
        if !succeeds(&mut server) {
            return Err("wineserver did not start".into());
        }
        let system = prefix.join("drive_c/windows/system32");
        if !system.join("kernel32.dll").exists() {
            run(wine_command(workspace, "wineboot").arg("--init"))?;
        }
        let library = system.join("bcryptprimitives.dll");
        if !library.exists() {
            let source = "xtask/src/windows/bcryptprimitives.c";
            let mut compiler = Command::new(LINKER);
            compiler
                .current_dir(&workspace.root)
                .args(["-shared", source, "-o"]);
            run(compiler.arg(library).arg("-ladvapi32"))?;
        }
        Ok(wine)
    }

    fn stop(&self) {
        // It fails when nothing runs, which is as well.
        let _ = succeeds(wine_command(self.workspace, "wineserver").arg("--kill"));
        let _ = succeeds(wine_command(self.workspace, "wineserver").arg("--wait"));
    }
}

impl Drop for Wine<'_> {
    fn drop(&mut self) {
        self.stop();
    }
}

/// Runs one Windows program under Wine and ends as it ended.
pub(crate) fn wine_run(workspace: &Workspace, program: &[OsString]) -> ExitCode {
    let (program, arguments) = program.split_first().expect("clap demands one");
    let program = Path::new(program);
    let mut starts = 1;
    loop {
        match run_once(under_wine(workspace, program).args(arguments)) {
            Ok(WINES_OWN) if is_test(program) && starts < STARTS_MAX => {
                eprintln!("it ended with {WINES_OWN}, as Wine does by itself; once more");
                starts += 1;
            }
            Ok(code) => return u8::try_from(code).map_or(ExitCode::FAILURE, ExitCode::from),
            Err(why) => {
                eprintln!("{why}");
                return ExitCode::FAILURE;
            }
        }
    }
}

fn run_once(wine: &mut Command) -> Outcome<i32> {
    let status = wine.status();
    let status = status.map_err(|error| format!("wine did not start: {error}"))?;
    let ended = || format!("Wine itself was ended: {status}");
    status.code().ok_or_else(ended)
}

/// Whether cargo has made that program of tests: such a one ends with 0 or 101.
fn is_test(program: &Path) -> bool {
    program
        .parent()
        .is_some_and(|folder| folder.ends_with("deps"))
}

/// That Windows program, under Wine.
pub(crate) fn under_wine(workspace: &Workspace, program: &Path) -> Command {
    let mut wine = wine_command(workspace, "wine");
    wine.arg(program);
    wine
}

fn wine_command(workspace: &Workspace, program: &str) -> Command {
    let mut command = Command::new(program);
    command
        .env("WINEPREFIX", prefix(workspace))
        .env("WINEDEBUG", "-all");
    command
}

fn prefix(workspace: &Workspace) -> PathBuf {
    workspace.root.join("target/wine/prefix")
}
