//! A registry in memory, for tests: blobs, manifests and tags over HTTP, which can be changed behind the client's back.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::http::{Method, StatusCode};
use axum::response::Response;

use crate::release::Digest;

/// The content of one registry, whatever the repository.
#[derive(Default)]
pub(crate) struct Content {
    pub(crate) blobs: BTreeMap<String, Vec<u8>>,
    /// By digest.
    pub(crate) manifests: BTreeMap<String, (String, Vec<u8>)>,
    pub(crate) tags: BTreeMap<String, String>,
    uploads: Vec<Vec<u8>>,
    /// Method and path of each request that wrote something.
    pub(crate) written: Vec<String>,
    /// Writes that it accepts until it fails.
    pub(crate) writes_left: Option<usize>,
}

pub(crate) struct StandIn {
    pub(crate) address: String,
    content: Arc<Mutex<Content>>,
}

impl StandIn {
    pub(crate) async fn start() -> Self {
        let content = Arc::<Mutex<Content>>::default();
        let app = Router::new()
            .fallback(serve)
            .with_state(Arc::clone(&content));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        tokio::spawn(async move { axum::serve(listener, app).await });
        Self { address, content }
    }

    pub(crate) fn content(&self) -> MutexGuard<'_, Content> {
        self.content.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn serve(State(content): State<Arc<Mutex<Content>>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let body = axum::body::to_bytes(body, 64 * 1024 * 1024).await.unwrap();
    let mut content = content.lock().unwrap_or_else(PoisonError::into_inner);
    let path = parts.uri.path();
    let media_type = parts.headers.get("content-type");
    let media_type = media_type.map_or("", |value| value.to_str().unwrap());
    let is_write = !matches!(parts.method, Method::GET | Method::HEAD);
    if is_write {
        if content.writes_left == Some(0) {
            return answer(StatusCode::INTERNAL_SERVER_ERROR, &[], Vec::new());
        }
        content.writes_left = content.writes_left.map(|left| left - 1);
        content.written.push(format!("{} {path}", parts.method));
    }
    let (_, place) = path.split_once("/v2/stocks/").unwrap_or_default();
    let mut words = place.split('/').skip(1);
    match (words.next(), words.next(), words.next()) {
        (Some("blobs"), Some("uploads"), id) => {
            let query = parts.uri.query().unwrap_or_default();
            content.upload(&parts.method, path, id, query, &body)
        }
        (Some("blobs"), Some(digest), None) => match content.blobs.get(digest) {
            Some(blob) => answer(StatusCode::OK, &[], blob.clone()),
            None => answer(StatusCode::NOT_FOUND, &[], Vec::new()),
        },
        (Some("manifests"), Some(name), None) if is_write => {
            content.write_manifest(path, name, media_type, &body)
        }
        (Some("manifests"), Some(name), None) => content.manifest(name),
        _ => answer(StatusCode::OK, &[], Vec::new()),
    }
}

impl Content {
    fn upload(
        &mut self,
        method: &Method,
        path: &str,
        id: Option<&str>,
        query: &str,
        body: &Bytes,
    ) -> Response {
        let Some(id) = id.filter(|id| !id.is_empty()) else {
            self.uploads.push(Vec::new());
            let location = format!("{}/{}", path.trim_end_matches('/'), self.uploads.len() - 1);
            return answer(StatusCode::ACCEPTED, &[("location", &location)], Vec::new());
        };
        let upload = &mut self.uploads[id.parse::<usize>().unwrap()];
        upload.extend_from_slice(body);
        if method == Method::PATCH {
            return answer(StatusCode::ACCEPTED, &[("location", path)], Vec::new());
        }
        let digest = query.strip_prefix("digest=").unwrap().replace("%3A", ":");
        if Digest::of(upload).to_string() != digest {
            return answer(StatusCode::BAD_REQUEST, &[], Vec::new());
        }
        self.blobs.insert(digest, std::mem::take(upload));
        answer(StatusCode::CREATED, &[("location", path)], Vec::new())
    }

    fn write_manifest(
        &mut self,
        path: &str,
        name: &str,
        media_type: &str,
        body: &Bytes,
    ) -> Response {
        let digest = Digest::of(body).to_string();
        if name.starts_with("sha256:") {
            if name != digest {
                return answer(StatusCode::BAD_REQUEST, &[], Vec::new());
            }
        } else {
            self.tags.insert(name.to_owned(), digest.clone());
        }
        self.manifests
            .insert(digest, (media_type.to_owned(), body.to_vec()));
        answer(StatusCode::CREATED, &[("location", path)], Vec::new())
    }

    fn manifest(&self, name: &str) -> Response {
        let digest = self.tags.get(name).map_or(name, String::as_str);
        match self.manifests.get(digest) {
            Some((media_type, bytes)) => {
                let headers = [
                    ("content-type", &**media_type),
                    ("docker-content-digest", digest),
                ];
                answer(StatusCode::OK, &headers, bytes.clone())
            }
            None => answer(StatusCode::NOT_FOUND, &[], Vec::new()),
        }
    }
}

fn answer(status: StatusCode, headers: &[(&str, &str)], body: Vec<u8>) -> Response {
    let mut response = Response::builder().status(status);
    for (name, value) in headers {
        response = response.header(*name, *value);
    }
    response.body(Body::from(body)).unwrap()
}
