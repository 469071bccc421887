//! The file of secrets that an agent renders: `export NAME="value"` lines.

use std::collections::BTreeMap;
use std::path::Path;
use std::{fs, io};

use secrecy::SecretString;

/// Reads the file; one that is missing holds nothing.
pub(super) fn read_env_file(path: &Path) -> io::Result<BTreeMap<String, SecretString>> {
    match fs::read_to_string(path) {
        Ok(text) => Ok(text.lines().filter_map(parse_line).collect()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(BTreeMap::new()),
        Err(error) => Err(error),
    }
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
