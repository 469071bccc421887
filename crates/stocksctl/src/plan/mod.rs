//! What will be done, as data: it is shown, run and undone from the same list.

mod observed;
mod step;

pub(crate) use self::observed::{BY_HAND, Container, Observed, Part, Routes};
pub(crate) use self::step::{Images, Launch, Step};
use crate::release::{Image, Release, Service};

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

/// The way from what is there to what is wanted. Only services whose image changes are started anew. What serves already and is
/// not on record as serving is put on record.
pub(crate) fn plan(observed: &Observed, wanted: &Wanted) -> Vec<Step> {
    let release = &wanted.release;
    let (launches, surplus) = observed.changes(wanted);
    let mut steps = vec![
        Step::Examine(observed.missing.clone()),
        Step::Admit(release.clone()),
    ];
    if wanted.needs_approval {
        steps.push(Step::Approve(release.clone()));
    }
    let tag = (!wanted.tags.is_empty()).then(|| Step::Tag(release.clone(), wanted.tags.clone()));
    let idle = observed.idle();
    let is_there = launches.is_empty() && surplus.is_empty();
    let is_whole = observed.missing.is_empty();
    if is_whole && is_there && idle.is_empty() && wanted.is_on_record {
        steps.extend(tag);
        return steps;
    }
    let images: Images = launches
        .iter()
        .map(|launch| (launch.service, launch.image.clone()))
        .collect();
    if !images.is_empty() {
        steps.push(Step::Pull(images.clone()));
    }
    steps.push(Step::Begin);
    if !idle.is_empty() {
        steps.push(Step::Clear(idle));
    }
    if !is_whole {
        steps.push(Step::Prepare(observed.missing.clone()));
    }
    if is_there {
        steps.extend((!is_whole).then_some(Step::Check));
    } else {
        steps.extend(bring_in(observed, release, launches, images));
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
    release: &Release,
    launches: Vec<Launch>,
    images: Images,
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
    if !launches.is_empty() {
        let beside = observed.containers.clone();
        steps.extend([Step::Start { launches, beside }, Step::Ready(images)]);
    }
    steps.push(Step::Smoke(release.clone()));
    let target = |(service, image): (&Service, &Image)| (*service, image.digest.short().to_owned());
    let to: Routes = release.images.iter().map(target).collect();
    if to != from {
        steps.push(Step::Switch { from, to });
    }
    steps.push(Step::Check);
    steps
}

#[cfg(test)]
mod tests;
