//! One JSON line per thing worth knowing.

use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

use crate::settings;

/// Our own crates speak from this level on; everybody else only warns, because
/// below that the libraries print events and requests.
const OURS: [&str; 14] = [
    "register_validation",
    "push_deployment_event",
    "publish_validation",
    "validate_builds",
    "validation_report",
    "handle_problem",
    "change_flags",
    "serve_flags",
    "workflows",
    "delivery",
    "dynatrace",
    "store",
    "lambda",
    "release",
];

/// Sends `tracing` to stdout as JSON, from the level that Lambda is configured
/// for. TRACE is never switched on: the runtime would print events.
pub fn init_logging() {
    let level = settings::optional("AWS_LAMBDA_LOG_LEVEL")
        .and_then(|level| level.parse().ok())
        .unwrap_or(LevelFilter::INFO)
        .min(LevelFilter::DEBUG);
    let targets = Targets::new()
        .with_default(LevelFilter::WARN)
        .with_targets(OURS.map(|target| (target, level)));
    let lines = tracing_subscriber::fmt::layer()
        .json()
        .flatten_event(true)
        .with_current_span(false)
        .with_span_list(false)
        .with_writer(std::io::stdout);
    tracing_subscriber::registry()
        .with(targets)
        .with(lines)
        .init();
}
