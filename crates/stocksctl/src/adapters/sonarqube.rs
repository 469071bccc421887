//! `SonarQube`'s web API.

use std::collections::BTreeMap;
use std::fmt::{self, Display, Formatter};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use http::StatusCode;
use serde::Deserialize;
use serde_json::Value;

const TIMEOUT: Duration = Duration::from_secs(30);
const METRICS: &str = "ncloc,lines_to_cover,coverage,violations,alert_status";

/// A server, and somebody who may ask it.
pub(crate) struct SonarQube {
    client: reqwest::Client,
    address: String,
    who: Who,
}

enum Who {
    Token(String),
    Person { name: String, password: String },
}

/// A condition that shuts a quality gate.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Condition {
    pub(crate) metric: &'static str,
    /// `GT` or `LT`.
    pub(crate) operator: &'static str,
    pub(crate) limit: &'static str,
}

impl Display for Condition {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        let sign = if self.operator == "GT" { '>' } else { '<' };
        write!(formatter, "{} {sign} {}", self.metric, self.limit)
    }
}

/// What an analysis has measured, by the names of its metrics.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct Measures(BTreeMap<String, String>);

#[derive(Deserialize)]
struct Answer {
    component: Component,
}

#[derive(Deserialize)]
struct Component {
    measures: Vec<Measure>,
}

#[derive(Deserialize)]
struct Measure {
    metric: String,
    #[serde(default)]
    value: String,
}

impl SonarQube {
    pub(crate) fn with_token(address: &str, token: &str) -> Result<Self> {
        Self::new(address, Who::Token(token.to_owned()))
    }

    pub(crate) fn with_password(address: &str, name: &str, password: &str) -> Result<Self> {
        let (name, password) = (name.to_owned(), password.to_owned());
        Self::new(address, Who::Person { name, password })
    }

    fn new(address: &str, who: Who) -> Result<Self> {
        Ok(Self {
            client: reqwest::Client::builder().timeout(TIMEOUT).build()?,
            address: address.trim_end_matches('/').to_owned(),
            who,
        })
    }

    /// Whether it takes us for who we say we are.
    pub(crate) async fn is_valid(&self) -> Result<bool> {
        let answer = self.get("authentication/validate", &[]).await?;
        // Who is refused is told so by the status too.
        Ok(answer.status == StatusCode::OK && answer.body["valid"] == true)
    }

    /// The measures of a project's last analysis.
    pub(crate) async fn measures(&self, project: &str) -> Result<Measures> {
        let asked = [("component", project), ("metricKeys", METRICS)];
        let answer = self.get("measures/component", &asked).await?;
        let answer = answer.done().with_context(|| project.to_owned())?;
        let answer = serde_json::from_value(answer).context("SonarQube's answer")?;
        Ok(Measures::of(answer))
    }

    /// Why a project's gate is shut: each condition that is not met, and the first of the findings, a line each.
    pub(crate) async fn reasons(&self, project: &str) -> Result<Vec<String>> {
        let asked = [("projectKey", project)];
        let status = self.get("qualitygates/project_status", &asked).await?;
        let asked = [("components", project), ("resolved", "false"), ("ps", "20")];
        let issues = self.get("issues/search", &asked).await?;
        Ok(reasons(&status.done()?, &issues.done()?))
    }

    pub(crate) async fn set_password(&self, name: &str, before: &str, after: &str) -> Result<()> {
        let form = [
            ("login", name),
            ("previousPassword", before),
            ("password", after),
        ];
        self.post("users/change_password", &form).await?.done()?;
        Ok(())
    }

    /// Makes a quality gate, unless it is there.
    pub(crate) async fn make_gate(&self, gate: &str) -> Result<bool> {
        let shown = self.get("qualitygates/show", &[("name", gate)]).await?;
        if shown.status != StatusCode::NOT_FOUND {
            shown.done()?;
            return Ok(false);
        }
        let made = self.post("qualitygates/create", &[("name", gate)]).await?;
        made.done()?;
        Ok(true)
    }

    /// Gives a quality gate a condition, unless it has it.
    pub(crate) async fn set_condition(&self, gate: &str, condition: &Condition) -> Result<bool> {
        let shown = self.get("qualitygates/show", &[("name", gate)]).await?;
        let shown = shown.done()?;
        let there = shown["conditions"].as_array().into_iter().flatten();
        let mut form = vec![
            ("metric", condition.metric),
            ("op", condition.operator),
            ("error", condition.limit),
        ];
        let Some(other) = there
            .into_iter()
            .find(|other| other["metric"] == condition.metric)
        else {
            form.push(("gateName", gate));
            let made = self.post("qualitygates/create_condition", &form).await?;
            made.done()?;
            return Ok(true);
        };
        if other["op"] == condition.operator && other["error"] == condition.limit {
            return Ok(false);
        }
        let id = other["id"].as_str().context("a condition without id")?;
        form.push(("id", id));
        let changed = self.post("qualitygates/update_condition", &form).await?;
        changed.done()?;
        Ok(true)
    }

    /// Makes a quality gate that of all projects that have no other.
    pub(crate) async fn use_gate(&self, gate: &str) -> Result<()> {
        let set = self
            .post("qualitygates/set_as_default", &[("name", gate)])
            .await?;
        set.done()?;
        Ok(())
    }

    /// Makes a project, unless it is there.
    pub(crate) async fn make_project(&self, key: &str, name: &str) -> Result<bool> {
        let found = self.get("projects/search", &[("projects", key)]).await?;
        let found = found.done()?;
        if found["paging"]["total"] != 0 {
            return Ok(false);
        }
        let made = self
            .post("projects/create", &[("project", key), ("name", name)])
            .await?;
        made.done()?;
        Ok(true)
    }

    /// A new token that may analyse all projects, in the place of one of this name.
    pub(crate) async fn make_token(&self, name: &str) -> Result<String> {
        let revoked = self.post("user_tokens/revoke", &[("name", name)]).await?;
        revoked.done()?;
        let form = [("name", name), ("type", "GLOBAL_ANALYSIS_TOKEN")];
        let made = self.post("user_tokens/generate", &form).await?.done()?;
        let token = made["token"]
            .as_str()
            .context("SonarQube has made no token")?;
        Ok(token.to_owned())
    }

    async fn get(&self, path: &str, query: &[(&str, &str)]) -> Result<Answered> {
        self.ask(self.client.get(self.url(path)).query(query), path)
            .await
    }

    async fn post(&self, path: &str, form: &[(&str, &str)]) -> Result<Answered> {
        // It takes parameters in the body, where no log keeps them.
        self.ask(self.client.post(self.url(path)).form(form), path)
            .await
    }

    fn url(&self, path: &str) -> String {
        format!("{}/api/{path}", self.address)
    }

    async fn ask(&self, request: reqwest::RequestBuilder, path: &str) -> Result<Answered> {
        let request = match &self.who {
            Who::Token(token) => request.bearer_auth(token),
            Who::Person { name, password } => request.basic_auth(name, Some(password)),
        };
        let answer = request.send().await;
        let answer =
            answer.with_context(|| format!("SonarQube at {} does not answer", self.address))?;
        let status = answer.status();
        let text = answer.text().await.context("SonarQube's answer")?;
        Ok(Answered {
            path: path.to_owned(),
            status,
            // Much of what is done is answered with nothing.
            body: serde_json::from_str(&text).unwrap_or_default(),
        })
    }
}

struct Answered {
    path: String,
    status: StatusCode,
    body: Value,
}

impl Answered {
    /// The answer, when it is one.
    fn done(self) -> Result<Value> {
        let errors = self.body["errors"].as_array().into_iter().flatten();
        let said: Vec<_> = errors.filter_map(|error| error["msg"].as_str()).collect();
        ensure!(
            self.status.is_success(),
            "SonarQube, {}: {} {}",
            self.path,
            self.status,
            said.join("; ")
        );
        Ok(self.body)
    }
}

fn reasons(status: &Value, issues: &Value) -> Vec<String> {
    let text = |value: &Value| match value {
        Value::String(text) => text.clone(),
        value => value.to_string(),
    };
    let conditions = status["projectStatus"]["conditions"].as_array();
    let unmet = conditions.into_iter().flatten();
    let unmet = unmet.filter(|condition| condition["status"] == "ERROR");
    let unmet = unmet.map(|condition| {
        let sign = if condition["comparator"] == "GT" {
            ">"
        } else {
            "<"
        };
        let [metric, actual, limit] =
            ["metricKey", "actualValue", "errorThreshold"].map(|name| text(&condition[name]));
        format!("{metric}: {actual} {sign} {limit}")
    });
    let found = issues["issues"].as_array().into_iter().flatten();
    let found = found.map(|issue| {
        let [file, line, message, rule] =
            ["component", "line", "message", "rule"].map(|name| text(&issue[name]));
        format!("{file}:{line}: {message} ({rule})")
    });
    unmet.chain(found).collect()
}

impl Measures {
    fn of(answer: Answer) -> Self {
        let measures = answer.component.measures.into_iter();
        Self(
            measures
                .map(|measure| (measure.metric, measure.value))
                .collect(),
        )
    }

    /// Whether there was anything for a gate to look at: its conditions pass where there is nothing.
    pub(crate) fn check(&self) -> Result<()> {
        for (metric, what) in [
            ("ncloc", "no line of code was analysed"),
            (
                "lines_to_cover",
                "no line was to be covered: the coverage report was not taken",
            ),
            ("coverage", "no line is covered"),
        ] {
            ensure!(self.is_positive(metric), "{what}");
        }
        Ok(())
    }

    fn is_positive(&self, metric: &str) -> bool {
        // `0`, `0.0` and nothing are not.
        let value = self.0.get(metric).map(String::as_str).unwrap_or_default();
        value.bytes().any(|byte| (b'1'..=b'9').contains(&byte))
    }
}

impl Display for Measures {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        let told: Vec<_> = self
            .0
            .iter()
            .map(|(metric, value)| format!("{metric} {value}"))
            .collect();
        formatter.write_str(&told.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn measures(values: &[(&str, &str)]) -> Measures {
        let measures: Vec<_> = values
            .iter()
            .map(|(metric, value)| json!({"metric": metric, "value": value, "bestValue": false}))
            .collect();
        let answer =
            json!({"component": {"key": "stocks-trade", "qualifier": "TRK", "measures": measures}});
        Measures::of(serde_json::from_value(answer).unwrap())
    }

    /// As its web API answers, without what is not read.
    #[test]
    fn a_gate_says_why_it_is_shut() {
        let status = json!({"projectStatus": {"status": "ERROR", "conditions": [
            {"status": "OK", "metricKey": "violations", "comparator": "GT", "errorThreshold": "0", "actualValue": "0"},
            {"status": "ERROR", "metricKey": "coverage", "comparator": "LT", "errorThreshold": "80", "actualValue": "79.9"},
        ]}});
        let issues = json!({"total": 1, "issues": [{"rule": "rust:S2437", "severity": "BLOCKER",
            "component": "stocks-trade:src/lib.rs", "line": 9, "message": "Remove this operation."}]});
        assert_eq!(
            reasons(&status, &issues),
            [
                "coverage: 79.9 < 80",
                "stocks-trade:src/lib.rs:9: Remove this operation. (rust:S2437)",
            ]
        );
        assert_eq!(reasons(&json!({}), &json!({})), [""; 0]);
    }

    #[test]
    fn a_gate_that_had_nothing_to_look_at_is_not_passed() {
        let good = [
            ("ncloc", "2741"),
            ("lines_to_cover", "1502"),
            ("coverage", "91.4"),
        ];
        measures(&good).check().unwrap();
        for (index, (metric, _)) in good.iter().enumerate() {
            for nothing in [Some("0"), Some("0.0"), Some(""), None] {
                let mut values = good.to_vec();
                match nothing {
                    Some(value) => values[index] = (metric, value),
                    None => drop(values.remove(index)),
                }
                assert!(measures(&values).check().is_err(), "{metric} {nothing:?}");
            }
        }
    }
}
