//! One command from nothing: what earlier checks have left is taken away first.

use anyhow::{Result, ensure};

use crate::engine::{expect, run};
use crate::stack::{self, DEV};

pub(crate) async fn check() -> Result<String> {
    stack::remove().await?;
    let said = expect("./stocks", &["up", "dev"], b"").await?;
    let said = String::from_utf8_lossy(&said).into_owned();
    ensure!(said.contains("page http://localhost:8000"), "{said}");
    DEV.wait_ready().await?;

    let help = run("./stocks", ["--help"], b"").await?;
    ensure!(
        help.code == Some(0) && help.text().contains("./stocks up ENV"),
        "--help: {:?}",
        help.code
    );
    let unknown = run("./stocks", ["launch"], b"").await?;
    let named = String::from_utf8_lossy(&unknown.stderr).into_owned();
    ensure!(
        unknown.code == Some(2) && named.contains("'launch'") && unknown.stdout.is_empty(),
        "an unknown command: {:?} {named}",
        unknown.code
    );
    Ok("./stocks up dev from nothing; its help, and a command that is not there".to_owned())
}
