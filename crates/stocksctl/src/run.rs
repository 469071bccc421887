//! Does what a plan says, step by step; when one fails, takes back what was done.

use std::future::Future;
use std::pin::pin;

use anyhow::{Error, Result, anyhow};
use async_trait::async_trait;

use crate::ledger::Outcome;
use crate::plan::{Container, Step};
use crate::progress::{Progress, chain};

/// Where steps are done.
#[async_trait]
pub(crate) trait World: Sync {
    /// Does one step.
    async fn perform(&self, step: &Step) -> Result<()>;

    /// Every container of the services.
    async fn containers(&self) -> Result<Vec<Container>>;

    /// Writes into the ledger how it ended.
    async fn record(&self, outcome: Outcome, note: &str) -> Result<()>;
}

/// How a plan ended.
#[derive(Debug)]
pub(crate) enum Ended {
    /// All of it was done. What could not be tidied up is named.
    Done(Vec<Error>),
    /// It failed before anything was changed.
    Unchanged(Error),
    /// It failed, and all is as it was before.
    RolledBack(Error),
    /// It failed, and not all could be taken back.
    Stuck(Error, Vec<Error>),
}

/// Runs the steps, until one fails or `stop` comes.
pub(crate) async fn run(
    world: &impl World,
    steps: &[Step],
    stop: impl Future<Output = ()>,
    progress: &Progress,
) -> Ended {
    let mut stop = pin!(stop);
    let mut complaints = Vec::new();
    let mut is_final = false;
    for (place, step) in steps.iter().enumerate() {
        is_final |= step.is_final();
        let line = progress.begins(step);
        let performed = if is_final {
            // Nothing can be taken back from here on, so it is brought to its end.
            world.perform(step).await
        } else {
            tokio::select! {
                biased;
                () = &mut stop => Err(anyhow!("it was told to stop")),
                performed = world.perform(step) => performed,
            }
        };
        match performed {
            Ok(()) => line.done(),
            Err(error) if is_final => {
                line.failed();
                complaints.push(error.context(format!("cannot {step}")));
            }
            Err(error) => {
                line.failed();
                let error = error.context(format!("cannot {step}"));
                return take_back(world, &steps[..=place], error, progress).await;
            }
        }
    }
    Ended::Done(complaints)
}

/// Takes back `steps`, of which the last has failed and may be half done.
async fn take_back(world: &impl World, steps: &[Step], error: Error, progress: &Progress) -> Ended {
    // What fails before it is on record has changed nothing.
    if !steps.contains(&Step::Begin) {
        return Ended::Unchanged(error);
    }
    let mut failures = Vec::new();
    let started = world.containers().await.unwrap_or_else(|failure| {
        failures.push(failure);
        Vec::new()
    });
    for step in steps.iter().rev() {
        let Some(undo) = step.undo(&started) else {
            continue;
        };
        let line = progress.begins(&undo);
        match world.perform(&undo).await {
            Ok(()) => line.done(),
            Err(failure) => {
                line.failed();
                failures.push(failure.context(format!("cannot {undo}")));
            }
        }
    }
    if !failures.is_empty() {
        return Ended::Stuck(error, failures);
    }
    match world.record(Outcome::RolledBack, &chain(&error)).await {
        Ok(()) => Ended::RolledBack(error),
        Err(failure) => Ended::Stuck(error, vec![failure]),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::future::pending;
    use std::sync::Mutex;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use anyhow::bail;

    use super::*;
    use crate::plan::{Condition, Observed, Routes, Wanted, plan};
    use crate::release::{Image, Release, Service};

    /// No two containers have one name.
    static MADE: AtomicUsize = AtomicUsize::new(0);

    /// Containers and a proxy in memory; one step of it fails.
    struct Imagined {
        state: Mutex<(Vec<Container>, Routes)>,
        fails_at: Option<Step>,
        is_half_done: bool,
        recorded: Mutex<Vec<Outcome>>,
    }

    impl Imagined {
        fn effect(&self, step: &Step) {
            let mut state = self.state.lock().unwrap();
            match step {
                Step::Start { launches, .. } => {
                    for launch in launches {
                        let release = launch.image.digest.short().to_owned();
                        for _ in 0..launch.count {
                            let number = MADE.fetch_add(1, Ordering::Relaxed);
                            let name = format!("{} {release} {number}", launch.service);
                            state.0.push(Container {
                                id: name.clone(),
                                name,
                                service: launch.service,
                                release: release.clone(),
                                condition: Condition::Healthy,
                            });
                        }
                    }
                }
                Step::Switch { to, .. } => state.1 = to.clone(),
                Step::Resume(paused) => {
                    for container in &mut state.0 {
                        if paused.iter().any(|paused| paused.id == container.id) {
                            container.condition = Condition::Healthy;
                        }
                    }
                }
                Step::Clear(gone) | Step::Drain(gone) => {
                    let is_gone = |it: &Container| gone.iter().any(|gone| gone.id == it.id);
                    state.0.retain(|container| !is_gone(container));
                }
                Step::End => self.recorded.lock().unwrap().push(Outcome::Done),
                _ => {}
            }
        }

        fn observe(&self) -> Observed {
            let (containers, routes) = self.state.lock().unwrap().clone();
            Observed {
                routes,
                containers,
                ..Observed::default()
            }
        }
    }

    #[async_trait]
    impl World for Imagined {
        async fn perform(&self, step: &Step) -> Result<()> {
            if self.fails_at.as_ref() == Some(step) {
                if self.is_half_done {
                    self.effect(step);
                }
                bail!("it was planned to fail");
            }
            self.effect(step);
            Ok(())
        }

        async fn containers(&self) -> Result<Vec<Container>> {
            Ok(self.state.lock().unwrap().0.clone())
        }

        async fn record(&self, outcome: Outcome, _note: &str) -> Result<()> {
            self.recorded.lock().unwrap().push(outcome);
            Ok(())
        }
    }

    fn release(digit: char) -> Release {
        let image = |service: Service| Image {
            repository: format!("localhost:5000/stocks/{service}"),
            digest: format!("sha256:{}", digit.to_string().repeat(64))
                .parse()
                .unwrap(),
        };
        Release {
            tag: "git-1".to_owned(),
            images: Service::ALL.map(|service| (service, image(service))).into(),
        }
    }

    fn wanted(digit: char) -> Wanted {
        Wanted {
            release: release(digit),
            replicas: 1,
            needs_approval: false,
            tags: Vec::new(),
            is_on_record: false,
        }
    }

    async fn running(digit: char) -> Observed {
        let world = imagined(Observed::default(), None, false);
        let steps = plan(&world.observe(), &wanted(digit));
        assert!(matches!(
            run(&world, &steps, pending(), &Progress::default()).await,
            Ended::Done(_)
        ));
        world.observe()
    }

    fn imagined(observed: Observed, fails_at: Option<Step>, is_half_done: bool) -> Imagined {
        Imagined {
            state: Mutex::new((observed.containers, observed.routes)),
            fails_at,
            is_half_done,
            recorded: Mutex::default(),
        }
    }

    fn names(observed: &Observed) -> BTreeSet<String> {
        let names = observed.containers.iter().map(|it| it.name.clone());
        names.collect()
    }

    /// The containers of each service and release, whatever their names, and their conditions.
    fn kinds(observed: &Observed) -> Vec<(Service, String, Condition)> {
        let kind = |it: &Container| (it.service, it.release.clone(), it.condition.clone());
        let mut kinds: Vec<_> = observed.containers.iter().map(kind).collect();
        kinds.sort_by_key(|(service, release, _)| (*service, release.clone()));
        kinds
    }

    #[tokio::test]
    async fn a_failure_at_any_step_leaves_what_served_before_or_what_was_to_come() {
        let before = running('a').await;
        let steps = plan(&before, &wanted('b'));
        for (step, is_half_done) in steps.iter().flat_map(|step| [(step, false), (step, true)]) {
            let world = imagined(before.clone(), Some(step.clone()), is_half_done);
            let ended = run(&world, &steps, pending(), &Progress::default()).await;
            let after = world.observe();
            let routes_lead_somewhere = Service::ALL.iter().all(|service| {
                let route = after.route(*service);
                after
                    .containers
                    .iter()
                    .any(|container| container.service == *service && container.release == route)
            });
            assert!(routes_lead_somewhere, "after {step}: {after:?}");
            if matches!(step, Step::Drain(_) | Step::End) {
                assert!(
                    matches!(&ended, Ended::Done(complaints) if complaints.len() == 1),
                    "{step}: {ended:?}"
                );
                assert_ne!(after.routes, before.routes, "{step}");
                continue;
            }
            assert_eq!(names(&after), names(&before), "{step}");
            assert_eq!(after.routes, before.routes, "{step}");
            let has_begun = steps.iter().position(|it| it == step)
                >= steps.iter().position(|it| *it == Step::Begin);
            let recorded = world.recorded.lock().unwrap().clone();
            if has_begun {
                assert!(matches!(ended, Ended::RolledBack(_)), "{step}: {ended:?}");
                assert_eq!(recorded, [Outcome::RolledBack], "{step}");
            } else {
                assert!(matches!(ended, Ended::Unchanged(_)), "{step}: {ended:?}");
                assert_eq!(recorded, [], "{step}");
            }
        }
    }

    #[tokio::test]
    async fn a_call_that_died_at_any_step_is_made_good_by_the_next() {
        let before = running('a').await;
        let steps = plan(&before, &wanted('b'));
        for died_after in 0..steps.len() {
            for next in ['a', 'b', 'c'] {
                let world = imagined(before.clone(), None, false);
                for step in &steps[..died_after] {
                    world.effect(step);
                }
                let again = plan(&world.observe(), &wanted(next));
                let ended = run(&world, &again, pending(), &Progress::default()).await;
                assert!(
                    matches!(&ended, Ended::Done(complaints) if complaints.is_empty()),
                    "{ended:?}"
                );
                let expected = running(next).await;
                assert_eq!(
                    kinds(&world.observe()),
                    kinds(&expected),
                    "died after {died_after} steps, then {next}"
                );
                assert_eq!(world.observe().routes, expected.routes);
            }
        }
    }

    #[tokio::test]
    async fn a_repair_that_died_at_any_step_is_made_good_by_the_next() {
        let whole = running('a').await;
        let on_record = Wanted {
            is_on_record: true,
            ..wanted('a')
        };
        for condition in [
            Condition::Stopped(1),
            Condition::Created,
            Condition::Restarting,
            Condition::Paused,
            Condition::Unhealthy,
            Condition::Disconnected("dev-net".to_owned()),
        ] {
            let mut broken = whole.clone();
            broken.containers[0].condition = condition.clone();
            let steps = plan(&broken, &on_record);
            assert!(steps.contains(&Step::Begin), "{condition}: {steps:?}");
            for died_after in 0..=steps.len() {
                let world = imagined(broken.clone(), None, false);
                for step in &steps[..died_after] {
                    world.effect(step);
                }
                let again = plan(&world.observe(), &on_record);
                let ended = run(&world, &again, pending(), &Progress::default()).await;
                assert!(matches!(ended, Ended::Done(_)), "{ended:?}");
                let after = world.observe();
                assert_eq!(kinds(&after), kinds(&whole), "{condition}, {died_after}");
                assert_eq!(after.routes, whole.routes);
            }
        }
    }

    #[tokio::test]
    async fn a_repair_that_fails_takes_nothing_away_that_may_have_requests() {
        for condition in [Condition::Paused, Condition::Unhealthy] {
            let mut broken = running('a').await;
            broken.containers[0].condition = condition.clone();
            let steps = plan(&broken, &wanted('a'));
            let fallible = steps
                .iter()
                .filter(|step| !step.is_final() && **step != Step::End);
            for step in fallible {
                let world = imagined(broken.clone(), Some(step.clone()), true);
                let ended = run(&world, &steps, pending(), &Progress::default()).await;
                let is_expected = matches!(ended, Ended::RolledBack(_) | Ended::Unchanged(_));
                assert!(is_expected, "{condition}, {step}: {ended:?}");
                assert_eq!(
                    names(&world.observe()),
                    names(&broken),
                    "{condition}, {step}"
                );
            }
        }
    }

    #[tokio::test]
    async fn a_stop_takes_back_what_was_done() {
        let before = running('a').await;
        let world = imagined(before.clone(), None, false);
        let steps = plan(&before, &wanted('b'));
        let ended = run(&world, &steps, std::future::ready(()), &Progress::default()).await;
        assert!(matches!(ended, Ended::Unchanged(_)), "{ended:?}");
        assert_eq!(names(&world.observe()), names(&before));
    }
}
