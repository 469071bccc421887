//! A chart of how far each figure is beyond its target: a bar for the median, a whisker from the worst round to the
//! best, a line where the target is. The scale is logarithmic, so that twice as good and half as good look alike.

use std::fmt::Write as _;

use super::{
    Comparison, Report, Verdict,
    markdown::{digits, spread, unit},
};

const WIDTH: f64 = 860.0;
const LABELS: f64 = 400.0;
const BARS: f64 = 300.0;
const ROW: f64 = 26.0;
const TOP: f64 = 30.0;
/// The scale goes from a quarter of the target to four times the target; what is beyond ends there.
const SCALE: f64 = 4.0;

/// The chart of all comparisons that were measured.
pub(crate) fn chart(report: &Report) -> String {
    let rows: Vec<&Comparison> = report
        .comparisons()
        .filter(|comparison| comparison.value.is_some())
        .collect();
    let height = TOP + ROW * rows.len() as f64 + 10.0;
    // Writing to a String cannot fail.
    let mut svg = String::new();
    let _ = writeln!(
        svg,
        r##"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" font-family="sans-serif" font-size="12">
<rect width="{WIDTH}" height="{height}" fill="#ffffff"/>
<text x="{LABELS}" y="18" fill="#57606a">¼ of the target</text>
<text x="{}" y="18" fill="#57606a" text-anchor="middle">target</text>
<text x="{}" y="18" fill="#57606a" text-anchor="end">4 × as good</text>"##,
        x(1.0),
        LABELS + BARS,
    );
    for (index, comparison) in rows.iter().enumerate() {
        svg.push_str(&row(comparison, TOP + ROW * index as f64));
    }
    let _ = writeln!(
        svg,
        r##"<line x1="{0}" y1="{TOP}" x2="{0}" y2="{1}" stroke="#24292f" stroke-dasharray="3 3"/>
</svg>"##,
        x(1.0),
        height - 10.0,
    );
    svg
}

fn row(comparison: &Comparison, y: f64) -> String {
    let Some(value) = comparison.value else {
        return String::new();
    };
    let margin = |value| x(comparison.target.margin(value));
    let (median, ends) = (margin(value.median), [margin(value.min), margin(value.max)]);
    let colour = match comparison.verdict {
        Verdict::Missed => "#cf222e",
        Verdict::Met | Verdict::NotMeasured => "#2da44e",
    };
    let middle = y + ROW / 2.0;
    let figure = spread(value, digits(value.median));
    format!(
        r##"<text x="{}" y="{}" fill="#24292f" text-anchor="end">{}</text>
<rect x="{LABELS}" y="{}" width="{:.1}" height="14" fill="{colour}" fill-opacity="0.75"/>
<line x1="{:.1}" y1="{middle}" x2="{:.1}" y2="{middle}" stroke="#24292f" stroke-width="2"/>
<text x="{}" y="{}" fill="#24292f">{}{}</text>
"##,
        LABELS - 8.0,
        middle + 4.0,
        escape(&comparison.what),
        middle - 7.0,
        median - LABELS,
        ends[0].min(ends[1]),
        ends[0].max(ends[1]),
        LABELS + BARS + 8.0,
        middle + 4.0,
        escape(&figure),
        unit(comparison.unit),
    )
}

/// Where a margin lies on the scale.
fn x(margin: f64) -> f64 {
    let place = margin.max(f64::MIN_POSITIVE).log(SCALE).clamp(-1.0, 1.0);
    LABELS + BARS * f64::midpoint(place, 1.0)
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;")
}

#[cfg(test)]
mod tests {
    use super::{super::fixture::report, *};

    #[test]
    fn the_chart_has_a_bar_for_each_figure_in_the_colour_of_its_verdict() {
        let svg = chart(&report());
        assert!(
            svg.starts_with("<svg ") && svg.ends_with("</svg>\n"),
            "{svg}"
        );
        assert_eq!(svg.matches("#2da44e").count(), 1, "{svg}");
        assert_eq!(svg.matches("#cf222e").count(), 1, "{svg}");
        assert!(svg.contains("60.0 (55.5–61.0) ms"), "{svg}");
        assert!(!svg.contains("FastAPI"), "it was not measured: {svg}");
    }

    #[test]
    fn the_target_is_in_the_middle_and_nothing_leaves_the_scale() {
        let places = [0.0, 0.01, 0.25, 1.0, 4.0, 1_000.0].map(x);
        let middle = LABELS + BARS / 2.0;
        let expected = [LABELS, LABELS, LABELS, middle, LABELS + BARS, LABELS + BARS];
        for (place, expected) in places.iter().zip(expected) {
            assert!((place - expected).abs() < 0.001, "{places:?}");
        }
    }

    #[test]
    fn text_is_no_markup() {
        assert_eq!(escape("a < b & c"), "a &lt; b &amp; c");
    }
}
