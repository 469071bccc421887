//! Reads settings one by one and reports every wrong one together.

use std::collections::BTreeMap;
use std::fmt::{Display, Write as _};
use std::fs;
use std::ops::RangeInclusive;
use std::path::Path;
use std::str::FromStr;

use secrecy::SecretString;

use super::secrets;

/// File that the Vault agent renders; its values count where the environment names none.
const RENDERED_SECRETS: &str = "/vault/secrets/db.env";

/// Takes settings from texts by name.
pub struct Reader {
    variables: BTreeMap<String, String>,
    rendered: BTreeMap<String, SecretString>,
    rows: Vec<SettingRow>,
    errors: Vec<String>,
}

/// One setting, as the documentation shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SettingRow {
    /// Name of the variable.
    pub name: String,
    /// What counts when it is not set; empty when nothing does.
    pub default: String,
    /// What it sets.
    pub help: &'static str,
}

/// Every setting that is wrong, one a line.
#[derive(Debug, thiserror::Error)]
#[error("{count} wrong in the settings:\n{list}", count = count(.0.len()), list = .0.join("\n"))]
pub struct SettingsError(Vec<String>);

fn count(errors: usize) -> String {
    if errors == 1 {
        "1 value is".to_owned()
    } else {
        format!("{errors} values are")
    }
}

impl Reader {
    /// A reader of these variables.
    pub fn new(variables: impl IntoIterator<Item = (String, String)>) -> Self {
        let mut reader = Self {
            variables: variables
                .into_iter()
                .filter(|(_, value)| !value.is_empty())
                .collect(),
            rendered: BTreeMap::new(),
            rows: Vec::new(),
            errors: Vec::new(),
        };
        let path = reader.value(
            "SECRETS_FILE",
            RENDERED_SECRETS.to_owned(),
            "file of `NAME=value` lines with secrets, as the Vault agent renders it; may be missing",
        );
        match secrets::read_env_file(Path::new(&path)) {
            Ok(rendered) => reader.rendered = rendered,
            Err(error) => reader.reject("SECRETS_FILE", format!("{path}: {error}")),
        }
        reader
    }

    /// A setting with a default.
    pub fn value<T>(&mut self, name: &str, default: T, help: &'static str) -> T
    where
        T: FromStr + Display,
        T::Err: Display,
    {
        self.remember(name, default.to_string(), help);
        self.parse(name).unwrap_or(default)
    }

    /// A number within limits, with a default.
    pub fn number<T>(
        &mut self,
        name: &str,
        default: T,
        limits: RangeInclusive<T>,
        help: &'static str,
    ) -> T
    where
        T: FromStr + Display + PartialOrd,
        T::Err: Display,
    {
        let number = self.value(name, default, help);
        if !limits.contains(&number) {
            let (least, most) = (limits.start(), limits.end());
            self.reject(
                name,
                format!("\"{number}\": must be from {least} to {most}"),
            );
        }
        number
    }

    /// A setting that may be left out.
    pub fn optional<T>(&mut self, name: &str, help: &'static str) -> Option<T>
    where
        T: FromStr,
        T::Err: Display,
    {
        self.remember(name, String::new(), help);
        self.parse(name)
    }

    /// A secret: from the file that `NAME_FILE` names, else from `NAME`, else from the rendered file.
    pub fn secret(&mut self, name: &str, help: &'static str) -> Option<SecretString> {
        self.remember(
            &format!("{name}_FILE"),
            String::new(),
            "file that holds it (preferred to the next)",
        );
        self.remember(name, String::new(), help);
        let file = format!("{name}_FILE");
        if let Some(path) = self.variables.get(&file) {
            return match fs::read_to_string(path) {
                Ok(text) => Some(text.trim_end_matches(['\r', '\n']).into()),
                Err(error) => {
                    let complaint = format!("{path}: {error}");
                    self.reject(&file, complaint);
                    None
                }
            };
        }
        let given = self.variables.get(name).map(|value| value.as_str().into());
        given.or_else(|| self.rendered.get(name).cloned())
    }

    /// Adds a complaint about a setting that was read.
    pub fn reject(&mut self, name: &str, reason: impl Display) {
        // Two services in one process read what they share twice.
        let complaint = format!("  {name}: {reason}");
        if !self.errors.contains(&complaint) {
            self.errors.push(complaint);
        }
    }

    /// The settings asked for so far.
    pub fn rows(&self) -> &[SettingRow] {
        &self.rows
    }

    /// Ends the reading: an error when any setting was wrong.
    pub fn finish(self) -> Result<(), SettingsError> {
        if self.errors.is_empty() {
            Ok(())
        } else {
            Err(SettingsError(self.errors))
        }
    }

    fn parse<T>(&mut self, name: &str) -> Option<T>
    where
        T: FromStr,
        T::Err: Display,
    {
        let text = self.variables.get(name)?;
        match text.parse() {
            Ok(value) => Some(value),
            Err(error) => {
                let complaint = format!("{text:?}: {error}");
                self.reject(name, complaint);
                None
            }
        }
    }

    fn remember(&mut self, name: &str, default: String, help: &'static str) {
        if self.rows.iter().all(|row| row.name != name) {
            self.rows.push(SettingRow {
                name: name.to_owned(),
                default,
                help,
            });
        }
    }
}

/// The Markdown table of these settings.
impl SettingRow {
    /// Writes rows as a Markdown table.
    pub fn table(rows: &[Self]) -> String {
        let mut table = String::from("| variable | default | what it sets |\n|---|---|---|\n");
        for row in rows {
            let default = if row.default.is_empty() {
                String::new()
            } else {
                format!("`{}`", row.default)
            };
            // Writing to a String cannot fail.
            let _ = writeln!(table, "| `{}` | {default} | {} |", row.name, row.help);
        }
        table
    }
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret as _;

    use super::*;

    fn reader(variables: &[(&str, &str)]) -> Reader {
        Reader::new(
            variables
                .iter()
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned())),
        )
    }

    #[test]
    fn every_wrong_setting_is_named_at_once() {
        let mut reader = reader(&[("PORT", "many"), ("WORKERS", "-1"), ("NAME", "fine")]);
        assert_eq!(reader.value("PORT", 8000_u16, ""), 8000);
        assert_eq!(reader.value("WORKERS", 2_u8, ""), 2);
        assert_eq!(reader.value("NAME", String::new(), ""), "fine");
        let message = reader.finish().unwrap_err().to_string();
        assert!(message.starts_with("2 values are wrong"), "{message}");
        assert!(
            message.contains("PORT: \"many\"") && message.contains("WORKERS: \"-1\""),
            "{message}"
        );
    }

    #[test]
    fn a_number_past_its_limits_is_refused() {
        let mut reader = reader(&[("ZERO", "0"), ("MOST", "9")]);
        reader.number("ZERO", 1, 1..=9, "");
        assert_eq!(reader.number("MOST", 1, 1..=9, ""), 9);
        let message = reader.finish().unwrap_err().to_string();
        assert!(
            message.contains("ZERO: \"0\": must be from 1 to 9"),
            "{message}"
        );
        assert!(!message.contains("MOST"), "{message}");
    }

    #[test]
    fn a_secret_comes_from_its_file_first() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("secret");
        fs::write(&path, "from file\n").unwrap();
        let mut reader = reader(&[
            ("KEY", "from variable"),
            ("KEY_FILE", path.to_str().unwrap()),
        ]);
        assert_eq!(
            reader.secret("KEY", "").unwrap().expose_secret(),
            "from file"
        );
    }

    #[test]
    fn a_secret_comes_from_the_rendered_file_last() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("db.env");
        fs::write(&path, "export KEY=\"rendered\"\n").unwrap();
        let mut reader = reader(&[("SECRETS_FILE", path.to_str().unwrap())]);
        assert_eq!(
            reader.secret("KEY", "").unwrap().expose_secret(),
            "rendered"
        );
    }

    #[test]
    fn a_secret_whose_file_is_missing_is_an_error() {
        let mut reader = reader(&[("KEY_FILE", "/nowhere/secret")]);
        assert!(reader.secret("KEY", "").is_none());
        assert!(
            reader
                .finish()
                .unwrap_err()
                .to_string()
                .contains("KEY_FILE")
        );
    }
}
