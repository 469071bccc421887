//! Why a call of the trading service fails, and what its caller is told.

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use market::Symbol;
use service_kit::database::StoreError;
use service_kit::problem::Problem;
use uuid::Uuid;

use crate::engine::EngineError;
use crate::order::Order;
use crate::portfolio::SumTooLarge;
use crate::position::Refusal;

/// A call that fails.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// 404: there is no such trade.
    #[error("there is no trade {0}")]
    UnknownTrade(Uuid),
    /// 422: the key stands for another order.
    #[error("this Idempotency-Key was used for another order")]
    KeyReused,
    /// 503: nothing is known of the symbol, and the catalogue cannot be asked.
    #[error("the catalogue cannot be asked about {0}")]
    CatalogueUnavailable(Symbol),
    /// 500: sums that no amount of money can hold.
    #[error("a sum of the portfolio is past the largest amount")]
    SumTooLarge,
    /// 403: whoever asks may not act for this user.
    #[error("the caller may not")]
    Denied(Box<Problem>),
    /// 503 or 500: the engine has no outcome.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// 503 or 500: the store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<SumTooLarge> for Error {
    fn from(_: SumTooLarge) -> Self {
        Self::SumTooLarge
    }
}

impl From<Problem> for Error {
    fn from(problem: Problem) -> Self {
        Self::Denied(Box::new(problem))
    }
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        let detail = error.to_string();
        match error {
            Error::UnknownTrade(_) => Self::new(
                StatusCode::NOT_FOUND,
                "unknown_trade",
                "The trade is unknown",
            )
            .detail(detail),
            Error::KeyReused => {
                let title = "The Idempotency-Key stands for another order";
                Self::new(
                    StatusCode::UNPROCESSABLE_ENTITY,
                    "idempotency_key_reused",
                    title,
                )
                .detail(detail)
            }
            Error::CatalogueUnavailable(_) => Self::unavailable("catalogue_unavailable", detail),
            Error::Engine(EngineError::Full) => Self::unavailable("overloaded", detail),
            Error::Engine(EngineError::Unavailable) => {
                Self::unavailable("database_unavailable", detail)
            }
            Error::Engine(EngineError::OutcomeUnknown) => {
                Self::unavailable("outcome_unknown", detail)
            }
            Error::Engine(EngineError::Failed) | Error::SumTooLarge => Self::internal(),
            Error::Denied(problem) => *problem,
            Error::Store(error) => error.into(),
        }
    }
}

impl IntoResponse for Error {
    fn into_response(self) -> Response {
        Problem::from(self).into_response()
    }
}

/// The problem of an order that was refused.
pub(crate) fn refusal(order: &Order, refusal: Refusal) -> Problem {
    let problem = |code, title| Problem::new(StatusCode::UNPROCESSABLE_ENTITY, code, title);
    match refusal {
        Refusal::UnknownSymbol => problem("unknown_symbol", "The symbol is unknown")
            .detail(format!("{} is not in the catalogue", order.symbol)),
        Refusal::InsufficientHoldings {
            requested,
            available,
        } => {
            let held = available.map_or_else(|| "0".to_owned(), |quantity| quantity.to_string());
            let problem = problem("insufficient_holdings", "More is to be sold than is held")
                .detail(format!(
                    "{requested} {symbol} to be sold, {held} held",
                    symbol = order.symbol
                ))
                .with("requested", &requested);
            match available {
                Some(available) => problem.with("available", &available),
                None => problem.with("available", &0),
            }
        }
        Refusal::PositionTooLarge => {
            problem("position_too_large", "The position would grow too large")
                .detail("a position holds less than 10^12 shares")
        }
    }
}
