//! Reads the whole catalogue, page by page; a page that has not changed is not sent again.

use std::collections::HashMap;

use reqwest::{Response, StatusCode, Url, header};

use crate::Stock;

/// Most pages that are followed, so that a catalogue that links in circles is given up.
const MAX_PAGES: usize = 1_000;
const PAGE_LIMIT: &str = "1000";

/// What the last reading found, by the URL of each page.
#[derive(Default)]
pub(crate) struct Pages(HashMap<Url, Page>);

struct Page {
    etag: header::HeaderValue,
    stocks: Vec<Stock>,
    next: Option<Url>,
}

/// Why the catalogue cannot be read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ReadError {
    #[error("the catalogue cannot be reached: {0}")]
    Http(#[from] reqwest::Error),
    #[error("the catalogue answers {0}")]
    Status(StatusCode),
    #[error("the catalogue answers what is no list of stocks: {0}")]
    Json(#[from] serde_json::Error),
    #[error("the catalogue has more than {MAX_PAGES} pages")]
    Endless,
}

impl Pages {
    /// Reads all pages; `true` when any of them differs from the last reading.
    pub(crate) async fn refresh(
        &mut self,
        http: &reqwest::Client,
        base: &Url,
    ) -> Result<bool, ReadError> {
        let mut first = base.clone();
        first.set_path(&format!("{}/stocks", base.path().trim_end_matches('/')));
        first.query_pairs_mut().append_pair("limit", PAGE_LIMIT);
        let mut read = HashMap::new();
        let mut has_changed = false;
        let mut next = Some(first);
        while let Some(url) = next {
            if read.len() == MAX_PAGES {
                return Err(ReadError::Endless);
            }
            let known = self.0.remove(&url);
            let page = match fetch(http, &url, known).await {
                Ok((page, is_new)) => {
                    has_changed |= is_new;
                    page
                }
                Err(error) => {
                    // What was read so far stays known to the next reading.
                    self.0.extend(read);
                    return Err(error);
                }
            };
            let following = page.next.clone();
            read.insert(url, page);
            next = following;
        }
        has_changed |= !self.0.is_empty();
        self.0 = read;
        Ok(has_changed)
    }

    pub(crate) fn stocks(&self) -> impl Iterator<Item = &Stock> {
        self.0.values().flat_map(|page| &page.stocks)
    }
}

async fn fetch(
    http: &reqwest::Client,
    url: &Url,
    known: Option<Page>,
) -> Result<(Page, bool), ReadError> {
    let mut request = http.get(url.clone());
    if let Some(known) = &known {
        request = request.header(header::IF_NONE_MATCH, &known.etag);
    }
    let response = request.send().await?;
    match (response.status(), known) {
        (StatusCode::NOT_MODIFIED, Some(known)) => {
            // A page that has not changed may have a successor since.
            let next = next_of(&response, url);
            let has_changed = next != known.next;
            Ok((Page { next, ..known }, has_changed))
        }
        (StatusCode::OK, _) => Ok((read(response, url).await?, true)),
        (status, _) => Err(ReadError::Status(status)),
    }
}

async fn read(response: Response, url: &Url) -> Result<Page, ReadError> {
    let next = next_of(&response, url);
    let etag = response
        .headers()
        .get(header::ETAG)
        .cloned()
        .unwrap_or(header::HeaderValue::from_static("\"\""));
    let stocks = serde_json::from_slice(&response.bytes().await?)?;
    Ok(Page { etag, stocks, next })
}

fn next_of(response: &Response, page: &Url) -> Option<Url> {
    let link = response.headers().get(header::LINK)?;
    next_page(link.to_str().ok()?, page)
}

/// The target of `<target>; rel="next"` (RFC 8288), relative to the page that names it.
fn next_page(link: &str, page: &Url) -> Option<Url> {
    let (target, parameters) = link.strip_prefix('<')?.split_once('>')?;
    parameters
        .contains("rel=\"next\"")
        .then(|| page.join(target).ok())
        .flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_page_is_the_one_the_link_names() {
        let page = Url::parse("http://catalogue:8000/stocks?limit=1000").unwrap();
        let next = next_page("</stocks?limit=1000&cursor=MSFT>; rel=\"next\"", &page).unwrap();
        assert_eq!(
            next.as_str(),
            "http://catalogue:8000/stocks?limit=1000&cursor=MSFT"
        );
        assert_eq!(next_page("</stocks>; rel=\"prev\"", &page), None);
        assert_eq!(next_page("", &page), None);
    }
}
