//! The README's table: between two marks, written by a run with `--readme` and by nobody else.

use std::{fs, path::Path};

use anyhow::{Context, Result};

use super::{Report, markdown};

const START: &str = "<!-- bench: written by cargo run --release -p bench -- --readme -->\n";
const END: &str = "<!-- end of bench -->";

/// Writes the table of this run in the place of the one before.
pub(crate) fn rewrite(readme: &Path, report: &Report) -> Result<()> {
    let text = fs::read_to_string(readme)
        .with_context(|| format!("{} cannot be read", readme.display()))?;
    let table = format!("{}\n{}", markdown::origin(report), markdown::table(report));
    let text = replace(&text, &table).context("the README has lost the marks of its table")?;
    fs::write(readme, text).with_context(|| format!("{} cannot be written", readme.display()))
}

fn replace(text: &str, table: &str) -> Option<String> {
    let (before, rest) = text.split_once(START)?;
    let (_, after) = rest.split_once(END)?;
    Some(format!("{before}{START}{table}{END}{after}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_between_the_marks_is_replaced() {
        let text = format!("before\n{START}old\n{END}\nafter\n");
        let expected = format!("before\n{START}new\n{END}\nafter\n");
        assert_eq!(replace(&text, "new\n"), Some(expected));
        assert_eq!(replace("no marks", "new\n"), None);
    }

    #[test]
    fn the_readme_has_the_marks() {
        let text = fs::read_to_string(crate::session::repository().join("README.md"));
        assert!(replace(&text.expect("README.md"), "").is_some());
    }
}
