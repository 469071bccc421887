//! The smoke test: what the containers of a release answer when nobody else asks them yet.

use anyhow::{Context as _, Result, ensure};
use hyper::Method;
use serde_json::{Value, json};

use crate::adapters::tunnel::Tunnel;
use crate::release::Service;

/// Trades as this user are of the smoke test. What it buys it sells again.
pub(crate) const USER: &str = "smoke-test";

/// Asks a container for its health and for what it is there for.
pub(crate) async fn test(service: Service, container: &mut Tunnel) -> Result<()> {
    let health = get(container, "/health").await?;
    ensure!(
        health["service"] == service.name(),
        "GET /health answers for {}",
        health["service"]
    );
    match service {
        Service::StockListing => test_catalogue(container).await,
        Service::Trade => test_trading(container).await,
    }
}

async fn test_catalogue(container: &mut Tunnel) -> Result<()> {
    let stocks = get(container, "/stocks?limit=1").await?;
    let stocks = stocks.as_array().context("GET /stocks answers no list")?;
    if let Some(stock) = stocks.first() {
        let symbol = stock["symbol"].as_str().context("a stock without symbol")?;
        get(container, &format!("/stocks/{symbol}/price")).await?;
    }
    Ok(())
}

async fn test_trading(container: &mut Tunnel) -> Result<()> {
    let before = held(container).await?;
    let order = json!({"user_id": USER, "symbol": "AAPL", "quantity": 1, "price": 1});
    for side in ["buy", "sell"] {
        let path = format!("/trades/{side}");
        let (status, body) = container
            .call(Method::POST, &path, Some(order.clone()))
            .await?;
        // A catalogue without this stock is no failure of the release.
        if side == "buy" && status == 404 {
            return Ok(());
        }
        check(status, 201, &format!("POST {path}"), &body)?;
    }
    let after = held(container).await?;
    ensure!(
        before == after,
        "a buy and a sell have left {after} instead of {before}"
    );
    Ok(())
}

/// The quantity of the smoke test's position, in its digits; 0 when it has none.
async fn held(container: &mut Tunnel) -> Result<String> {
    let portfolio = get(container, &format!("/portfolio/{USER}")).await?;
    let positions = portfolio
        .as_array()
        .context("GET /portfolio answers no list")?;
    let position = positions
        .iter()
        .find(|position| position["symbol"] == "AAPL");
    Ok(position.map_or_else(
        || "0".to_owned(),
        |position| position["quantity"].to_string(),
    ))
}

async fn get(container: &mut Tunnel, path: &str) -> Result<Value> {
    let (status, body) = container.call(Method::GET, path, None).await?;
    check(status, 200, &format!("GET {path}"), &body)?;
    serde_json::from_slice(&body).with_context(|| format!("GET {path} answers no JSON"))
}

fn check(status: u16, expected: u16, what: &str, body: &[u8]) -> Result<()> {
    let said = String::from_utf8_lossy(body);
    ensure!(
        status != 401,
        "{what} wants a key, and SMOKE_KEY or SMOKE_KEY_FILE has none that counts: `stocksctl keys smoke` makes one. {said}"
    );
    ensure!(status == expected, "{what} answers {status}: {said}");
    Ok(())
}
