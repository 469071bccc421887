//! What the engine counts.

use prometheus_client::metrics::histogram::Histogram;
use service_kit::metrics::HttpMetrics;

/// Upper bounds of the buckets of batch sizes, in orders.
const BATCH_BUCKETS: [f64; 10] = [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 512.0];

/// The engine's metrics.
#[derive(Clone)]
pub(crate) struct EngineMetrics {
    /// Orders by batch.
    pub(super) batch_orders: BatchOrders,
}

#[derive(Clone)]
pub(super) struct BatchOrders(Histogram);

impl BatchOrders {
    pub(super) fn observe_count(&self, orders: usize) {
        self.0
            .observe(u32::try_from(orders).unwrap_or(u32::MAX).into());
    }
}

impl EngineMetrics {
    /// Adds the engine's metrics to those of the service.
    pub(crate) fn register(metrics: &HttpMetrics) -> Self {
        let batch_orders = Histogram::new(BATCH_BUCKETS);
        metrics.register(|registry| {
            registry.register(
                "order_batch_orders",
                "Orders committed together",
                batch_orders.clone(),
            );
        });
        Self {
            batch_orders: BatchOrders(batch_orders),
        }
    }
}
