//! One origin for the page, as the proxy makes it in an environment: the catalogue's port answers for trading too.

use axum::Router;
use axum::extract::Request;
use axum::response::Response;
use http::{Method, Uri};
use tower::ServiceExt as _;

use crate::page;

/// Who answers a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    Catalogue,
    Trading,
    Page,
}

/// A door before both services and the page.
pub(crate) fn door(catalogue: Router, trading: Router) -> Router {
    let page = page::router();
    Router::new().fallback(async move |mut request: Request| {
        let way = way(&mut request);
        let router = match way {
            Way::Catalogue => catalogue,
            Way::Trading => trading,
            Way::Page => page,
        };
        // A router has an answer to everything.
        let answered: Result<Response, std::convert::Infallible> = router.oneshot(request).await;
        answered
    })
}

/// Looks where a request is bound; what is asked of one service by its name goes to the same path of both.
fn way(request: &mut Request) -> Way {
    let path = request.uri().path();
    match path {
        "/trades" | "/trades.csv" => Way::Trading,
        "/operations/trade" => {
            *request.uri_mut() = Uri::from_static("/operations");
            Way::Trading
        }
        "/operations/stock-listing" => {
            *request.uri_mut() = Uri::from_static("/operations");
            Way::Catalogue
        }
        _ if path.starts_with("/trades/") || path.starts_with("/portfolio/") => Way::Trading,
        _ if is_read(request.method()) && page::has(path) => Way::Page,
        _ => Way::Catalogue,
    }
}

fn is_read(method: &Method) -> bool {
    matches!(*method, Method::GET | Method::HEAD)
}
