//! What will be done, as data: it is shown, run and undone from the same list.

use std::collections::BTreeMap;
use std::fmt::{self, Display, Formatter};

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
}

/// What is there.
#[derive(Clone, Debug, Default)]
pub(crate) struct Observed {
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
    fn mended_routes(&self) -> Option<Routes> {
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
    fn idle(&self) -> Vec<Container> {
        let idle = |container: &&Container| {
            let serving = self.serving(container.service);
            serving.iter().all(|serving| serving.id != container.id)
        };
        self.containers.iter().filter(idle).cloned().collect()
    }

    /// Where the service's requests go.
    pub(crate) fn route(&self, service: Service) -> &str {
        self.routes.get(&service).map_or(BY_HAND, String::as_str)
    }
}

/// One thing to do.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Step {
    /// Make sure that the image may run: signed, scanned, with a bill of materials.
    Admit(Service, Image),
    /// Bring the image to the engine.
    Pull(Service, Image),
    /// Write into the ledger that it begins.
    Begin,
    /// Take away containers that no request reaches.
    Clear(Vec<Container>),
    /// Start containers beside those that serve.
    Start {
        /// Of this service.
        service: Service,
        /// From this image.
        image: Image,
        /// So many.
        replicas: usize,
    },
    /// Wait until the containers started for the image are well.
    Ready(Service, Image),
    /// Try the containers themselves, before any request reaches them.
    Smoke(Release),
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
    /// Write into the ledger how it ended.
    End,
}

impl Step {
    /// What takes it back; none where nothing is to be taken back, or nothing can be.
    pub(crate) fn undo(&self, started: &[Container]) -> Option<Self> {
        match self {
            Self::Start { service, image, .. } => {
                let is_new = |container: &&Container| {
                    container.service == *service && container.release == image.digest.short()
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
        matches!(self, Self::Drain(_))
    }
}

impl Display for Step {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        let names = |containers: &[Container]| {
            let names: Vec<_> = containers
                .iter()
                .map(|container| container.name.as_str())
                .collect();
            names.join(", ")
        };
        match self {
            Self::Admit(_, image) => write!(formatter, "admit {image}"),
            Self::Pull(_, image) => write!(formatter, "pull {image}"),
            Self::Begin => write!(formatter, "record that it begins"),
            Self::Clear(containers) => write!(formatter, "remove {}", names(containers)),
            Self::Start {
                service,
                image,
                replicas,
            } => {
                write!(
                    formatter,
                    "start {replicas} × {service} of {} beside what serves",
                    image.digest.short()
                )
            }
            Self::Ready(service, image) => {
                write!(formatter, "wait for {service} of {}", image.digest.short())
            }
            Self::Smoke(release) => write!(formatter, "smoke-test {release}"),
            Self::Switch { to, .. } => {
                let target = |(service, release): (&Service, &String)| match release.as_str() {
                    BY_HAND => format!("{service} as it was started by hand"),
                    release => format!("{service} of {release}"),
                };
                let targets: Vec<_> = to.iter().map(target).collect();
                write!(formatter, "switch the proxy to {}", targets.join(" and "))
            }
            Self::Check => write!(formatter, "ask through the proxy"),
            Self::Drain(containers) => write!(formatter, "drain and remove {}", names(containers)),
            Self::End => write!(formatter, "record that it is done"),
        }
    }
}

/// The way from what is there to `release`. Only services whose image changes are started anew.
/// What serves already and is not on record as serving is put on record.
pub(crate) fn plan(
    observed: &Observed,
    release: &Release,
    replicas: usize,
    is_on_record: bool,
) -> Vec<Step> {
    let is_changed = |(service, image): &(&Service, &Image)| {
        let serving = observed.serving(**service);
        serving.len() != replicas
            || serving
                .iter()
                .any(|container| container.release != image.digest.short())
    };
    let changed: Vec<(Service, Image)> = release
        .images
        .iter()
        .filter(is_changed)
        .map(|(service, image)| (*service, image.clone()))
        .collect();

    let admitted = release
        .images
        .iter()
        .map(|(service, image)| Step::Admit(*service, image.clone()));
    let mut steps: Vec<Step> = admitted.collect();
    let idle = observed.idle();
    if changed.is_empty() && idle.is_empty() && is_on_record {
        return steps;
    }
    steps.extend(
        changed
            .iter()
            .map(|(service, image)| Step::Pull(*service, image.clone())),
    );
    steps.push(Step::Begin);
    if !idle.is_empty() {
        steps.push(Step::Clear(idle));
    }
    if changed.is_empty() {
        steps.push(Step::End);
        return steps;
    }
    // What serves without being routed to would share its name with what is started now.
    let mended = observed.mended_routes();
    let from = mended.clone().unwrap_or_else(|| observed.routes.clone());
    if let Some(to) = mended {
        steps.push(Step::Switch {
            from: observed.routes.clone(),
            to,
        });
    }
    for (service, image) in &changed {
        steps.push(Step::Start {
            service: *service,
            image: image.clone(),
            replicas,
        });
    }
    steps.extend(
        changed
            .iter()
            .map(|(service, image)| Step::Ready(*service, image.clone())),
    );
    steps.push(Step::Smoke(release.clone()));
    let to = release
        .images
        .iter()
        .map(|(service, image)| (*service, image.digest.short().to_owned()))
        .collect();
    steps.push(Step::Switch { from, to });
    steps.push(Step::Check);
    let old = changed
        .iter()
        .flat_map(|(service, _)| observed.serving(*service));
    let old: Vec<_> = old.cloned().collect();
    if !old.is_empty() {
        steps.push(Step::Drain(old));
    }
    steps.push(Step::End);
    steps
}

#[cfg(test)]
mod tests {
    use super::*;

    fn image(service: Service, digit: char) -> Image {
        Image {
            repository: format!("localhost:5000/stocks/{service}"),
            digest: format!("sha256:{}", digit.to_string().repeat(64))
                .parse()
                .unwrap(),
        }
    }

    fn release(listing: char, trade: char) -> Release {
        let images = [(Service::StockListing, listing), (Service::Trade, trade)];
        Release {
            tag: "git-1".to_owned(),
            images: images
                .map(|(service, digit)| (service, image(service, digit)))
                .into(),
        }
    }

    fn container(service: Service, release: &str) -> Container {
        Container {
            id: format!("{service} {release}"),
            name: format!("{service}-{release}"),
            service,
            release: release.to_owned(),
        }
    }

    fn short(digit: char) -> String {
        digit.to_string().repeat(12)
    }

    fn running(listing: &str, trade: &str) -> Observed {
        let both = [(Service::StockListing, listing), (Service::Trade, trade)];
        Observed {
            routes: both
                .map(|(service, release)| (service, release.to_owned()))
                .into(),
            containers: both
                .map(|(service, release)| container(service, release))
                .into(),
        }
    }

    #[test]
    fn only_what_changes_is_started_and_drained() {
        let steps = plan(
            &running(&short('a'), &short('b')),
            &release('a', 'c'),
            1,
            true,
        );
        let started: Vec<_> = steps
            .iter()
            .filter(|step| matches!(step, Step::Start { .. }))
            .collect();
        let new = image(Service::Trade, 'c');
        assert_eq!(
            started,
            [&Step::Start {
                service: Service::Trade,
                image: new,
                replicas: 1
            }]
        );
        let old = container(Service::Trade, &short('b'));
        assert!(steps.contains(&Step::Drain(vec![old])), "{steps:?}");
        assert_eq!(
            steps
                .iter()
                .filter(|step| matches!(step, Step::Admit(..)))
                .count(),
            2
        );
        let place = |wanted: fn(&Step) -> bool| steps.iter().position(wanted).unwrap();
        let order = [
            place(|step| matches!(step, Step::Begin)),
            place(|step| matches!(step, Step::Start { .. })),
            place(|step| matches!(step, Step::Ready(..))),
            place(|step| matches!(step, Step::Smoke(_))),
            place(|step| matches!(step, Step::Switch { .. })),
            place(|step| matches!(step, Step::Check)),
            place(|step| matches!(step, Step::Drain(_))),
            place(|step| matches!(step, Step::End)),
        ];
        assert!(order.is_sorted(), "{steps:?}");
    }

    #[test]
    fn what_runs_already_is_admitted_again_and_left_alone() {
        let steps = plan(
            &running(&short('a'), &short('b')),
            &release('a', 'b'),
            1,
            true,
        );
        assert!(
            steps.iter().all(|step| matches!(step, Step::Admit(..))),
            "{steps:?}"
        );
    }

    #[test]
    fn what_serves_and_was_never_recorded_is_put_on_record() {
        let steps = plan(
            &running(&short('a'), &short('b')),
            &release('a', 'b'),
            1,
            false,
        );
        let last = &steps[steps.len() - 2..];
        assert_eq!(last, [Step::Begin, Step::End]);
    }

    #[test]
    fn what_an_interrupted_call_has_left_is_removed_first() {
        let mut observed = running(&short('a'), &short('b'));
        let left = container(Service::Trade, &short('c'));
        observed.containers.push(left.clone());
        let steps = plan(&observed, &release('a', 'c'), 1, true);
        assert!(
            steps.contains(&Step::Clear(vec![left.clone()])),
            "{steps:?}"
        );
        // After the switch, what served before is what is left.
        observed.routes.insert(Service::Trade, short('c'));
        let steps = plan(&observed, &release('a', 'c'), 1, true);
        let old = container(Service::Trade, &short('b'));
        assert!(steps.contains(&Step::Clear(vec![old])), "{steps:?}");
        assert!(
            !steps.iter().any(|step| matches!(step, Step::Start { .. })),
            "{steps:?}"
        );
    }

    #[test]
    fn what_was_started_by_hand_serves_and_is_replaced() {
        let mut observed = running(BY_HAND, BY_HAND);
        let steps = plan(&observed, &release('a', 'b'), 1, true);
        let old: Vec<_> = observed.containers.clone();
        assert!(steps.contains(&Step::Drain(old.clone())), "{steps:?}");
        let switches = |steps: &[Step]| {
            steps
                .iter()
                .filter(|step| matches!(step, Step::Switch { .. }))
                .count()
        };
        assert_eq!(switches(&steps), 1, "{steps:?}");
        // The names that the proxy knows are gone after an emergency by hand.
        observed.routes = [
            (Service::StockListing, short('x')),
            (Service::Trade, short('y')),
        ]
        .into();
        let steps = plan(&observed, &release('a', 'b'), 1, true);
        assert!(steps.contains(&Step::Drain(old)), "{steps:?}");
        assert_eq!(switches(&steps), 2, "{steps:?}");
    }

    #[test]
    fn each_step_that_changes_what_runs_says_how_it_is_undone() {
        let new = image(Service::Trade, 'c');
        let start = Step::Start {
            service: Service::Trade,
            image: new,
            replicas: 1,
        };
        let started = [
            container(Service::Trade, &short('c')),
            container(Service::Trade, &short('b')),
        ];
        assert_eq!(
            start.undo(&started),
            Some(Step::Clear(vec![started[0].clone()]))
        );
        let [from, to] = [
            running(&short('a'), &short('b')),
            running(&short('a'), &short('c')),
        ]
        .map(|it| it.routes);
        let switch = Step::Switch {
            from: from.clone(),
            to: to.clone(),
        };
        assert_eq!(switch.undo(&[]), Some(Step::Switch { from: to, to: from }));
        assert_eq!(Step::Check.undo(&started), None);
    }
}
