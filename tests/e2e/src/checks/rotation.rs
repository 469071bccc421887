//! New database passwords and the old ones again, under load.

use std::borrow::Cow;

use anyhow::{Result, ensure};
use sqlx::{Connection as _, PgConnection};

use crate::engine::expect;
use crate::load::Load;
use crate::stack::DEV;
use crate::vault::Identity;

pub(crate) async fn check() -> Result<String> {
    let before = urls().await?;
    let load = Load::start(DEV, "rotation");
    load.progress(200).await?;
    expect("./stocks", &["rotate", "dev"], b"").await?;
    let after = urls().await?;
    load.progress(200).await?;
    assert_access(&after, &before).await?;

    expect("vault/rotate.sh", &["dev", "undo"], b"").await?;
    let undone = urls().await?;
    ensure!(
        undone == before,
        "an undone rotation must give the credentials before"
    );
    load.progress(200).await?;
    assert_access(&before, &after).await?;
    let rotated = load.end().await?.none_failed()?;

    let by_hand = check_by_hand().await?;
    Ok(format!(
        "a rotation and its undoing: 0 of {rotated} requests failed; by hand: 0 of {by_hand}"
    ))
}

/// `vault kv rollback`, as an operator types it, and the database made to agree.
async fn check_by_hand() -> Result<usize> {
    let root = Identity::root().await?;
    let path = "dev/app/trade/config";
    let load = Load::start(DEV, "by-hand");
    load.progress(100).await?;
    expect("vault/rotate.sh", &["dev"], b"").await?;
    let rotated = root.field(path, "database_url").await?;
    let rollback = "IFS= read -r VAULT_TOKEN; export VAULT_TOKEN; exec vault kv rollback -mount=secret -version=1 \"$0\"";
    let args = ["exec", "--interactive", "vault", "sh", "-c", rollback, path];
    let token = crate::vault::root_token().await? + "\n";
    expect("docker", &args, token.as_bytes()).await?;
    // What Vault has again is locked, so that the service stays where it is, and serves.
    load.progress(100).await?;
    expect("vault/rotate.sh", &["dev", "sync"], b"").await?;
    load.progress(100).await?;
    assert_access(&[root.field(path, "database_url").await?], &[rotated]).await?;
    load.end().await?.none_failed()
}

/// The URLs that the services have.
async fn urls() -> Result<[String; 2]> {
    let root = Identity::root().await?;
    Ok([
        root.field("dev/app/stock-listing/config", "database_url")
            .await?,
        root.field("dev/app/trade/config", "database_url").await?,
    ])
}

async fn assert_access(open: &[String], shut: &[String]) -> Result<()> {
    for (url, is_open) in open
        .iter()
        .map(|url| (url, true))
        .chain(shut.iter().map(|url| (url, false)))
    {
        // As it is reached from this host.
        let url = url.replace("@db:5432", &format!("@127.0.0.1:{}", DEV.database_port));
        match PgConnection::connect(&url).await {
            Ok(connection) => {
                connection.close().await?;
                ensure!(is_open, "an old password is still taken");
            }
            Err(error) => {
                let code = error
                    .as_database_error()
                    .and_then(|error| error.code().map(Cow::into_owned));
                let is_refused = code.as_deref().is_some_and(|code| code.starts_with("28"));
                ensure!(!is_open && is_refused, "{error}");
            }
        }
    }
    Ok(())
}
