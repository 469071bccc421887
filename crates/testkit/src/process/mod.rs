//! A service as it runs in production: its binary in a process of its own, talked to by signals, sockets and its log.

mod log;

use std::{
    net::SocketAddr,
    path::Path,
    process::{Child, Command, ExitStatus, Stdio},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use rustix::process::{Pid, Signal, kill_process};

use self::log::Log;
use crate::{
    environment,
    eventually::{Outcome, within},
    http::{Client, Method},
    watchdog::Watchdog,
};

const ADDRESS_DEADLINE: Duration = Duration::from_secs(30);
const READY_DEADLINE: Duration = Duration::from_secs(30);

/// All that a service gets of our environment. The last one is for measuring coverage, when that is on.
const INHERITED: [&str; 3] = ["PATH", "HOME", "LLVM_PROFILE_FILE"];

/// A running binary. Dropping it kills it; so does the end of the test process, be it by SIGKILL.
pub struct Service {
    program: String,
    running: Mutex<Running>,
    log: Arc<Log>,
}

struct Running {
    child: Child,
    watchdog: Watchdog,
}

impl Service {
    /// Starts a program with `PORT=0` and `LOG_FORMAT=json`, PATH and HOME, and with what `env` adds or overrides; nothing else
    /// of our environment reaches it.
    pub fn spawn(program: &Path, args: &[&str], env: &[(&str, &str)]) -> Self {
        let inherited = INHERITED
            .into_iter()
            .filter_map(|name| Some((name, environment::variable(name)?)));
        let mut watchdog = Watchdog::start("KILL", None);
        let mut child = Command::new(program)
            .args(args)
            .env_clear()
            .envs(inherited)
            .envs([("PORT", "0"), ("LOG_FORMAT", "json")])
            .envs(env.iter().copied())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("{} does not start: {error}", program.display()));
        watchdog.guard(child.id());
        Self {
            program: program.display().to_string(),
            log: Log::of(&mut child),
            running: Mutex::new(Running { child, watchdog }),
        }
    }

    /// Where a service of this process listens, by the name that its line in the log gives.
    pub async fn address(&self, service: &str) -> SocketAddr {
        self.listening(Some(service)).await
    }

    /// The URL of the service, when the process has just one.
    pub async fn url(&self) -> String {
        format!("http://{}", self.listening(None).await)
    }

    /// The URL of the service of this name.
    pub async fn url_of(&self, service: &str) -> String {
        format!("http://{}", self.address(service).await)
    }

    /// Waits until the service answers `GET /readyz` with 200, and yields a client for it.
    pub async fn wait_ready(&self) -> Client {
        self.ready(self.url().await).await
    }

    /// [`Self::wait_ready`] for the service of this name.
    pub async fn wait_ready_of(&self, service: &str) -> Client {
        self.ready(self.url_of(service).await).await
    }

    /// The id of its process.
    pub fn id(&self) -> u32 {
        self.running().child.id()
    }

    /// The last lines that it wrote to its standard error and output.
    pub fn log(&self) -> String {
        self.log.text()
    }

    /// Asks it to end (SIGTERM).
    pub fn terminate(&self) {
        self.signal(Signal::TERM);
    }

    /// Ends it at once (SIGKILL).
    pub fn kill(&self) {
        self.signal(Signal::KILL);
    }

    /// Waits until it has ended; its log is complete then.
    pub async fn wait(&self, deadline: Duration) -> ExitStatus {
        match within(deadline, async || self.exit_status()).await {
            Ok(status) => {
                self.log.complete();
                status
            }
            Err(_) => self.fail(&format!("has not ended within {deadline:?}")),
        }
    }

    async fn listening(&self, service: Option<&str>) -> SocketAddr {
        let what = format!("logged the address of {}", service.unwrap_or("its service"));
        let attempt = async || self.log.address(service);
        self.while_running(ADDRESS_DEADLINE, &what, attempt).await
    }

    async fn ready(&self, url: String) -> Client {
        let client = Client::new(url);
        let what = format!("answered {}/readyz with 200", client.base_url());
        let attempt = async || {
            let answer = client.builder(Method::GET, "/readyz").send().await;
            answer.is_ok_and(|answer| answer.status() == 200)
        };
        self.while_running(READY_DEADLINE, &what, attempt).await;
        client
    }

    /// Over at once when the process has ended: what is waited for will not come then.
    async fn while_running<O: Outcome, F: Future<Output = O>>(
        &self,
        deadline: Duration,
        what: &str,
        mut attempt: impl FnMut() -> F,
    ) -> O::Value {
        let outcome = within(deadline, || {
            let status = self.exit_status();
            if status.is_some() {
                self.log.complete();
            }
            let attempt = attempt();
            async move {
                match attempt.await.value() {
                    Some(value) => Some(Ok(value)),
                    None => status.map(Err),
                }
            }
        });
        match outcome.await {
            Ok(Ok(value)) => value,
            Ok(Err(status)) => self.fail(&format!("ended ({status}) and had not {what}")),
            Err(_) => self.fail(&format!("has not {what} within {deadline:?}")),
        }
    }

    fn fail(&self, what: &str) -> ! {
        panic!("{} {what}\n{}", self.program, self.log.text())
    }

    fn signal(&self, signal: Signal) {
        // Not once it is waited for: its id may be another process's by then.
        if self.exit_status().is_none() {
            let id = Pid::from_child(&self.running().child);
            kill_process(id, signal).expect("our own child");
        }
    }

    fn exit_status(&self) -> Option<ExitStatus> {
        let mut running = self.running();
        let status = running.child.try_wait().expect("our own child");
        if status.is_some() {
            running.watchdog.release();
        }
        status
    }

    fn running(&self) -> MutexGuard<'_, Running> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
        self.watchdog.release();
    }
}
