//! Whatever is ordered, all at once: the trades that are listed, executed again in their order, give the positions and the
//! profits that are answered.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::atomic::{AtomicU32, Ordering},
};

use market::{Price, Quantity};
use proptest::prelude::*;
use testkit::http::{Client, Reply};
use tokio::{runtime::Handle, task::JoinSet};

use super::books;
use crate::support::{on_both, order_body, post_text, try_many};

const CASES: u32 = 60;
const USERS: u8 = 3;
const SYMBOLS: [&str; 3] = ["AAPL", "BRK.B", "MSFT"];
const REFUSALS: [&str; 2] = ["insufficient_holdings", "idempotency_key_reused"];

/// An order, perhaps under a key, perhaps of more than can be held.
#[derive(Clone, Debug)]
struct Sent {
    user: u8,
    symbol: &'static str,
    is_buy: bool,
    quantity: Quantity,
    price: Price,
    key: Option<u8>,
    /// How often it is sent; without a key each of them is an order of its own.
    copies: u8,
}

fn sent() -> impl Strategy<Value = Sent> {
    let quantity = prop_oneof![
        3 => (1..=20_i128).prop_map(|shares| shares * 1_000_000),
        3 => 1..=3_000_000_i128,
        1 => Just(1_i128),
    ];
    let price = prop_oneof![1..=5_000_000_i128, Just(1_i128), Just(33_333_i128)];
    let order = (
        0..USERS,
        prop::sample::select(&SYMBOLS[..]),
        quantity,
        price,
    );
    // Few keys: now and then one stands for two orders.
    let key = prop::option::weighted(0.4, 0..20_u8);
    (order, prop::bool::weighted(0.6), key, 1..=3_u8).prop_map(
        |((user, symbol, quantity, price), is_buy, key, copies)| Sent {
            user,
            symbol,
            is_buy,
            quantity: Quantity::from_units(quantity).unwrap(),
            price: Price::from_units(price).unwrap(),
            key,
            copies,
        },
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn the_trades_of_any_orders_executed_again_give_what_is_answered() {
    on_both(&[], async |api| {
        let case = AtomicU32::new(0);
        try_many(CASES, &prop::collection::vec(sent(), 1..60), |orders| {
            // Each try has users of its own, so that none sees the trades of another.
            let case = case.fetch_add(1, Ordering::Relaxed);
            Handle::current().block_on(check(api, case, orders))
        });
    })
    .await;
}

async fn check(api: &Client, case: u32, orders: Vec<Sent>) -> Result<(), TestCaseError> {
    let mut told: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (user, reply) in send_all(api, case, orders).await {
        let answer = reply.json();
        let told = told.entry(user).or_default();
        if reply.status == 201 {
            let id = answer["id"].as_str().unwrap_or_default();
            if reply.header("idempotency-replayed").is_none() {
                prop_assert!(told.insert(id.to_owned()), "twice: {}", reply);
            }
        } else {
            let code = answer["code"].as_str().unwrap_or_default();
            let is_refusal = reply.status == 422 && REFUSALS.contains(&code);
            prop_assert!(is_refusal, "{}", reply);
        }
    }
    for (user, told) in told {
        let trades = books::check_in_order(api, &user).await;
        let found: BTreeSet<String> = trades.into_iter().map(|trade| trade.id).collect();
        prop_assert_eq!(found, told);
    }
    Ok(())
}

async fn send_all(api: &Client, case: u32, orders: Vec<Sent>) -> Vec<(String, Reply)> {
    let mut sending = JoinSet::new();
    for order in orders {
        let user = format!("case-{case}-user-{}", order.user);
        let (quantity, price) = (order.quantity.to_string(), order.price.to_string());
        let body = order_body(&user, order.symbol, &quantity, &price);
        let side = if order.is_buy { "buy" } else { "sell" };
        for _ in 0..order.copies {
            let mut request = post_text(api, &format!("/trades/{side}"), body.as_str());
            if let Some(key) = order.key {
                request = request.header("idempotency-key", format!("key {key}"));
            }
            let (api, user) = (api.clone(), user.clone());
            sending.spawn(async move { (user, api.request(request).await) });
        }
    }
    sending.join_all().await
}
