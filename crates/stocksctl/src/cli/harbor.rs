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
use crate::tag::FIXED_IN_HARBOR;

pub(super) const PROJECT: &str = "stocks";
/// The rule of earlier versions, which kept every build for ever.
const ONCE_FIXED: &str = "git-*";

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
    // Names a part that is away, rather than the 500 that it causes.
    harbor.check().await?;
    harbor.ensure_project(PROJECT).await?;
    println!("project {PROJECT}: private, scanned on push");
    harbor
        .ensure_immutable(PROJECT, FIXED_IN_HARBOR, ONCE_FIXED)
        .await?;
    println!("tags that never move: {FIXED_IN_HARBOR}");
    if harbor.remove_retention(PROJECT).await? {
        println!("removed the retention policy: stocksctl images prune knows what may go");
    }
    harbor.ensure_garbage_collection().await?;
    println!("layers and images without a tag go at night");
    Ok(())
}

impl Machine {
    /// Its rights on repositories, as a registry's token names them.
    pub(super) fn registry_rights(&self) -> Vec<&'static str> {
        let of_repository = self
            .rights
            .iter()
            .filter(|(resource, _)| *resource == "repository");
        let rights = of_repository.map(|(_, action)| *action);
        rights
            .filter(|action| matches!(*action, "pull" | "push"))
            .collect()
    }

    /// Its account, with a new secret.
    pub(super) async fn account(&self, harbor: &Harbor) -> Result<Robot> {
        let robot = harbor.ensure_robot(PROJECT, self.name, self.rights).await?;
        println!("account {}", robot.name);
        Ok(robot)
    }
}
