//! What the catalogue says and takes, in JSON.

use market::{MarketCap, Percent, Price, Sector, StockName, Symbol, Timestamp, Volume};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A stock of the catalogue.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Stock {
    /// Its ticker.
    pub symbol: Symbol,
    /// The company's name.
    pub name: StockName,
    /// The company's sector, when one is known.
    pub sector: Option<Sector>,
    /// Its last price.
    pub current_price: Price,
    /// Change of the price since the previous close.
    pub change_pct: Percent,
    /// Shares traded in the day.
    pub volume: Volume,
    /// Market capitalisation in millions, when one is known.
    pub market_cap: Option<MarketCap>,
    /// When the stock was last changed.
    pub updated_at: Timestamp,
}

/// A stock to be added to the catalogue.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewStock {
    /// Its ticker.
    pub symbol: Symbol,
    /// The company's name.
    pub name: StockName,
    /// The company's sector.
    #[serde(default)]
    pub sector: Option<Sector>,
    /// Its price.
    #[schema(schema_with = Price::input_schema)]
    pub current_price: Price,
    /// Change of the price since the previous close.
    #[serde(default)]
    #[schema(schema_with = Percent::input_schema)]
    pub change_pct: Percent,
    /// Shares traded in the day.
    #[serde(default)]
    #[schema(schema_with = Volume::input_schema)]
    pub volume: Volume,
    /// Market capitalisation in millions.
    #[serde(default)]
    pub market_cap: Option<MarketCap>,
}

/// The price of a stock alone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct StockPrice {
    /// The stock's ticker.
    pub symbol: Symbol,
    /// Its last price.
    pub current_price: Price,
    /// Change of the price since the previous close.
    pub change_pct: Percent,
    /// When the stock was last changed.
    pub updated_at: Timestamp,
}

impl From<&Stock> for StockPrice {
    fn from(stock: &Stock) -> Self {
        Self {
            symbol: stock.symbol,
            current_price: stock.current_price,
            change_pct: stock.change_pct,
            updated_at: stock.updated_at,
        }
    }
}
