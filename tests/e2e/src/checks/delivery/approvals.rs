//! Prod takes digests that have served there or are approved, whatever verb brings them.

use anyhow::{Context as _, Result, ensure};

use super::workshop::{DONE, UNCHANGED, Workshop};
use crate::stack::PROD;

/// `approved` serves in prod. A release that has served in dev alone is refused there until it is approved.
pub(super) async fn check(workshop: &Workshop, approved: &str) -> Result<usize> {
    workshop.assert_serves_in(PROD, approved, 1).await?;
    let tag = &workshop
        .release("unapproved", "LABEL release=unapproved")
        .await?;
    workshop.expect(&["deploy", "dev", tag], DONE).await?;

    let ways: [&[&str]; 3] = [
        &["rollback", "prod", tag],
        &["promote", "dev", "prod"],
        &["deploy", "prod", tag],
    ];
    for way in ways {
        let said = workshop.expect(way, UNCHANGED).await?;
        ensure!(
            said.contains("stocksctl approve prod stock-listing@sha256:"),
            "{} does not say what to type next: {said}",
            way.join(" ")
        );
        workshop.assert_serves_in(PROD, approved, 1).await?;
    }

    // The command that the refusal names opens the way for exactly these digests.
    let said = workshop.run(&["rollback", "prod", tag]).await?;
    let said = super::workshop::said_by(&said);
    let next = said
        .split('`')
        .find(|part| part.starts_with("stocksctl approve "));
    let next: Vec<_> = next.context("a command")?.split(' ').skip(1).collect();
    workshop.expect(&next, DONE).await?;
    workshop.expect(&["rollback", "prod", tag], DONE).await?;
    workshop.assert_serves_in(PROD, tag, 1).await?;

    // Both have served there now: the ways back need no approval.
    for way in [
        &["rollback", "prod"][..],
        &["rollback", "prod", tag],
        &["rollback", "prod", approved],
    ] {
        let planned = workshop.plan(way).await?;
        ensure!(
            !planned.iter().any(|step| step.contains("approval")),
            "{} asks for an approval: {planned:?}",
            way.join(" ")
        );
        workshop.expect(way, DONE).await?;
    }
    workshop.assert_serves_in(PROD, approved, 1).await?;
    Ok(ways.len())
}
