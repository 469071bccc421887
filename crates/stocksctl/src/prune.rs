//! The images that may be deleted. Pure.
//!
//! | kept | because |
//! |---|---|
//! | the newest of each repository | they are on their way, or may be looked into |
//! | `v*`, `latest`, `buildcache*` | their names are in use |
//! | every digest that serves, is being deployed, or has served in an environment | a ledger names it: a rollback may go there |
//! | images without a tag of a release | Harbor's garbage collection removes them |
//!
//! Harbor's own retention cannot tell: it knows tags and times, and no ledger.

use std::collections::BTreeSet;

use chrono::{DateTime, TimeDelta, Utc};

use crate::adapters::harbor::Artifact;
use crate::ledger::Ledger;
use crate::tag;

/// A build may be on its way into service that long.
const MIN_AGE: TimeDelta = TimeDelta::days(1);
/// Beside the versions.
const KEPT_NAMES: [&str; 2] = ["latest", "buildcache"];

/// The digests of a ledger that serve, are under way, or can be rolled back to. `limit` is the number of releases to go back to;
/// without one, all that have served.
pub(crate) fn in_use(ledger: &Ledger, limit: Option<usize>) -> BTreeSet<String> {
    let mut targets = Vec::new();
    for release in ledger.proven() {
        if !targets.iter().any(|it: &&_| release.is_same(it)) {
            targets.push(release);
        }
    }
    // The first one serves.
    targets.truncate(limit.map_or(usize::MAX, |limit| limit.saturating_add(1)));
    let under_way = ledger.open().map(|entry| &entry.release);
    let images = targets
        .into_iter()
        .chain(under_way)
        .flat_map(|it| it.images.values());
    images.map(|image| image.digest.to_string()).collect()
}

/// The images of a repository that nothing needs any more.
pub(crate) fn surplus<'a>(
    images: &'a [Artifact],
    newest: usize,
    in_use: &BTreeSet<String>,
    now: DateTime<Utc>,
) -> Vec<&'a Artifact> {
    let mut releases: Vec<_> = images.iter().filter(|image| is_release(image)).collect();
    // Without a time it counts as new.
    releases.sort_by_key(|image| {
        std::cmp::Reverse(image.last_pushed().unwrap_or(DateTime::<Utc>::MAX_UTC))
    });
    let old = releases.into_iter().skip(newest).filter(|image| {
        let is_settled = image
            .last_pushed()
            .is_some_and(|pushed| now - pushed >= MIN_AGE);
        is_settled && !has_kept_name(image) && !in_use.contains(&image.digest)
    });
    old.collect()
}

/// Returns true for images with a name of a release: not a signature or an attestation that stands under a name of its own.
fn is_release(image: &Artifact) -> bool {
    let mut tags = image.tags.iter();
    tags.any(|tag| !tag.name.starts_with("sha256-"))
}

fn has_kept_name(image: &Artifact) -> bool {
    let mut tags = image.tags.iter().map(|tag| tag.name.as_str());
    tags.any(|name| {
        tag::is_version_like(name) || KEPT_NAMES.iter().any(|kept| name.starts_with(kept))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::adapters::harbor::ArtifactTag;
    use crate::ledger::Outcome;
    use crate::ledger::tests::{entry, of};
    use crate::release::tests::release;

    const NEWEST: usize = 100;

    fn now() -> DateTime<Utc> {
        "2026-06-01T00:00:00Z".parse().unwrap()
    }

    /// The build of some days ago.
    fn image(age: i64, tags: &[&str]) -> Artifact {
        Artifact {
            digest: format!("sha256:{age:064}"),
            push_time: Some(now() - TimeDelta::days(age)),
            tags: tags
                .iter()
                .map(|name| ArtifactTag {
                    name: (*name).to_owned(),
                    push_time: None,
                })
                .collect(),
        }
    }

    fn builds(count: i64) -> Vec<Artifact> {
        let build = |age| image(age, &[&format!("git-{age:07}"), &format!("dev-{age:07}")]);
        (1..=count).map(build).collect()
    }

    fn gone(images: &[Artifact], newest: usize, in_use: &[String]) -> Vec<i64> {
        let in_use = in_use.iter().cloned().collect();
        let gone = surplus(images, newest, &in_use, now());
        gone.iter()
            .map(|image| (now() - image.push_time.unwrap()).num_days())
            .collect()
    }

    #[test]
    fn the_newest_hundred_stay_and_the_rest_goes() {
        let mut images = builds(130);
        // The registry's order does not matter.
        images.reverse();
        assert_eq!(gone(&images, NEWEST, &[]), (101..=130).collect::<Vec<_>>());
        assert_eq!(gone(&images[..50], NEWEST, &[]), [0; 0]);
    }

    #[test]
    fn versions_and_names_in_use_stay() {
        let old = [
            image(201, &["git-0000201", "v1.4.2"]),
            image(202, &["v9x"]),
            image(203, &["latest"]),
            image(204, &["buildcache"]),
            image(205, &["buildcache-trade"]),
            // Signatures stand under names of their own in some registries.
            image(206, &["sha256-0123.sig"]),
            image(207, &[]),
            image(208, &["feature-x"]),
            image(209, &["stage-0000209"]),
        ];
        let images = [builds(100), old.into()].concat();
        assert_eq!(gone(&images, NEWEST, &[]), [208, 209]);
    }

    #[test]
    fn an_image_that_a_ledger_names_stays() {
        let images = builds(130);
        let named = [images[110].digest.clone(), images[129].digest.clone()];
        let left = gone(&images, NEWEST, &named);
        assert_eq!(left.len(), 28);
        assert!(!left.contains(&111) && !left.contains(&130));
    }

    #[test]
    fn an_old_image_that_is_built_again_is_new() {
        let mut images = builds(130);
        images[129].tags.push(ArtifactTag {
            name: "git-abcdef0".to_owned(),
            push_time: Some(now() - TimeDelta::days(2)),
        });
        // It takes the place of the hundredth.
        assert_eq!(gone(&images, NEWEST, &[]), (100..=129).collect::<Vec<_>>());
    }

    #[test]
    fn an_image_of_today_stays() {
        let mut images = builds(3);
        images[0].push_time = Some(now() - TimeDelta::hours(23));
        images[1].push_time = Some(now() - TimeDelta::hours(25));
        images.push(Artifact {
            push_time: None,
            ..image(9, &["git-0000009"])
        });
        let gone = surplus(&images, 0, &BTreeSet::new(), now());
        let gone: Vec<_> = gone.iter().map(|image| &image.tags[0].name).collect();
        assert_eq!(gone, ["git-0000002", "git-0000003"]);
    }

    #[test]
    fn a_ledger_names_what_serves_is_under_way_and_can_be_rolled_back_to() {
        let [first, second, failed, third, begun] =
            [('1', '2'), ('1', '3'), ('4', '4'), ('5', '6'), ('7', '8')]
                .map(|(listing, trade)| release("git-a1b2c3d", listing, trade));
        let done = |release: &crate::release::Release| entry(release.clone(), Outcome::Done);
        let ledger = of([
            done(&first),
            done(&second),
            entry(failed, Outcome::RolledBack),
            done(&third),
            // A rollback and back again.
            done(&second),
            done(&third),
            entry(begun, Outcome::Begun),
        ]);
        let named = |limit| {
            let digits = in_use(&ledger, limit).into_iter();
            digits
                .map(|digest| digest.chars().last().unwrap())
                .collect::<String>()
        };
        assert_eq!(named(None), "1235678");
        assert_eq!(named(Some(1)), "135678");
        assert_eq!(named(Some(0)), "5678");
        assert_eq!(in_use(&Ledger::default(), None), BTreeSet::new());
    }
}
