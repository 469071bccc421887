//! The ledger: a line for each thing that was done to an environment's releases, each with the hash of the line before it.
//!
//! An edited, deleted, inserted or moved line breaks the chain. What is missing at the end is seen by the head, which is kept
//! beside the ledger and names the last line's number and hash.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::environment::Environment;
use crate::release::Release;

/// What the first line has in the place of a hash.
const NOTHING: &str = "0000000000000000000000000000000000000000000000000000000000000000";

/// What was done.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Action {
    /// A release was to come.
    Deploy,
    /// One that was proven before was to come back.
    Rollback,
}

/// How it ended.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Outcome {
    /// It has begun; the next line says how it ended.
    Begun,
    /// The release serves.
    Done,
    /// It failed, and what served before serves again.
    RolledBack,
    /// Whoever did it did not come to say so; found by the one after.
    Interrupted,
}

/// A line.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub(crate) struct Entry {
    /// From 1 on, without gaps.
    pub(crate) number: u64,
    /// When, by the clock of who did it.
    pub(crate) at: DateTime<Utc>,
    /// The proven identity of the caller. Lines from before identities were proven have `user@host`, and no remark.
    pub(crate) by: String,
    /// `user@host`, as the caller's machine says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) remark: Option<String>,
    /// Where.
    pub(crate) environment: Environment,
    /// What.
    pub(crate) action: Action,
    /// Of which release.
    pub(crate) release: Release,
    /// How it ended.
    pub(crate) outcome: Outcome,
    /// More of it, for people.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub(crate) note: String,
    /// Who has said that it may come into prod.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) approved_by: Option<String>,
    /// The lock's token under which it was written.
    pub(crate) token: u64,
    /// SHA-256 of the line before this one, without its end; 64 zeros in the first.
    pub(crate) previous: String,
}

impl Entry {
    /// The caller, for people.
    pub(crate) fn caller(&self) -> String {
        match &self.remark {
            Some(remark) => format!("{} ({remark})", self.by),
            None => self.by.clone(),
        }
    }
}

/// What the last line must be.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub(crate) struct Head {
    /// Its number; 0 when there is none.
    pub(crate) number: u64,
    /// Its hash.
    pub(crate) hash: String,
}

/// Where the record is not what was written.
#[derive(Debug, Eq, PartialEq, thiserror::Error)]
pub(crate) enum Broken {
    /// A line cannot be read.
    #[error("line {0} cannot be read: {1}")]
    Unreadable(usize, String),
    /// A line does not follow the one before.
    #[error(
        "line {0} does not continue the line before it: one of the two was changed, taken out or moved"
    )]
    Chain(usize),
    /// A line has another number than its place.
    #[error("line {0} has the number {1}")]
    Number(usize, u64),
    /// The end is not the one that was written last.
    #[error("the ledger ends with entry {found}, and the last one written was {expected}")]
    End {
        /// What the head says.
        expected: u64,
        /// What is there.
        found: u64,
    },
    /// The last line was changed.
    #[error("the last line, {0}, is not the one that was written")]
    Last(u64),
    /// The head is missing or cannot be read.
    #[error("the head of the ledger cannot be read")]
    Head,
}

/// The lines of an environment, verified.
#[derive(Clone, Debug, Default)]
pub(crate) struct Ledger {
    text: String,
    entries: Vec<Entry>,
}

impl Ledger {
    /// Reads and verifies what was stored.
    pub(crate) fn parse(text: &str, head: Option<&str>) -> Result<Self, Broken> {
        let mut previous = NOTHING.to_owned();
        let mut entries = Vec::new();
        for (place, line) in (1..).zip(text.lines()) {
            let entry: Entry = serde_json::from_str(line)
                .map_err(|error| Broken::Unreadable(place, error.to_string()))?;
            if entry.previous != previous {
                return Err(Broken::Chain(place));
            }
            if entry.number != place as u64 {
                return Err(Broken::Number(place, entry.number));
            }
            previous = hash(line);
            entries.push(entry);
        }
        let ledger = Self {
            text: text.to_owned(),
            entries,
        };
        let expected = match head {
            Some(head) => serde_json::from_str(head).map_err(|_| Broken::Head)?,
            None => Self::default().head(),
        };
        let found = ledger.head();
        // Who wrote the last line was cut off before the head: the line is what it would have been.
        let continues =
            |entry: &Entry| entry.number == expected.number + 1 && entry.previous == expected.hash;
        if ledger.entries.last().is_some_and(continues) {
            return Ok(ledger);
        }
        if found.number != expected.number {
            return Err(Broken::End {
                expected: expected.number,
                found: found.number,
            });
        }
        if found != expected {
            return Err(Broken::Last(found.number));
        }
        Ok(ledger)
    }

    /// The lines, the newest last.
    pub(crate) fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// The line that was added last.
    pub(crate) fn last_line(&self) -> &str {
        self.text.lines().next_back().unwrap_or_default()
    }

    /// What is stored.
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// What is to be stored beside it.
    pub(crate) fn head(&self) -> Head {
        let last = self.text.lines().next_back();
        Head {
            number: self.entries.len() as u64,
            hash: last.map_or_else(|| NOTHING.to_owned(), hash),
        }
    }

    /// With one more line; its number and the hash of the line before are put in here.
    pub(crate) fn with(&self, mut entry: Entry) -> serde_json::Result<Self> {
        let head = self.head();
        entry.number = head.number + 1;
        entry.previous = head.hash;
        let mut next = self.clone();
        next.text += &serde_json::to_string(&entry)?;
        next.text.push('\n');
        next.entries.push(entry);
        Ok(next)
    }

    /// The line of what serves, as far as the ledger knows.
    pub(crate) fn serving(&self) -> Option<&Entry> {
        self.done().next()
    }

    /// What serves, as far as the ledger knows.
    pub(crate) fn current(&self) -> Option<&Release> {
        self.serving().map(|entry| &entry.release)
    }

    /// What served before that: another release than the current one.
    pub(crate) fn before(&self) -> Option<&Release> {
        let current = self.current()?;
        self.proven().find(|release| !release.is_same(current))
    }

    /// Releases that have come into service here, the newest first.
    pub(crate) fn proven(&self) -> impl Iterator<Item = &Release> {
        self.done().map(|entry| &entry.release)
    }

    /// Returns true if exactly these digests have served here together.
    pub(crate) fn has_served(&self, release: &Release) -> bool {
        self.proven().any(|proven| proven.is_same(release))
    }

    fn done(&self) -> impl Iterator<Item = &Entry> {
        let newest_first = self.entries.iter().rev();
        newest_first.filter(|entry| entry.outcome == Outcome::Done)
    }

    /// What was begun last and has not been ended.
    pub(crate) fn open(&self) -> Option<&Entry> {
        self.entries
            .last()
            .filter(|entry| entry.outcome == Outcome::Begun)
    }
}

fn hash(line: &str) -> String {
    let digest = Sha256::digest(line.as_bytes());
    format!("{digest:x}")
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    fn release(tag: &str, digit: char) -> Release {
        crate::release::tests::release(tag, digit, digit)
    }

    pub(crate) fn entry(release: Release, outcome: Outcome) -> Entry {
        Entry {
            number: 0,
            at: DateTime::UNIX_EPOCH,
            by: "ann@laptop".to_owned(),
            remark: None,
            environment: Environment::Dev,
            action: Action::Deploy,
            release,
            outcome,
            note: String::new(),
            approved_by: None,
            token: 1,
            previous: String::new(),
        }
    }

    /// A ledger of these entries.
    pub(crate) fn of(entries: impl IntoIterator<Item = Entry>) -> Ledger {
        let add = |ledger: Ledger, entry| ledger.with(entry).unwrap();
        entries.into_iter().fold(Ledger::default(), add)
    }

    fn ledger() -> Ledger {
        of([
            ("git-a", 'a', Outcome::Begun),
            ("git-a", 'a', Outcome::Done),
            ("git-b", 'b', Outcome::Begun),
            ("git-b", 'b', Outcome::Done),
            ("git-c", 'c', Outcome::Begun),
            ("git-c", 'c', Outcome::RolledBack),
        ]
        .map(|(tag, digit, outcome)| entry(release(tag, digit), outcome)))
    }

    fn head(ledger: &Ledger) -> String {
        serde_json::to_string(&ledger.head()).unwrap()
    }

    #[test]
    fn what_was_written_is_read_again() {
        let written = ledger();
        let read = Ledger::parse(written.text(), Some(&head(&written))).unwrap();
        assert_eq!(read.entries(), written.entries());
        assert_eq!(read.current().unwrap().tag, "git-b");
        assert_eq!(read.before().unwrap().tag, "git-a");
        assert!(read.open().is_none());
        assert!(Ledger::parse("", None).unwrap().entries().is_empty());
    }

    #[test]
    fn a_line_whose_writer_was_cut_off_before_the_head_stands() {
        let before = ledger();
        let after = before
            .with(entry(release("git-d", 'd'), Outcome::Begun))
            .unwrap();
        let read = Ledger::parse(after.text(), Some(&head(&before))).unwrap();
        assert_eq!(read.entries().len(), 7);
        let twice = after
            .with(entry(release("git-e", 'e'), Outcome::Begun))
            .unwrap();
        assert!(Ledger::parse(twice.text(), Some(&head(&before))).is_err());
        let first = Ledger::default()
            .with(entry(release("git-a", 'a'), Outcome::Begun))
            .unwrap();
        assert!(Ledger::parse(first.text(), None).is_ok());
    }

    #[test]
    fn lines_from_before_identities_were_proven_are_read_and_verified_as_they_stand() {
        let old = of([entry(release("git-a", 'a'), Outcome::Begun)]);
        assert!(!old.text().contains("remark"), "{}", old.text());
        assert_eq!(old.entries()[0].caller(), "ann@laptop");
        let new = old.with(Entry {
            by: "oidc repo:owner/app".to_owned(),
            remark: Some("bob@runner".to_owned()),
            ..entry(release("git-a", 'a'), Outcome::Done)
        });
        let new = new.unwrap();
        let read = Ledger::parse(new.text(), Some(&head(&new))).unwrap();
        assert_eq!(
            read.entries()[1].caller(),
            "oidc repo:owner/app (bob@runner)"
        );
        assert_eq!(read.entries()[0].remark, None);
    }

    #[test]
    fn a_head_of_another_line_is_found_whatever_in_it_fits() {
        let written = ledger();
        let lines: Vec<_> = written.text().lines().collect();
        let parse = |number: u64, hash: String| {
            let head = serde_json::to_string(&Head { number, hash }).unwrap();
            Ledger::parse(written.text(), Some(&head)).map(drop)
        };
        assert_eq!(parse(6, hash(lines[5])), Ok(()));
        assert_eq!(parse(5, hash(lines[4])), Ok(()), "cut off before the head");
        let end = |expected| Err(Broken::End { expected, found: 6 });
        // The number fits and the hash does not, and the other way round.
        assert_eq!(parse(5, hash(lines[3])), end(5));
        assert_eq!(parse(3, hash(lines[4])), end(3));
        assert_eq!(parse(7, hash(lines[4])), end(7));
        assert_eq!(parse(4, hash(lines[3])), end(4));
        assert_eq!(parse(6, hash(lines[4])), Err(Broken::Last(6)));
        assert_eq!(
            Ledger::parse(written.text(), Some("{")).unwrap_err(),
            Broken::Head
        );
    }

    #[test]
    fn each_kind_of_damage_is_named_with_its_line() {
        let written = ledger();
        let lines: Vec<_> = written.text().lines().map(str::to_owned).collect();
        let parse = |lines: &[String]| Ledger::parse(&lines.join("\n"), None).unwrap_err();
        let mut unreadable = lines.clone();
        unreadable[2] = "{".to_owned();
        assert!(matches!(parse(&unreadable), Broken::Unreadable(3, _)));
        assert_eq!(parse(&lines[1..]), Broken::Chain(1));
        // A line that continues the chain with a number of its own.
        let numbered = lines[0].replace("\"number\":1,", "\"number\":2,");
        assert_eq!(parse(&[numbered]), Broken::Number(1, 2));
    }

    #[test]
    fn the_last_line_says_what_is_open_and_what_serves() {
        let begun = of([entry(release("git-a", 'a'), Outcome::Begun)]);
        assert_eq!(begun.open(), begun.entries().last());
        assert!(begun.current().is_none() && begun.before().is_none());
        let line = begun.last_line();
        assert_eq!(
            serde_json::from_str::<Entry>(line).unwrap(),
            begun.entries()[0]
        );
        assert_eq!(format!("{line}\n"), begun.text());
        for outcome in [Outcome::Done, Outcome::RolledBack, Outcome::Interrupted] {
            let ended = begun.with(entry(release("git-a", 'a'), outcome)).unwrap();
            assert!(ended.open().is_none(), "{outcome:?}");
            assert_eq!(ended.current().is_some(), outcome == Outcome::Done);
            assert_eq!(ended.serving(), ended.current().and(ended.entries().last()));
            assert!(ended.last_line().contains("\"number\":2,"));
        }
        assert!(Ledger::default().open().is_none());
        assert_eq!(Ledger::default().last_line(), "");
        // The same digests under another name are not the release before.
        let done = |tag, digit| entry(release(tag, digit), Outcome::Done);
        let renamed = of([done("git-a", 'a'), done("git-b", 'b'), done("v1.0.0", 'b')]);
        assert_eq!(renamed.before().unwrap().tag, "git-a");
        assert!(renamed.has_served(&release("other", 'a')));
        assert!(!renamed.has_served(&release("git-a", 'c')));
    }

    #[test]
    fn any_change_of_one_line_is_found() {
        let written = ledger();
        let head = head(&written);
        let lines: Vec<String> = written.text().lines().map(str::to_owned).collect();
        let is_found = |lines: &[String]| {
            let text = lines.join("\n");
            Ledger::parse(&text, Some(&head)).is_err()
        };
        assert!(!is_found(&lines));
        for place in 0..lines.len() {
            let mut edited = lines.clone();
            edited[place] = edited[place].replace("ann@laptop", "bob@laptop");
            assert!(is_found(&edited), "edited {place}");
            let mut shorter = lines.clone();
            shorter.remove(place);
            assert!(is_found(&shorter), "deleted {place}");
            let mut longer = lines.clone();
            longer.insert(place, lines[place].clone());
            assert!(is_found(&longer), "repeated {place}");
            for other in 0..place {
                let mut moved = lines.clone();
                moved.swap(place, other);
                assert!(is_found(&moved), "{place} and {other} exchanged");
            }
        }
        assert!(Ledger::parse(written.text(), None).is_err());
        assert_eq!(
            Ledger::parse("", Some(&head)).unwrap_err(),
            Broken::End {
                expected: 6,
                found: 0
            }
        );
    }
}
