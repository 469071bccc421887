//! What holds for the whole workspace: its rules, its README, its one-command start.
#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    reason = "clippy.toml lets tests unwrap; their helpers are part of them"
)]

mod commands;
mod compose_files;
mod dependency_rules;
mod dockerfiles;
mod page;
mod readme;
mod source_rules;
mod support;
