//! Metrics in the text format of `OpenMetrics`, labelled by route template, never by raw path.

use std::sync::atomic::AtomicU64;
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::Duration;

use http::Method;
use market::Timestamp;
use prometheus_client::encoding::{EncodeLabelSet, text};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};

/// Media type of the metrics.
pub(crate) const METRICS_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Upper bounds of the buckets of request durations, in seconds.
const DURATION_BUCKETS: [f64; 14] = [
    0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0,
];

/// Upper bounds of the buckets of counts.
const COUNT_BUCKETS: [f64; 11] = [
    1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 512.0, 1_024.0,
];

/// When something was last done.
#[derive(Clone)]
pub struct Moment(Gauge);

impl Moment {
    /// It is done now.
    pub fn set(&self, now: Timestamp) {
        let seconds = now.micros() / 1_000_000;
        // What many do at once is written once a second.
        if self.0.get() != seconds {
            self.0.set(seconds);
        }
    }
}

/// How often a count was of which size.
#[derive(Clone)]
pub struct CountHistogram(Histogram);

impl CountHistogram {
    /// Counts something of this size.
    pub fn observe(&self, count: usize) {
        self.0
            .observe(u32::try_from(count).unwrap_or(u32::MAX).into());
    }
}

/// The metrics of one service.
pub struct HttpMetrics {
    registry: Mutex<Registry>,
    requests: Family<ResponseLabels, Counter<u64, AtomicU64>>,
    durations: Family<RequestLabels, Histogram, fn() -> Histogram>,
    in_flight: Gauge,
    last_uses: Family<KeyLabels, Gauge>,
}

/// A key by its id.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct KeyLabels {
    key: String,
}

/// What a request is counted under.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RequestLabels {
    method: &'static str,
    route: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ResponseLabels {
    method: &'static str,
    route: String,
    status: u16,
}

impl ResponseLabels {
    fn are(&self, method: &str, route: &str, status: u16) -> bool {
        (self.method, self.route.as_str(), self.status) == (method, route, status)
    }
}

/// The metrics of an endpoint's usual answer. They are sought once: to find them by their labels would cost every request.
#[derive(Default)]
pub(crate) struct UsualAnswer(OnceLock<Series>);

/// Answers of one status to one kind of request.
struct Series {
    labels: ResponseLabels,
    requests: Counter<u64, AtomicU64>,
    durations: Histogram,
}

impl Series {
    fn observe(&self, elapsed: Duration) {
        self.requests.inc();
        self.durations.observe(elapsed.as_secs_f64());
    }
}

/// A method as a label: a client can make up any other.
pub(crate) fn label(method: &Method) -> &'static str {
    match method.as_str() {
        "GET" => "GET",
        "HEAD" => "HEAD",
        "POST" => "POST",
        "PUT" => "PUT",
        "DELETE" => "DELETE",
        "PATCH" => "PATCH",
        "OPTIONS" => "OPTIONS",
        _ => "other",
    }
}

impl HttpMetrics {
    /// Metrics of the named service.
    pub fn new(service: &'static str) -> Self {
        let mut registry = Registry::with_labels([("service".into(), service.into())].into_iter());
        let requests = Family::default();
        let durations = Family::new_with_constructor(
            (|| Histogram::new(DURATION_BUCKETS)) as fn() -> Histogram,
        );
        let in_flight = Gauge::default();
        registry.register("http_requests", "Requests answered", requests.clone());
        registry.register_with_unit(
            "http_request_duration",
            "Time from a request's head to its answer's head",
            Unit::Seconds,
            durations.clone(),
        );
        registry.register(
            "http_requests_in_flight",
            "Requests being answered",
            in_flight.clone(),
        );
        let last_uses = Family::default();
        registry.register_with_unit(
            "api_key_last_used_timestamp",
            "When a key was last used, since 1970",
            Unit::Seconds,
            last_uses.clone(),
        );
        Self {
            registry: Mutex::new(registry),
            requests,
            durations,
            in_flight,
            last_uses,
        }
    }

    /// Adds a histogram of counts.
    pub fn counts(&self, name: &str, help: &str) -> CountHistogram {
        let histogram = Histogram::new(COUNT_BUCKETS);
        let mut registry = self.registry.lock().unwrap_or_else(PoisonError::into_inner);
        registry.register(name, help, histogram.clone());
        CountHistogram(histogram)
    }

    /// When a key was last used.
    pub fn last_use(&self, key: &str) -> Moment {
        let key = key.to_owned();
        Moment(self.last_uses.get_or_create_owned(&KeyLabels { key }))
    }

    /// A request is in flight from now on.
    pub(crate) fn enter(&self) {
        self.in_flight.inc();
    }

    /// It is no more.
    pub(crate) fn leave(&self) {
        self.in_flight.dec();
    }

    /// Counts an answer of an endpoint.
    pub(crate) fn record(
        &self,
        usual: &UsualAnswer,
        method: &'static str,
        route: &str,
        status: u16,
        elapsed: Duration,
    ) {
        let find = || self.series(method, route, status);
        let usual = match usual.0.get() {
            // How it refused while it was starting is not how it goes on.
            None if status < 400 => Some(usual.0.get_or_init(find)),
            known => known,
        };
        match usual {
            Some(usual) if usual.labels.are(method, route, status) => usual.observe(elapsed),
            _ => find().observe(elapsed),
        }
    }

    fn series(&self, method: &'static str, route: &str, status: u16) -> Series {
        let labels = ResponseLabels {
            method,
            route: route.to_owned(),
            status,
        };
        let request = RequestLabels {
            method,
            route: route.to_owned(),
        };
        Series {
            requests: self.requests.get_or_create_owned(&labels),
            durations: self.durations.get_or_create_owned(&request),
            labels,
        }
    }

    /// The metrics as text.
    pub(crate) fn encode(&self) -> String {
        let mut out = String::new();
        let registry = self.registry.lock().unwrap_or_else(PoisonError::into_inner);
        // Writing to a String cannot fail.
        let _ = text::encode(&mut out, &registry);
        out
    }
}
