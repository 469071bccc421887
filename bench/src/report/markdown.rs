//! The report as a page, and its first table alone for the README.

use std::fmt::Write as _;

use super::{
    Comparison, OpenLoop, Report, Scenario, Summary, Target, Unit, Verdict, stats::Spread,
};

/// Everything that was found out.
pub(crate) fn page(report: &Report) -> String {
    let mut page = format!("# Results\n\n{}\n{}", origin(report), table(report));
    page.push_str("\n![each figure by its target](results.svg)\n");
    for scenario in &report.scenarios {
        page.push_str(&section(scenario));
    }
    page
}

/// The comparisons, their targets and whether they are met.
pub(crate) fn table(report: &Report) -> String {
    let mut table = String::from(
        "| what | median (min–max) | target | | ours | p99 | theirs | p99 |\n|---|---|---|---|---|---|---|---|\n",
    );
    for comparison in report.comparisons() {
        table.push_str(&row(comparison));
    }
    for scenario in &report.scenarios {
        if let Some(error) = &scenario.error {
            let first = error.lines().next().unwrap_or_default();
            line(
                &mut table,
                format_args!("| {} | failed: {first} | | ✗ | | | | |", scenario.name),
            );
        }
    }
    table
}

/// On what and how the figures were made.
pub(crate) fn origin(report: &Report) -> String {
    let environment = &report.environment;
    let mut text = String::new();
    if report.is_quick {
        text.push_str("**A quick try-out: these figures prove nothing.**\n\n");
    }
    line(
        &mut text,
        format_args!(
            "Medians of {} rounds of {} s each, of {}: {} cores ({}), {:.0} GB of memory, Linux {}, PostgreSQL {} with fsync \
             on and {:.1} GB of cache. A sync of one page took {} ms.",
            report.rounds,
            report.seconds,
            environment.commit,
            environment.cores,
            environment.processor,
            environment.memory_gigabytes,
            environment.kernel,
            environment.postgresql,
            environment.postgresql_cache_gigabytes,
            spread(environment.sync, 2),
        ),
    );
    if environment.is_in_memory {
        text.push_str("**The database lay in memory (tmpfs), where a sync costs nothing.**\n");
    }
    text
}

fn row(comparison: &Comparison) -> String {
    let value = match comparison.value {
        Some(value) => format!(
            "{}{}",
            spread(value, digits(value.median)),
            unit(comparison.unit)
        ),
        None => "not measured".to_owned(),
    };
    let target = match comparison.target {
        Target::AtLeast(least) => format!("≥ {least}{}", unit(comparison.unit)),
        Target::AtMost(most) => format!("≤ {most}{}", unit(comparison.unit)),
    };
    let verdict = match comparison.verdict {
        Verdict::Met => "✓",
        Verdict::Missed => "✗",
        Verdict::NotMeasured => "–",
    };
    format!(
        "| {} | {value} | {target} | {verdict} | {} | {} |\n",
        comparison.what,
        side(comparison.ours.as_ref()),
        side(comparison.theirs.as_ref()),
    )
}

fn side(summary: Option<&Summary>) -> String {
    match summary {
        Some(summary) => format!(
            "{}/s | {:.1} ms",
            thousands(summary.rate.median),
            summary.p99.median
        ),
        None => "|".to_owned(),
    }
}

fn section(scenario: &Scenario) -> String {
    let mut text = format!("\n## {}\n\n{}\n", scenario.name, scenario.about);
    if !scenario.contenders.is_empty() {
        text.push_str(
            "\n| contender | a second | p50 ms | p99 ms | p99.9 ms | processor time, µs each |\n|---|---|---|---|---|---|\n",
        );
        for summary in &scenario.contenders {
            text.push_str(&contender(summary));
        }
    }
    if !scenario.open_loops.is_empty() {
        text.push_str("\n| requests at a fixed rate | a second | p50 ms | p99 ms | p99.9 ms |\n|---|---|---|---|---|\n");
        for open_loop in &scenario.open_loops {
            text.push_str(&at_fixed_rate(open_loop));
        }
    }
    for missing in &scenario.missing {
        line(&mut text, format_args!("\nNot measured: {missing}."));
    }
    if let Some(error) = &scenario.error {
        line(
            &mut text,
            format_args!("\nFailed:\n\n```text\n{error}\n```"),
        );
    }
    text
}

fn contender(summary: &Summary) -> String {
    let cpu: Vec<String> = summary
        .cpu
        .iter()
        .map(|(user, microseconds)| format!("{user} {microseconds:.1}"))
        .collect();
    format!(
        "| {} | {} | {} | {} | {} | {} |\n",
        summary.name,
        rates(summary.rate),
        spread(summary.p50, 2),
        spread(summary.p99, 2),
        spread(summary.p999, 2),
        cpu.join(", "),
    )
}

fn at_fixed_rate(open_loop: &OpenLoop) -> String {
    format!(
        "| {} | {} | {} | {} | {} |\n",
        open_loop.what,
        rates(open_loop.rate),
        spread(open_loop.p50, 2),
        spread(open_loop.p99, 2),
        spread(open_loop.p999, 2),
    )
}

fn line(text: &mut String, arguments: std::fmt::Arguments<'_>) {
    // Writing to a String cannot fail.
    let _ = writeln!(text, "{arguments}");
}

/// `2.50 (2.25–3.00)`.
pub(crate) fn spread(value: Spread, digits: usize) -> String {
    let Spread { median, min, max } = value;
    format!("{median:.digits$} ({min:.digits$}–{max:.digits$})")
}

fn rates(value: Spread) -> String {
    let Spread { median, min, max } = value;
    format!(
        "{} ({}–{})",
        thousands(median),
        thousands(min),
        thousands(max)
    )
}

/// `12,345`.
fn thousands(value: f64) -> String {
    let digits = format!("{value:.0}");
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Three significant digits are more than a run can tell.
pub(crate) fn digits(value: f64) -> usize {
    if value < 10.0 {
        2
    } else {
        usize::from(value < 100.0)
    }
}

pub(crate) fn unit(unit: Unit) -> &'static str {
    match unit {
        Unit::Ratio => " ×",
        Unit::Megabytes => " MB",
        Unit::Milliseconds => " ms",
        Unit::Share => " of all",
    }
}

#[cfg(test)]
mod tests {
    use super::{super::fixture::report, *};

    #[test]
    fn the_table_has_a_row_for_each_comparison_and_each_failure() {
        let expected = "\
| what | median (min–max) | target | | ours | p99 | theirs | p99 |
|---|---|---|---|---|---|---|---|
| orders/s: trade / pgbench | 5.00 (5.00–5.00) × | ≥ 3 × | ✓ | 30,000/s | 4.2 ms | 6,000/s | 4.2 ms |
| orders/s: trade / FastAPI | not measured | ≥ 60 × | – | 30,000/s | 4.2 ms | | |
| start to the first answer | 60.0 (55.5–61.0) ms | ≤ 50 ms | ✗ | | | | |
| start | failed: a port is taken | | ✗ | | | | |
";
        assert_eq!(table(&report()), expected);
    }

    #[test]
    fn the_page_says_what_is_missing_and_what_failed() {
        let page = page(&report());
        for text in [
            "Not measured: the FastAPI peer is missing.",
            "```text\na port is taken\n```",
            "| trade | 30,000 (27,000–33,000) | 1.50 (1.50–1.50) | 4.20 (4.20–4.20) | 9.00 (9.00–9.00) | driver 8.2 |",
            "A sync of one page took 0.50 (0.40–2.00) ms.",
        ] {
            assert!(page.contains(text), "{text}\nis not in\n{page}");
        }
        assert!(!page.contains("prove nothing"));
    }

    #[test]
    fn a_try_out_says_that_it_is_one() {
        let mut report = report();
        report.is_quick = true;
        report.environment.is_in_memory = true;
        let origin = origin(&report);
        assert!(
            origin.contains("prove nothing") && origin.contains("tmpfs"),
            "{origin}"
        );
    }

    #[test]
    fn numbers_are_grouped_by_thousands() {
        let numbers = [0.0, 999.0, 1_000.0, 1_234_567.0].map(thousands);
        assert_eq!(numbers, ["0", "999", "1,000", "1,234,567"]);
    }
}
