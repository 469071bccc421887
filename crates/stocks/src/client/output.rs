//! What is printed: results, and tables for people, with numbers to the right.

use std::io::{self, Write as _};

use anyhow::Result;
use comfy_table::{CellAlignment, Table, presets};

/// Prints a result; that nobody reads it any more is no failure.
pub(super) fn print(text: &str) -> Result<()> {
    match writeln!(io::stdout(), "{text}") {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(error.into()),
        _ => Ok(()),
    }
}

/// A column's name, and whether numbers are in it.
pub(super) type Column = (&'static str, bool);

/// A table of these columns.
pub(super) fn table<const N: usize>(
    columns: [Column; N],
    rows: impl IntoIterator<Item = [String; N]>,
) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    table.set_header(columns.map(|(name, _)| name));
    for row in rows {
        table.add_row(row);
    }
    for (column, (_, is_number)) in table.column_iter_mut().zip(columns) {
        column.set_padding((0, 2));
        if is_number {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    table.trim_fmt()
}
