//! `sonarqube-setup`: the projects, the quality gate and the pipeline's token.
#![expect(
    clippy::print_stdout,
    reason = "what was asked for goes to the standard output"
)]

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context as _, Result};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use clap::Args;

use super::read_secret;
use crate::adapters::chance::random;
use crate::adapters::private::write_private;
use crate::adapters::sonarqube::{Condition, SonarQube};
use crate::release::Service;

/// What `SonarQube` comes with.
const ADMINISTRATOR: &str = "admin";
const FIRST_PASSWORD: &str = "admin";
const PASSWORD_BYTES: usize = 24;
const TOKEN_NAME: &str = "ci";
const GATE: &str = "stocks";
/// What shuts the gate, whenever the code was written. `SonarQube` adds its own conditions for new code.
const CONDITIONS: [Condition; 3] = [
    // Of whatever severity: SonarQube counts what clippy says as middling.
    Condition {
        metric: "violations",
        operator: "GT",
        limit: "0",
    },
    Condition {
        metric: "coverage",
        operator: "LT",
        limit: "80",
    },
    Condition {
        metric: "duplicated_lines_density",
        operator: "GT",
        limit: "3",
    },
];

#[derive(Args)]
pub(super) struct Setup {
    /// `SonarQube`
    #[arg(long, env = "SONAR_HOST_URL", default_value = "http://localhost:9000")]
    server: String,
    /// The file with the administrator's password; where there is none, a new password is set and written there
    #[arg(long)]
    admin_password_to: PathBuf,
    /// The file for the pipeline's token; one that is there already is kept when it works
    #[arg(long)]
    token_to: PathBuf,
}

impl Setup {
    pub(super) async fn run(self) -> Result<ExitCode> {
        let file = &self.admin_password_to;
        if !file.exists() {
            // Kept before it is set: what was interrupted between the two goes on.
            write_private(file, &new_password()?)?;
        }
        let password = read_secret(file)?;
        let token = read_secret(&self.token_to).ok();
        let set_up = set_up(&self.server, &password, token.as_deref()).await;
        let made = set_up.with_context(|| format!("with the password in {}", file.display()))?;
        if let Some(token) = made {
            write_private(&self.token_to, &token)?;
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// Gives it the administrator's password, the gate, the projects, and a token when this one is none. Each step finds out what
/// is there: an interrupted call is made good by the next.
pub(super) async fn set_up(
    server: &str,
    password: &str,
    token: Option<&str>,
) -> Result<Option<String>> {
    let admin = administrator(server, password).await?;
    if admin.make_gate(GATE).await? {
        println!("made the quality gate {GATE}");
    }
    for condition in &CONDITIONS {
        if admin.set_condition(GATE, condition).await? {
            println!("{GATE} shuts when {condition}");
        }
    }
    admin.use_gate(GATE).await?;
    for service in Service::ALL {
        let project = project(service);
        let name = format!("Stocks App: {service}");
        if admin.make_project(&project, &name).await? {
            println!("made the project {project}");
        }
    }
    if let Some(token) = token
        && SonarQube::with_token(server, token)?.is_valid().await?
    {
        return Ok(None);
    }
    let token = admin.make_token(TOKEN_NAME).await?;
    println!("made a token");
    Ok(Some(token))
}

/// The administrator, whose password is no longer the first one.
async fn administrator(server: &str, password: &str) -> Result<SonarQube> {
    let admin = SonarQube::with_password(server, ADMINISTRATOR, password)?;
    if admin.is_valid().await? {
        return Ok(admin);
    }
    SonarQube::with_password(server, ADMINISTRATOR, FIRST_PASSWORD)?
        .set_password(ADMINISTRATOR, FIRST_PASSWORD, password)
        .await
        .context("SonarQube knows neither this password nor its first one")?;
    println!("set the administrator's password");
    Ok(admin)
}

/// The key of a service's project, as in its `sonar-project.properties`.
pub(super) fn project(service: Service) -> String {
    format!("stocks-{service}")
}

/// `SonarQube` wants a capital, a small letter, a digit and something else in it.
fn new_password() -> Result<String> {
    let bytes = random::<PASSWORD_BYTES>()?;
    Ok(format!("aA1-{}", URL_SAFE_NO_PAD.encode(bytes)))
}
