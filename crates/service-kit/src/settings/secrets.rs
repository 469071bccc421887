//! Where a secret comes from. What comes from a file may be there later, and may change: it is read again.
//!
//! The file that an agent renders has `export NAME="value"` lines, and is complete once its folder holds `.ready`.

use std::path::{Path, PathBuf};
use std::time::Duration;
use std::{fs, io};

use secrecy::SecretString;

/// File that the agent writes beside those that it rendered, last.
const READY: &str = ".ready";

/// Pause between two looks at a secret's file. It is small and in memory: reading it costs less than a watch that a rename, a
/// mount or a missing folder would break.
pub(crate) const LOOK_PAUSE: Duration = Duration::from_secs(1);

/// Where a secret comes from.
#[derive(Clone, Debug)]
pub enum SecretSource {
    /// It was given, and stays as it is.
    Fixed(SecretString),
    /// A file that holds nothing else.
    File(PathBuf),
    /// A line of the file that an agent renders.
    Rendered {
        /// The file.
        path: PathBuf,
        /// The line's name.
        name: String,
    },
}

/// Why a secret is not there.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    /// Its file cannot be read.
    #[error("{0}: {1}")]
    File(PathBuf, #[source] io::Error),
    /// The agent has not rendered everything yet.
    #[error("{0}: not there, so {1} may be half rendered")]
    NotReady(PathBuf, PathBuf),
    /// The rendered file is there without it.
    #[error("{0}: has no line {1}")]
    NoLine(PathBuf, String),
}

impl SecretSource {
    /// Reads the secret as it is now.
    pub fn read(&self) -> Result<SecretString, SecretError> {
        match self {
            Self::Fixed(secret) => Ok(secret.clone()),
            Self::File(path) => Ok(read_file(path)?.trim_end_matches(['\r', '\n']).into()),
            Self::Rendered { path, name } => {
                let text = read_file(path)?;
                let ready = path.with_file_name(READY);
                if !ready.exists() {
                    return Err(SecretError::NotReady(ready, path.clone()));
                }
                let mut lines = text.lines().filter_map(parse_line);
                lines
                    .find_map(|(found, value)| (found == *name).then_some(value))
                    .ok_or_else(|| SecretError::NoLine(path.clone(), name.clone()))
            }
        }
    }

    /// Whether it can become another one.
    pub fn is_fixed(&self) -> bool {
        matches!(self, Self::Fixed(_))
    }
}

fn read_file(path: &Path) -> Result<String, SecretError> {
    fs::read_to_string(path).map_err(|error| SecretError::File(path.to_owned(), error))
}

fn parse_line(line: &str) -> Option<(String, SecretString)> {
    let line = line.trim();
    let line = line.strip_prefix("export ").unwrap_or(line);
    let (name, value) = line.split_once('=')?;
    let quoted = value
        .strip_prefix('"')
        .and_then(|rest| rest.strip_suffix('"'));
    let value = quoted.map_or_else(|| value.to_owned(), unescape);
    (!name.starts_with('#')).then(|| (name.trim().to_owned(), value.into()))
}

/// Takes back the escapes of a double-quoted shell word: `\\`, `\"`, `\$` and `` \` ``.
fn unescape(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        match characters.peek() {
            Some(next) if character == '\\' && matches!(next, '\\' | '"' | '$' | '`') => {
                plain.extend(characters.next());
            }
            _ => plain.push(character),
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret as _;

    use super::*;

    #[test]
    fn a_line_is_read_as_a_shell_would() {
        for (line, name, value) in [
            (
                r#"export DATABASE_URL="postgresql://u:p@db/x""#,
                "DATABASE_URL",
                "postgresql://u:p@db/x",
            ),
            (r#"KEY="a\"b\\c\$d""#, "KEY", r#"a"b\c$d"#),
            ("KEY=bare=word", "KEY", "bare=word"),
        ] {
            let (read_name, read_value) = parse_line(line).unwrap();
            assert_eq!(
                (read_name.as_str(), read_value.expose_secret()),
                (name, value)
            );
        }
        for line in ["", "# KEY=comment", "no equals sign"] {
            assert!(parse_line(line).is_none(), "{line}");
        }
    }
}
