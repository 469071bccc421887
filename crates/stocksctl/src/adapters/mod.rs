//! The world: the engine, the registry, the signatures. The only place with input and output.

pub(crate) mod cosign;
pub(crate) mod docker;
pub(crate) mod registry;
pub(crate) mod state;
pub(crate) mod tunnel;
