//! Why a call of the catalogue fails, and what its caller is told.

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use service_kit::database::StoreError;
use service_kit::problem::Problem;

use crate::changes::Refusal;
use crate::feed::FeedError;

/// A call that fails.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// 404 or 409: the catalogue is not as the call wants it.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// 503 or 500: nothing is known to have changed.
    #[error(transparent)]
    Feed(#[from] FeedError),
    /// 503 or 500: the store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Refusal {
    /// Its stable code.
    pub(crate) fn code(&self) -> &'static str {
        match self {
            Self::UnknownSymbol(_) => "unknown_symbol",
            Self::SymbolExists(_) => "symbol_exists",
            Self::ChangeTooLarge(_) => "price_change_too_large",
        }
    }
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        let detail = error.to_string();
        match error {
            Error::Refused(refusal) => {
                let (status, title) = match refusal {
                    Refusal::UnknownSymbol(_) => (StatusCode::NOT_FOUND, "The symbol is unknown"),
                    Refusal::SymbolExists(_) => (StatusCode::CONFLICT, "The symbol exists already"),
                    Refusal::ChangeTooLarge(_) => (
                        StatusCode::CONFLICT,
                        "The price is too far from the previous close",
                    ),
                };
                Self::new(status, refusal.code(), title).detail(detail)
            }
            Error::Feed(FeedError::Full) => Self::unavailable("overloaded", detail),
            Error::Feed(FeedError::Unavailable) => {
                Self::unavailable("database_unavailable", detail)
            }
            Error::Feed(FeedError::Failed) => Self::internal(),
            Error::Store(error) => error.into(),
        }
    }
}

impl IntoResponse for Error {
    fn into_response(self) -> Response {
        Problem::from(self).into_response()
    }
}
