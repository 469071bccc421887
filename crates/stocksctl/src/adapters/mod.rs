//! The world: the engine, the registry, the signatures. The only place with input and output.

pub(crate) mod bill;
pub(crate) mod buildx;
pub(crate) mod chance;
mod compose;
pub(crate) mod cosign;
pub(crate) mod docker;
pub(crate) mod github;
pub(crate) mod harbor;
mod helper;
pub(crate) mod id_token;
pub(crate) mod layout;
pub(crate) mod platform;
pub(crate) mod private;
pub(crate) mod process;
pub(crate) mod registry;
mod seen;
pub(crate) mod sonarqube;
pub(crate) mod source;
pub(crate) mod state;
pub(crate) mod tickets;
pub(crate) mod trivy;
pub(crate) mod tunnel;
pub(crate) mod vault;
