//! The services' images are built alike.

use std::fs;
use std::path::Path;

/// How the lines begin in which the files may differ.
const OWN: [&str; 5] = [
    "# The image of ",
    "#   docker build ",
    "RUN test -f Cargo.lock || { echo ",
    "ARG SERVICE=",
    "ARG PORT=",
];

fn differences<'a>(one: &'a str, other: &'a str) -> Vec<(&'a str, &'a str)> {
    let mut lines = Vec::new();
    let (mut one, mut other) = (one.lines(), other.lines());
    loop {
        match (one.next(), other.next()) {
            (None, None) => break,
            (one, other) => lines.push((one.unwrap_or_default(), other.unwrap_or_default())),
        }
    }
    let may_differ = |(one, other): &(&str, &str)| {
        OWN.iter()
            .any(|start| one.starts_with(start) && other.starts_with(start))
    };
    lines
        .into_iter()
        .filter(|lines| lines.0 != lines.1 && !may_differ(lines))
        .collect()
}

/// What the files have in common is built once, and its layers are shared.
#[test]
fn the_dockerfiles_differ_in_the_service_and_its_port_alone() {
    let services = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../services");
    let read = |service: &str| fs::read_to_string(services.join(service).join("Dockerfile"));
    let (one, other) = (read("stock-listing"), read("trade"));
    let (one, other) = (one.expect("it is there"), other.expect("it is there"));
    assert_eq!(differences(&one, &other), []);
}

#[test]
fn a_difference_is_found() {
    let one = "ARG PORT=8000\nRUN a\nRUN b\n";
    assert_eq!(differences(one, "ARG PORT=8001\nRUN a\n"), [("RUN b", "")]);
    assert_eq!(differences(one, "RUN a\nRUN a\nRUN b\n").len(), 1);
}
