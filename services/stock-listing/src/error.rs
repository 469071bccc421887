//! Why a call of the catalogue fails, and what its caller is told.

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use market::Symbol;
use service_kit::database::StoreError;
use service_kit::problem::Problem;

/// A call that fails.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// 404: the catalogue does not have the stock.
    #[error("{0} is not in the catalogue")]
    UnknownSymbol(Symbol),
    /// 409: the catalogue has the stock already.
    #[error("{0} is in the catalogue already")]
    SymbolExists(Symbol),
    /// 409: the price is too far from the previous close.
    #[error(
        "the price moves more than 1000000 % from the previous close; give change_pct to set it all the same"
    )]
    ChangeTooLarge,
    /// 503 or 500: the store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        let detail = error.to_string();
        match error {
            Error::UnknownSymbol(_) => Self::new(
                StatusCode::NOT_FOUND,
                "unknown_symbol",
                "The symbol is unknown",
            )
            .detail(detail),
            Error::SymbolExists(_) => Self::new(
                StatusCode::CONFLICT,
                "symbol_exists",
                "The symbol exists already",
            )
            .detail(detail),
            Error::ChangeTooLarge => {
                let title = "The price is too far from the previous close";
                Self::new(StatusCode::CONFLICT, "price_change_too_large", title).detail(detail)
            }
            Error::Store(error) => error.into(),
        }
    }
}

impl IntoResponse for Error {
    fn into_response(self) -> Response {
        Problem::from(self).into_response()
    }
}
