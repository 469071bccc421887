//! What is there: containers, the proxy's routes, and what the services need beside each other.

use std::collections::BTreeMap;
use std::fmt::{self, Display, Formatter};

use super::{Condition, Images, Launch, Wanted};
use crate::release::{Image, Release, Service};

/// What containers are of that no release was started for.
pub(crate) const BY_HAND: &str = "by-hand";

/// The release that the proxy sends each service's requests to, by the short digest or as [`BY_HAND`].
pub(crate) type Routes = BTreeMap<Service, String>;

/// A container of a service.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Container {
    /// The engine's id.
    pub(crate) id: String,
    /// Its name.
    pub(crate) name: String,
    /// Of which service.
    pub(crate) service: Service,
    /// The short digest of the image that it was started for, or [`BY_HAND`].
    pub(crate) release: String,
    /// Its condition.
    pub(crate) condition: Condition,
}

/// What the services need beside each other.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) enum Part {
    /// Renders the secrets.
    VaultAgent,
    /// PostgreSQL.
    Database,
    /// The published door.
    Proxy,
}

impl Part {
    /// In the order in which they start.
    pub(crate) const ALL: [Self; 3] = [Self::VaultAgent, Self::Database, Self::Proxy];

    /// Its name in Compose.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::VaultAgent => "vault-agent",
            Self::Database => "db",
            Self::Proxy => "proxy",
        }
    }
}

impl Display for Part {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

/// A part that has a container, and is not healthy.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct BrokenPart {
    /// The part.
    pub(crate) part: Part,
    /// The name of its container.
    pub(crate) name: String,
    /// The container's condition.
    pub(crate) condition: Condition,
}

impl Display for BrokenPart {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}, which is {}", self.part, self.condition)
    }
}

/// A container that does something once at the start of an environment, and has failed.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct FailedTask {
    /// Its name.
    pub(crate) name: String,
    /// Its exit code.
    pub(crate) code: i64,
}

/// What is there.
#[derive(Clone, Debug, Default)]
pub(crate) struct Observed {
    /// Parts without a container.
    pub(crate) missing: Vec<Part>,
    /// Parts that are not healthy.
    pub(crate) broken: Vec<BrokenPart>,
    /// One-shot containers that have failed.
    pub(crate) failed_tasks: Vec<FailedTask>,
    /// Where the proxy sends requests.
    pub(crate) routes: Routes,
    /// Every container of the services, whatever its state.
    pub(crate) containers: Vec<Container>,
}

impl Observed {
    /// The containers that requests reach: those of the route, and where nothing bears that name any more, all.
    pub(crate) fn serving(&self, service: Service) -> Vec<&Container> {
        let of_service = || {
            self.containers
                .iter()
                .filter(move |container| container.service == service)
        };
        let route = self.route(service);
        let routed: Vec<_> = of_service()
            .filter(|container| container.release == route)
            .collect();
        if routed.is_empty() {
            of_service().collect()
        } else {
            routed
        }
    }

    /// The routes to what serves, where the proxy has found nothing at those that it has, as after an emergency by hand.
    pub(super) fn mended_routes(&self) -> Option<Routes> {
        let serving = |service| {
            self.serving(service)
                .first()
                .map(|container| container.release.clone())
        };
        let mended = |service| {
            (
                service,
                serving(service).unwrap_or_else(|| BY_HAND.to_owned()),
            )
        };
        let mended: Routes = Service::ALL.map(mended).into();
        let is_same = Service::ALL
            .iter()
            .all(|service| mended[service] == self.route(*service));
        (!is_same).then_some(mended)
    }

    /// The containers that no request reaches.
    pub(super) fn idle(&self) -> Vec<Container> {
        let idle = |container: &&Container| {
            let serving = self.serving(container.service);
            serving.iter().all(|serving| serving.id != container.id)
        };
        self.containers.iter().filter(idle).cloned().collect()
    }

    /// True when a service or a part has a container. One-shot containers do not count.
    pub(crate) fn is_there(&self) -> bool {
        !self.containers.is_empty() || self.missing.len() < Part::ALL.len()
    }

    /// The parts whose containers are started: their ports must be free.
    pub(super) fn not_running(&self) -> Vec<Part> {
        let is_lacking = |part: &Part| {
            let mut broken = self.broken.iter();
            self.missing.contains(part)
                || broken.any(|broken| broken.part == *part && !broken.condition.holds_ports())
        };
        Part::ALL.into_iter().filter(is_lacking).collect()
    }

    /// The images of containers that serve and whose health check has not passed yet.
    pub(super) fn starting(&self, wanted: &Wanted) -> Images {
        let images = wanted.release.images.iter();
        let is_starting = |(service, image): &(&Service, &Image)| {
            self.serving(**service).iter().any(|container| {
                container.condition == Condition::Starting
                    && container.release == image.digest.short()
            })
        };
        images
            .filter(is_starting)
            .map(|(service, image)| (*service, image.clone()))
            .collect()
    }

    /// The containers to start, and those that need not serve any more: of another release, broken or too many.
    pub(super) fn changes(&self, wanted: &Wanted) -> (Vec<Launch>, Vec<Container>) {
        let mut launches = Vec::new();
        let mut surplus = Vec::new();
        for (service, image) in &wanted.release.images {
            let (stay, go): (Vec<_>, Vec<_>) = self
                .serving(*service)
                .into_iter()
                .cloned()
                .partition(|container| {
                    container.release == image.digest.short() && container.condition.is_sound()
                });
            let stays = stay.len().min(wanted.replicas);
            if stays < wanted.replicas {
                launches.push(Launch {
                    service: *service,
                    image: image.clone(),
                    count: wanted.replicas - stays,
                });
            }
            surplus.extend(go.into_iter().chain(stay.into_iter().skip(stays)));
        }
        (launches, surplus)
    }

    /// True when the proxy sends requests to this release.
    pub(super) fn leads_to(&self, release: &Release) -> bool {
        let mut images = release.images.iter();
        images.all(|(service, image)| self.route(*service) == image.digest.short())
    }

    /// Where the service's requests go.
    pub(crate) fn route(&self, service: Service) -> &str {
        self.routes.get(&service).map_or(BY_HAND, String::as_str)
    }
}

/// The routes to a release.
pub(super) fn routes_to(release: &Release) -> Routes {
    let target = |(service, image): (&Service, &Image)| (*service, image.digest.short().to_owned());
    release.images.iter().map(target).collect()
}
