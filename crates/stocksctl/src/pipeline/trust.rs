//! Which jobs may run where the engine is. Pure.

use anyhow::{Result, bail, ensure};
use serde_json::Value;

/// Refuses a job whose code may be anybody's. `event` is what GitHub says has started it (`GITHUB_EVENT_PATH`).
pub(crate) fn admit(name: &str, event: &Value) -> Result<()> {
    match name {
        // Who pushes here, or starts a workflow by hand, may write to the repository.
        "push" | "workflow_dispatch" => Ok(()),
        "pull_request" => {
            let here = event["repository"]["full_name"].as_str();
            let head = event["pull_request"]["head"]["repo"]["full_name"].as_str();
            ensure!(
                here.is_some() && head == here,
                "a pull request of {} does not run here",
                head.unwrap_or("a repository that is gone")
            );
            Ok(())
        }
        other => bail!("jobs of {other} do not run here"),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// As webhooks tell it, without what is not read.
    fn pull_request(head: &Value) -> Value {
        json!({
            "action": "opened",
            "number": 2,
            "pull_request": {"head": {"label": "octocat:patch-1", "repo": head}, "base": {"repo": {"full_name": "owner/stocks-app"}}},
            "repository": {"full_name": "owner/stocks-app"},
        })
    }

    #[test]
    fn a_fork_does_not_reach_the_engine() {
        let ours = pull_request(&json!({"full_name": "owner/stocks-app", "fork": false}));
        assert!(admit("pull_request", &ours).is_ok());
        assert!(
            admit(
                "push",
                &json!({"repository": {"full_name": "owner/stocks-app"}})
            )
            .is_ok()
        );
        assert!(admit("workflow_dispatch", &json!({})).is_ok());

        let fork = pull_request(&json!({"full_name": "octocat/stocks-app", "fork": true}));
        let gone = pull_request(&Value::Null);
        for (name, event) in [
            ("pull_request", &fork),
            ("pull_request", &gone),
            ("pull_request", &json!({})),
            // It runs with secrets, and may check out what it was asked to merge.
            ("pull_request_target", &ours),
            ("issue_comment", &ours),
            ("", &ours),
        ] {
            assert!(admit(name, event).is_err(), "{name} {event}");
        }
    }
}
