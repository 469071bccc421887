//! The variables of the compose files: few of them may change an environment, since a shell has many.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

/// The variables of a shell that may change an environment, beside those that begin with [`PREFIX`].
const ALLOWED: [&str; 7] = [
    "HARBOR_REGISTRY",
    "IMAGE_TAG",
    "POSTGRES_IMAGE",
    "VAULT_IMAGE",
    "CADDY_IMAGE",
    // They fill an identity that is missing, and change none.
    "APP_VAULT_ROLE_ID",
    "APP_VAULT_SECRET_ID",
];
const PREFIX: &str = "STOCKS_";
/// Printed commands export this one with an address that only the host knows.
const OF_THE_HOST: &str = "VAULT_ADDR";

/// The variables that a compose file interpolates. `$$` is a dollar of the container's.
fn variables(text: &str) -> BTreeSet<&str> {
    let mut found = BTreeSet::new();
    let mut rest = text;
    while let Some(place) = rest.find('$') {
        rest = &rest[place + 1..];
        if let Some(after) = rest.strip_prefix('$') {
            rest = after;
            continue;
        }
        let name = rest.strip_prefix('{').unwrap_or(rest);
        let is_part = |character: char| character.is_ascii_alphanumeric() || character == '_';
        let end = name.find(|it| !is_part(it)).unwrap_or(name.len());
        found.insert(&name[..end]);
    }
    found
}

fn may_change_an_environment(name: &str) -> bool {
    name.starts_with(PREFIX) || ALLOWED.contains(&name)
}

fn compose_files() -> Vec<(String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let entries = fs::read_dir(&root).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let is_one = |name: &String| name.starts_with("docker-compose.");
    names
        .filter(is_one)
        .map(|name| {
            let text = fs::read_to_string(root.join(&name)).unwrap();
            (name, text)
        })
        .collect()
}

#[test]
fn every_form_of_a_variable_is_found() {
    let text = "a: ${A}${B:-${C}} $D $$E ${F:+/}x \"$$${G-}\"";
    let found: Vec<_> = variables(text).into_iter().collect();
    assert_eq!(found, ["A", "B", "C", "D", "F", "G"]);
    assert!(!may_change_an_environment("VAULT_ADDR"));
    assert!(!may_change_an_environment("LISTING_IMAGE"));
}

#[test]
fn a_shell_changes_an_environment_by_named_variables_alone() {
    let files = compose_files();
    let base = files.iter().find(|(name, _)| name.contains(".base."));
    let (_, base) = base.unwrap();
    assert!(variables(base).contains("STOCKS_ENV"));
    for (name, text) in &files {
        let is_platform = name.contains(".infra.") || name.contains(".vault.");
        for variable in variables(text) {
            assert_ne!(variable, OF_THE_HOST, "{name}");
            assert!(
                is_platform || may_change_an_environment(variable),
                "{name}: {variable} of a shell would change an environment: give it the prefix {PREFIX}"
            );
        }
    }
    assert!(files.len() > 5, "{files:?}");
}
