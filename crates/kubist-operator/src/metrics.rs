//! The metrics of the process.

use std::sync::Arc;
use std::sync::atomic::AtomicI64;
use std::time::Duration;

use parking_lot::Mutex;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

/// The metrics of all controllers, under the names that controller-runtime gave them, so that dashboards
/// and alerts made for it work.
#[derive(Clone)]
pub(crate) struct Metrics {
    registry: Arc<Mutex<Registry>>,
    reconciles: Family<Outcome, Counter>,
    errors: Family<Controller, Counter>,
    panics: Family<Controller, Counter>,
    duration: Family<Controller, Histogram>,
    active: Family<Controller, Gauge<i64, AtomicI64>>,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct Controller {
    controller: String,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct Outcome {
    controller: String,
    result: &'static str,
}

/// The metrics of one controller.
#[derive(Clone)]
pub(crate) struct ControllerMetrics {
    name: String,
    metrics: Metrics,
    duration: Histogram,
    active: Gauge<i64, AtomicI64>,
}

impl Metrics {
    pub(crate) fn new(registry: Registry) -> Self {
        let metrics = Metrics {
            registry: Arc::new(Mutex::new(registry)),
            reconciles: Family::default(),
            errors: Family::default(),
            panics: Family::default(),
            // controller-runtime's buckets, from 5 ms to a minute.
            duration: Family::new_with_constructor(|| {
                Histogram::new([
                    0.005, 0.01, 0.025, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.45, 0.5, 0.6, 0.7, 0.8,
                    0.9, 1.0, 1.25, 1.5, 1.75, 2.0, 2.5, 3.0, 3.5, 4.0, 4.5, 5.0, 6.0, 7.0, 8.0, 9.0, 10.0,
                    15.0, 20.0, 25.0, 30.0, 40.0, 50.0, 60.0,
                ])
            }),
            active: Family::default(),
        };
        let mut registry = metrics.registry.lock();
        registry.register(
            "controller_runtime_reconcile",
            "Reconciles per controller and result",
            metrics.reconciles.clone(),
        );
        registry.register(
            "controller_runtime_reconcile_errors",
            "Reconciles per controller that failed",
            metrics.errors.clone(),
        );
        registry.register(
            "controller_runtime_reconcile_panics",
            "Reconciles per controller that panicked",
            metrics.panics.clone(),
        );
        registry.register(
            "controller_runtime_reconcile_time_seconds",
            "How long reconciles took, per controller",
            metrics.duration.clone(),
        );
        registry.register(
            "controller_runtime_active_workers",
            "Reconciles under way, per controller",
            metrics.active.clone(),
        );
        drop(registry);
        metrics
    }

    /// The metrics as text, in the OpenMetrics format.
    pub(crate) fn encode(&self) -> Result<String, std::fmt::Error> {
        let mut text = String::new();
        encode(&mut text, &self.registry.lock())?;
        Ok(text)
    }

    pub(crate) fn controller(&self, name: String) -> ControllerMetrics {
        let label = Controller {
            controller: name.clone(),
        };
        ControllerMetrics {
            duration: self.duration.get_or_create(&label).clone(),
            active: self.active.get_or_create(&label).clone(),
            name,
            metrics: self.clone(),
        }
    }
}

/// How a reconcile ended, as controller-runtime counts it.
#[derive(Clone, Copy)]
pub(crate) enum Ended {
    Success,
    RequeueAfter,
    Error,
    Panic,
}

impl ControllerMetrics {
    /// Counts a reconcile as active for as long as the guard lives, and measures it.
    pub(crate) fn start(&self) -> Active {
        self.active.inc();
        Active {
            metrics: self.clone(),
            started: std::time::Instant::now(),
        }
    }

    pub(crate) fn ended(&self, how: Ended) {
        let label = Controller {
            controller: self.name.clone(),
        };
        let result = match how {
            Ended::Success => "success",
            Ended::RequeueAfter => "requeue_after",
            Ended::Error => {
                self.metrics.errors.get_or_create(&label).inc();
                "error"
            }
            Ended::Panic => {
                self.metrics.panics.get_or_create(&label).inc();
                self.metrics.errors.get_or_create(&label).inc();
                "error"
            }
        };
        self.metrics
            .reconciles
            .get_or_create(&Outcome {
                controller: self.name.clone(),
                result,
            })
            .inc();
    }
}

pub(crate) struct Active {
    metrics: ControllerMetrics,
    started: std::time::Instant,
}

impl Drop for Active {
    fn drop(&mut self) {
        let elapsed: Duration = self.started.elapsed();
        self.metrics.duration.observe(elapsed.as_secs_f64());
        self.metrics.active.dec();
    }
}
