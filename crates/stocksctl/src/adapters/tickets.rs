//! Tickets for runners: a folder in which a runner asks for one and finds it.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, Result};

use super::chance::random;
use super::github::{Repository, RunnerSettings};
use super::private::write_private;
use crate::progress::note;

const LOOK_EVERY: Duration = Duration::from_secs(1);
const FIRST_PAUSE: Duration = Duration::from_secs(5);
const LONGEST_PAUSE: Duration = Duration::from_mins(5);

/// The folder. `wanted` in it asks, `ticket` answers.
pub(crate) struct Tickets {
    folder: PathBuf,
    runner: RunnerSettings,
}

impl Tickets {
    pub(crate) fn new(folder: &Path, runner: RunnerSettings) -> Self {
        let folder = folder.to_owned();
        Self { folder, runner }
    }

    /// Answers for as long as it runs. The token is read each time: it may come later, and change.
    pub(crate) async fn serve(
        &self,
        token_file: &Path,
        repository: impl Fn(String) -> Repository,
    ) -> Result<()> {
        let mut pause = FIRST_PAUSE;
        loop {
            if !self.is_wanted() {
                tokio::time::sleep(LOOK_EVERY).await;
                continue;
            }
            match self.answer(token_file, &repository).await {
                Ok(name) => {
                    note(&format!("a ticket for {name}"));
                    pause = FIRST_PAUSE;
                }
                Err(error) => {
                    note(&format!(
                        "no ticket, again in {} s: {error:#}",
                        pause.as_secs()
                    ));
                    tokio::time::sleep(pause).await;
                    pause = (pause * 2).min(LONGEST_PAUSE);
                }
            }
        }
    }

    fn is_wanted(&self) -> bool {
        self.folder.join("wanted").exists()
    }

    /// Yields the name of the runner that it is for.
    async fn answer(
        &self,
        token_file: &Path,
        repository: impl Fn(String) -> Repository,
    ) -> Result<String> {
        let token = std::fs::read_to_string(token_file);
        let token = token.with_context(|| token_file.display().to_string())?;
        let token = token.trim();
        anyhow::ensure!(
            !token.is_empty(),
            "secret/infra/runner#github_token is empty: a fine-grained token that may administer the repository"
        );
        let name = new_name()?;
        let repository = repository(token.to_owned());
        let ticket = repository.ticket(&name, &self.runner).await?;
        self.give(&ticket)?;
        Ok(name)
    }

    /// A runner that has its ticket may ask for another at once, so this one is no longer asked for before it is there.
    fn give(&self, ticket: &str) -> Result<()> {
        std::fs::remove_file(self.folder.join("wanted")).context("nobody waits for the ticket")?;
        let new = self.folder.join(".ticket");
        write_private(&new, ticket)?;
        std::fs::rename(&new, self.folder.join("ticket"))?;
        Ok(())
    }
}

/// GitHub forgets a runner with its job, or a day after; no two that it knows may have one name.
fn new_name() -> Result<String> {
    Ok(format!("stocks-{:016x}", u64::from_be_bytes(random()?)))
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use axum::extract::State;
    use axum::http::{HeaderMap, StatusCode};
    use axum::routing::post;
    use axum::{Json, Router};
    use serde_json::{Value, json};

    use super::*;

    type Asked = Arc<Mutex<Vec<Value>>>;

    /// As the REST API answers, without what is not read.
    async fn generate(
        State(asked): State<Asked>,
        headers: HeaderMap,
        Json(wanted): Json<Value>,
    ) -> (StatusCode, Json<Value>) {
        if headers["authorization"] != "Bearer github_pat_1" {
            return (
                StatusCode::UNAUTHORIZED,
                Json(json!({"message": "Bad credentials"})),
            );
        }
        let name = wanted["name"].clone();
        asked.lock().unwrap().push(wanted);
        let runner =
            json!({"id": 23, "name": name, "os": "unknown", "status": "offline", "busy": false});
        let answer = json!({"runner": runner, "encoded_jit_config": "abcdefg"});
        (StatusCode::CREATED, Json(answer))
    }

    async fn github() -> (String, Asked) {
        let asked = Asked::default();
        let path = "/repos/owner/stocks-app/actions/runners/generate-jitconfig";
        let app = Router::new()
            .route(path, post(generate))
            .with_state(Arc::clone(&asked));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, app).await });
        drop(rustls::crypto::ring::default_provider().install_default());
        (address, asked)
    }

    #[tokio::test]
    async fn who_asks_gets_one_ticket_once_there_is_a_token() {
        let (api, asked) = github().await;
        let folder = tempfile::tempdir().unwrap();
        let runner = RunnerSettings {
            labels: vec!["stocks-pull-request".to_owned()],
            work_folder: "/srv/work".to_owned(),
        };
        let tickets = Tickets::new(folder.path(), runner);
        let token_file = folder.path().join("token");
        let repository = |token| Repository {
            api: api.clone(),
            name: "owner/stocks-app".to_owned(),
            token,
        };
        let answer = || tickets.answer(&token_file, repository);

        assert!(!tickets.is_wanted());
        std::fs::write(folder.path().join("wanted"), "").unwrap();
        assert!(tickets.is_wanted());

        for (token, reason) in [("", "is empty"), ("github_pat_2", "401")] {
            std::fs::write(&token_file, token).unwrap();
            let refused = answer().await.unwrap_err().to_string();
            assert!(refused.contains(reason), "{refused}");
            assert!(tickets.is_wanted());
        }
        std::fs::write(&token_file, "github_pat_1\n").unwrap();
        let name = answer().await.unwrap();
        let ticket = std::fs::read_to_string(folder.path().join("ticket")).unwrap();
        assert_eq!(ticket, "abcdefg");
        assert!(!tickets.is_wanted());
        let wanted = json!({"name": name, "runner_group_id": 1, "labels": ["stocks-pull-request"], "work_folder": "/srv/work"});
        assert_eq!(*asked.lock().unwrap(), [wanted]);
    }
}
