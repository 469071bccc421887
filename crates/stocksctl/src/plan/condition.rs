//! The condition of a container, as far as requests are concerned.

use std::fmt::{self, Display, Formatter};

/// The condition of a container.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Condition {
    /// It runs, and its health check passes.
    Healthy,
    /// It runs, and its health check has not passed yet.
    Starting,
    /// It runs, and its health check fails.
    Unhealthy,
    /// Its processes are frozen: connections are accepted by the kernel and never answered.
    Paused,
    /// It ends again and again, and the engine starts it each time.
    Restarting,
    /// It was created and never started.
    Created,
    /// It has ended, with this exit code.
    Stopped(i64),
    /// It runs, and is not on this network, or not under the name that the proxy looks up.
    Disconnected(String),
}

impl Condition {
    /// Takes requests now, or will by itself.
    pub(crate) fn is_sound(&self) -> bool {
        matches!(self, Self::Healthy | Self::Starting)
    }

    /// A command can be run in it.
    pub(crate) fn is_running(&self) -> bool {
        matches!(
            self,
            Self::Healthy | Self::Starting | Self::Unhealthy | Self::Disconnected(_)
        )
    }

    /// The engine keeps its published ports for it.
    pub(crate) fn holds_ports(&self) -> bool {
        !matches!(self, Self::Created | Self::Stopped(_) | Self::Restarting)
    }

    /// A request may be in it, or may still reach it. Any other container is removed before its replacement starts, which
    /// Compose would otherwise start again as well.
    pub(crate) fn holds_requests(&self) -> bool {
        matches!(
            self,
            Self::Healthy | Self::Starting | Self::Unhealthy | Self::Paused
        )
    }
}

impl Display for Condition {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Healthy => write!(formatter, "healthy"),
            Self::Starting => write!(formatter, "starting"),
            Self::Unhealthy => write!(formatter, "unhealthy"),
            Self::Paused => write!(formatter, "paused"),
            Self::Restarting => write!(formatter, "restarting again and again"),
            Self::Created => write!(formatter, "created but not started"),
            Self::Stopped(code) => write!(formatter, "stopped (exit code {code})"),
            Self::Disconnected(network) => write!(formatter, "disconnected from {network}"),
        }
    }
}
