//! What every store of orders must do; each test runs on both databases.

mod versions;

use std::collections::BTreeSet;
use std::sync::Arc;

use market::{Money, Price, Quantity, Side, Symbol, Timestamp, UserId};
use service_kit::auth::Identity;
use service_kit::database::{Database, StoreError};
use service_kit::extract::IdempotencyKey;
use service_kit::ids::Ids;
use service_kit::settings::{DatabaseSettings, Reader};
use uuid::Uuid;

use self::versions::*;
use super::{Store, TradeFilter, migrate, open};
use crate::book::{Answer, Changes, KeptAnswer};
use crate::order::KeyName;
use crate::portfolio::Portfolio;
use crate::position::Position;
use crate::trade::Trade;

/// A store on a database of its own, which lives as long as `_holder`.
struct Opened {
    database: Database,
    store: Arc<dyn Store>,
    _holder: Box<dyn std::any::Any>,
}

async fn opened(variables: [(&str, String); 1], holder: impl std::any::Any) -> Opened {
    let variables = variables.map(|(name, value)| (name.to_owned(), value));
    let settings = DatabaseSettings::read(&mut Reader::new(variables));
    let database = Database::open(&settings, "trade").await.unwrap();
    migrate(database.clone(), "trade").await.unwrap();
    Opened {
        store: open(&database),
        database,
        _holder: Box::new(holder),
    }
}

async fn on_sqlite() -> Opened {
    let folder = tempfile::tempdir().unwrap();
    opened([("DATA_DIR", folder.path().display().to_string())], folder).await
}

async fn on_postgres() -> Opened {
    let database = testkit::postgres::database().await;
    opened([("DATABASE_URL", database.url())], database).await
}

/// Runs each contract on both databases.
macro_rules! contracts {
    ($($name:ident),* $(,)?) => {
        mod sqlite {
            $(#[tokio::test(flavor = "multi_thread")] async fn $name() { super::$name(super::on_sqlite().await).await; })*
        }
        mod postgres {
            $(#[tokio::test(flavor = "multi_thread")] async fn $name() { super::$name(super::on_postgres().await).await; })*
        }
    };
}

contracts!(
    what_is_written_is_read_to_the_last_digit,
    what_is_not_committed_leaves_nothing,
    a_second_lock_on_a_user_waits_for_the_first,
    a_closed_position_leaves_its_profit_and_no_row,
    trades_are_listed_newest_first_and_filtered,
    a_kept_answer_is_read_back_and_forgotten_in_time,
    a_row_that_breaks_an_invariant_is_refused,
    migrating_twice_changes_nothing,
    what_is_read_comes_with_the_version_of_its_account,
    a_batch_is_written_on_the_versions_that_it_was_decided_on,
    a_batch_that_was_overtaken_by_one_account_writes_nothing_of_the_others,
    an_account_that_somebody_else_opened_overtakes_a_batch,
    a_batch_whose_key_has_an_answer_writes_nothing,
);

fn user(name: &str) -> UserId {
    UserId::parse(name).unwrap()
}

fn symbol(name: &str) -> Symbol {
    Symbol::parse(name).unwrap()
}

fn at(second: u32) -> Timestamp {
    Timestamp::parse(&format!("2026-01-05T10:00:{second:02}.123456Z")).unwrap()
}

fn position(quantity: &str, cost: &str, realized: &str) -> Position {
    Position {
        quantity: Quantity::parse(quantity).unwrap(),
        cost_basis: Money::parse(cost).unwrap(),
        realized_pnl: Money::parse(realized).unwrap(),
    }
}

fn trade(ids: &Ids, user_id: &str, stock: &str, side: Side, second: u32) -> Trade {
    let (quantity, price) = (
        Quantity::parse("0.000001").unwrap(),
        Price::parse("0.0001").unwrap(),
    );
    Trade {
        id: ids.next(at(second)),
        user_id: user(user_id),
        symbol: symbol(stock),
        side,
        quantity,
        price,
        total: price.times(quantity),
        realized_pnl: (side == Side::Sell).then(|| Money::parse("-0.0000000001").unwrap()),
        executed_at: at(second),
        placed_by: (side == Side::Buy).then(|| Identity::recorded("key:1f0c9a37")),
    }
}

fn filter(user_id: &str) -> TradeFilter {
    TradeFilter {
        user_id: user(user_id),
        symbol: None,
        side: None,
        from: None,
        to: None,
        before: None,
        limit: 100,
    }
}

impl Opened {
    async fn write(&self, users: &[&str], changes: &Changes) -> Result<(), StoreError> {
        let users = users.iter().map(|name| user(name)).collect();
        let mut transaction = self.store.writer().lock(&users).await?;
        transaction.write(changes).await?;
        transaction.commit().await
    }

    async fn ids(&self, filter: &TradeFilter) -> Vec<Uuid> {
        self.store
            .trades(filter)
            .await
            .unwrap()
            .iter()
            .map(|trade| trade.id)
            .collect()
    }
}

async fn what_is_written_is_read_to_the_last_digit(opened: Opened) {
    let ids = Ids::default();
    let (quantity, price) = (
        Quantity::parse("999999999999.999999").unwrap(),
        Price::parse("9999999999.9999").unwrap(),
    );
    let largest = Trade {
        quantity,
        price,
        total: price.times(quantity),
        ..trade(&ids, "u", "A", Side::Buy, 1)
    };
    let smallest = trade(&ids, "u", "A", Side::Sell, 2);
    let held = position(
        "999999999999.999999",
        "9999999999999899990000.0000000001",
        "-0.0000000001",
    );
    let mut changes = Changes {
        trades: vec![largest.clone(), smallest.clone()],
        ..Changes::default()
    };
    changes
        .positions
        .insert((user("u"), symbol("A")), (Some(held), at(2)));
    opened.write(&["u"], &changes).await.unwrap();

    assert_eq!(
        opened.store.trade(largest.id).await.unwrap(),
        Some(largest.clone())
    );
    assert_eq!(
        opened.store.trades(&filter("u")).await.unwrap(),
        [smallest, largest]
    );
    let portfolio = opened.store.portfolio(&user("u")).await.unwrap();
    assert_eq!(portfolio.positions[0].position, held);
    assert_eq!(portfolio.positions[0].updated_at, at(2));

    let holdings = BTreeSet::from([(user("u"), symbol("A")), (user("u"), symbol("B"))]);
    let mut transaction = opened
        .store
        .writer()
        .lock(&BTreeSet::from([user("u")]))
        .await
        .unwrap();
    let book = transaction.read(&holdings, &[]).await.unwrap();
    assert_eq!(book.position(&user("u"), symbol("A")), Some(held));
    assert_eq!(book.position(&user("u"), symbol("B")), None);
}

async fn what_is_not_committed_leaves_nothing(opened: Opened) {
    let made = trade(&Ids::default(), "u", "A", Side::Buy, 1);
    let mut changes = Changes {
        trades: vec![made.clone()],
        ..Changes::default()
    };
    changes.positions.insert(
        (user("u"), symbol("A")),
        (Some(position("1", "1", "0")), at(1)),
    );
    let mut transaction = opened
        .store
        .writer()
        .lock(&BTreeSet::from([user("u")]))
        .await
        .unwrap();
    transaction.write(&changes).await.unwrap();
    drop(transaction);
    assert_eq!(opened.store.trade(made.id).await.unwrap(), None);
    assert!(
        opened
            .store
            .portfolio(&user("u"))
            .await
            .unwrap()
            .positions
            .is_empty()
    );
}

async fn a_second_lock_on_a_user_waits_for_the_first(opened: Opened) {
    let users = BTreeSet::from([user("u"), user("v")]);
    let first = opened.store.writer().lock(&users).await.unwrap();
    let store = Arc::clone(&opened.store);
    let mut second = tokio::spawn(async move {
        store
            .writer()
            .lock(&BTreeSet::from([user("v")]))
            .await
            .map(drop)
    });
    let waited = tokio::time::timeout(std::time::Duration::from_millis(100), &mut second).await;
    assert!(waited.is_err(), "the lock was given twice");
    first.commit().await.unwrap();
    second.await.unwrap().unwrap();
}

async fn a_closed_position_leaves_its_profit_and_no_row(opened: Opened) {
    let holding = (user("u"), symbol("A"));
    let mut changes = Changes::default();
    changes
        .positions
        .insert(holding.clone(), (Some(position("1", "1", "0.5")), at(1)));
    opened.write(&["u"], &changes).await.unwrap();
    for _ in 0..2 {
        let mut changes = Changes::default();
        changes.positions.insert(holding.clone(), (None, at(2)));
        changes
            .closed_pnl
            .insert(user("u"), Money::parse("-0.0000000001").unwrap());
        opened.write(&["u"], &changes).await.unwrap();
    }
    let portfolio = opened.store.portfolio(&user("u")).await.unwrap();
    assert!(portfolio.positions.is_empty());
    assert_eq!(portfolio.closed_pnl, Money::parse("-0.0000000002").unwrap());
    assert_eq!(
        opened.store.portfolio(&user("stranger")).await.unwrap(),
        Portfolio::default()
    );
}

async fn trades_are_listed_newest_first_and_filtered(opened: Opened) {
    let ids = Ids::default();
    let made: Vec<Trade> = [
        ("A", Side::Buy),
        ("B", Side::Buy),
        ("A", Side::Sell),
        ("A", Side::Buy),
    ]
    .into_iter()
    .zip(1..)
    .map(|((stock, side), second)| trade(&ids, "u", stock, side, second))
    .collect();
    let mut changes = Changes {
        trades: made.clone(),
        ..Changes::default()
    };
    changes.trades.push(trade(&ids, "v", "A", Side::Buy, 9));
    opened.write(&["u", "v"], &changes).await.unwrap();

    let [a, b, c, d] = [0, 1, 2, 3].map(|index: usize| made[index].id);
    assert_eq!(opened.ids(&filter("u")).await, [d, c, b, a]);
    assert_eq!(
        opened
            .ids(&TradeFilter {
                symbol: Some(symbol("A")),
                ..filter("u")
            })
            .await,
        [d, c, a]
    );
    assert_eq!(
        opened
            .ids(&TradeFilter {
                side: Some(Side::Sell),
                ..filter("u")
            })
            .await,
        [c]
    );
    assert_eq!(
        opened
            .ids(&TradeFilter {
                from: Some(at(2)),
                to: Some(at(4)),
                ..filter("u")
            })
            .await,
        [c, b]
    );
    assert_eq!(
        opened
            .ids(&TradeFilter {
                before: Some(c),
                limit: 1,
                ..filter("u")
            })
            .await,
        [b]
    );
    assert!(opened.ids(&filter("stranger")).await.is_empty());
}

async fn a_kept_answer_is_read_back_and_forgotten_in_time(opened: Opened) {
    let name = |key: &[u8], side| KeyName {
        user_id: user("u"),
        side,
        key: IdempotencyKey::parse(key).unwrap(),
    };
    let kept = |second, trade_id| KeptAnswer {
        fingerprint: "A 1 1".to_owned(),
        answer: Answer {
            status: 201,
            body: r#"{"a":"\"'é"}"#.to_owned(),
            trade_id,
        },
        answered_at: at(second),
    };
    let (old, new) = (name(b"~ \"'", Side::Buy), name(b"~ \"'", Side::Sell));
    let id = Ids::default().next(at(1));
    let answers = vec![
        (old.clone(), kept(1, Some(id))),
        (new.clone(), kept(2, None)),
    ];
    opened
        .write(
            &["u"],
            &Changes {
                answers: answers.clone(),
                ..Changes::default()
            },
        )
        .await
        .unwrap();

    let read = async || {
        let mut transaction = opened
            .store
            .writer()
            .lock(&BTreeSet::from([user("u")]))
            .await
            .unwrap();
        // The same key twice in a batch must not be read as two answers.
        let names = [old.clone(), new.clone(), old.clone()];
        let book = transaction.read(&BTreeSet::new(), &names).await.unwrap();
        names.map(|name| book.answer(&name).cloned())
    };
    let (first, second) = (Some(answers[0].1.clone()), Some(answers[1].1.clone()));
    assert_eq!(read().await, [first.clone(), second.clone(), first]);
    assert_eq!(opened.store.forget_answers(at(2), 10).await.unwrap(), 1);
    assert_eq!(read().await, [None, second, None]);
    assert_eq!(opened.store.forget_answers(at(3), 0).await.unwrap(), 0);
}

async fn a_row_that_breaks_an_invariant_is_refused(opened: Opened) {
    let ids = Ids::default();
    let sound = trade(&ids, "u", "A", Side::Buy, 1);
    let bought_with_profit = Trade {
        realized_pnl: Some(Money::ZERO),
        ..sound.clone()
    };
    let changes = Changes {
        trades: vec![bought_with_profit],
        ..Changes::default()
    };
    assert!(matches!(
        opened.write(&["u"], &changes).await,
        Err(StoreError::Refused(_))
    ));
    let twice = Changes {
        trades: vec![sound.clone(), sound],
        ..Changes::default()
    };
    assert!(matches!(
        opened.write(&["u"], &twice).await,
        Err(StoreError::Refused(_))
    ));
    assert!(opened.ids(&filter("u")).await.is_empty());
}

async fn migrating_twice_changes_nothing(opened: Opened) {
    let made = trade(&Ids::default(), "u", "A", Side::Buy, 1);
    opened
        .write(
            &["u"],
            &Changes {
                trades: vec![made.clone()],
                ..Changes::default()
            },
        )
        .await
        .unwrap();
    migrate(opened.database.clone(), "trade").await.unwrap();
    assert_eq!(opened.store.trade(made.id).await.unwrap(), Some(made));
}
