//! The pipeline: its jobs, what each of them waits for, and what it runs. Pure.
//!
//! `.github/workflows/ci-cd.yml` says the same to GitHub, and a test compares the two.

#[cfg(test)]
mod hook_tests;
#[cfg(test)]
mod runner_tests;
mod schedule;
pub(crate) mod trust;
#[cfg(test)]
mod workflow_tests;

use std::collections::BTreeSet;
use std::fmt::{self, Display, Formatter};

use crate::environment::Environment;
use crate::release::Service;
use crate::tag;
use crate::workspace::Part;

pub(crate) use schedule::{Outcome, Schedule};

/// The variable that tells a job which part, or which service, it is for.
pub(crate) const PART_VARIABLE: &str = "PART";

/// A job, as it is defined.
#[derive(Debug, Eq, PartialEq)]
pub(crate) struct Job {
    pub(crate) name: &'static str,
    /// The jobs that must have ended well, or had nothing to do.
    pub(crate) needs: &'static [&'static str],
    /// What it runs for, each by itself.
    pub(crate) scope: Scope,
    pub(crate) when: When,
    /// What a shell runs. It knows `PART`, `GITHUB_SHA`, `GITHUB_REF_NAME` and, where a push says so, `BASE`.
    pub(crate) command: &'static str,
}

/// What a job runs for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Scope {
    /// Everything at once.
    Whole,
    /// Each part that a change concerns.
    ChangedParts,
    /// Each service that a change concerns.
    ChangedServices,
    /// Each service.
    Services,
}

/// When a job runs.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum When {
    /// For a pull request, too: it sees no secret.
    Always,
    /// For what was pushed to us.
    Pushed,
    /// For what goes to this environment.
    Released(Environment),
    /// When another one has failed.
    Failed,
}

pub(crate) const JOBS: [Job; 10] = [
    Job {
        name: "fetch-secrets",
        needs: &[],
        scope: Scope::Whole,
        when: When::Pushed,
        command: "stocksctl secrets check secret/ci/pipeline secret/harbor/registry secret/sonarqube/token",
    },
    Job {
        name: "paths-filter",
        needs: &[],
        scope: Scope::Whole,
        when: When::Always,
        command: r#"stocksctl ci changed --since "$BASE""#,
    },
    Job {
        name: "test",
        needs: &["paths-filter"],
        scope: Scope::ChangedParts,
        when: When::Always,
        command: r#"stocksctl ci test "$PART" --out reports"#,
    },
    Job {
        name: "sonarqube",
        needs: &["fetch-secrets", "paths-filter"],
        scope: Scope::ChangedServices,
        when: When::Pushed,
        command: r#"stocksctl secrets exec --env SONAR_TOKEN=secret/ci/pipeline#sonar_token -- stocksctl ci analyse "$PART" --out reports"#,
    },
    Job {
        name: "build",
        needs: &["fetch-secrets", "test", "sonarqube"],
        scope: Scope::Services,
        when: When::Pushed,
        command: r#"stocksctl secrets exec --registry secret/ci/pipeline -- stocksctl build --service "$PART" --out reports"#,
    },
    Job {
        name: "scan",
        needs: &["fetch-secrets", "build"],
        scope: Scope::Services,
        when: When::Pushed,
        command: r#"stocksctl secrets exec --registry secret/ci/pipeline -- stocksctl scan "git-${GITHUB_SHA::7}" --service "$PART" --out reports"#,
    },
    deployment(
        "deploy-dev",
        Environment::Dev,
        r#"stocksctl secrets exec --registry secret/harbor/registry --optional-env SMOKE_KEY=secret/dev/smoke#key -- stocksctl deploy dev "git-${GITHUB_SHA::7}""#,
    ),
    deployment(
        "deploy-stage",
        Environment::Stage,
        r#"stocksctl secrets exec --registry secret/harbor/registry --optional-env SMOKE_KEY=secret/stage/smoke#key -- stocksctl deploy stage "git-${GITHUB_SHA::7}""#,
    ),
    deployment(
        "deploy-prod",
        Environment::Prod,
        r#"stocksctl secrets exec --registry secret/harbor/registry --optional-env SMOKE_KEY=secret/prod/smoke#key -- stocksctl deploy prod "git-${GITHUB_SHA::7}" --tag "$GITHUB_REF_NAME""#,
    ),
    Job {
        name: "notify-failure",
        needs: &[
            "fetch-secrets",
            "paths-filter",
            "test",
            "sonarqube",
            "build",
            "scan",
            "deploy-dev",
            "deploy-stage",
            "deploy-prod",
        ],
        scope: Scope::Whole,
        when: When::Failed,
        command: "stocksctl secrets exec --optional-env SLACK_WEBHOOK=secret/ci/pipeline#slack_webhook -- stocksctl ci notify",
    },
];

/// What brings a release into an environment.
const fn deployment(name: &'static str, environment: Environment, command: &'static str) -> Job {
    Job {
        name,
        needs: &["fetch-secrets", "build", "scan"],
        scope: Scope::Whole,
        when: When::Released(environment),
        command,
    }
}

/// Where a push of this branch or tag goes.
pub(crate) fn destination(reference: &str) -> Option<Environment> {
    if reference == "develop" {
        Some(Environment::Dev)
    } else if reference.starts_with("release/") {
        Some(Environment::Stage)
    } else if tag::is_version(reference) {
        Some(Environment::Prod)
    } else {
        None
    }
}

/// A job that is to run: for one part where it runs for several.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Run {
    pub(crate) job: &'static Job,
    pub(crate) part: Option<Part>,
}

impl Display for Run {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.job.name)?;
        match self.part {
            Some(part) => write!(formatter, "[{part}]"),
            None => Ok(()),
        }
    }
}

impl Run {
    /// Its name as that of a file.
    pub(crate) fn file_name(&self) -> String {
        let part = self.part.map(|part| format!("-{part}"));
        format!("{}{}", self.job.name, part.unwrap_or_default())
    }
}

/// What is to run of a pipeline.
pub(crate) fn runs(
    changed: &BTreeSet<Part>,
    wanted: &[String],
    destination: Option<Environment>,
) -> Vec<Run> {
    let is_wanted = |job: &&Job| wanted.is_empty() || wanted.iter().any(|name| name == job.name);
    let is_due = |job: &&Job| match job.when {
        When::Released(environment) => destination == Some(environment),
        When::Always | When::Pushed | When::Failed => true,
    };
    let jobs = JOBS.iter().filter(is_wanted).filter(is_due);
    jobs.flat_map(|job| {
        let parts: Vec<Option<Part>> = match job.scope {
            Scope::Whole => vec![None],
            Scope::ChangedParts => changed.iter().copied().map(Some).collect(),
            Scope::ChangedServices => {
                let services = changed.iter().filter(|part| part.service().is_some());
                services.copied().map(Some).collect()
            }
            Scope::Services => Service::ALL.map(Part::Service).map(Some).into(),
        };
        parts.into_iter().map(move |part| Run { job, part })
    })
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(changed: &[Part], wanted: &[&str], reference: &str) -> Vec<String> {
        let wanted: Vec<String> = wanted.iter().map(|name| (*name).to_owned()).collect();
        let changed = changed.iter().copied().collect();
        let runs = runs(&changed, &wanted, destination(reference));
        runs.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_job_waits_for_jobs_before_it_alone() {
        let mut before = Vec::new();
        for job in &JOBS {
            for need in job.needs {
                assert!(before.contains(need), "{} needs {need}", job.name);
            }
            before.push(job.name);
        }
    }

    #[test]
    fn nothing_reaches_an_environment_before_it_is_tested_analysed_signed_and_scanned() {
        fn all_needs(name: &str) -> BTreeSet<&'static str> {
            let job = JOBS.iter().find(|job| job.name == name).unwrap();
            let direct = job.needs.iter().copied();
            let indirect = job.needs.iter().flat_map(|need| all_needs(need));
            direct.chain(indirect).collect()
        }
        let gates = ["test", "sonarqube", "build", "scan", "fetch-secrets"];
        let deploys = |job: &&Job| matches!(job.when, When::Released(_));
        let mut count = 0;
        for job in JOBS.iter().filter(deploys) {
            let needs = all_needs(job.name);
            assert!(
                gates.iter().all(|gate| needs.contains(gate)),
                "{}",
                job.name
            );
            count += 1;
        }
        assert_eq!(count, Environment::ALL.len());
    }

    #[test]
    fn a_reference_goes_to_one_environment_or_none() {
        for (reference, expected) in [
            ("develop", Some(Environment::Dev)),
            ("release/1.4.0", Some(Environment::Stage)),
            ("v1.4.0", Some(Environment::Prod)),
            ("v1.4.0-rc.1", Some(Environment::Prod)),
            ("main", None),
            ("develop-2", None),
            ("v1", None),
            ("version", None),
        ] {
            assert_eq!(destination(reference), expected, "{reference}");
        }
    }

    #[test]
    fn what_did_not_change_is_built_and_not_tested_again() {
        let trade = Part::Service(Service::Trade);
        assert_eq!(
            named(&[trade, Part::Tools], &[], "develop"),
            [
                "fetch-secrets",
                "paths-filter",
                "test[trade]",
                "test[tools]",
                "sonarqube[trade]",
                "build[stock-listing]",
                "build[trade]",
                "scan[stock-listing]",
                "scan[trade]",
                "deploy-dev",
                "notify-failure",
            ]
        );
        assert_eq!(
            named(&[], &["test", "build"], "main"),
            ["build[stock-listing]", "build[trade]"]
        );
    }
}
