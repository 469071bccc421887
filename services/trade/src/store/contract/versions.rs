//! A batch is written on the versions of the accounts that it was decided on, or not at all.

use std::collections::{BTreeMap, BTreeSet};

use market::{Side, UserId};
use service_kit::extract::IdempotencyKey;
use service_kit::ids::Ids;

use super::{Opened, at, filter, position, symbol, trade, user};
use crate::book::{Answer, Changes, Held, KeptAnswer, Version};
use crate::order::KeyName;
use crate::store::Verdict;

/// A buy of one share for each of these users, decided on these versions.
fn buys(ids: &Ids, users: &[(&str, Version)]) -> Changes {
    let mut changes = Changes::default();
    for (name, version) in users {
        changes.versions.insert(user(name), *version);
        changes.trades.push(trade(ids, name, "A", Side::Buy, 1));
        let held = position("0.000001", "0.0000000001", "0");
        changes
            .positions
            .insert((user(name), symbol("A")), (Some(held), at(1)));
    }
    changes
}

async fn versions(opened: &Opened, users: &[&str]) -> Vec<Version> {
    let holdings = users.iter().map(|name| (user(name), symbol("A"))).collect();
    let held = opened.store.writer().read(&holdings).await.unwrap();
    users
        .iter()
        .map(|name| held.versions[&user(name)])
        .collect()
}

async fn verdict(opened: &Opened, changes: &Changes) -> Verdict {
    opened
        .store
        .writer()
        .write_if_current(changes)
        .await
        .unwrap()
}

pub(super) async fn what_is_read_comes_with_the_version_of_its_account(opened: Opened) {
    let changes = buys(&Ids::default(), &[("u", None)]);
    assert_eq!(verdict(&opened, &changes).await, Verdict::Written);
    let holdings = BTreeSet::from([
        (user("u"), symbol("A")),
        (user("u"), symbol("B")),
        (user("v"), symbol("A")),
    ]);
    let expected = Held {
        versions: BTreeMap::from([(user("u"), Some(1)), (user("v"), None)]),
        positions: BTreeMap::from([(
            (user("u"), symbol("A")),
            position("0.000001", "0.0000000001", "0"),
        )]),
    };
    assert_eq!(
        opened.store.writer().read(&holdings).await.unwrap(),
        expected
    );
}

pub(super) async fn a_batch_is_written_on_the_versions_that_it_was_decided_on(opened: Opened) {
    let ids = Ids::default();
    for (u, v) in [(None, None), (Some(1), Some(1)), (Some(2), Some(2))] {
        let changes = buys(&ids, &[("u", u), ("v", v)]);
        assert_eq!(verdict(&opened, &changes).await, Verdict::Written);
    }
    assert_eq!(versions(&opened, &["u", "v"]).await, [Some(3), Some(3)]);
    assert_eq!(opened.ids(&filter("u")).await.len(), 3);
}

pub(super) async fn a_batch_that_was_overtaken_by_one_account_writes_nothing_of_the_others(
    opened: Opened,
) {
    let ids = Ids::default();
    let first = buys(&ids, &[("u", None), ("v", None)]);
    assert_eq!(verdict(&opened, &first).await, Verdict::Written);
    for stale in [None, Some(0), Some(2)] {
        let [current] = *versions(&opened, &["u"]).await else {
            panic!("one version a user");
        };
        let mut changes = buys(&ids, &[("u", current), ("v", stale), ("w", None)]);
        changes.closed_pnl = changes
            .versions
            .keys()
            .map(|user_id: &UserId| (user_id.clone(), market::Money::parse("1").unwrap()))
            .collect();
        assert_eq!(
            verdict(&opened, &changes).await,
            Verdict::Overtaken,
            "{stale:?}"
        );
    }
    for name in ["u", "v"] {
        assert_eq!(opened.ids(&filter(name)).await.len(), 1);
        let portfolio = opened.store.portfolio(&user(name)).await.unwrap();
        assert_eq!(portfolio.closed_pnl, market::Money::ZERO);
    }
    assert!(opened.ids(&filter("w")).await.is_empty());
}

pub(super) async fn an_account_that_somebody_else_opened_overtakes_a_batch(opened: Opened) {
    let ids = Ids::default();
    let (first, second) = (
        buys(&ids, &[("u", None)]),
        buys(&ids, &[("u", None), ("v", None)]),
    );
    assert_eq!(verdict(&opened, &first).await, Verdict::Written);
    assert_eq!(verdict(&opened, &second).await, Verdict::Overtaken);
    assert!(opened.ids(&filter("v")).await.is_empty());
}

pub(super) async fn a_batch_whose_key_has_an_answer_writes_nothing(opened: Opened) {
    let ids = Ids::default();
    let name = KeyName {
        user_id: user("u"),
        side: Side::Buy,
        key: IdempotencyKey::parse(b"key").unwrap(),
    };
    let kept = KeptAnswer {
        fingerprint: "A 1 1".to_owned(),
        answer: Answer {
            status: 201,
            body: "{}".to_owned(),
            trade_id: None,
        },
        answered_at: at(1),
    };
    let mut first = buys(&ids, &[("u", None)]);
    first.answers.push((name.clone(), kept.clone()));
    assert_eq!(verdict(&opened, &first).await, Verdict::Written);
    let mut second = buys(&ids, &[("u", Some(1)), ("v", None)]);
    second.answers.push((name, kept));
    assert_eq!(verdict(&opened, &second).await, Verdict::KeyTaken);
    assert_eq!(opened.ids(&filter("u")).await.len(), 1);
    assert!(opened.ids(&filter("v")).await.is_empty());
}
