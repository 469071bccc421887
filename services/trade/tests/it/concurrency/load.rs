//! Clients that buy and sell for users they share, each order under a key of its own and sent until it has an answer.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use serde_json::Value;
use testkit::{eventually, http::Client};
use tokio::task::JoinSet;

use super::{books, dice::Dice};
use crate::support::{buy, order_body, post_text};

/// Bounds of the orders of one client, whatever the test does.
const MAX_ORDERS: usize = 4_000;
const MAX_TIME: Duration = Duration::from_secs(90);
/// Longest time in which an order that is sent again and again has an answer.
const ANSWER_DEADLINE: Duration = Duration::from_secs(40);
/// Longest time in which further orders are acknowledged.
const PROGRESS_DEADLINE: Duration = Duration::from_secs(40);
const SYMBOLS: [&str; 3] = ["AAPL", "BRK.B", "MSFT"];
/// What the service may lack for a while.
const PASSING: [&str; 3] = ["database_unavailable", "outcome_unknown", "starting"];

/// Orders of [`buy_many`] that are under way at a time.
const AT_ONCE: usize = 256;

/// Gives a user a long history.
pub(crate) async fn buy_many(api: &Client, user_id: &str, orders: usize) {
    let mut buying = JoinSet::new();
    for number in 0..orders {
        if buying.len() == AT_ONCE {
            buying.join_next().await.unwrap().unwrap();
        }
        let (api, user_id) = (api.clone(), user_id.to_owned());
        let price = format!("{}.{:04}", 1 + number / 10_000, number % 10_000);
        buying.spawn(async move { buy(&api, &user_id, "AAPL", ["0.000001", &price]).await });
    }
    buying.join_all().await;
}

/// How many do what.
#[derive(Clone, Copy)]
pub(crate) struct Plan {
    /// Clients at the same time.
    pub(crate) clients: usize,
    /// Users whose orders they send.
    pub(crate) users: usize,
    /// Where the orders come from.
    pub(crate) seed: u64,
    /// How long one answer may take; none when the service itself is killed, and connections break.
    pub(crate) answers_within: Option<Duration>,
}

/// Clients at work.
pub(crate) struct Load {
    shared: Arc<Shared>,
    clients: JoinSet<()>,
}

struct Shared {
    plan: Plan,
    is_over: AtomicBool,
    apis: Mutex<Vec<Client>>,
    trades: Mutex<Vec<Acknowledged>>,
    answered: AtomicUsize,
    put_off: AtomicUsize,
}

/// The answer for good to an order.
enum Outcome {
    /// It was executed; the body of the answer.
    Executed(String),
    /// More was to be sold than is held.
    Refused,
}

/// A trade that a client was told of: it may never be lost.
struct Acknowledged {
    user: String,
    id: String,
    body: String,
}

impl Load {
    /// Starts the clients; they spread over these processes.
    pub(crate) fn start(plan: Plan, apis: Vec<Client>) -> Self {
        let shared = Arc::new(Shared {
            plan,
            is_over: AtomicBool::new(false),
            apis: Mutex::new(apis),
            trades: Mutex::default(),
            answered: AtomicUsize::new(0),
            put_off: AtomicUsize::new(0),
        });
        let mut clients = JoinSet::new();
        for client in 0..plan.clients {
            clients.spawn(Arc::clone(&shared).run_client(client));
        }
        Self { shared, clients }
    }

    /// Sends what follows to these processes; to none while there is no service: its port may be another's by now.
    pub(crate) fn send_to(&self, apis: Vec<Client>) {
        *self.shared.apis.lock().unwrap() = apis;
    }

    /// Waits until this many more orders have been answered for good.
    pub(crate) async fn progress(&self, orders: usize) {
        let goal = self.shared.answered.load(Ordering::SeqCst) + orders;
        let reached = async || self.shared.answered.load(Ordering::SeqCst) >= goal;
        eventually(PROGRESS_DEADLINE, "more orders are answered", reached).await;
    }

    /// How often the service has asked to try again later.
    pub(crate) fn put_off(&self) -> usize {
        self.shared.put_off.load(Ordering::SeqCst)
    }

    /// Ends the clients once their orders are answered.
    pub(crate) async fn end(&mut self) {
        self.shared.is_over.store(true, Ordering::SeqCst);
        while let Some(ended) = self.clients.join_next().await {
            ended.unwrap();
        }
    }

    /// Ends the load, and checks that every acknowledged trade is there with its content, that no order happened twice, and
    /// that what is held is the sum of the trades.
    pub(crate) async fn check(mut self, api: &Client) {
        self.end().await;
        let acknowledged = std::mem::take(&mut *self.shared.trades.lock().unwrap());
        assert!(!acknowledged.is_empty());
        let mut by_user: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
        for trade in &acknowledged {
            let is_new = by_user.entry(&trade.user).or_default().insert(&trade.id);
            assert!(is_new, "two orders were answered with trade {}", trade.id);
        }
        for (user, expected) in by_user {
            let trades = books::check(api, user).await;
            let found: BTreeSet<&str> = trades.iter().map(|trade| trade.id.as_str()).collect();
            let lost: Vec<_> = expected.difference(&found).collect();
            assert!(lost.is_empty(), "acknowledged to {user} and lost: {lost:?}");
            // Every order was sent until it was answered, so a trade that no answer named is an order that happened twice.
            let twice: Vec<_> = found.difference(&expected).collect();
            assert!(twice.is_empty(), "executed twice for {user}: {twice:?}");
        }
        let mut readers = JoinSet::new();
        let parts = acknowledged.chunks(acknowledged.len().div_ceil(8));
        for part in parts.map(|part| part.iter().map(|it| (it.id.clone(), it.body.clone()))) {
            let (api, part) = (api.clone(), part.collect::<Vec<_>>());
            readers.spawn(async move {
                for (id, body) in part {
                    let trade = api.get(&format!("/trades/{id}")).await.expect(200);
                    assert_eq!(trade.text(), body, "not what was acknowledged");
                }
            });
        }
        readers.join_all().await;
    }
}

impl Shared {
    async fn run_client(self: Arc<Self>, client: usize) {
        let mut dice = Dice::new(self.plan.seed ^ (u64::try_from(client).unwrap() << 32));
        let deadline = Instant::now() + MAX_TIME;
        for number in 0..MAX_ORDERS {
            if self.is_over.load(Ordering::SeqCst) || Instant::now() > deadline {
                return;
            }
            let user = format!("user-{}", dice.below(self.plan.users.try_into().unwrap()));
            let symbol = dice.pick(&SYMBOLS);
            let path = format!("/trades/{}", dice.side().as_str());
            let (quantity, price) = (dice.quantity().to_string(), dice.price().to_string());
            let body = order_body(&user, symbol, &quantity, &price);
            let key = format!("client {client} order {number}");
            let process = dice.below(1 << 16) as usize;
            let attempt = async || self.attempt(process, &path, &key, &body).await;
            let outcome = eventually(ANSWER_DEADLINE, "an order is answered", attempt).await;
            if let Outcome::Executed(body) = outcome {
                let id = serde_json::from_str::<Value>(&body).unwrap()["id"].clone();
                let id = id.as_str().unwrap().to_owned();
                let trade = Acknowledged { user, id, body };
                self.trades.lock().unwrap().push(trade);
            }
            self.answered.fetch_add(1, Ordering::SeqCst);
        }
    }

    /// Sends the order; none when it is to be sent again.
    async fn attempt(&self, process: usize, path: &str, key: &str, body: &str) -> Option<Outcome> {
        let api = {
            let apis = self.apis.lock().unwrap();
            apis.get(process % apis.len().max(1))?.clone()
        };
        let request = post_text(&api, path, body).header("idempotency-key", key);
        let Some(limit) = self.plan.answers_within else {
            let answer = request.send().await.ok()?;
            let status = answer.status().as_u16();
            let body = answer.text().await.ok()?;
            return self.judge(status, body);
        };
        let sent = Instant::now();
        let reply = api.request(request).await;
        let elapsed = sent.elapsed();
        assert!(elapsed < limit, "after {elapsed:?}: {reply}");
        if reply.status == 503 {
            assert!(reply.header("retry-after").is_some(), "{reply}");
            let code = reply.json()["code"].as_str().unwrap_or_default().to_owned();
            reply.problem(503, &code);
        }
        self.judge(reply.status, reply.text().to_owned())
    }

    fn judge(&self, status: u16, body: String) -> Option<Outcome> {
        if status == 201 {
            return Some(Outcome::Executed(body));
        }
        let problem: Value = serde_json::from_str(&body).unwrap_or_default();
        let code = problem["code"].as_str().unwrap_or_default();
        if (status, code) == (422, "insufficient_holdings") {
            return Some(Outcome::Refused);
        }
        assert!(
            status == 503 && PASSING.contains(&code),
            "answered {status} {body}"
        );
        self.put_off.fetch_add(1, Ordering::SeqCst);
        None
    }
}
