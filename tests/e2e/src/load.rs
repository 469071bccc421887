//! Clients that buy and read through the proxy while something happens to what is behind it.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use reqwest::Method;
use testkit::http::Client;
use tokio::sync::Mutex;
use tokio::task::JoinSet;

use crate::stack::{Environment, RECOVERY, eventually};

const CLIENTS: usize = 8;
/// Between two orders: this is no test of speed.
const REST: Duration = Duration::from_millis(10);
/// Between two attempts of what was put off.
const PAUSE: Duration = Duration::from_millis(100);
/// Longest time for which one order is put off.
const PATIENCE: Duration = Duration::from_mins(2);
const FAILURES_KEPT: usize = 10;

/// A load on an environment; each has users of its own.
pub(crate) struct Load {
    shared: Arc<Shared>,
    clients: JoinSet<Result<()>>,
}

struct Shared {
    name: String,
    environment: Environment,
    trade: Client,
    listing: Client,
    is_over: AtomicBool,
    requests: AtomicUsize,
    failures: AtomicUsize,
    first_failures: Mutex<Vec<String>>,
    successes: std::sync::Mutex<Successes>,
    trades: Mutex<Vec<(usize, String)>>,
}

/// When requests have succeeded.
struct Successes {
    last: Instant,
    longest_gap: Duration,
}

/// What a load has seen.
#[derive(Debug)]
pub(crate) struct Seen {
    pub(crate) requests: usize,
    /// Requests that were refused or not answered; an order of those was sent again under its key.
    pub(crate) failures: usize,
    /// The longest time in which no request succeeded.
    pub(crate) longest_outage: Duration,
    first_failures: Vec<String>,
}

impl Seen {
    /// Fails when any request has.
    pub(crate) fn none_failed(self) -> Result<usize> {
        ensure!(
            self.failures == 0,
            "{} of {} requests failed: {:#?}",
            self.failures,
            self.requests,
            self.first_failures
        );
        Ok(self.requests)
    }
}

impl Load {
    /// Starts the clients; no two loads of a run may have one name.
    pub(crate) fn start(environment: Environment, name: &str) -> Self {
        let shared = Arc::new(Shared {
            // New at each run, on environments that were there before too.
            name: format!("{name}-{}", std::process::id()),
            environment,
            trade: environment.trade(),
            listing: environment.listing(),
            is_over: AtomicBool::new(false),
            requests: AtomicUsize::new(0),
            failures: AtomicUsize::new(0),
            first_failures: Mutex::default(),
            successes: std::sync::Mutex::new(Successes {
                last: Instant::now(),
                longest_gap: Duration::ZERO,
            }),
            trades: Mutex::default(),
        });
        let mut clients = JoinSet::new();
        for client in 0..CLIENTS {
            clients.spawn(Arc::clone(&shared).run_client(client));
        }
        Self { shared, clients }
    }

    /// Waits until this many more orders are acknowledged.
    pub(crate) async fn progress(&self, orders: usize) -> Result<()> {
        let goal = self.acknowledged().await + orders;
        let what = format!("{orders} more orders are acknowledged");
        eventually(RECOVERY, &what, async || self.acknowledged().await >= goal).await
    }

    /// Fails when any request has failed so far.
    pub(crate) async fn none_failed_yet(&self) -> Result<()> {
        let failures = self.shared.failures.load(Ordering::SeqCst);
        let first = self.shared.first_failures.lock().await;
        ensure!(failures == 0, "{failures} requests failed: {first:#?}");
        Ok(())
    }

    async fn acknowledged(&self) -> usize {
        self.shared.trades.lock().await.len()
    }

    /// Ends the clients, and checks that every acknowledged order is there, once.
    pub(crate) async fn end(mut self) -> Result<Seen> {
        self.shared.is_over.store(true, Ordering::SeqCst);
        while let Some(ended) = self.clients.join_next().await {
            ended??;
        }
        let longest_outage = self.shared.succeed();
        self.shared.check().await?;
        Ok(Seen {
            requests: self.shared.requests.load(Ordering::SeqCst),
            failures: self.shared.failures.load(Ordering::SeqCst),
            longest_outage,
            first_failures: self.shared.first_failures.lock().await.clone(),
        })
    }
}

impl Shared {
    async fn run_client(self: Arc<Self>, client: usize) -> Result<()> {
        let user = self.user(client);
        for number in 0.. {
            if self.is_over.load(Ordering::SeqCst) {
                break;
            }
            let key = format!("{user} {number}");
            let id = self.order(&user, &key).await?;
            self.trades.lock().await.push((client, id));
            let price = self.listing.builder(Method::GET, "/stocks/AAPL/price");
            self.ask(price, 200).await;
            tokio::time::sleep(REST).await;
        }
        Ok(())
    }

    fn user(&self, client: usize) -> String {
        format!("{}-{client}", self.name)
    }

    /// Sends the order until it is executed; yields its trade's id.
    async fn order(&self, user: &str, key: &str) -> Result<String> {
        let began = Instant::now();
        loop {
            let body = format!(r#"{{"user_id":"{user}","symbol":"AAPL","quantity":1,"price":1}}"#);
            let request = self.trade.builder(Method::POST, "/trades/buy");
            let request = request
                .header("content-type", "application/json")
                .header("idempotency-key", key);
            if let Some(body) = self.ask(request.body(body), 201).await {
                let trade: serde_json::Value = serde_json::from_str(&body)?;
                return Ok(trade["id"]
                    .as_str()
                    .context("a trade without id")?
                    .to_owned());
            }
            ensure!(
                began.elapsed() < PATIENCE,
                "an order was put off for {PATIENCE:?}"
            );
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// The body of the answer that is wanted, or nothing.
    async fn ask(&self, request: reqwest::RequestBuilder, status: u16) -> Option<String> {
        self.requests.fetch_add(1, Ordering::SeqCst);
        let what = if status == 201 {
            "an order:"
        } else {
            "a price:"
        };
        let failure = match request.send().await {
            Ok(answer) => {
                let got = answer.status().as_u16();
                match answer.text().await {
                    Ok(body) if got == status => {
                        self.succeed();
                        return Some(body);
                    }
                    Ok(body) => format!("{what} {got} {body}"),
                    Err(error) => format!("{what} {got} {error:?}"),
                }
            }
            Err(error) => format!("{what} {error:?}"),
        };
        self.failures.fetch_add(1, Ordering::SeqCst);
        let mut kept = self.first_failures.lock().await;
        if kept.len() < FAILURES_KEPT {
            kept.push(failure);
        }
        None
    }

    /// Marks a success; yields the longest time between two of them so far.
    fn succeed(&self) -> Duration {
        let successes = self.successes.lock();
        let mut successes = successes.unwrap_or_else(std::sync::PoisonError::into_inner);
        successes.longest_gap = successes.longest_gap.max(successes.last.elapsed());
        successes.last = Instant::now();
        successes.longest_gap
    }

    async fn check(&self) -> Result<()> {
        self.environment.wait_ready().await?;
        let trades = self.trades.lock().await;
        for client in 0..CLIENTS {
            let of_client = trades.iter().filter(|(of, _)| *of == client);
            let expected: BTreeSet<&str> = of_client.map(|(_, id)| id.as_str()).collect();
            let user = self.user(client);
            let file = self
                .trade
                .get(&format!("/trades.csv?user_id={user}"))
                .await
                .expect(200);
            let rows = file.text().lines().skip(1);
            let found: BTreeSet<&str> = rows.filter_map(|row| row.split(',').next()).collect();
            let lost: Vec<_> = expected.difference(&found).collect();
            ensure!(lost.is_empty(), "acknowledged to {user} and lost: {lost:?}");
            let twice: Vec<_> = found.difference(&expected).collect();
            ensure!(twice.is_empty(), "executed twice for {user}: {twice:?}");
            let portfolio = self
                .trade
                .get(&format!("/portfolio/{user}"))
                .await
                .expect(200);
            let held = portfolio.json()[0]["quantity"].to_string();
            ensure!(
                held.trim_end_matches(".0") == expected.len().to_string(),
                "{user} holds {held}"
            );
        }
        Ok(())
    }
}
