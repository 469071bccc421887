//! What will be done, as data: it is shown, run and undone from the same list.

mod condition;
mod observed;
mod step;

pub(crate) use self::condition::Condition;
pub(crate) use self::observed::{
    BY_HAND, BrokenPart, Container, FailedTask, Observed, Part, Routes,
};
pub(crate) use self::step::{Images, Launch, Step};
use crate::release::Release;

/// What is wanted of an environment.
#[derive(Clone, Debug)]
pub(crate) struct Wanted {
    /// What shall serve.
    pub(crate) release: Release,
    /// Containers of each service.
    pub(crate) replicas: usize,
    /// Whether somebody must have said that it may.
    pub(crate) needs_approval: bool,
    /// The names that the images get once they serve.
    pub(crate) tags: Vec<String>,
    /// Whether the ledger says already that it serves.
    pub(crate) is_on_record: bool,
}

/// The way from what is there to what is wanted. Only services whose image changes are started again, and containers that are
/// broken are replaced. What serves already and is not on record as serving is put on record.
pub(crate) fn plan(observed: &Observed, wanted: &Wanted) -> Vec<Step> {
    let release = &wanted.release;
    let (launches, mut surplus) = observed.changes(wanted);
    let mut steps = vec![
        Step::Examine(observed.not_running()),
        Step::Admit(release.clone()),
    ];
    if wanted.needs_approval {
        steps.push(Step::Approve(release.clone()));
    }
    let tag = (!wanted.tags.is_empty()).then(|| Step::Tag(release.clone(), wanted.tags.clone()));
    // Containers that hold no request, and containers that no request reaches.
    let mut gone = observed.idle();
    gone.extend(surplus.extract_if(.., |container| !container.condition.holds_requests()));
    let is_there = launches.is_empty() && surplus.is_empty() && observed.leads_to(release);
    let is_whole = observed.missing.is_empty() && observed.broken.is_empty();
    let starting = observed.starting(wanted);
    let awaited = (!starting.is_empty()).then(|| Step::Ready(starting, surplus.clone()));
    if is_whole && is_there && gone.is_empty() && wanted.is_on_record {
        // On record is not the same as serving: that is looked at before it is said.
        steps.extend(awaited);
        steps.push(Step::Check);
        steps.extend(tag);
        return steps;
    }
    let images: Images = launches
        .iter()
        .map(|launch| (launch.service, launch.image.clone()))
        .collect();
    if !images.is_empty() {
        steps.push(Step::Pull(images));
    }
    steps.push(Step::Begin);
    if !gone.is_empty() {
        steps.push(Step::Clear(gone));
    }
    let is_paused = |container: &&Container| container.condition == Condition::Paused;
    let paused: Vec<_> = surplus.iter().filter(is_paused).cloned().collect();
    if !paused.is_empty() {
        steps.push(Step::Resume(paused));
    }
    if !observed.missing.is_empty() {
        steps.push(Step::Prepare(observed.missing.clone()));
    }
    if !observed.broken.is_empty() {
        steps.push(Step::Repair(observed.broken.clone()));
    }
    if is_there {
        steps.extend(awaited);
        steps.push(Step::Check);
    } else {
        steps.extend(bring_in(observed, wanted, launches, &surplus));
    }
    if !surplus.is_empty() {
        steps.push(Step::Drain(surplus));
    }
    steps.extend(tag);
    steps.push(Step::End);
    steps
}

/// Starts containers and sends requests to them.
fn bring_in(
    observed: &Observed,
    wanted: &Wanted,
    launches: Vec<Launch>,
    leaving: &[Container],
) -> Vec<Step> {
    let mut steps = Vec::new();
    // What serves without being routed to would share its name with what is started now.
    let mended = observed.mended_routes();
    let from = mended.clone().unwrap_or_else(|| observed.routes.clone());
    if let Some(to) = mended {
        steps.push(Step::Switch {
            from: observed.routes.clone(),
            to,
        });
    }
    let mut awaited = observed.starting(wanted);
    if !launches.is_empty() {
        let image = |launch: &Launch| (launch.service, launch.image.clone());
        awaited.extend(launches.iter().map(image));
        let beside = observed.containers.clone();
        steps.push(Step::Start { launches, beside });
    }
    if !awaited.is_empty() {
        steps.push(Step::Ready(awaited, leaving.to_vec()));
    }
    let release = &wanted.release;
    steps.push(Step::Smoke(release.clone(), leaving.to_vec()));
    let to = observed::routes_to(release);
    if to != from {
        steps.push(Step::Switch { from, to });
    }
    steps.push(Step::Check);
    steps
}

#[cfg(test)]
mod tests;
