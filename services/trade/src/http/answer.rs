//! The answer to an order: written once, so that a replay is the same to the last byte.

use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use service_kit::problem::PROBLEM_JSON;

use crate::book::{Answer, Outcome};
use crate::error::{Error, refusal};
use crate::order::Order;
use crate::position::Refusal;
use crate::trade::Trade;

const IDEMPOTENCY_REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");

/// Writes the answer to an order that was decided.
pub(crate) fn answer(order: &Order, decision: &Result<Trade, Refusal>) -> Answer {
    match decision {
        Ok(trade) => Answer {
            status: StatusCode::CREATED.as_u16(),
            body: serde_json::to_string(trade).unwrap_or_default(),
            trade_id: Some(trade.id),
        },
        Err(reason) => {
            let problem = refusal(order, *reason);
            let body = problem.to_json(&order.request_id.to_string());
            Answer {
                status: problem.status().as_u16(),
                body,
                trade_id: None,
            }
        }
    }
}

/// Sends an outcome.
pub(super) fn respond(outcome: Outcome) -> Result<Response, Error> {
    match outcome {
        Outcome::Answered(answer) => Ok(send(answer)),
        Outcome::Replayed(answer) => {
            let mut response = send(answer);
            response
                .headers_mut()
                .insert(IDEMPOTENCY_REPLAYED, HeaderValue::from_static("true"));
            Ok(response)
        }
        Outcome::KeyReused => Err(Error::KeyReused),
    }
}

fn send(answer: Answer) -> Response {
    let status = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let kind = if status.is_success() {
        "application/json"
    } else {
        PROBLEM_JSON
    };
    let mut response = (status, [(header::CONTENT_TYPE, kind)], answer.body).into_response();
    let location = answer
        .trade_id
        .and_then(|id| HeaderValue::from_str(&format!("/trades/{id}")).ok());
    if let Some(location) = location {
        response.headers_mut().insert(header::LOCATION, location);
    }
    response
}
