//! A PostgreSQL server in a temporary folder, on 127.0.0.1 alone, without passwords. Commits are as durable as in production:
//! fsync stays on, because what the tests prove is durability.

use std::{
    fs::{self, File},
    future::ready,
    hash::{BuildHasher, RandomState},
    net::TcpListener,
    os::unix::process::CommandExt,
    path::{Path, PathBuf},
    process::{Child, ExitStatus, Stdio},
    thread,
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, kill_process};
use sqlx::{Connection, PgConnection};
use tokio::time::timeout;

use super::{Binaries, Database, account::Account, processes};
use crate::{SmallDisk, eventually::within, watchdog::Watchdog};

const START_DEADLINE: Duration = Duration::from_mins(1);
const STOP_DEADLINE: Duration = Duration::from_secs(30);
const PORT_ATTEMPTS: u32 = 5;

/// macOS has no C.UTF-8; there C compares the same way, by bytes.
const LOCALE: &str = if cfg!(target_os = "macos") {
    "C"
} else {
    "C.UTF-8"
};

/// What differs from the defaults.
const SETTINGS: [&str; 5] = [
    "listen_addresses=127.0.0.1",
    // No socket files: the usual folder is another user's, and the path of a temporary one may be too long.
    "unix_socket_directories=",
    "max_connections=200",
    "timezone=UTC",
    "log_timezone=UTC",
];

/// A server to stop, kill and start again. Dropping it ends it and removes its folder; so does the end of the test process,
/// be it by SIGKILL.
pub struct Server {
    binaries: Binaries,
    /// Holds the log, and the data unless that is on a disk of its own.
    folder: PathBuf,
    data: PathBuf,
    /// `NAME=VALUE`, beside those of every server.
    settings: Vec<String>,
    port: u16,
    postmaster: Option<Child>,
    watchdog: Watchdog,
}

impl Server {
    /// A new server, ready for connections.
    pub async fn start() -> Self {
        Self::start_set(Vec::new()).await
    }

    /// A new server of these binaries, ready for connections.
    pub async fn start_with(binaries: Binaries) -> Self {
        Self::start_new(binaries, Vec::new()).await
    }

    /// A new server with these settings, each `NAME=VALUE`, ready for connections.
    pub async fn start_set(settings: Vec<String>) -> Self {
        Self::start_new(Binaries::find().await, settings).await
    }

    /// A new server with its data on this disk, ready for connections. It ends before the disk does.
    pub async fn start_on(disk: &SmallDisk) -> Self {
        if let Some(account) = Account::to_run_as() {
            account.own(disk.path());
        }
        let data = disk.path().join("data");
        Self::start_in(Binaries::find().await, new_folder(), data, Vec::new()).await
    }

    async fn start_new(binaries: Binaries, settings: Vec<String>) -> Self {
        let folder = new_folder();
        let data = folder.join("data");
        Self::start_in(binaries, folder, data, settings).await
    }

    async fn start_in(
        binaries: Binaries,
        folder: PathBuf,
        data: PathBuf,
        settings: Vec<String>,
    ) -> Self {
        let mut server = Self {
            watchdog: Watchdog::start("QUIT", Some(&folder)),
            binaries,
            folder,
            data,
            settings,
            port: 0,
            postmaster: None,
        };
        server.initialise().await;
        for _ in 0..PORT_ATTEMPTS {
            server.port = free_port();
            if server.launch().await {
                return server;
            }
        }
        server.fail("every port that was tried is taken")
    }

    /// `postgres://postgres@127.0.0.1:PORT/DATABASE`; the database `postgres` is always there.
    pub fn url(&self, database: &str) -> String {
        format!("postgres://postgres@127.0.0.1:{}/{database}", self.port)
    }

    /// A fresh, empty database on this server.
    pub async fn database(&self) -> Database {
        Database::on_scratch(&self.url("postgres")).await
    }

    /// Stops it as an operator does ("fast"): open transactions are rolled back, connections closed, the data written.
    pub async fn stop(&mut self) {
        if let Some(postmaster) = &self.postmaster {
            kill_process(Pid::from_child(postmaster), Signal::INT).expect("our own child");
            self.wait().await;
        }
    }

    /// Ends the postmaster and its children by SIGKILL, as a kernel out of memory does: nothing more is written.
    pub async fn kill(&mut self) {
        let Some(postmaster) = &self.postmaster else {
            return;
        };
        let id = Pid::from_child(postmaster);
        // A stopped postmaster starts no child that would be missed.
        kill_process(id, Signal::STOP).expect("our own child");
        let children = processes::children_of(id);
        kill_process(id, Signal::KILL).expect("our own child");
        for child in &children {
            // It may have ended by itself meanwhile.
            let _ = kill_process(*child, Signal::KILL);
        }
        self.wait().await;
        let gone = within(STOP_DEADLINE, || ready(!processes::any_runs(&children)));
        gone.await.expect("the children of a killed server end");
    }

    /// Starts it again on the same port and data, after a stop if it runs.
    pub async fn restart(&mut self) {
        self.stop().await;
        let restarted = timeout(START_DEADLINE, async { while !self.launch().await {} }).await;
        if restarted.is_err() {
            self.fail(&format!("port {} is taken for too long", self.port));
        }
    }

    /// Starts it again if it has given up, as a supervisor does.
    pub async fn restart_if_ended(&mut self) {
        if self.exit_status().is_some() {
            self.restart().await;
        }
    }

    /// Everything that the server has logged.
    pub fn log(&self) -> String {
        let bytes = fs::read(self.folder.join("log")).unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// Makes the data folder. `--no-sync` skips the flush of this one step; the server itself syncs.
    async fn initialise(&mut self) {
        let mut initdb = self.binaries.program("initdb");
        initdb
            .args(["--no-sync", "--no-instructions", "--encoding=UTF8"])
            .args(["-A", "trust", "-U", "postgres"])
            .arg(format!("--locale={LOCALE}"))
            .arg("-D")
            .arg(&self.data);
        self.log_to_file(&mut initdb);
        let mut child = tokio::process::Command::from(initdb)
            .spawn()
            .expect("initdb starts");
        self.watchdog
            .guard(child.id().expect("it is not waited for yet"));
        let status = child.wait().await.expect("our own child");
        self.watchdog.release();
        assert!(status.success(), "initdb: {status}\n{}", self.log());
    }

    /// Whether it is ready; false when another process has taken the port.
    async fn launch(&mut self) -> bool {
        let logged = self.log().len();
        let mut postgres = self.binaries.program("postgres");
        postgres
            .arg("-D")
            .arg(&self.data)
            .arg("-p")
            .arg(self.port.to_string());
        let own = self.settings.iter().map(String::as_str);
        for setting in SETTINGS.into_iter().chain(own) {
            postgres.args(["-c", setting]);
        }
        self.log_to_file(&mut postgres);
        let postmaster = postgres.spawn().expect("postgres starts");
        self.watchdog.guard(postmaster.id());
        self.postmaster = Some(postmaster);

        let started = within(START_DEADLINE, || {
            let status = self.exit_status();
            let ready = is_ready(self.url("postgres"), self.data.clone());
            async move {
                match status {
                    Some(status) => Some(Err(status)),
                    None => ready.await.then_some(Ok(())),
                }
            }
        });
        let status = match started.await {
            Ok(Ok(())) => return true,
            Ok(Err(status)) => status,
            Err(_) => self.fail("PostgreSQL is not ready in time"),
        };
        let log = self.log();
        let news = log.get(logged..).unwrap_or(&log);
        assert!(
            news.contains("could not bind"),
            "PostgreSQL does not start: {status}\n{news}"
        );
        false
    }

    /// A group of its own: Ctrl-C at the terminal is for the tests, which end the server.
    fn log_to_file(&self, command: &mut std::process::Command) {
        let log = File::options()
            .create(true)
            .append(true)
            .open(self.folder.join("log"))
            .expect("the server's folder is ours");
        let errors = log.try_clone().expect("a second handle");
        command
            .process_group(0)
            .stdin(Stdio::null())
            .stdout(log)
            .stderr(errors);
    }

    async fn wait(&mut self) {
        let ended = within(STOP_DEADLINE, || ready(self.exit_status())).await;
        if ended.is_err() {
            self.fail("PostgreSQL does not end");
        }
    }

    fn fail(&self, what: &str) -> ! {
        panic!("{what}\n{}", self.log())
    }

    /// Some once the postmaster has ended, or when none was started.
    fn exit_status(&mut self) -> Option<ExitStatus> {
        let Some(postmaster) = &mut self.postmaster else {
            return Some(ExitStatus::default());
        };
        let status = postmaster.try_wait().expect("our own child")?;
        self.postmaster = None;
        self.watchdog.release();
        Some(status)
    }
}

impl Drop for Server {
    /// "Immediate": the data is thrown away, so nothing is written any more. The watchdog removes the folder.
    fn drop(&mut self) {
        let Some(postmaster) = &mut self.postmaster else {
            return;
        };
        let _ = kill_process(Pid::from_child(postmaster), Signal::QUIT);
        let deadline = Instant::now() + STOP_DEADLINE;
        while let Ok(None) = postmaster.try_wait() {
            if Instant::now() > deadline {
                drop(postmaster.kill());
            }
            thread::sleep(Duration::from_millis(5));
        }
        self.watchdog.release();
    }
}

/// Asks for the data folder, because the port may have become that of another test's server.
async fn is_ready(url: String, data: PathBuf) -> bool {
    let asked = async {
        let mut connection = PgConnection::connect(&url).await?;
        let folder = sqlx::query_scalar("show data_directory")
            .fetch_one(&mut connection)
            .await?;
        connection.close().await?;
        Ok::<String, sqlx::Error>(folder)
    };
    asked.await.is_ok_and(|folder| data == Path::new(&folder))
}

fn new_folder() -> PathBuf {
    let folder = tempfile::Builder::new()
        .prefix("testkit-postgres-")
        .tempdir()
        .expect("a temporary folder")
        // Kept: the watchdog is the one that removes it.
        .keep()
        .canonicalize()
        .expect("the folder was just made");
    if let Some(account) = Account::to_run_as() {
        account.own(&folder);
    }
    folder
}

/// Below the ports that systems give to outgoing connections, so that none of them sits on it while the server is stopped.
fn free_port() -> u16 {
    let state = RandomState::new();
    (0_u32..1_000)
        .map(|attempt| {
            20_000 + u16::try_from(state.hash_one(attempt) % 12_000).expect("below 12,000")
        })
        .find(|port| TcpListener::bind(("127.0.0.1", *port)).is_ok())
        .expect("one port of 12,000 is free")
}
