//! Trades: orders that were executed. Pure: no I/O, no clock.

use market::{Money, Price, Quantity, Side, Symbol, Timestamp, UserId};
use serde::Serialize;
use service_kit::auth::Identity;
use utoipa::ToSchema;
use uuid::Uuid;

/// An executed order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct Trade {
    /// UUIDv7: sorts by time.
    pub(crate) id: Uuid,
    /// Whose trade it is.
    pub(crate) user_id: UserId,
    /// The stock.
    pub(crate) symbol: Symbol,
    /// Bought or sold.
    pub(crate) side: Side,
    /// How many shares.
    pub(crate) quantity: Quantity,
    /// The price of one share.
    pub(crate) price: Price,
    /// Quantity times price, exactly.
    pub(crate) total: Money,
    /// Of a sell: its total less what the shares cost on average.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Money, required = false)]
    pub(crate) realized_pnl: Option<Money>,
    /// When it was executed.
    pub(crate) executed_at: Timestamp,
    /// Who sent the order, where callers show who they are: `key:<id>` or `sub:<subject of a token>`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(required = false)]
    pub(crate) placed_by: Option<Identity>,
}
