//! What is on record: a change of it is found, and so is what was done without it.

use anyhow::{Result, ensure};

use super::workshop::{DONE, UNCHANGED, Workshop, said_by};
use crate::engine::{docker, run};
use crate::stack::{DEV, STAGE, helper_image};

/// A change of one line is found.
pub(super) async fn check_ledger(workshop: &Workshop) -> Result<()> {
    let verify = ["ledger", "verify", "dev"];
    workshop.expect(&verify, DONE).await?;
    for change in ["s/\"by\":\"/&x/", "2d", "$d", "2{h;d};3G"] {
        let script = format!("cp /r/ledger.jsonl /r/kept; sed -i '{change}' /r/ledger.jsonl");
        on_record(&script).await?;
        let found = workshop.run(&verify).await?;
        on_record("mv /r/kept /r/ledger.jsonl").await?;
        ensure!(
            found.code == Some(UNCHANGED),
            "after {change}: {}",
            said_by(&found)
        );
    }
    workshop.expect(&verify, DONE).await.map(drop)
}

async fn on_record(script: &str) -> Result<()> {
    let helper = [
        "run",
        "--rm",
        "--user=0",
        "--volume=dev-releases:/r",
        "--entrypoint=sh",
        helper_image(),
        "-c",
        script,
    ];
    docker(&helper).await.map(drop)
}

/// An emergency by hand, as the reference has it: it serves, is seen, and is replaced by the next release.
pub(super) async fn check_by_hand(workshop: &Workshop, tag: &str) -> Result<()> {
    DEV.compose(&["up", "--detach", "--wait"]).await?;
    DEV.wait_ready().await?;
    let status = workshop.run(&["status", "dev"]).await?.text();
    ensure!(
        status.contains("drift: ") && status.contains("by-hand"),
        "{status}"
    );
    workshop.expect(&["deploy", "dev", tag], DONE).await?;
    workshop.assert_serves(tag).await?;
    // Images of a checkout do not replace a release unasked.
    for images in [&[][..], &["HARBOR_REGISTRY=", "IMAGE_TAG=local"]] {
        let up = [images, &["./stocks", "up", "dev"]].concat();
        let refused = run("env", up, b"").await?;
        let said = said_by(&refused);
        ensure!(
            refused.code == Some(1) && said.contains("serves a release"),
            "./stocks up dev over a release: {said}"
        );
    }
    workshop.assert_serves(tag).await
}

/// An environment that is down is brought up by a release.
pub(super) async fn check_from_nothing(workshop: &Workshop, tag: &str) -> Result<()> {
    STAGE.compose(&["down"]).await?;
    let said = workshop.expect(&["deploy", "stage", tag], DONE).await?;
    ensure!(said.contains("start vault-agent, db, proxy"), "{said}");
    STAGE.wait_ready().await?;
    workshop.assert_serves_in(STAGE, tag, 1).await
}
