//! `sonarqube-setup`: the projects, the quality gate and the pipeline's token.
#![expect(
    clippy::print_stdout,
    reason = "what was asked for goes to the standard output"
)]

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context as _, Result, anyhow};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use clap::Args;
use ring::rand::{SecureRandom as _, SystemRandom};

use super::read_secret;
use super::secrets::write_private;
use crate::adapters::sonarqube::{Condition, SonarQube};
use crate::release::Service;

/// What `SonarQube` comes with.
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
        let server = self.administrator().await?;
        if server.make_gate(GATE).await? {
            println!("made the quality gate {GATE}");
        }
        for condition in &CONDITIONS {
            if server.set_condition(GATE, condition).await? {
                println!("{GATE} shuts when {condition}");
            }
        }
        server.use_gate(GATE).await?;
        for service in Service::ALL {
            let project = project(service);
            if server
                .make_project(&project, &format!("Stocks App: {service}"))
                .await?
            {
                println!("made the project {project}");
            }
        }
        if let Ok(token) = read_secret(&self.token_to)
            && SonarQube::with_token(&self.server, &token)?
                .is_valid()
                .await?
        {
            return Ok(ExitCode::SUCCESS);
        }
        let token = server.make_token(TOKEN_NAME).await?;
        write_private(&self.token_to, &token)?;
        println!("made a token: {}", self.token_to.display());
        Ok(ExitCode::SUCCESS)
    }

    /// The administrator, with a password that is not the first one.
    async fn administrator(&self) -> Result<SonarQube> {
        let file = &self.admin_password_to;
        if file.exists() {
            let server = SonarQube::with_password(&self.server, "admin", &read_secret(file)?)?;
            if server.is_valid().await? {
                return Ok(server);
            }
        } else {
            // Kept before it is set: what was interrupted between the two goes on.
            write_private(file, &new_password()?)?;
        }
        let password = read_secret(file)?;
        let server = SonarQube::with_password(&self.server, "admin", FIRST_PASSWORD)?;
        server
            .set_password("admin", FIRST_PASSWORD, &password)
            .await
            .with_context(|| format!("{} does not open SonarQube", file.display()))?;
        println!("set the administrator's password: {}", file.display());
        SonarQube::with_password(&self.server, "admin", &password)
    }
}

/// The key of a service's project, as in its `sonar-project.properties`.
pub(super) fn project(service: Service) -> String {
    format!("stocks-{service}")
}

/// `SonarQube` wants a capital, a small letter, a digit and something else in it.
fn new_password() -> Result<String> {
    let mut bytes = [0; PASSWORD_BYTES];
    let filled = SystemRandom::new().fill(&mut bytes);
    filled.map_err(|_| anyhow!("the system has no randomness"))?;
    Ok(format!("aA1-{}", URL_SAFE_NO_PAD.encode(bytes)))
}
