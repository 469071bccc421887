//! What all scenarios of one run share: where things are, how long to measure, the PostgreSQL server.

use std::{
    ffi::OsString,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use anyhow::{Context, Result, ensure};
use tempfile::TempDir;
use testkit::open_files;

use crate::contender::postgres::Postgres;

/// What `main` finds in the environment, and a folder for what a run leaves behind.
pub(crate) struct Surroundings {
    pub(crate) path: OsString,
    pub(crate) home: OsString,
    /// `cargo`, as it calls itself.
    pub(crate) cargo: OsString,
    /// Kept from run to run: what had to be installed.
    pub(crate) cache: PathBuf,
    /// Gone with the run: logs, scripts.
    pub(crate) folder: TempDir,
}

/// How much to measure.
#[derive(Clone, Debug)]
pub(crate) struct Effort {
    pub(crate) rounds: usize,
    /// The part of a run that is not measured.
    pub(crate) warm_up: Duration,
    pub(crate) measured: Duration,
    /// A try-out: small sizes, whose figures mean nothing.
    pub(crate) is_quick: bool,
}

/// One run of the bench.
pub(crate) struct Session {
    pub(crate) surroundings: Surroundings,
    pub(crate) effort: Effort,
    /// The folder of the FastAPI peer; it may be missing.
    pub(crate) peer: PathBuf,
    pub(crate) postgres: Postgres,
    /// The folder of the services' binaries.
    programs: PathBuf,
}

impl Session {
    /// Builds the services and starts PostgreSQL.
    pub(crate) fn start(surroundings: Surroundings, effort: Effort, peer: PathBuf) -> Result<Self> {
        // Every client of a stream is a file, here and in the service, which inherits the limit.
        open_files();
        let programs = build_services(&surroundings)?;
        eprintln!("starting PostgreSQL");
        let postgres = Postgres::start()?;
        Ok(Self {
            surroundings,
            effort,
            peer,
            postgres,
            programs,
        })
    }

    /// The binary of a service.
    pub(crate) fn program(&self, name: &str) -> PathBuf {
        self.programs.join(name)
    }

    /// A file that is gone with the run.
    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.surroundings.folder.path().join(name)
    }
}

/// The root of the repository that the bench was built from.
pub(crate) fn repository() -> &'static Path {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    package.parent().unwrap_or(package)
}

fn build_services(surroundings: &Surroundings) -> Result<PathBuf> {
    eprintln!("building the services");
    let status = Command::new(&surroundings.cargo)
        .args(["build", "--release", "--locked"])
        .args(["-p", "trade", "-p", "stock-listing", "-p", "stocks"])
        .current_dir(repository())
        .status()
        .context("cargo does not start")?;
    ensure!(status.success(), "the services do not build: {status}");

    // The bench itself was built into a profile's folder beside it: target/release, target/debug.
    let bench = std::env::current_exe()?;
    let target = bench
        .ancestors()
        .nth(2)
        .context("the bench has no folder")?;
    let programs = target.join("release");
    ensure!(
        programs.join("trade").is_file(),
        "cargo has built no {}: run the bench with cargo run",
        programs.join("trade").display()
    );
    Ok(programs)
}
