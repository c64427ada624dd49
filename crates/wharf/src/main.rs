//! The program `wharf`: the classic chat server, its dummy clients and its tools.

use std::process::ExitCode;

fn main() -> ExitCode {
    wharf::program::main()
}
