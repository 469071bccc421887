//! Findings that are known and let pass for a while: `.trivyignore`, as Trivy reads it, but each entry must end some day.
//!
//! ```text
//! # Not reachable: the parser is behind a feature that is off. Ask again when 2.4 is out.
//! CVE-2026-12345 exp:2026-12-31
//! ```

use anyhow::{Context as _, Result, ensure};
use chrono::NaiveDate;

/// What the file says.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct Exceptions {
    entries: Vec<Exception>,
}

/// One finding that passes until a day.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Exception {
    /// As the scanner names it.
    pub(crate) id: String,
    /// The last day on which it passes.
    pub(crate) until: NaiveDate,
}

/// What the file says of a finding.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Said {
    /// Nothing.
    Nothing,
    /// It passes.
    Passes,
    /// It passed until this day.
    Expired(NaiveDate),
}

impl Exceptions {
    /// Reads the file's text. Each entry has a day on which it ends, and a comment above it that says why.
    pub(crate) fn parse(text: &str) -> Result<Self> {
        let mut entries = Vec::new();
        let mut has_reason = false;
        for (number, line) in (1..).zip(text.lines().map(str::trim)) {
            match line.strip_prefix('#') {
                Some(reason) => has_reason |= !reason.trim().is_empty(),
                None if line.is_empty() => has_reason = false,
                None => {
                    let entry = entry(line).with_context(|| format!("line {number}: {line}"))?;
                    ensure!(
                        has_reason,
                        "line {number}: {line}: a comment above it must say why it may pass"
                    );
                    entries.push(entry);
                }
            }
        }
        Ok(Self { entries })
    }

    /// What is said of this finding, on this day.
    pub(crate) fn of(&self, id: &str, today: NaiveDate) -> Said {
        let latest = self.entries.iter().filter(|entry| entry.id == id);
        match latest.map(|entry| entry.until).max() {
            None => Said::Nothing,
            Some(until) if today <= until => Said::Passes,
            Some(until) => Said::Expired(until),
        }
    }

    /// The entries that have ended.
    pub(crate) fn expired(&self, today: NaiveDate) -> impl Iterator<Item = &Exception> {
        self.entries.iter().filter(move |entry| entry.until < today)
    }
}

fn entry(line: &str) -> Result<Exception> {
    let mut words = line.split_whitespace();
    let id = words.next().context("it is empty")?.to_owned();
    let until = words.next().and_then(|word| word.strip_prefix("exp:"));
    let until = until.context("it has no day on which it ends: exp:YYYY-MM-DD")?;
    let until = until
        .parse()
        .with_context(|| format!("{until} is no day: YYYY-MM-DD"))?;
    ensure!(words.next().is_none(), "one finding a line");
    Ok(Exception { id, until })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    #[test]
    fn an_entry_passes_until_its_day_is_over() {
        let text = "# Not reachable here.\nCVE-2026-1 exp:2026-12-31\nCVE-2026-2 exp:2027-01-31\n";
        let exceptions = Exceptions::parse(text).unwrap();
        assert_eq!(exceptions.of("CVE-2026-1", day("2026-12-31")), Said::Passes);
        let expired = Said::Expired(day("2026-12-31"));
        assert_eq!(exceptions.of("CVE-2026-1", day("2027-01-01")), expired);
        assert_eq!(
            exceptions.of("CVE-2026-3", day("2026-01-01")),
            Said::Nothing
        );
        let ended: Vec<_> = exceptions.expired(day("2027-01-01")).collect();
        assert_eq!(ended.len(), 1);
    }

    #[test]
    fn an_entry_without_an_end_or_a_reason_is_refused() {
        for wrong in [
            "# why\nCVE-2026-1",
            "# why\nCVE-2026-1 exp:soon",
            "# why\nCVE-2026-1 exp:2026-13-01",
            "# why\nCVE-2026-1 exp:2026-12-31 CVE-2026-2",
            "CVE-2026-1 exp:2026-12-31",
            "# why\n\nCVE-2026-1 exp:2026-12-31",
            "#\nCVE-2026-1 exp:2026-12-31",
        ] {
            assert!(Exceptions::parse(wrong).is_err(), "{wrong}");
        }
        assert_eq!(
            Exceptions::parse("\n# nothing yet\n").unwrap(),
            Exceptions::default()
        );
    }
}
