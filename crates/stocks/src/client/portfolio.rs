//! `stocks portfolio`: what is held, at the market's prices.

use anyhow::Result;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::output::{print, table};
use super::{Client, at, parse};

/// Shows what is held, and its sums
#[derive(Debug, clap::Args)]
pub(crate) struct Portfolio {
    /// Whose
    #[arg(long)]
    user: Option<String>,
    /// JSON, as the service says it
    #[arg(long)]
    json: bool,
}

/// A number as the service writes it; none where it is not known.
type Digits = Option<Box<RawValue>>;

#[derive(Deserialize)]
struct Position {
    symbol: String,
    quantity: Digits,
    average_price: Digits,
    market_price: Digits,
    market_value: Digits,
    unrealized_pnl: Digits,
    realized_pnl: Digits,
}

#[derive(Deserialize)]
struct Summary {
    market_value: Digits,
    cost_basis: Digits,
    unrealized_pnl: Digits,
    realized_pnl: Digits,
}

impl Portfolio {
    /// Of the user that it names, else of `user`.
    pub(crate) async fn run(&self, client: &Client, user: &str) -> Result<()> {
        let user = self.user.as_deref().unwrap_or(user);
        let url = at(&client.trading, &["portfolio", user]);
        let summary = at(&client.trading, &["portfolio", user, "summary"]);
        let positions = client.ask(url).await?;
        let summary = client.ask(summary).await?;
        if self.json {
            return print(&format!(
                r#"{{"positions":{positions},"summary":{summary}}}"#
            ));
        }
        let positions: Vec<Position> = parse(&positions)?;
        let summary: Summary = parse(&summary)?;
        let columns = [
            ("SYMBOL", false),
            ("QUANTITY", true),
            ("AVERAGE", true),
            ("PRICE", true),
            ("VALUE", true),
            ("UNREALIZED", true),
            ("REALIZED", true),
        ];
        let rows = positions.into_iter().map(|it| {
            [
                it.symbol,
                shown(it.quantity.as_deref()),
                shown(it.average_price.as_deref()),
                shown(it.market_price.as_deref()),
                shown(it.market_value.as_deref()),
                shown(it.unrealized_pnl.as_deref()),
                shown(it.realized_pnl.as_deref()),
            ]
        });
        let Summary {
            market_value,
            cost_basis,
            unrealized_pnl,
            realized_pnl,
        } = summary;
        print(&format!(
            "{}\n\nvalue {}, cost {}, unrealized {}, realized {}",
            table(columns, rows),
            shown(market_value.as_deref()),
            shown(cost_basis.as_deref()),
            shown(unrealized_pnl.as_deref()),
            shown(realized_pnl.as_deref()),
        ))
    }
}

fn shown(digits: Option<&RawValue>) -> String {
    digits.map_or_else(|| "-".to_owned(), |digits| digits.get().to_owned())
}
