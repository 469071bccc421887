//! One thing to do: how it is told, how it is undone.

use std::collections::BTreeMap;
use std::fmt::{self, Display, Formatter};

use super::{BY_HAND, BrokenPart, Container, Part, Routes};
use crate::release::{Image, Release, Service};

/// One thing to do.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Step {
    /// Make sure that the environment can take a release: what it needs works, or can be started.
    Examine(Vec<Part>),
    /// Make sure that the images may run: signed, scanned, with a bill of materials.
    Admit(Release),
    /// Find who has said that the release may come here.
    Approve(Release),
    /// Bring images to the engine.
    Pull(Images),
    /// Write into the ledger that it begins.
    Begin,
    /// Start what the services need and is not there.
    Prepare(Vec<Part>),
    /// Take away what was started so.
    Dismantle(Vec<Part>),
    /// Make parts healthy again.
    Repair(Vec<BrokenPart>),
    /// Take away containers that no request reaches.
    Clear(Vec<Container>),
    /// Let paused containers go on, so that what they work on is finished.
    Resume(Vec<Container>),
    /// Start containers beside those that are there.
    Start {
        /// Of which images, and how many of each.
        launches: Vec<Launch>,
        /// What is there.
        beside: Vec<Container>,
    },
    /// Wait until the containers started for the images are healthy. Those that are replaced need not be.
    Ready(Images, Vec<Container>),
    /// Try the containers themselves, before any request reaches them. Those that are replaced are not tried.
    Smoke(Release, Vec<Container>),
    /// Send all requests there from now on, in one step for both services.
    Switch {
        /// Where they went before.
        from: Routes,
        /// Where they go.
        to: Routes,
    },
    /// Ask through the proxy.
    Check,
    /// Let the containers finish what they work on, and take them away.
    Drain(Vec<Container>),
    /// Give the images further names in the registry.
    Tag(Release, Vec<String>),
    /// Write into the ledger how it ended.
    End,
}

/// Images of services, in the order in which they start.
pub(crate) type Images = BTreeMap<Service, Image>;

/// Containers to start from an image.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Launch {
    /// Of this service.
    pub(crate) service: Service,
    /// From this image.
    pub(crate) image: Image,
    /// So many.
    pub(crate) count: usize,
}

impl Display for Launch {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        let of = self.image.digest.short();
        write!(formatter, "{} × {} of {of}", self.count, self.service)
    }
}

impl Step {
    /// What takes it back; none where nothing is to be taken back, or nothing can be.
    pub(crate) fn undo(&self, started: &[Container]) -> Option<Self> {
        match self {
            Self::Prepare(parts) => Some(Self::Dismantle(parts.clone())),
            Self::Start { launches, beside } => {
                let is_of = |container: &Container, launch: &Launch| {
                    let release = launch.image.digest.short();
                    container.service == launch.service && container.release == release
                };
                let is_new = |container: &&Container| {
                    let is_launched = launches.iter().any(|launch| is_of(container, launch));
                    is_launched && beside.iter().all(|old| old.id != container.id)
                };
                let new: Vec<_> = started.iter().filter(is_new).cloned().collect();
                (!new.is_empty()).then_some(Self::Clear(new))
            }
            Self::Switch { from, to } => Some(Self::Switch {
                from: to.clone(),
                to: from.clone(),
            }),
            _ => None,
        }
    }

    /// Whether all before it stays done, whatever fails later.
    pub(crate) fn is_final(&self) -> bool {
        matches!(self, Self::Drain(_) | Self::Tag(..))
    }
}

impl Display for Step {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Examine(missing) if missing.is_empty() => {
                write!(formatter, "examine the environment")
            }
            Self::Examine(missing) => {
                write!(formatter, "examine what lacks {}", list(missing))
            }
            Self::Admit(release) => write!(formatter, "admit {release}"),
            Self::Approve(release) => write!(formatter, "find the approval of {release}"),
            Self::Pull(images) => write!(formatter, "pull {}", list(images.iter().map(of_image))),
            Self::Begin => write!(formatter, "record that it begins"),
            Self::Prepare(parts) => write!(formatter, "start {}", list(parts)),
            Self::Dismantle(parts) => write!(formatter, "remove {}", list(parts)),
            Self::Repair(parts) => write!(formatter, "repair {}", list(parts)),
            Self::Resume(containers) => write!(formatter, "resume {}", names(containers)),
            Self::Clear(containers) => write!(formatter, "remove {}", names(containers)),
            Self::Start { launches, .. } => {
                write!(formatter, "start {} beside what serves", list(launches))
            }
            Self::Ready(images, _) => {
                write!(formatter, "wait for {}", list(images.iter().map(of_image)))
            }
            Self::Smoke(release, _) => write!(formatter, "smoke-test {release}"),
            Self::Switch { to, .. } => {
                let target = |(service, release): (&Service, &String)| match release.as_str() {
                    BY_HAND => format!("{service} as it was started by hand"),
                    release => format!("{service} of {release}"),
                };
                write!(
                    formatter,
                    "switch the proxy to {}",
                    list(to.iter().map(target))
                )
            }
            Self::Check => write!(formatter, "ask through the proxy"),
            Self::Drain(containers) => write!(formatter, "drain and remove {}", names(containers)),
            Self::Tag(release, tags) => write!(formatter, "tag {release} as {}", list(tags)),
            Self::End => write!(formatter, "record that it is done"),
        }
    }
}

fn of_image((service, image): (&Service, &Image)) -> String {
    format!("{service} of {}", image.digest.short())
}

fn names(containers: &[Container]) -> String {
    list(containers.iter().map(|container| &container.name))
}

fn list(items: impl IntoIterator<Item = impl Display>) -> String {
    let items: Vec<_> = items.into_iter().map(|item| item.to_string()).collect();
    items.join(", ")
}
