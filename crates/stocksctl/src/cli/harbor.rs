//! `harbor`: the project that images are kept in, with its rules.
#![expect(
    clippy::print_stdout,
    reason = "what was asked for goes to the standard output"
)]

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, Result};
use clap::Args;

use super::read_secret;
use crate::adapters::harbor::{Harbor, Robot};
use crate::adapters::private::write_private;

pub(super) const PROJECT: &str = "stocks";
/// Tags that never move.
const IMMUTABLE: [&str; 2] = ["git-*", "v*"];
/// What is kept of each repository beside the newest images.
const KEPT: [&str; 3] = ["v*", "latest", "buildcache"];
const NEWEST: u32 = 100;
/// A machine's account, and what it may do.
pub(super) struct Machine {
    pub(super) name: &'static str,
    rights: &'static [(&'static str, &'static str)],
}

/// Builds, signs and scans.
pub(super) const CI: Machine = Machine {
    name: "ci",
    rights: &[
        ("repository", "pull"),
        ("repository", "push"),
        ("repository", "list"),
        ("artifact", "read"),
        ("artifact", "list"),
        ("tag", "create"),
        ("tag", "list"),
    ],
};
/// Brings releases into service, and names what has come into service: a name is pushed.
pub(super) const DEPLOY: Machine = Machine {
    name: "deploy",
    rights: &[
        ("repository", "pull"),
        ("repository", "push"),
        ("artifact", "read"),
        ("artifact", "list"),
        ("tag", "create"),
        ("tag", "list"),
    ],
};
/// The hosts of environments, when they are started by hand.
pub(super) const PULL: Machine = Machine {
    name: "pull",
    rights: &[("repository", "pull")],
};

/// Which Harbor, and who asks.
#[derive(Args)]
pub(super) struct Account {
    /// Harbor's own address, `https://harbor.example`
    #[arg(id = "harbor", long = "harbor", env = "HARBOR_URL")]
    url: Option<String>,
    /// The account
    #[arg(
        long = "harbor-user",
        env = "HARBOR_API_USERNAME",
        default_value = "admin"
    )]
    user: String,
    /// The file with its password
    #[arg(
        id = "harbor_password_file",
        long = "harbor-password-file",
        env = "HARBOR_API_PASSWORD_FILE"
    )]
    password_file: Option<PathBuf>,
}

impl Account {
    /// The client, where an address is given.
    pub(super) fn harbor(&self) -> Result<Option<Harbor>> {
        let Some(url) = &self.url else {
            return Ok(None);
        };
        let file = self.password_file.as_ref();
        let file = file.context("--harbor-password-file says where the password is")?;
        Harbor::new(url, &self.user, &read_secret(file)?).map(Some)
    }
}

#[derive(Args)]
pub(super) struct Setup {
    #[command(flatten)]
    account: Account,
    /// A folder for the secrets of the accounts it makes: `<account>.name` and `<account>.secret`
    #[arg(long)]
    secrets_to: PathBuf,
}

impl Setup {
    pub(super) async fn run(self) -> Result<ExitCode> {
        let harbor = self.account.harbor()?;
        set_up(
            &harbor.context("--harbor says where Harbor is")?,
            &self.secrets_to,
        )
        .await?;
        Ok(ExitCode::SUCCESS)
    }
}

async fn set_up(harbor: &Harbor, secrets_to: &Path) -> Result<()> {
    set_up_project(harbor).await?;
    std::fs::create_dir_all(secrets_to).with_context(|| secrets_to.display().to_string())?;
    for machine in [&CI, &DEPLOY, &PULL] {
        let robot = machine.account(harbor).await?;
        let name = machine.name;
        write_private(&secrets_to.join(format!("{name}.name")), &robot.name)?;
        write_private(&secrets_to.join(format!("{name}.secret")), &robot.secret)?;
    }
    Ok(())
}

/// Each step finds out what is there: an interrupted call is made good by the next.
pub(super) async fn set_up_project(harbor: &Harbor) -> Result<()> {
    harbor.ensure_project(PROJECT).await?;
    println!("project {PROJECT}: private, scanned on push");
    harbor.ensure_immutable(PROJECT, &IMMUTABLE).await?;
    println!("tags that never move: {}", IMMUTABLE.join(", "));
    harbor.ensure_retention(PROJECT, NEWEST, &KEPT).await?;
    println!("kept: the newest {NEWEST}, {}", KEPT.join(", "));
    harbor.ensure_garbage_collection().await?;
    println!("what no tag names goes at night");
    Ok(())
}

impl Machine {
    /// Its account, with a new secret.
    pub(super) async fn account(&self, harbor: &Harbor) -> Result<Robot> {
        let robot = harbor.ensure_robot(PROJECT, self.name, self.rights).await?;
        println!("account {}", robot.name);
        Ok(robot)
    }
}
