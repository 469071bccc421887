//! The product as a whole: one process with both services, and the rules that its source keeps.

mod dependency_rules;
mod source_rules;
