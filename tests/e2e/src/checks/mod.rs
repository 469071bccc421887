//! What must hold, a file for each subject.

pub(crate) mod bootstrap;
pub(crate) mod confinement;
pub(crate) mod data;
pub(crate) mod delivery;
pub(crate) mod isolation;
pub(crate) mod newcomer;
pub(crate) mod outage;
pub(crate) mod platform;
pub(crate) mod policies;
pub(crate) mod recovery;
pub(crate) mod reference;
pub(crate) mod rotation;
pub(crate) mod secrecy;
pub(crate) mod serving;
