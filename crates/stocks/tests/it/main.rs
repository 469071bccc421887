//! What holds for the whole workspace: its rules, its README, its one-command start.

mod dependency_rules;
mod readme;
mod source_rules;
