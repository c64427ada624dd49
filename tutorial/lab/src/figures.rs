//! Where a package keeps what it measured.

use std::fs;
use std::io;
use std::path::PathBuf;
use std::thread::available_parallelism;

use crate::{Plot, Table};

/// The folder `figures/` of a package.
#[derive(Clone, Debug)]
pub struct Figures {
    folder: PathBuf,
    command: String,
}

impl Figures {
    /// Of the package at `manifest_dir` (`env!("CARGO_MANIFEST_DIR")`) with this name
    /// (`env!("CARGO_PKG_NAME")`).
    pub fn of(manifest_dir: &str, package: &str) -> Self {
        Self {
            folder: PathBuf::from(manifest_dir).join("figures"),
            command: format!("cargo run --release -p {package} -- figures"),
        }
    }

    /// Writes `figures/NAME.md`: the table, below it where it is from; and prints it.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn write_table(&self, name: &str, title: &str, table: &Table) -> io::Result<()> {
        let cores = available_parallelism().map_or(1, usize::from);
        let cores = if cores == 1 {
            "1 core".into()
        } else {
            format!("{cores} cores")
        };
        let origin = format!("`{}`, {cores}, {}", self.command, std::env::consts::OS);
        let text = format!("# {title}\n\n{table}\n{origin}\n");
        println!("{text}");
        self.write(format!("{name}.md"), &text)
    }

    /// Writes `figures/NAME.svg`.
    ///
    /// # Errors
    /// When the plot has nothing to draw, or the file cannot be written.
    pub fn write_plot(&self, name: &str, plot: &Plot) -> io::Result<()> {
        let svg = plot.svg().map_err(io::Error::other)?;
        self.write(format!("{name}.svg"), &svg)
    }

    fn write(&self, file: String, text: &str) -> io::Result<()> {
        fs::create_dir_all(&self.folder)?;
        fs::write(self.folder.join(file), text)
    }
}
