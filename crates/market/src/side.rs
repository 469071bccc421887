//! The side of an order.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::Invalid;

/// Whether an order buys or sells; `"buy"` and `"sell"` on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Side {
    /// Adds to a position.
    Buy,
    /// Takes from a position.
    Sell,
}

impl Side {
    /// Reads `buy` or `sell`.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        match text {
            "buy" => Ok(Self::Buy),
            "sell" => Ok(Self::Sell),
            _ => Err(Invalid {
                rule: "buy or sell",
            }),
        }
    }

    /// The wire form.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Buy => "buy",
            Self::Sell => "sell",
        }
    }
}

impl std::str::FromStr for Side {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        Self::parse(text)
    }
}
