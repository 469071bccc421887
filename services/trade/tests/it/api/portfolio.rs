//! `GET /portfolio/{user_id}` and its summary: average cost, exact to the last digit.

use std::collections::BTreeMap;

use market::{Money, Quantity};
use serde::Deserialize;
use testkit::http::Client;

use crate::support::{assert_members, buy, members, on_both, rows, sell, text_of};

#[tokio::test]
async fn a_position_costs_its_average_and_a_sell_realizes_what_it_earns_over_that() {
    on_both(&[], async |api| {
        buy(api, "ann", "AAPL", ["10", "100"]).await;
        buy(api, "ann", "AAPL", ["30", "120"]).await;
        let sold = members(&sell(api, "ann", "AAPL", ["20", "130"]).await);
        assert_members(&sold, &[("total", "2600"), ("realized_pnl", "300")]);
        let sold = members(&sell(api, "ann", "AAPL", ["4", "110.5"]).await);
        assert_members(&sold, &[("realized_pnl", "-18")]);

        let portfolio = rows(&api.get("/portfolio/ann").await.expect(200));
        assert_eq!(portfolio.len(), 1);
        let names: Vec<_> = portfolio[0].keys().map(String::as_str).collect();
        let documented = [
            "average_price",
            "cost_basis",
            "market_price",
            "market_value",
            "quantity",
            "realized_pnl",
            "symbol",
            "unrealized_pnl",
            "updated_at",
            "user_id",
        ];
        assert_eq!(names, documented);
        let expected = [
            ("user_id", r#""ann""#),
            ("symbol", r#""AAPL""#),
            ("quantity", "16"),
            ("average_price", "115"),
            ("cost_basis", "1840"),
            ("market_price", "null"),
            ("market_value", "null"),
            ("unrealized_pnl", "null"),
            ("realized_pnl", "282"),
        ];
        assert_members(&portfolio[0], &expected);
        let last = text_of(&sold, "executed_at");
        assert_eq!(text_of(&portfolio[0], "updated_at"), last);
    })
    .await;
}

#[tokio::test]
async fn a_full_sell_removes_the_position_exactly() {
    on_both(&[], async |api| {
        // A third of the cost has no end in decimals.
        buy(api, "ann", "AAPL", ["1", "0.0001"]).await;
        buy(api, "ann", "AAPL", ["0.000002", "0.0003"]).await;
        sell(api, "ann", "AAPL", ["0.333334", "0.0002"]).await;
        sell(api, "ann", "AAPL", ["0.333334", "0.0002"]).await;
        let left = &rows(&api.get("/portfolio/ann").await)[0]["quantity"];
        assert_eq!(left.get(), "0.333334");
        sell(api, "ann", "AAPL", [left.get(), "0.0002"]).await;

        assert_eq!(api.get("/portfolio/ann").await.expect(200).text(), "[]");
        let summary = members(&api.get("/portfolio/ann/summary").await.expect(200));
        // Sold for 0.0002 each, 1.000002 in all, less 0.0001000006 paid.
        let expected = [
            ("positions", "0"),
            ("cost_basis", "0"),
            ("market_value", "0"),
            ("unrealized_pnl", "0"),
            ("realized_pnl", "0.0000999998"),
        ];
        assert_members(&summary, &expected);

        buy(api, "ann", "AAPL", ["1", "5"]).await;
        let position = &rows(&api.get("/portfolio/ann").await)[0];
        assert_members(position, &[("cost_basis", "5"), ("realized_pnl", "0")]);
        let summary = members(&api.get("/portfolio/ann/summary").await);
        assert_members(
            &summary,
            &[("positions", "1"), ("realized_pnl", "0.0000999998")],
        );
    })
    .await;
}

#[tokio::test]
async fn a_summary_adds_up_all_positions_and_all_that_was_ever_realized() {
    on_both(&[], async |api| {
        buy(api, "ann", "MSFT", ["2", "400"]).await;
        buy(api, "ann", "AAPL", ["10", "189.5"]).await;
        sell(api, "ann", "AAPL", ["4", "190"]).await;
        buy(api, "ann", "NVDA", ["1", "890.4"]).await;
        sell(api, "ann", "NVDA", ["1", "890.3"]).await;
        buy(api, "bob", "AAPL", ["10", "1"]).await;
        let symbols: Vec<_> = rows(&api.get("/portfolio/ann").await)
            .iter()
            .map(|position| text_of(position, "symbol"))
            .collect();
        assert_eq!(symbols, ["AAPL", "MSFT"], "by symbol");
        let summary = members(&api.get("/portfolio/ann/summary").await.expect(200));
        let expected = [
            ("user_id", r#""ann""#),
            ("positions", "2"),
            ("cost_basis", "1937"),
            ("market_value", "null"),
            ("unrealized_pnl", "null"),
            ("realized_pnl", "1.9"),
        ];
        assert_members(&summary, &expected);
    })
    .await;
}

#[tokio::test]
async fn a_user_who_never_traded_has_no_positions_and_sums_of_zero() {
    on_both(&[], async |api| {
        assert_eq!(api.get("/portfolio/nobody").await.expect(200).text(), "[]");
        let summary = members(&api.get("/portfolio/nobody/summary").await.expect(200));
        let expected = [
            ("user_id", r#""nobody""#),
            ("positions", "0"),
            ("realized_pnl", "0"),
        ];
        assert_members(&summary, &expected);
    })
    .await;
}

/// What a trade and a position have in common, read from their digits.
#[derive(Deserialize)]
struct Held {
    symbol: String,
    #[serde(default)]
    side: String,
    quantity: Quantity,
    #[serde(default)]
    total: Money,
    #[serde(default)]
    cost_basis: Money,
    #[serde(default)]
    realized_pnl: Money,
}

async fn held(api: &Client, path: &str) -> Vec<Held> {
    let reply = api.get(path).await.expect(200);
    serde_json::from_str(reply.text()).unwrap()
}

/// Shares, cost and profit of each symbol, recomputed from the trades alone, in their smallest units.
fn recompute(newest_first: &[Held]) -> BTreeMap<&str, [i128; 3]> {
    let mut positions = BTreeMap::new();
    for trade in newest_first.iter().rev() {
        let [shares, cost, realized] = positions.entry(trade.symbol.as_str()).or_insert([0; 3]);
        let total = trade.total.units();
        if trade.side == "buy" {
            *shares += trade.quantity.units();
            *cost += total;
        } else {
            *shares -= trade.quantity.units();
            *cost -= total - trade.realized_pnl.units();
            *realized += trade.realized_pnl.units();
        }
        if *shares == 0 {
            assert_eq!(*cost, 0, "what was paid for {} stays behind", trade.symbol);
            positions.remove(trade.symbol.as_str());
        }
    }
    positions
}

#[tokio::test]
async fn a_position_is_the_sum_of_its_trades_to_the_last_digit() {
    on_both(&[], async |api| {
        // A fixed walk through sides, symbols, quantities and prices; a sell of too much is refused.
        let mut seed = 2_463_534_242_u32;
        let mut next = |below: u32| {
            seed ^= seed << 13;
            seed ^= seed >> 17;
            seed ^= seed << 5;
            seed % below
        };
        for _ in 0..120 {
            let side = ["buy", "sell"][next(2) as usize];
            let symbol = ["AAPL", "MSFT", "BRK.B"][next(3) as usize];
            let quantity = format!("{}.{:06}", next(9), next(999_999) + 1);
            let price = format!("{}.{:04}", next(999), next(9_999) + 1);
            let body = crate::support::order(api, side, "ann", symbol, [&quantity, &price]).await;
            assert!([201, 422].contains(&body.status), "{body}");
        }
        let trades = held(api, "/trades?user_id=ann&limit=1000").await;
        let positions = held(api, "/portfolio/ann").await;
        let stored: BTreeMap<_, _> = positions
            .iter()
            .map(|position| {
                let amounts = [position.quantity.units(), position.cost_basis.units()];
                let realized = position.realized_pnl.units();
                (position.symbol.as_str(), [amounts[0], amounts[1], realized])
            })
            .collect();
        assert!(trades.len() > 60 && !stored.is_empty());
        assert_eq!(stored, recompute(&trades));

        let summary = members(&api.get("/portfolio/ann/summary").await);
        let all: i128 = trades.iter().map(|trade| trade.realized_pnl.units()).sum();
        let realized = Money::from_units(all).unwrap().to_string();
        assert_members(&summary, &[("realized_pnl", &realized)]);
    })
    .await;
}
