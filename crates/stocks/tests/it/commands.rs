//! The services from a terminal.

use std::io::{BufRead as _, BufReader};
use std::process::{Command, Output, Stdio};

use serde_json::Value;
use testkit::http::Client;

use crate::support::{BINARY, Stack};

impl Stack {
    /// Runs a command that ends by itself.
    fn run(&self, arguments: &[&str], env: &[(&str, &str)]) -> Output {
        let mut command = self.command(arguments);
        command.envs(env.iter().copied());
        command.output().expect("the program runs")
    }

    fn command(&self, arguments: &[&str]) -> Command {
        command(&self.catalogue, &self.trading, arguments)
    }

    /// What a command that succeeds prints.
    #[track_caller]
    fn print(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments, &[]);
        assert!(output.status.success(), "{arguments:?}: {output:?}");
        String::from_utf8(output.stdout).unwrap()
    }

    /// What a command that fails says.
    #[track_caller]
    fn complain(&self, arguments: &[&str], env: &[(&str, &str)]) -> String {
        let output = self.run(arguments, env);
        assert_eq!(output.status.code(), Some(1), "{arguments:?}: {output:?}");
        String::from_utf8(output.stderr).unwrap()
    }
}

fn command(catalogue: &Client, trading: &Client, arguments: &[&str]) -> Command {
    let mut command = Command::new(BINARY);
    command
        .args(arguments)
        .env_clear()
        .env("STOCKS_URL", catalogue.base_url())
        .env("STOCKS_TRADE_URL", trading.base_url());
    command
}

#[tokio::test(flavor = "multi_thread")]
async fn stocks_are_listed_for_people_and_for_machines() {
    let stack = Stack::start(&[], &[]).await;
    let table = stack.print(&["list"]);
    let lines: Vec<_> = table.lines().collect();
    assert_eq!(lines.len(), 11, "{table}");
    assert!(
        lines[0].contains("SYMBOL") && lines[1].contains("Apple Inc."),
        "{table}"
    );
    let listed: Value = serde_json::from_str(&stack.print(&["list", "--json"])).unwrap();
    assert_eq!(
        listed,
        stack.catalogue.get("/stocks").await.expect(200).json()
    );
    let finance = stack.print(&["list", "--sector", "Technology"]);
    assert!(
        finance.contains("AAPL") && !finance.contains("JPM"),
        "{finance}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn shares_are_bought_shown_and_sold() {
    let stack = Stack::start(&[], &[]).await;
    let bought = stack.print(&["buy", "AAPL", "10", "--price", "100.50"]);
    assert!(
        bought.starts_with("bought 10 AAPL at 100.5 for 1005 (trade "),
        "{bought}"
    );
    // At the market's price.
    let more: Value =
        serde_json::from_str(&stack.print(&["buy", "aapl", "0.5", "--json"])).unwrap();
    let price = &stack
        .catalogue
        .get("/stocks/AAPL/price")
        .await
        .expect(200)
        .json()["current_price"];
    assert_eq!(&more["price"], price);

    let portfolio = stack.print(&["portfolio"]);
    assert!(
        portfolio.contains("AAPL") && portfolio.contains("10.5"),
        "{portfolio}"
    );
    let held: Value = serde_json::from_str(&stack.print(&["portfolio", "--json"])).unwrap();
    assert_eq!(held["positions"][0]["symbol"], "AAPL");
    assert_eq!(held["summary"]["positions"], 1);
    assert_eq!(
        stack
            .print(&["portfolio", "--user", "bob", "--json"])
            .matches("AAPL")
            .count(),
        0
    );

    let refused = stack.complain(&["sell", "AAPL", "11"], &[]);
    assert!(refused.contains("insufficient_holdings"), "{refused}");
    let sold = stack.print(&["sell", "AAPL", "10.5", "--price", "200"]);
    assert!(
        sold.starts_with("sold 10.5 AAPL at 200 for 2100, profit "),
        "{sold}"
    );
    assert_eq!(
        stack
            .trading
            .get("/portfolio/user-001")
            .await
            .expect(200)
            .json(),
        serde_json::json!([])
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_under_a_key_of_ones_own_happens_once() {
    let stack = Stack::start(&[], &[]).await;
    let order = [
        "buy",
        "MSFT",
        "1",
        "--price",
        "2",
        "--idempotency-key",
        "mine",
    ];
    assert_eq!(stack.print(&order), stack.print(&order));
    let trades = stack.trades().await;
    assert_eq!(trades.as_array().unwrap().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_is_said_and_nothing_is_done() {
    let stack = Stack::start(&[], &[]).await;
    let quantity = stack.complain(&["buy", "AAPL", "ten"], &[]);
    assert!(quantity.contains("quantity: "), "{quantity}");
    let symbol = stack.complain(&["buy", "NONE", "1"], &[]);
    assert!(symbol.contains("unknown_symbol"), "{symbol}");
    let address = stack.complain(&["list"], &[("STOCKS_URL", "ftp://localhost")]);
    assert!(address.contains("STOCKS_URL"), "{address}");
    let nobody = stack.complain(&["list"], &[("STOCKS_URL", "http://localhost:9")]);
    assert!(
        nobody.contains("http://localhost:9 cannot be reached"),
        "{nobody}"
    );
    let usage = stack.run(&["buy", "AAPL"], &[]);
    assert_eq!(usage.status.code(), Some(2));
    let trades = stack.trades().await;
    assert_eq!(trades, serde_json::json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_that_no_answer_came_to_says_how_to_send_it_again() {
    let stack = Stack::start(&[], &[]).await;
    let nobody = [("STOCKS_TRADE_URL", "http://localhost:9")];
    let said = stack.complain(&["buy", "AAPL", "1"], &nobody);
    let (_, rest) = said
        .split_once("--idempotency-key ")
        .expect("a key to go on with");
    let key = rest.split(',').next().unwrap();
    // It is the same order at another market's price too.
    let (_, rest) = said.split_once("--price ").expect("the price of then");
    let price = rest.split(' ').next().unwrap();
    stack
        .catalogue
        .put("/stocks/AAPL/price?price=1.23", &Value::Null)
        .await
        .expect(200);
    let key = key.trim();
    stack.print(&[
        "buy",
        "AAPL",
        "1",
        "--price",
        price,
        "--idempotency-key",
        key,
    ]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_is_taken_from_a_file_or_a_variable() {
    let (stack, shown, _keys) = Stack::start_closed("orders:user-001").await;
    let refused = stack.complain(&["portfolio"], &[]);
    assert!(refused.contains("unauthenticated"), "{refused}");
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("key");
    std::fs::write(&file, format!("{shown}\n")).unwrap();
    for env in [
        ("STOCKS_KEY", shown.as_str()),
        ("STOCKS_KEY_FILE", file.to_str().unwrap()),
    ] {
        let output = stack.run(&["buy", "AAPL", "1"], &[env]);
        assert!(output.status.success(), "{output:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn prices_are_watched_as_they_change() {
    let stack = Stack::start(&[], &[]).await;
    let mut watch = stack.command(&["watch", "AAPL", "--json"]);
    let mut watch = watch.stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(watch.stdout.take().unwrap()).lines();
    let mut next = || -> Value { serde_json::from_str(&lines.next().unwrap().unwrap()).unwrap() };
    assert_eq!(next()["symbol"], "AAPL");
    stack
        .catalogue
        .put("/stocks/MSFT/price?price=7", &Value::Null)
        .await
        .expect(200);
    stack
        .catalogue
        .put("/stocks/AAPL/price?price=123.45", &Value::Null)
        .await
        .expect(200);
    assert_eq!(next()["current_price"].to_string(), "123.45");
    watch.kill().unwrap();
    watch.wait().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_market_elsewhere_is_moved_by_who_may() {
    let (stack, shown, _keys) = Stack::start_closed("catalogue:write").await;
    let first = stack.stocks().await;
    let mut market = stack.command(&["simulate", "--pause", "10", "--seed", "7"]);
    let mut market = market.env("STOCKS_KEY", shown).spawn().unwrap();
    stack.moves_on_from(&first).await;
    market.kill().unwrap();
    market.wait().unwrap();
}
