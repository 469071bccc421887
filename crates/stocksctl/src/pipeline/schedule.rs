//! Which runs may begin, given how others ended. Pure.

use super::{Run, When};

/// How a run ended.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Outcome {
    /// It was done.
    Done,
    /// The same was done before, with the same files.
    Known,
    /// It failed, and why.
    Failed(String),
    /// One that it waits for did not end well, so that it did not begin.
    Skipped(&'static str),
    /// It was stopped, or never begun, since a stop was asked for.
    Stopped,
}

impl Outcome {
    pub(crate) fn is_good(&self) -> bool {
        matches!(self, Self::Done | Self::Known)
    }
}

/// The runs of a pipeline, and how far they are.
pub(crate) struct Schedule {
    entries: Vec<Entry>,
    is_stopped: bool,
}

struct Entry {
    run: Run,
    state: State,
}

enum State {
    Waiting,
    UnderWay,
    Ended(Outcome),
}

impl Schedule {
    pub(crate) fn new(runs: Vec<Run>) -> Self {
        let entries = runs.into_iter().map(|run| Entry {
            run,
            state: State::Waiting,
        });
        Self {
            entries: entries.collect(),
            is_stopped: false,
        }
    }

    /// The runs that begin now, by number. What cannot begin any more ends as skipped.
    pub(crate) fn begin(&mut self) -> Vec<(usize, Run)> {
        let mut begun = Vec::new();
        // One that is skipped lets those that wait for it be skipped as well: they stand behind it.
        for index in 0..self.entries.len() {
            let Entry { run, state } = &self.entries[index];
            if !matches!(state, State::Waiting) {
                continue;
            }
            let (run, state) = (*run, self.next(*run));
            if matches!(state, State::UnderWay) {
                begun.push((index, run));
            }
            self.entries[index].state = state;
        }
        begun
    }

    /// A run has ended.
    pub(crate) fn end(&mut self, index: usize, outcome: Outcome) {
        if let Some(entry) = self.entries.get_mut(index) {
            entry.state = State::Ended(outcome);
        }
    }

    /// Nothing is to begin any more.
    pub(crate) fn stop(&mut self) {
        self.is_stopped = true;
    }

    /// Each run, and how it ended; one without an end never began.
    pub(crate) fn outcomes(&self) -> impl Iterator<Item = (Run, Outcome)> + '_ {
        let ended = |entry: &Entry| match &entry.state {
            State::Ended(outcome) => outcome.clone(),
            State::Waiting | State::UnderWay => Outcome::Stopped,
        };
        self.entries
            .iter()
            .map(move |entry| (entry.run, ended(entry)))
    }

    /// What becomes of a run that waits.
    fn next(&self, run: Run) -> State {
        if self.is_stopped {
            return State::Ended(Outcome::Stopped);
        }
        // What is not asked for, or has nothing to do, is nothing to wait for.
        let needs = run.job.needs;
        let awaited = self.entries.iter();
        let awaited = awaited.filter(|entry| needs.contains(&entry.run.job.name));
        let mut failed = None;
        for entry in awaited {
            match &entry.state {
                State::Waiting | State::UnderWay => return State::Waiting,
                State::Ended(outcome) if !outcome.is_good() => {
                    failed = failed.or(Some(entry.run.job.name));
                }
                State::Ended(_) => {}
            }
        }
        match (run.job.when, failed) {
            (When::Failed, None) => State::Ended(Outcome::Skipped("no failure")),
            (When::Failed, Some(_)) | (_, None) => State::UnderWay,
            (_, Some(job)) => State::Ended(Outcome::Skipped(job)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{destination, runs};
    use super::*;
    use crate::workspace::Part;

    /// Ends the runs in waves, those of `failing` badly; the waves, and how all ended.
    fn play(failing: &[&str]) -> (Vec<Vec<String>>, Vec<(String, Outcome)>) {
        let all = Part::ALL.into_iter().collect();
        let mut schedule = Schedule::new(runs(&all, &[], destination("develop")));
        let mut waves = Vec::new();
        loop {
            let begun = schedule.begin();
            if begun.is_empty() {
                break;
            }
            waves.push(begun.iter().map(|(_, run)| run.to_string()).collect());
            for (index, run) in begun {
                let fails = failing.contains(&run.to_string().as_str());
                let outcome = if fails {
                    Outcome::Failed("so".to_owned())
                } else {
                    Outcome::Done
                };
                schedule.end(index, outcome);
            }
        }
        let outcomes = schedule.outcomes();
        let outcomes = outcomes.map(|(run, outcome)| (run.to_string(), outcome));
        (waves, outcomes.collect())
    }

    #[test]
    fn what_can_run_beside_each_other_does() {
        let (waves, outcomes) = play(&[]);
        assert_eq!(waves[0], ["fetch-secrets", "paths-filter"]);
        assert_eq!(waves[1].len(), 5, "{:?}", waves[1]);
        assert_eq!(waves[2], ["build[stock-listing]", "build[trade]"]);
        assert_eq!(waves[3], ["scan[stock-listing]", "scan[trade]"]);
        assert_eq!(waves[4], ["deploy-dev"]);
        assert_eq!(waves.len(), 5);
        let (last, outcome) = outcomes.last().unwrap();
        assert_eq!(
            (last.as_str(), outcome),
            ("notify-failure", &Outcome::Skipped("no failure"))
        );
    }

    #[test]
    fn whatever_fails_nothing_is_deployed_and_somebody_is_told() {
        for failing in [
            "fetch-secrets",
            "paths-filter",
            "test[tools]",
            "sonarqube[trade]",
            "build[trade]",
            "scan[stock-listing]",
        ] {
            let (waves, outcomes) = play(&[failing]);
            let ended = |name: &str| {
                let found = outcomes.iter().find(|(run, _)| run == name);
                found.unwrap().1.clone()
            };
            assert!(
                matches!(ended("deploy-dev"), Outcome::Skipped(_)),
                "{failing}"
            );
            assert_eq!(ended("notify-failure"), Outcome::Done, "{failing}");
            assert_eq!(waves.last().unwrap(), &["notify-failure"], "{failing}");
        }
    }

    #[test]
    fn after_a_stop_nothing_begins() {
        let all = Part::ALL.into_iter().collect();
        let mut schedule = Schedule::new(runs(&all, &[], destination("develop")));
        let begun = schedule.begin();
        schedule.stop();
        for (index, _) in begun {
            schedule.end(index, Outcome::Stopped);
        }
        assert!(schedule.begin().is_empty());
        assert!(
            schedule
                .outcomes()
                .all(|(_, outcome)| outcome == Outcome::Stopped)
        );
    }
}
