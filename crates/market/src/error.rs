//! What is wrong with a text that is no value of a type.

/// A text that breaks the rule of its type; the message states the rule, never the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be {rule}")]
pub struct Invalid {
    /// The rule, as the end of a sentence that starts with "must be".
    pub rule: &'static str,
}
