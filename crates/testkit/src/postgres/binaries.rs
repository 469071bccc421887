//! Where `postgres` and `initdb` are: as the developer says, as installed, or fetched once.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, bail, ensure};

use super::{account::Account, archive};
use crate::environment;

/// The oldest release of PostgreSQL that the services support.
const OLDEST_MAJOR: u32 = 15;

/// Where packages put the folders of releases that they keep out of PATH: Debian (15), Red Hat (pgsql-15), Homebrew on
/// either kind of Mac (postgresql@15).
const PACKAGES: [&str; 4] = [
    "/usr/lib/postgresql",
    "/usr",
    "/opt/homebrew/opt",
    "/usr/local/opt",
];

/// The folder of a PostgreSQL's programs.
#[derive(Clone, Debug)]
pub struct Binaries {
    folder: PathBuf,
}

impl Binaries {
    /// `TESTKIT_POSTGRES` decides: `fetch`, or a folder with `postgres` and `initdb`. When it is not set, the machine's own
    /// (PATH, then the folders of the usual packages) is taken, and [fetched](Self::fetch) when there is none.
    pub async fn find() -> Self {
        match environment::variable("TESTKIT_POSTGRES") {
            Some(word) if word == "fetch" => Self::fetch().await,
            Some(folder) => Self::at(Path::new(&folder))
                .unwrap_or_else(|error| panic!("TESTKIT_POSTGRES: {error:#}")),
            None => match Self::installed() {
                Some(binaries) => binaries,
                None => Self::fetch().await,
            },
        }
    }

    /// The pinned release, downloaded once and kept in the user's cache folder.
    pub async fn fetch() -> Self {
        let fetched = async { Self::at(&archive::programs().await?) };
        fetched.await.unwrap_or_else(|error| {
            panic!(
                "testkit needs PostgreSQL {OLDEST_MAJOR} or later: {error:#}\n\
                 Install it (apt-get install postgresql, dnf install postgresql-server, brew install postgresql@15), or set \
                 TESTKIT_POSTGRES to the folder of postgres and initdb, or DATABASE_URL to a server on which databases may \
                 be created."
            )
        })
    }

    /// A program of this PostgreSQL, to be run as the account that may run it and with no environment of ours: PGDATA,
    /// PGPORT and their like would redirect it.
    pub(super) fn program(&self, name: &str) -> Command {
        let mut command = Command::new(self.folder.join(name));
        command
            .env_clear()
            .env("PATH", environment::path())
            .current_dir("/");
        if let Some(account) = Account::to_run_as() {
            account.run(&mut command);
        }
        command
    }

    fn installed() -> Option<Self> {
        let path = environment::path();
        let on_path = env::split_paths(&path).filter_map(|folder| real_folder(&folder));
        on_path
            .chain(packaged())
            .find_map(|folder| Self::at(&folder).ok())
    }

    /// Asks the programs themselves, for a folder may be there and yet be of no use: too old, or closed to the account.
    fn at(folder: &Path) -> Result<Self> {
        ensure!(
            folder.join("initdb").is_file(),
            "there is no initdb in {}",
            folder.display()
        );
        let binaries = Self {
            folder: folder.to_owned(),
        };
        let output = binaries
            .program("postgres")
            .arg("--version")
            .output()
            .with_context(|| format!("postgres of {} does not start", folder.display()))?;
        let version = String::from_utf8_lossy(&output.stdout);
        match major(&version) {
            Some(OLDEST_MAJOR..) => Ok(binaries),
            _ => bail!(
                "{} holds no PostgreSQL {OLDEST_MAJOR} or later: postgres --version answers {:?} {:?}",
                folder.display(),
                version.trim(),
                String::from_utf8_lossy(&output.stderr).trim(),
            ),
        }
    }
}

/// Follows the link that stands on PATH to the folder in which `initdb` stands too.
fn real_folder(folder: &Path) -> Option<PathBuf> {
    let postgres = folder.join("postgres").canonicalize().ok()?;
    postgres.parent().map(Path::to_owned)
}

/// The folders of packages, the highest release first.
fn packaged() -> Vec<PathBuf> {
    let mut folders: Vec<(Option<u32>, PathBuf)> = Vec::new();
    for parent in PACKAGES {
        for entry in fs::read_dir(parent).into_iter().flatten().flatten() {
            let folder = entry.path().join("bin");
            if folder.join("postgres").is_file() {
                folders.push((release(&entry.file_name().to_string_lossy()), folder));
            }
        }
    }
    folders.sort_by_key(|(release, _)| std::cmp::Reverse(*release));
    folders.into_iter().map(|(_, folder)| folder).collect()
}

/// The number in a package's folder: `15`, `pgsql-15`, `postgresql@15`.
fn release(folder: &str) -> Option<u32> {
    folder.rsplit(['-', '@']).next()?.parse().ok()
}

/// The number in `postgres (PostgreSQL) 15.18 (Debian 15.18-0)`.
fn major(version: &str) -> Option<u32> {
    let digits = version.split_whitespace().nth(2)?;
    let end = digits
        .find(|character: char| !character.is_ascii_digit())
        .unwrap_or(digits.len());
    digits[..end].parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_release_is_read_from_what_postgres_answers() {
        assert_eq!(
            major("postgres (PostgreSQL) 15.18 (Debian 15.18-0)\n"),
            Some(15)
        );
        assert_eq!(major("postgres (PostgreSQL) 19devel"), Some(19));
        assert_eq!(major(""), None);
    }

    #[test]
    fn the_release_is_read_from_the_folder_of_a_package() {
        for folder in ["15", "pgsql-15", "postgresql@15"] {
            assert_eq!(release(folder), Some(15), "{folder}");
        }
        assert_eq!(release("postgresql"), None);
    }
}
