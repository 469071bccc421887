//! Compose's own description of an environment (`docker compose config --format json`).

use serde_json::Value;

/// The one-shot services that must have ended before this service starts, in the order in which they run. A service that is
/// waited for in another way is not followed: it is there, or is started by itself.
pub(super) fn tasks_before(config: &Value, service: &str) -> Vec<String> {
    let mut tasks = Vec::new();
    add_tasks(config, service, &mut tasks);
    tasks
}

fn add_tasks(config: &Value, service: &str, tasks: &mut Vec<String>) {
    let needed = config["services"][service]["depends_on"].as_object();
    for (name, how) in needed.into_iter().flatten() {
        let ends = how["condition"] == "service_completed_successfully";
        if ends && !tasks.contains(name) {
            add_tasks(config, name, tasks);
            tasks.push(name.clone());
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const ENDED: &str = "service_completed_successfully";

    #[test]
    fn one_shot_services_run_before_what_needs_them_and_nothing_else_does() {
        let after = |names: &[&str]| {
            let conditions = names.iter().map(|name| {
                let (name, condition) = name.split_once(' ').unwrap();
                (name.to_owned(), json!({"condition": condition}))
            });
            json!({"depends_on": conditions.collect::<serde_json::Map<_, _>>()})
        };
        let config = json!({"services": {
            "files": {},
            "keys": after(&[&format!("files {ENDED}")]),
            "agent": after(&[&format!("files {ENDED}")]),
            "secrets": after(&["agent service_healthy"]),
            "db": after(&[&format!("secrets {ENDED}"), "agent service_started"]),
            "proxy": after(&["trade service_healthy", &format!("keys {ENDED}"), &format!("files {ENDED}")]),
        }});
        for (service, expected) in [
            ("files", &[][..]),
            ("agent", &["files"]),
            ("db", &["secrets"]),
            ("proxy", &["files", "keys"]),
            ("absent", &[]),
        ] {
            assert_eq!(tasks_before(&config, service), expected, "{service}");
        }
    }
}
