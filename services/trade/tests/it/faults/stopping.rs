//! SIGTERM under load: no request that reached the service fails.

use std::{
    collections::BTreeSet,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicU32, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use serde_json::Value;
use testkit::eventually;
use tokio::task::JoinSet;

use super::wire::{self, Connection};
use crate::{
    concurrency::{books, dice::Dice},
    support::{Backend, Trade},
};

const STOPS: usize = 4;
const CLIENTS: usize = 16;
const MAX_ORDERS: usize = 5_000;
const DRAIN_DEADLINE: Duration = Duration::from_secs(30);
const PROGRESS_DEADLINE: Duration = Duration::from_secs(20);
/// A kept connection may be closed while it is idle. One that has asked within this time is not: a stopping service answers
/// for longer than that before it closes any, and asks for a new connection in each answer.
const BUSY: Duration = Duration::from_millis(150);

/// What the clients of one service have seen.
#[derive(Default)]
struct Seen {
    answered: AtomicUsize,
    /// Counts the beginnings and the ends of connecting.
    moment: AtomicU32,
    /// When the last of the connections that were answered began to connect.
    last_accepted: AtomicU32,
}

/// A client's trades, and the requests that failed: on which connection, and whether that had been in use.
#[derive(Default)]
struct Report {
    trades: Vec<(String, String)>,
    failures: Vec<Failure>,
}

#[derive(Debug)]
struct Failure {
    connected_at: u32,
    was_busy: bool,
    is_fresh: bool,
    #[expect(dead_code, reason = "shown by a test that fails")]
    error: std::io::Error,
}

#[tokio::test]
async fn no_request_that_reached_a_stopping_service_fails_on_sqlite() {
    stop_under_load(Backend::Sqlite(tempfile::tempdir().unwrap())).await;
}

#[tokio::test]
async fn no_request_that_reached_a_stopping_service_fails_on_postgresql() {
    stop_under_load(Backend::Postgres(testkit::postgres::database().await)).await;
}

async fn stop_under_load(backend: Backend) {
    let mut dice = Dice::new(5);
    let mut trades = Vec::new();
    for round in 0..STOPS {
        let (service, _api) = Trade::start(&backend, &[]).await;
        let address = wire::address_of(&service).await;
        let seen = Arc::new(Seen::default());
        let mut clients = JoinSet::new();
        for client in 0..CLIENTS {
            clients.spawn(trade_until_stopped(
                address,
                Arc::clone(&seen),
                round,
                client,
            ));
        }
        let goal = 100 + dice.below(100) as usize;
        let reached = async || seen.answered.load(Ordering::SeqCst) >= goal;
        eventually(PROGRESS_DEADLINE, "orders are answered", reached).await;

        service.terminate();
        let status = service.wait(DRAIN_DEADLINE).await;
        assert!(status.success(), "{status}\n{}", service.log());
        // Accepted in their order: whoever was connected before one that was answered had been accepted too.
        let last_accepted = seen.last_accepted.load(Ordering::SeqCst);
        let mut lost = Vec::new();
        for report in clients.join_all().await {
            trades.extend(report.trades);
            lost.extend(report.failures.into_iter().filter(|failure| {
                failure.was_busy || (failure.is_fresh && failure.connected_at < last_accepted)
            }));
        }
        assert!(
            lost.is_empty(),
            "round {round}: {lost:#?}\n{}",
            service.log()
        );
    }
    let (_service, api) = Trade::start(&backend, &[]).await;
    for client in 0..CLIENTS {
        let user = user(client);
        let found = books::check(&api, &user).await;
        let found: BTreeSet<&str> = found.iter().map(|trade| trade.id.as_str()).collect();
        let mut told = trades.iter().filter(|(owner, _)| *owner == user);
        assert!(told.all(|(_, id)| found.contains(id.as_str())));
    }
}

fn user(client: usize) -> String {
    format!("user-{client}")
}

/// Half of the clients keep their connection as long as they may, half open one for each order.
async fn trade_until_stopped(
    address: SocketAddr,
    seen: Arc<Seen>,
    round: usize,
    client: usize,
) -> Report {
    let (user, keeps) = (user(client), client.is_multiple_of(2));
    let mut report = Report::default();
    let mut kept: Option<Kept> = None;
    for number in 0..MAX_ORDERS {
        let mut open = match kept.take() {
            Some(open) => open,
            None => match Kept::open(address, &seen).await {
                Some(open) => open,
                None => return report,
            },
        };
        let order = wire::order("buy", &user, &format!("{round} {number}")).concat();
        let sent = open.connection.send(&order).await;
        let asked = Instant::now();
        let answer = match sent {
            Ok(()) => open.connection.answer().await,
            Err(error) => Err(error),
        };
        match answer {
            Ok(answer) => {
                assert_eq!(answer.status, 201, "{answer:?}");
                let trade: Value = serde_json::from_str(&answer.body).unwrap();
                let id = trade["id"].as_str().unwrap().to_owned();
                report.trades.push((user.clone(), id));
                seen.answered.fetch_add(1, Ordering::SeqCst);
                seen.last_accepted
                    .fetch_max(open.began_at, Ordering::SeqCst);
                if keeps && !answer.closes() {
                    open.asked = Some(asked);
                    kept = Some(open);
                }
            }
            Err(error) => report.failures.push(Failure {
                connected_at: open.connected_at,
                was_busy: open.asked.is_some_and(|before| asked - before < BUSY),
                is_fresh: open.asked.is_none(),
                error,
            }),
        }
    }
    report
}

/// A connection, and the moments before and after it was made.
struct Kept {
    connection: Connection,
    began_at: u32,
    connected_at: u32,
    asked: Option<Instant>,
}

impl Kept {
    /// None once the service refuses it.
    async fn open(address: SocketAddr, seen: &Seen) -> Option<Self> {
        let began_at = seen.moment.fetch_add(1, Ordering::SeqCst);
        let connection = Connection::open(address).await.ok()?;
        Some(Self {
            connection,
            began_at,
            connected_at: seen.moment.fetch_add(1, Ordering::SeqCst),
            asked: None,
        })
    }
}
