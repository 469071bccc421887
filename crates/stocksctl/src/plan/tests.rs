//! The ways between what is there and what is wanted.

use super::*;
use crate::release::{Image, Service};

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
        condition: Condition::Healthy,
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
        ..Observed::default()
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
        place(|step| matches!(step, Step::Smoke(..))),
        place(|step| matches!(step, Step::Switch { .. })),
        place(|step| matches!(step, Step::Check)),
        place(|step| matches!(step, Step::Drain(_))),
        place(|step| matches!(step, Step::End)),
    ];
    assert!(order.is_sorted(), "{steps:?}");
}

#[test]
fn what_runs_already_is_admitted_again_asked_and_left_alone() {
    let steps = plan(
        &running(&short('a'), &short('b')),
        &wanted(release('a', 'b'), true),
    );
    assert_eq!(
        steps,
        [
            Step::Examine(vec![]),
            Step::Admit(release('a', 'b')),
            Step::Check
        ]
    );
}

#[test]
fn what_serves_and_was_never_recorded_is_put_on_record() {
    let steps = plan(
        &running(&short('a'), &short('b')),
        &wanted(release('a', 'b'), false),
    );
    let last = &steps[steps.len() - 3..];
    assert_eq!(last, [Step::Begin, Step::Check, Step::End]);
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

/// A's listing and B's trading are there and on record; the container of trade is in this condition.
fn with_trade(condition: Condition) -> Observed {
    let mut observed = running(&short('a'), &short('b'));
    observed.containers[1].condition = condition;
    observed
}

fn told(steps: &[Step]) -> Vec<String> {
    steps.iter().skip(2).map(ToString::to_string).collect()
}

#[test]
fn a_container_that_takes_no_request_is_replaced_by_the_same_release() {
    let pull = "pull trade of bbbbbbbbbbbb";
    let start = "start 1 × trade of bbbbbbbbbbbb beside what serves";
    let wait = "wait for trade of bbbbbbbbbbbb";
    let smoke = "smoke-test git-1 stock-listing@aaaaaaaaaaaa trade@bbbbbbbbbbbb";
    let (begin, ask, end) = (
        "record that it begins",
        "ask through the proxy",
        "record that it is done",
    );
    let remove = "remove trade-bbbbbbbbbbbb";
    let resume = "resume trade-bbbbbbbbbbbb";
    let drain = "drain and remove trade-bbbbbbbbbbbb";
    let removed_first = [pull, begin, remove, start, wait, smoke, ask, end];
    let drained_last = [pull, begin, start, wait, smoke, ask, drain, end];
    let resumed = [pull, begin, resume, start, wait, smoke, ask, drain, end];
    for (condition, expected) in [
        (Condition::Healthy, &[ask][..]),
        (Condition::Starting, &[wait, ask]),
        (Condition::Stopped(0), &removed_first),
        (Condition::Stopped(137), &removed_first),
        (Condition::Created, &removed_first),
        (Condition::Restarting, &removed_first),
        (
            Condition::Disconnected("dev-net".to_owned()),
            &removed_first,
        ),
        // It may have requests, and what it is replaced by takes the next ones.
        (Condition::Unhealthy, &drained_last),
        (Condition::Paused, &resumed),
    ] {
        let observed = with_trade(condition.clone());
        let steps = plan(&observed, &wanted(release('a', 'b'), true));
        assert_eq!(told(&steps), expected, "{condition}");
        // A container that is replaced is neither waited for nor tried.
        for step in &steps {
            if let Step::Ready(_, leaving) | Step::Smoke(_, leaving) = step {
                let is_left = condition.holds_requests() && !condition.is_sound();
                assert_eq!(leaving.len(), usize::from(is_left), "{condition}: {step}");
            }
        }
    }
}

#[test]
fn digests_have_one_short_form_in_every_step() {
    let wanted = Wanted {
        needs_approval: true,
        tags: vec!["v1.0.0".to_owned()],
        ..wanted(release('c', 'd'), false)
    };
    let steps = plan(&with_trade(Condition::Paused), &wanted);
    assert!(steps.len() > 10, "{steps:?}");
    for step in steps {
        let words = step.to_string();
        let is_long =
            |word: &str| word.len() > 12 && word.bytes().all(|byte| byte.is_ascii_hexdigit());
        let mut parts = words.split(|letter: char| !letter.is_ascii_alphanumeric());
        assert!(!parts.any(is_long) && !words.contains("sha256"), "{words}");
    }
}

#[test]
fn a_broken_replica_is_replaced_while_the_others_serve() {
    let mut observed = running(&short('a'), &short('b'));
    let mut broken = container(Service::Trade, &short('b'));
    "broken".clone_into(&mut broken.id);
    broken.condition = Condition::Stopped(1);
    observed.containers.push(broken.clone());
    let two = Wanted {
        replicas: 2,
        ..wanted(release('a', 'b'), true)
    };
    let steps = plan(&observed, &two);
    let launched = steps.iter().find_map(|step| match step {
        Step::Start { launches, .. } => Some(launches.clone()),
        _ => None,
    });
    // The catalogue has one replica, and gets a second one.
    let counts: Vec<_> = launched.unwrap().iter().map(|it| it.count).collect();
    assert_eq!(counts, [1, 1]);
    assert!(steps.contains(&Step::Clear(vec![broken])), "{steps:?}");
    assert!(!steps.iter().any(|step| matches!(step, Step::Drain(_))));
}

#[test]
fn a_broken_part_is_repaired_before_anything_is_started() {
    let broken = |part, condition| BrokenPart {
        part,
        name: format!("dev-{part}"),
        condition,
    };
    let stopped = broken(Part::Database, Condition::Stopped(0));
    let paused = broken(Part::Proxy, Condition::Paused);
    let mut observed = running(&short('a'), &short('b'));
    observed.broken = vec![stopped, paused];
    let steps = plan(&observed, &wanted(release('a', 'b'), true));
    assert_eq!(
        told(&steps),
        [
            "record that it begins",
            "repair db, which is stopped (exit code 0), proxy, which is paused",
            "ask through the proxy",
            "record that it is done",
        ]
    );
    // The ports of what does not run must be free; a paused proxy has its own.
    assert_eq!(steps[0], Step::Examine(vec![Part::Database]));
    assert_eq!(steps[3].undo(&[]), None);
    let steps = plan(&observed, &wanted(release('a', 'c'), true));
    let place = |wanted: fn(&Step) -> bool| steps.iter().position(wanted).unwrap();
    let repair = place(|step| matches!(step, Step::Repair(_)));
    assert!(repair < place(|step| matches!(step, Step::Start { .. })));
}

#[test]
fn a_proxy_that_has_lost_its_way_to_what_serves_is_told_it_again() {
    let observed = Observed {
        routes: Routes::new(),
        ..running(&short('a'), &short('b'))
    };
    let steps = plan(&observed, &wanted(release('a', 'b'), true));
    let found = running(&short('a'), &short('b')).routes;
    let is_found = |step: &Step| matches!(step, Step::Switch { to, .. } if *to == found);
    assert!(steps.iter().any(is_found), "{steps:?}");
    assert!(!steps.iter().any(|step| matches!(step, Step::Start { .. })));
}
