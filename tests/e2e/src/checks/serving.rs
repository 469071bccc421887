//! Each environment answers what the reference's lines ask, beside the others.

use anyhow::{Result, ensure};
use serde_json::{Value, json};

use crate::engine;
use crate::stack::{ALL, DEV, Environment, PROD, STAGE};

pub(crate) async fn check() -> Result<String> {
    for environment in ALL {
        answers(environment).await?;
        shows_the_page(environment).await?;
    }
    // What was bought in one is in no other.
    let [dev, others @ ..] = ALL;
    let order = json!({"user_id": "dev-only", "symbol": "AAPL", "quantity": 1, "price": 1});
    dev.trade().post("/trades/buy", &order).await.expect(201);
    for other in others {
        let portfolio = other.trade().get("/portfolio/dev-only").await.expect(200);
        ensure!(
            portfolio.json() == json!([]),
            "{} has dev's orders",
            other.name
        );
    }
    for environment in [STAGE, PROD] {
        is_closed(environment).await?;
    }
    Ok("the reference's calls and the page work in dev, stage and prod at once; stage and prod want a key, and do not start open".to_owned())
}

/// The page and all that it asks for come from one origin, under a policy that lets nothing inline in.
async fn shows_the_page(environment: Environment) -> Result<()> {
    let door = environment.listing();
    let page = door.get("/").await.expect(200);
    let policy = page.header("content-security-policy").unwrap_or_default();
    ensure!(
        policy.starts_with("default-src 'self'") && !policy.contains("unsafe"),
        "{policy}"
    );
    let html = page.text();
    let assets: Vec<&str> = html
        .split('"')
        .filter(|part| part.starts_with("/assets/"))
        .collect();
    ensure!(assets.len() >= 2, "{html}");
    for asset in assets {
        let reply = door.get(asset).await.expect(200);
        let caching = reply.header("cache-control").unwrap_or_default();
        ensure!(caching.contains("immutable"), "{asset}: {caching}");
    }
    let docs = door.get("/docs/").await.expect(200);
    let policy = docs.header("content-security-policy").unwrap_or_default();
    ensure!(
        policy.contains("style-src 'self' 'unsafe-inline'"),
        "{policy}"
    );
    door.get("/trades?user_id=user-001").await.expect(200);
    door.get("/portfolio/user-001/summary").await.expect(200);
    door.get("/metrics").await.problem(404, "not_found");
    for service in ["stock-listing", "trade"] {
        let path = format!("/operations/{service}");
        if environment.name == DEV.name {
            let figures = door.get(&path).await.expect(200).json();
            let image = figures["image"].as_str().unwrap_or_default();
            ensure!(
                figures["service"] == service && figures["health"] == "healthy",
                "{figures}"
            );
            ensure!(image.contains(&format!("stocks/{service}")), "{figures}");
        } else {
            // The key of these checks is for orders and the catalogue.
            door.get(&path).await.problem(403, "forbidden");
        }
    }
    Ok(())
}

/// Nobody trades without a key, or sets a price; and no container starts that would let them.
async fn is_closed(environment: Environment) -> Result<()> {
    let (listing, trade) = (environment.listing(), environment.trade());
    let [listing, trade] = [listing, trade].map(|client| client.with_key(None));
    let order = json!({"user_id": "user-001", "symbol": "AAPL", "quantity": 1, "price": 1});
    for answer in [
        trade.post("/trades/buy", &order).await,
        trade.get("/trades?user_id=user-001").await,
        trade.get("/portfolio/user-001").await,
        listing.put("/stocks/AAPL/price?price=1", &json!({})).await,
        listing.post("/stocks", &json!({})).await,
    ] {
        answer.problem(401, "unauthenticated");
    }
    listing.get("/stocks").await.expect(200);
    for service in ["stock-listing", "trade"] {
        let name = format!("APP_ENV={}", environment.name);
        let image = format!("stocks/{service}:local");
        let start = ["run", "--rm", "--env", &name, "--env", "AUTH=open", &image];
        let ended = engine::run("docker", start, b"").await?;
        let said = String::from_utf8_lossy(&ended.all()).into_owned();
        let reason = format!("AUTH: \"open\" is not for {}", environment.name);
        ensure!(
            ended.code == Some(1) && said.contains(&reason),
            "{service} ended with {:?}: {said}",
            ended.code
        );
    }
    Ok(())
}

async fn answers(environment: Environment) -> Result<()> {
    let (listing, trade) = (environment.listing(), environment.trade());
    for (client, service) in [(&listing, "stock-listing"), (&trade, "trade")] {
        let health = client.get("/health").await.expect(200).json();
        ensure!(health["service"] == service, "{health}");
    }
    let stocks = listing.get("/stocks").await.expect(200).json();
    ensure!(
        stocks.as_array().is_some_and(|stocks| stocks.len() >= 10),
        "{stocks}"
    );
    let technology = listing
        .get("/stocks?sector=Technology")
        .await
        .expect(200)
        .json();
    let is_technology = |stock: &Value| stock["sector"] == "Technology";
    ensure!(
        technology
            .as_array()
            .is_some_and(|stocks| stocks.iter().all(is_technology)),
        "{technology}"
    );
    listing.get("/stocks/AAPL").await.expect(200);
    let put = listing.builder(
        reqwest::Method::PUT,
        "/stocks/AAPL/price?price=191.50&change_pct=0.95",
    );
    listing.request(put).await.expect(200);
    let price = listing.get("/stocks/AAPL/price").await.expect(200).json();
    ensure!(price["current_price"] == 191.5, "{price}");
    let new = json!({
        "symbol": "INTC", "name": "Intel Corp.", "sector": "Technology", "current_price": 35.2,
        "change_pct": 0.5, "volume": 40_000_000, "market_cap": 148_000,
    });
    listing.post("/stocks", &new).await.expect(201);

    let order = |quantity: u32| json!({"user_id": "user-001", "symbol": "AAPL", "quantity": quantity, "price": 189.5});
    trade.post("/trades/buy", &order(10)).await.expect(201);
    trade.post("/trades/sell", &order(5)).await.expect(201);
    let trades = trade
        .get("/trades?user_id=user-001")
        .await
        .expect(200)
        .json();
    ensure!(
        trades.as_array().is_some_and(|trades| trades.len() == 2),
        "{trades}"
    );
    let portfolio = trade.get("/portfolio/user-001").await.expect(200).json();
    ensure!(portfolio[0]["quantity"] == 5, "{portfolio}");
    ensure!(portfolio[0]["market_price"] == 191.5, "{portfolio}");
    Ok(())
}
