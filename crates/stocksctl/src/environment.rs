//! The environments, and what bears their names on the engine.

use std::fmt::{self, Display, Formatter};

use clap::ValueEnum;
use serde::{Deserialize, Serialize};

/// Where a release runs.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize, ValueEnum)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Environment {
    /// Every push to a branch.
    Dev,
    /// Pushes to release branches.
    Stage,
    /// Versions.
    Prod,
}

impl Environment {
    pub(crate) const ALL: [Self; 3] = [Self::Dev, Self::Stage, Self::Prod];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Dev => "dev",
            Self::Stage => "stage",
            Self::Prod => "prod",
        }
    }

    /// Returns true if a release needs an approval before it serves there for the first time.
    pub(crate) fn asks_for_approval(self) -> bool {
        self == Self::Prod
    }

    /// Its Compose project.
    pub(crate) fn project(self) -> String {
        format!("stocks-{self}")
    }

    /// Its Compose file, below the project's folder.
    pub(crate) fn compose_file(self) -> String {
        format!("docker-compose.{self}.yml")
    }

    /// The network of its services.
    pub(crate) fn network(self) -> String {
        format!("{self}-net")
    }

    /// The volume with the record of its releases.
    pub(crate) fn releases_volume(self) -> String {
        format!("{self}-releases")
    }
}

impl Display for Environment {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}
