//! Orders: what a user asks for. Pure: no I/O, no clock.

use market::{Price, Quantity, Side, Symbol, UserId};
use serde::Deserialize;
use service_kit::auth::Identity;
use service_kit::extract::IdempotencyKey;
use service_kit::http::RequestId;
use utoipa::ToSchema;

/// An order as it is sent.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewOrder {
    /// Whose order it is.
    pub(crate) user_id: UserId,
    /// The stock.
    pub(crate) symbol: Symbol,
    /// How many shares.
    #[schema(schema_with = Quantity::input_schema)]
    pub(crate) quantity: Quantity,
    /// The price of one share.
    #[schema(schema_with = Price::input_schema)]
    pub(crate) price: Price,
}

/// An order that is to be executed.
#[derive(Clone, Debug)]
pub(crate) struct Order {
    /// Whose order it is.
    pub(crate) user_id: UserId,
    /// The stock.
    pub(crate) symbol: Symbol,
    /// Buy or sell.
    pub(crate) side: Side,
    /// How many shares.
    pub(crate) quantity: Quantity,
    /// The price of one share.
    pub(crate) price: Price,
    /// Whether the catalogue has the stock.
    pub(crate) is_listed: bool,
    /// The key under which it happens once.
    pub(crate) key: Option<IdempotencyKey>,
    /// The request that brought it.
    pub(crate) request_id: RequestId,
    /// Who has sent it, where that is known.
    pub(crate) placed_by: Option<Identity>,
}

/// The name of a kept answer: a key counts for one user and one side.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct KeyName {
    /// Whose key it is.
    pub(crate) user_id: UserId,
    /// The side, which is the path that the order was sent to.
    pub(crate) side: Side,
    /// The key.
    pub(crate) key: IdempotencyKey,
}

impl Order {
    /// The name of the answer to this order, when it has a key.
    pub(crate) fn key_name(&self) -> Option<KeyName> {
        let key = self.key.clone()?;
        Some(KeyName {
            user_id: self.user_id.clone(),
            side: self.side,
            key,
        })
    }

    /// What is ordered, the same for two orders that mean the same.
    pub(crate) fn fingerprint(&self) -> String {
        format!("{} {} {}", self.symbol, self.quantity, self.price)
    }
}
