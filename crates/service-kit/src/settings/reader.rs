//! Reads settings one by one and reports every wrong one together.

use std::collections::BTreeMap;
use std::fmt::{Display, Write as _};
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use super::secrets::SecretSource;

/// File that the Vault agent renders; its values count where the environment names none. Where it is expected can be said,
/// and then it must come.
const RENDERED_SECRETS: &str = "/vault/secrets/db.env";

/// Takes settings from texts by name.
pub struct Reader {
    variables: BTreeMap<String, String>,
    rendered: Option<PathBuf>,
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
            rendered: None,
            rows: Vec::new(),
            errors: Vec::new(),
        };
        let is_expected = reader.variables.contains_key("SECRETS_FILE");
        let path = reader.value(
            "SECRETS_FILE",
            RENDERED_SECRETS.to_owned(),
            "file of `NAME=value` lines with secrets, as the Vault agent renders it, complete once `.ready` is beside it; when set, it is waited for",
        );
        reader.rendered = (is_expected || Path::new(&path).exists()).then(|| path.into());
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
    pub fn secret(&mut self, name: &str, help: &'static str) -> Option<SecretSource> {
        let file = format!("{name}_FILE");
        self.remember(
            &file,
            String::new(),
            "file that holds it (preferred to the next)",
        );
        self.remember(name, String::new(), help);
        if let Some(path) = self.variables.get(&file) {
            let source = SecretSource::File(path.into());
            return match source.read() {
                Ok(_) => Some(source),
                Err(error) => {
                    self.reject(&file, error);
                    None
                }
            };
        }
        if let Some(value) = self.variables.get(name) {
            return Some(SecretSource::Fixed(value.as_str().into()));
        }
        self.rendered.clone().map(|path| SecretSource::Rendered {
            path,
            name: name.to_owned(),
        })
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
    use std::fs;

    use secrecy::ExposeSecret as _;

    use super::*;

    fn reader(variables: &[(&str, &str)]) -> Reader {
        Reader::new(
            variables
                .iter()
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned())),
        )
    }

    fn read(reader: &mut Reader) -> String {
        let source = reader.secret("KEY", "").unwrap();
        source.read().unwrap().expose_secret().to_owned()
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
        assert_eq!(read(&mut reader), "from file");
    }

    #[test]
    fn a_secret_comes_from_the_rendered_file_last() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("db.env");
        fs::write(&path, "export KEY=\"rendered\"\n").unwrap();
        fs::write(folder.path().join(".ready"), "").unwrap();
        let file = ("SECRETS_FILE", path.to_str().unwrap());
        assert_eq!(read(&mut reader(&[file])), "rendered");
        let mut given = reader(&[file, ("KEY", "given")]);
        assert_eq!(read(&mut given), "given");
    }

    #[test]
    fn a_file_that_is_not_rendered_to_its_end_holds_no_secret() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("db.env");
        let mut reader = reader(&[("SECRETS_FILE", path.to_str().unwrap())]);
        let source = reader.secret("KEY", "").expect("it is to come");
        let said = || source.read().unwrap_err().to_string();
        assert!(said().contains("db.env"), "{}", said());
        fs::write(&path, "export OTHER=\"x\"\n").unwrap();
        assert!(said().contains(".ready"), "{}", said());
        fs::write(folder.path().join(".ready"), "").unwrap();
        assert!(said().contains("no line KEY"), "{}", said());
        fs::write(&path, "export KEY=\"x\"\n").unwrap();
        assert_eq!(source.read().unwrap().expose_secret(), "x");
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
