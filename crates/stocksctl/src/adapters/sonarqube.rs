//! `SonarQube`'s web API.

use std::collections::BTreeMap;
use std::fmt::{self, Display, Formatter};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use serde::Deserialize;

const TIMEOUT: Duration = Duration::from_secs(30);
const METRICS: &str = "ncloc,lines_to_cover,coverage,violations,alert_status";

/// A server, and somebody who may ask it.
pub(crate) struct SonarQube {
    client: reqwest::Client,
    address: String,
    token: String,
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
    pub(crate) fn new(address: &str, token: &str) -> Result<Self> {
        Ok(Self {
            client: reqwest::Client::builder().timeout(TIMEOUT).build()?,
            address: address.trim_end_matches('/').to_owned(),
            token: token.to_owned(),
        })
    }

    /// The measures of a project's last analysis.
    pub(crate) async fn measures(&self, project: &str) -> Result<Measures> {
        let url = format!("{}/api/measures/component", self.address);
        let asked = self
            .client
            .get(url)
            .query(&[("component", project), ("metricKeys", METRICS)])
            .bearer_auth(&self.token)
            .send();
        let answer = asked.await.context("SonarQube does not answer")?;
        let status = answer.status();
        ensure!(
            status.is_success(),
            "SonarQube knows nothing of {project}: {status}"
        );
        let answer: Answer = answer.json().await.context("SonarQube's answer")?;
        Ok(Measures::of(answer))
    }
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
