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

/// What the services need beside each other.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
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

/// What is there.
#[derive(Clone, Debug, Default)]
pub(crate) struct Observed {
    /// What the services need and has no container.
    pub(crate) missing: Vec<Part>,
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

    /// What is to be started, and what need not serve any more.
    fn changes(&self, wanted: &Wanted) -> (Vec<Launch>, Vec<Container>) {
        let mut launches = Vec::new();
        let mut surplus = Vec::new();
        for (service, image) in &wanted.release.images {
            let (stay, go): (Vec<_>, Vec<_>) = self
                .serving(*service)
                .into_iter()
                .cloned()
                .partition(|container| container.release == image.digest.short());
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

    /// Where the service's requests go.
    pub(crate) fn route(&self, service: Service) -> &str {
        self.routes.get(&service).map_or(BY_HAND, String::as_str)
    }
}

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
    /// Take away containers that no request reaches.
    Clear(Vec<Container>),
    /// Start containers beside those that are there.
    Start {
        /// Of which images, and how many of each.
        launches: Vec<Launch>,
        /// What is there.
        beside: Vec<Container>,
    },
    /// Wait until the containers started for the images are well.
    Ready(Images),
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
            Self::Admit(release) => write!(formatter, "admit {}", list(release.images.values())),
            Self::Approve(release) => write!(formatter, "find the approval of {release}"),
            Self::Pull(images) => write!(formatter, "pull {}", list(images.values())),
            Self::Begin => write!(formatter, "record that it begins"),
            Self::Prepare(parts) => write!(formatter, "start {}", list(parts)),
            Self::Dismantle(parts) => write!(formatter, "remove {}", list(parts)),
            Self::Clear(containers) => write!(formatter, "remove {}", names(containers)),
            Self::Start { launches, .. } => {
                write!(formatter, "start {} beside what serves", list(launches))
            }
            Self::Ready(images) => {
                write!(formatter, "wait for {}", list(images.iter().map(of_image)))
            }
            Self::Smoke(release) => write!(formatter, "smoke-test {release}"),
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
            missing: Vec::new(),
        }
    }

    fn wanted(release: Release, is_on_record: bool) -> Wanted {
        Wanted {
            release,
            replicas: 1,
            needs_approval: false,
            tags: Vec::new(),
            is_on_record,
        }
    }

    #[test]
    fn only_what_changes_is_started_and_drained() {
        let steps = plan(
            &running(&short('a'), &short('b')),
            &wanted(release('a', 'c'), true),
        );
        let started: Vec<_> = steps
            .iter()
            .filter(|step| matches!(step, Step::Start { .. }))
            .collect();
        let new = image(Service::Trade, 'c');
        let launch = Launch {
            service: Service::Trade,
            image: new,
            count: 1,
        };
        let beside = running(&short('a'), &short('b')).containers;
        assert_eq!(
            started,
            [&Step::Start {
                launches: vec![launch],
                beside,
            }]
        );
        let old = container(Service::Trade, &short('b'));
        assert!(steps.contains(&Step::Drain(vec![old])), "{steps:?}");
        assert!(steps.contains(&Step::Admit(release('a', 'c'))), "{steps:?}");
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
            &wanted(release('a', 'b'), true),
        );
        assert_eq!(
            steps,
            [Step::Examine(vec![]), Step::Admit(release('a', 'b'))]
        );
    }

    #[test]
    fn what_serves_and_was_never_recorded_is_put_on_record() {
        let steps = plan(
            &running(&short('a'), &short('b')),
            &wanted(release('a', 'b'), false),
        );
        let last = &steps[steps.len() - 2..];
        assert_eq!(last, [Step::Begin, Step::End]);
    }

    #[test]
    fn what_an_interrupted_call_has_left_is_removed_first() {
        let mut observed = running(&short('a'), &short('b'));
        let left = container(Service::Trade, &short('c'));
        observed.containers.push(left.clone());
        let steps = plan(&observed, &wanted(release('a', 'c'), true));
        assert!(
            steps.contains(&Step::Clear(vec![left.clone()])),
            "{steps:?}"
        );
        // After the switch, what served before is what is left.
        observed.routes.insert(Service::Trade, short('c'));
        let steps = plan(&observed, &wanted(release('a', 'c'), true));
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
        let steps = plan(&observed, &wanted(release('a', 'b'), true));
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
        let steps = plan(&observed, &wanted(release('a', 'b'), true));
        assert!(steps.contains(&Step::Drain(old)), "{steps:?}");
        assert_eq!(switches(&steps), 2, "{steps:?}");
    }

    #[test]
    fn each_step_that_changes_what_runs_says_how_it_is_undone() {
        let old = container(Service::Trade, &short('b'));
        let new = container(Service::Trade, &short('c'));
        // There before, of the same release: one more replica of it was started.
        let sibling = Container {
            id: "sibling".to_owned(),
            ..new.clone()
        };
        let start = Step::Start {
            launches: vec![Launch {
                service: Service::Trade,
                image: image(Service::Trade, 'c'),
                count: 1,
            }],
            beside: vec![old.clone(), sibling.clone()],
        };
        let started = [old, sibling, new.clone()];
        assert_eq!(start.undo(&started), Some(Step::Clear(vec![new])));
        let prepare = Step::Prepare(vec![Part::Proxy]);
        assert_eq!(prepare.undo(&[]), Some(Step::Dismantle(vec![Part::Proxy])));
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

    #[test]
    fn replicas_come_and_go_without_a_change_of_release() {
        let mut observed = running(&short('a'), &short('b'));
        let on_record = wanted(release('a', 'b'), true);
        let three = Wanted {
            replicas: 3,
            ..on_record.clone()
        };
        let steps = plan(&observed, &three);
        let counts = |steps: &[Step]| {
            let launches = steps.iter().find_map(|step| match step {
                Step::Start { launches, .. } => Some(launches.clone()),
                _ => None,
            });
            let counts = launches.unwrap_or_default().into_iter();
            counts.map(|launch| launch.count).collect::<Vec<_>>()
        };
        assert_eq!(counts(&steps), [2, 2]);
        assert!(
            !steps
                .iter()
                .any(|step| matches!(step, Step::Switch { .. } | Step::Drain(_))),
            "{steps:?}"
        );
        let mut second = container(Service::Trade, &short('b'));
        second.id = "second".to_owned();
        observed.containers.push(second.clone());
        let steps = plan(&observed, &on_record);
        assert!(steps.contains(&Step::Drain(vec![second])), "{steps:?}");
        assert_eq!(counts(&steps), [0; 0]);
    }

    #[test]
    fn what_the_services_need_and_is_not_there_is_started_first() {
        let observed = Observed {
            missing: Part::ALL.to_vec(),
            ..Observed::default()
        };
        let steps = plan(&observed, &wanted(release('a', 'b'), false));
        let place = |step: &Step| steps.iter().position(|it| it == step);
        let prepare = place(&Step::Prepare(Part::ALL.to_vec())).unwrap();
        let start = steps
            .iter()
            .position(|step| matches!(step, Step::Start { .. }));
        assert!(place(&Step::Begin).unwrap() < prepare && prepare < start.unwrap());
        assert_eq!(steps[0], Step::Examine(Part::ALL.to_vec()));

        let without_a_door = Observed {
            missing: vec![Part::Proxy],
            ..running(&short('a'), &short('b'))
        };
        let steps = plan(&without_a_door, &wanted(release('a', 'b'), true));
        let expected = [
            Step::Begin,
            Step::Prepare(vec![Part::Proxy]),
            Step::Check,
            Step::End,
        ];
        assert_eq!(steps[2..], expected);
    }

    #[test]
    fn prod_asks_for_an_approval_and_names_come_last() {
        let wanted = Wanted {
            needs_approval: true,
            tags: vec!["v1.0.0".to_owned(), "latest".to_owned()],
            ..wanted(release('c', 'd'), false)
        };
        let steps = plan(&running(&short('a'), &short('b')), &wanted);
        let approve = steps
            .iter()
            .position(|step| matches!(step, Step::Approve(_)));
        let begin = steps.iter().position(|step| *step == Step::Begin);
        assert!(approve < begin, "{steps:?}");
        let last = &steps[steps.len() - 2..];
        assert!(matches!(last, [Step::Tag(_, tags), Step::End] if tags.len() == 2));
    }
}
