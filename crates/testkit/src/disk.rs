//! A disk that is soon full: a file system in memory, of a few mebibytes, with ballast to fill it up and to free it again.

use std::{
    fs::{self, File},
    io::{ErrorKind, Write},
    path::{Path, PathBuf},
    process::Command,
};

use crate::{environment, watchdog::Watchdog};

const BALLAST_STEP_BYTES: usize = 16 * 1024;

/// A small disk. Dropping it unmounts it, and so does the end of the test process, be it by SIGKILL.
pub struct SmallDisk {
    folder: PathBuf,
    _watchdog: Watchdog,
}

impl SmallDisk {
    /// An empty disk of this size.
    ///
    /// # Panics
    /// When it cannot be mounted: only root may do that.
    pub fn mount(mebibytes: u32) -> Self {
        let folder = tempfile::Builder::new()
            .prefix("testkit-disk-")
            .tempdir()
            .expect("a temporary folder")
            // Kept: the watchdog is the one that removes it.
            .keep()
            .canonicalize()
            .expect("the folder was just made");
        let watchdog = Watchdog::of_mount(&folder, "tmpfs");
        let output = Command::new("mount")
            .args(["-t", "tmpfs", "-o", &format!("size={mebibytes}m,mode=755")])
            .arg("tmpfs")
            .arg(&folder)
            .env_clear()
            .env("PATH", environment::path())
            .output()
            .expect("testkit needs the program `mount` of Linux for a disk that is full");
        assert!(
            output.status.success(),
            "a small disk cannot be mounted: {}\n\
             Run this test as root, or in a container that may mount: \
             sudo -E env PATH=\"$PATH\" cargo test, or docker run --cap-add SYS_ADMIN",
            String::from_utf8_lossy(&output.stderr).trim()
        );
        Self {
            folder,
            _watchdog: watchdog,
        }
    }

    /// Its root.
    pub fn path(&self) -> &Path {
        &self.folder
    }

    /// Takes all that is left, to the last byte.
    pub fn fill(&self) {
        let mut ballast = File::options()
            .create(true)
            .append(true)
            .open(self.ballast())
            .expect("the disk is ours");
        let zeros = [0; BALLAST_STEP_BYTES];
        loop {
            match ballast.write(&zeros) {
                Ok(_) => {}
                Err(error) if error.kind() == ErrorKind::StorageFull => return,
                Err(error) => panic!("the disk cannot be filled: {error}"),
            }
        }
    }

    /// Gives back what [`Self::fill`] took.
    pub fn free(&self) {
        // Emptied first: a process that another thread is starting may still have the ballast open, and a removed file
        // keeps its blocks until the last one has closed it.
        File::create(self.ballast()).expect("the disk was filled");
        fs::remove_file(self.ballast()).expect("it was just emptied");
    }

    fn ballast(&self) -> PathBuf {
        self.folder.join("ballast")
    }
}
