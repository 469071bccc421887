//! Going down and up again keeps the data.

use anyhow::{Result, ensure};

use crate::engine;
use crate::stack::{ALL, CONTAINERS, stocks};

pub(crate) async fn check() -> Result<String> {
    let before = seen().await?;
    stocks(&["down", "dev", "stage", "prod"]).await?;
    let left = crate::stack::containers().await?;
    ensure!(left.is_empty(), "still there: {left:?}");
    stocks(&["up", "dev", "stage", "prod"]).await?;
    ensure!(engine::containers("stocks-dev").await?.len() == CONTAINERS);
    ensure!(
        seen().await? == before,
        "something has changed over a down and up"
    );
    Ok("down and up again, Vault too: stocks, trades and positions are as before".to_owned())
}

async fn seen() -> Result<Vec<String>> {
    let mut seen = Vec::new();
    for environment in ALL {
        for path in ["/stocks/INTC", "/stocks/AAPL/price"] {
            seen.push(
                environment
                    .listing()
                    .get(path)
                    .await
                    .expect(200)
                    .text()
                    .to_owned(),
            );
        }
        for path in ["/trades?user_id=user-001", "/portfolio/user-001/summary"] {
            seen.push(
                environment
                    .trade()
                    .get(path)
                    .await
                    .expect(200)
                    .text()
                    .to_owned(),
            );
        }
    }
    Ok(seen)
}
