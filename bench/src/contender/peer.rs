//! The FastAPI peer: the same two services as a Python team writes them. It is not part of this repository; where its
//! folder is missing, the report says so.

use std::{
    fs,
    hash::{DefaultHasher, Hash as _, Hasher as _},
    net::{Ipv4Addr, SocketAddr, TcpListener},
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};

use super::process::{Process, Program};
use crate::{http, session::Session};

const READY_DEADLINE: Duration = Duration::from_mins(1);
const INSTALL_LIMIT: Duration = Duration::from_mins(10);

/// One of its services, ready.
pub(crate) struct Peer {
    process: Process,
    pub(crate) address: SocketAddr,
}

impl Peer {
    /// The service of this Python package; none when there is no peer.
    pub(crate) fn start(session: &Session, package: &str) -> Result<Option<Self>> {
        if !session.peer.join("requirements.txt").is_file() {
            return Ok(None);
        }
        let uvicorn = install(session)?.join("bin/uvicorn");
        let database = session.postgres.database();
        let database = database.replace("postgres://", "postgresql+psycopg2://");
        Self::serve(session, &uvicorn, package, &database).map(Some)
    }

    /// What a report says where there is none.
    pub(crate) fn missing(session: &Session) -> String {
        format!(
            "the FastAPI peer is missing: no requirements.txt in {}; name its folder with --peer",
            session.peer.display()
        )
    }

    pub(crate) fn id(&self) -> u32 {
        self.process.id()
    }

    fn serve(session: &Session, uvicorn: &Path, package: &str, database: &str) -> Result<Self> {
        let port = free_port()?;
        let name = format!("peer-{package}");
        let mut process = Program::new(&session.surroundings, &name, uvicorn)?
            .arguments([&format!("{package}.main:app"), "--host", "127.0.0.1"])
            .arguments(["--port", &port.to_string()])
            .arguments(["--log-level", "info", "--no-access-log", "--app-dir"])
            .arguments([&session.peer])
            .environment("DATABASE_URL", database)
            .environment("PYTHONDONTWRITEBYTECODE", "1")
            .start()?;
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let ready = http::first_ok(address, "/health", Instant::now(), READY_DEADLINE);
        process.ensure_running()?;
        ready.with_context(|| process.log())?;
        Ok(Self { process, address })
    }
}

/// The virtual environment of its requirements, made once. Its mark is set last: an install that was cut off is made
/// again.
fn install(session: &Session) -> Result<PathBuf> {
    let requirements = session.peer.join("requirements.txt");
    let mut hasher = DefaultHasher::new();
    fs::read(&requirements)?.hash(&mut hasher);
    let folder = session
        .surroundings
        .cache
        .join(format!("bench-peer-{:016x}", hasher.finish()));
    let complete = folder.join("complete");
    if complete.is_file() {
        return Ok(folder);
    }
    eprintln!("installing the requirements of the peer");
    if folder.exists() {
        fs::remove_dir_all(&folder)?;
    }
    fs::create_dir_all(&folder)?;
    let run = |name: &str, program: &Path| {
        Program::limited(&session.surroundings, name, program, INSTALL_LIMIT)
    };
    run("peer-venv", Path::new("python3"))?
        .arguments(["-m", "venv"])
        .arguments([&folder])
        .output()
        .context("python3 cannot make a virtual environment: install python3 and python3-venv")?;
    run("peer-pip", &folder.join("bin/pip"))?
        .arguments(["install", "--quiet", "--no-input", "--requirement"])
        .arguments([&requirements])
        .output()
        .context("the requirements of the peer cannot be installed")?;
    ensure!(
        folder.join("bin/uvicorn").is_file(),
        "the requirements of the peer bring no uvicorn"
    );
    fs::write(complete, "")?;
    Ok(folder)
}

/// Another program may take it before the peer does, which then fails and says so.
fn free_port() -> Result<u16> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    Ok(listener.local_addr()?.port())
}
