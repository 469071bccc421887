//! `stocks buy` and `stocks sell`: orders that happen once, however often they had to be sent.

use std::time::Duration;

use anyhow::{Context as _, Result};
use market::Side;
use reqwest::Method;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use service_kit::clock::Clock;
use service_kit::ids::Ids;
use tokio::time::sleep;

use super::output::print;
use super::{Client, at, parse, text};

/// How often an order is sent that no answer comes to; under one key it happens once.
const ATTEMPTS: u32 = 3;
/// Pause before it is sent again.
const PAUSE: Duration = Duration::from_secs(1);

/// An order
#[derive(Debug, clap::Args)]
pub(crate) struct Order {
    /// The stock
    symbol: String,
    /// How many shares, such as 10 or 0.25
    quantity: String,
    /// Price of a share; unset: the market's
    #[arg(long)]
    price: Option<String>,
    /// For whom
    #[arg(long)]
    user: Option<String>,
    /// Key under which the order happens once, to send it again by hand; unset: a new one
    #[arg(long)]
    idempotency_key: Option<String>,
    /// JSON, as the service says it
    #[arg(long)]
    json: bool,
}

/// What is sent: the numbers as they were written, for the service to judge.
#[derive(Serialize)]
struct NewOrder<'a> {
    user_id: &'a str,
    symbol: &'a str,
    quantity: &'a str,
    price: &'a str,
}

#[derive(Deserialize)]
struct Trade {
    id: String,
    symbol: String,
    quantity: Box<RawValue>,
    price: Box<RawValue>,
    total: Box<RawValue>,
    realized_pnl: Option<Box<RawValue>>,
}

impl Order {
    /// Places it for the user that it names, else for `user`.
    pub(crate) async fn run(&self, side: Side, client: &Client, user: &str) -> Result<()> {
        let price = match &self.price {
            Some(price) => price.clone(),
            None => client.price(&self.symbol).await?.current_price.to_string(),
        };
        let key = match &self.idempotency_key {
            Some(key) => key.clone(),
            None => Ids::default().next(Clock::system().now()).to_string(),
        };
        let order = NewOrder {
            user_id: self.user.as_deref().unwrap_or(user),
            symbol: &self.symbol,
            quantity: &self.quantity,
            price: &price,
        };
        let answer = client.place(side, &order, &key).await?;
        if self.json {
            return print(&answer);
        }
        let trade: Trade = parse(&answer)?;
        let done = match side {
            Side::Buy => "bought",
            Side::Sell => "sold",
        };
        let profit = trade.realized_pnl.map(|it| format!(", profit {it}"));
        print(&format!(
            "{done} {} {} at {} for {}{} (trade {})",
            trade.quantity,
            trade.symbol,
            trade.price,
            trade.total,
            profit.unwrap_or_default(),
            trade.id
        ))
    }
}

impl Client {
    /// Sends an order, and again where no answer came; what a service says no to is not sent twice.
    async fn place(&self, side: Side, order: &NewOrder<'_>, key: &str) -> Result<String> {
        let url = at(&self.trading, &["trades", side.as_str()]);
        let mut attempt = 1;
        loop {
            let request = self.request(Method::POST, url.clone());
            let request = request.timeout(super::TIMEOUT).json(order);
            let sent = request.header("Idempotency-Key", key).send().await;
            let is_refused = matches!(&sent, Ok(response) if response.status().is_client_error());
            let answered = match sent {
                Ok(response) => super::succeeded(response).await,
                Err(error) => Err(super::unreachable(error)),
            };
            let answer = match answered {
                Ok(response) => text(response).await,
                Err(error) => Err(error),
            };
            if answer.is_ok() || is_refused {
                return answer;
            }
            if attempt == ATTEMPTS {
                let NewOrder { price, .. } = order;
                return answer.context(format!(
                    "nobody knows whether it was executed: send it again with --price {price} --idempotency-key {key}, it happens once"
                ));
            }
            attempt += 1;
            sleep(PAUSE).await;
        }
    }
}
