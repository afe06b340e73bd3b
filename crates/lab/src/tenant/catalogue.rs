//! The metrics this tenant knows, under their names in both API versions.

use std::collections::BTreeMap;

use super::samples::Aggregation;
use super::samples::Failures::{self, Any, Client, Server};
use Source::{FailureCount, FailureRate, Gauge, RequestCount, ResponseTime};
use Unit::{Byte, BytePerSecond, Count, MicroSecond, MilliSecond, PerMinute, PerSecond, Percent};

/// A metric and what may be asked of it.
#[derive(Clone, Debug)]
pub(super) struct Metric {
    pub(super) key: String,
    pub(super) v1: Option<V1Name>,
    pub(super) entity_type: String,
    pub(super) unit: Unit,
    pub(super) aggregations: &'static [&'static str],
    pub(super) single_value: SingleValue,
    pub(super) source: Source,
}

/// The name of a metric in the timeseries API v1, which has aggregations of its own.
#[derive(Clone, Debug)]
pub(super) struct V1Name {
    pub(super) id: &'static str,
    pub(super) unit: Unit,
    pub(super) aggregations: &'static [&'static str],
    /// What a v2 value is multiplied with where the unit changed.
    pub(super) factor: f64,
}

/// Whether `resolution=Inf` is possible.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum SingleValue {
    Supported,
    Unsupported,
}

/// Where the numbers of a metric come from.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Source {
    ResponseTime,
    RequestCount,
    FailureCount(Failures),
    FailureRate(Failures),
    Gauge,
}

/// The unit of a metric.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Unit {
    MicroSecond,
    MilliSecond,
    Percent,
    Count,
    PerMinute,
    PerSecond,
    Byte,
    BytePerSecond,
    Unspecified,
}

const DURATION: &[&str] = &[
    "auto",
    "avg",
    "count",
    "max",
    "median",
    "min",
    "percentile",
    "sum",
];
const COUNTER: &[&str] = &["auto", "value"];
const RATE: &[&str] = &["auto", "avg"];
const GAUGE: &[&str] = &["auto", "avg", "max", "min"];
const CUSTOM: &[&str] = &["auto", "avg", "count", "max", "min", "sum", "value"];

const V1_DURATION: &[&str] = &["avg", "sum", "min", "max", "median", "percentile"];
const V1_COUNTER: &[&str] = &["count"];
const V1_GAUGE: &[&str] = &["avg", "sum", "min", "max"];

/// All metrics known without anybody having sent one.
pub(super) fn builtin() -> BTreeMap<String, Metric> {
    [services(), methods(), hosts(), processes(), applications()]
        .into_iter()
        .flatten()
        .map(|metric| (metric.key.clone(), metric))
        .collect()
}

fn services() -> Vec<Metric> {
    let service =
        |key, unit, aggregations, source| known(key, "SERVICE", unit, aggregations, source);
    vec![
        service("service.response.time", MicroSecond, DURATION, ResponseTime).named(
            "service.responsetime",
            MicroSecond,
            V1_DURATION,
        ),
        service("service.requestCount.total", Count, COUNTER, RequestCount).named(
            "service.requestspermin",
            PerMinute,
            V1_COUNTER,
        ),
        service("service.errors.total.rate", Percent, RATE, FailureRate(Any)).named(
            "service.failurerate",
            Percent,
            V1_GAUGE,
        ),
        service(
            "service.errors.server.rate",
            Percent,
            RATE,
            FailureRate(Server),
        )
        .named("service.serversidefailurerate", Percent, V1_GAUGE),
        service(
            "service.errors.client.rate",
            Percent,
            RATE,
            FailureRate(Client),
        )
        .named("service.clientsidefailurerate", Percent, V1_GAUGE),
        service(
            "service.errors.fivexx.count",
            Count,
            COUNTER,
            FailureCount(Server),
        )
        .named("service.errorcounthttp5xx", Count, V1_COUNTER),
        service(
            "service.errors.fourxx.count",
            Count,
            COUNTER,
            FailureCount(Client),
        )
        .named("service.errorcounthttp4xx", Count, V1_COUNTER),
    ]
}

/// There is no total failure rate of methods, in either version.
fn methods() -> Vec<Metric> {
    let method =
        |key, unit, aggregations, source| known(key, "SERVICE_METHOD", unit, aggregations, source);
    vec![
        method(
            "service.keyRequest.response.time",
            MicroSecond,
            DURATION,
            ResponseTime,
        )
        .named("servicemethod.responsetime", MicroSecond, V1_DURATION),
        method(
            "service.keyRequest.count.total",
            Count,
            COUNTER,
            RequestCount,
        )
        .named("servicemethod.requestspermin", PerMinute, V1_COUNTER),
        method(
            "service.keyRequest.errors.server.rate",
            Percent,
            RATE,
            FailureRate(Server),
        )
        .named("servicemethod.serversidefailurerate", Percent, V1_GAUGE),
        method(
            "service.keyRequest.errors.client.rate",
            Percent,
            RATE,
            FailureRate(Client),
        )
        .named("servicemethod.clientsidefailurerate", Percent, V1_GAUGE),
    ]
}

fn hosts() -> Vec<Metric> {
    let host = |key, unit| known(key, "HOST", unit, GAUGE, Gauge);
    vec![
        host("host.cpu.usage", Percent),
        host("host.cpu.idle", Percent).named("host.cpu.idle", Percent, V1_GAUGE),
        host("host.cpu.iowait", Percent).named("host.cpu.iowait", Percent, V1_GAUGE),
        host("host.cpu.other", Percent).named("host.cpu.other", Percent, V1_GAUGE),
        host("host.cpu.steal", Percent).named("host.cpu.steal", Percent, V1_GAUGE),
        host("host.cpu.system", Percent).named("host.cpu.system", Percent, V1_GAUGE),
        host("host.cpu.user", Percent).named("host.cpu.user", Percent, V1_GAUGE),
        host("host.mem.avail.bytes", Byte).named("host.mem.available", Byte, V1_GAUGE),
        host("host.mem.avail.pct", Percent).named(
            "host.mem.availablepercentage",
            Percent,
            V1_GAUGE,
        ),
        host("host.mem.avail.pfps", PerSecond).named("host.mem.pagefaults", PerSecond, V1_GAUGE),
        host("host.mem.used", Byte).named("host.mem.used", Byte, V1_GAUGE),
    ]
}

fn processes() -> Vec<Metric> {
    let process = |key, unit| known(key, "PROCESS_GROUP_INSTANCE", unit, GAUGE, Gauge);
    vec![
        process("tech.generic.cpu.usage", Percent).named("pgi.cpu.usage", Percent, V1_GAUGE),
        process("tech.generic.mem.workingSetSize", Byte).named("pgi.mem.usage", Byte, V1_GAUGE),
        process("tech.generic.network.bytesRx", BytePerSecond).named(
            "pgi.nic.bytesreceived",
            BytePerSecond,
            V1_GAUGE,
        ),
        process("tech.generic.network.bytesTx", BytePerSecond).named(
            "pgi.nic.bytessent",
            BytePerSecond,
            V1_GAUGE,
        ),
        process("tech.generic.processCount", Count).named("pgi.workerprocesses", Count, V1_GAUGE),
        process("tech.jvm.memory.gc.suspensionTime", Percent).named(
            "pgi.suspension",
            Percent,
            V1_GAUGE,
        ),
        process("tech.jvm.threads.count", Count).named("pgi.jvm.threadcount", Count, V1_GAUGE),
        Metric {
            single_value: SingleValue::Unsupported,
            ..process("pgi.availability", Percent)
        },
    ]
}

fn applications() -> Vec<Metric> {
    let application =
        |key, unit, aggregations| known(key, "APPLICATION", unit, aggregations, Gauge);
    vec![
        application(
            "apps.web.actionDuration.load.browser",
            MilliSecond,
            DURATION,
        )
        .named("app.useractionduration", MicroSecond, V1_DURATION)
        .scaled_in_v1(1_000.0),
        application("apps.web.countOfErrors", Count, COUNTER).named(
            "app.errorcount",
            Count,
            V1_COUNTER,
        ),
    ]
}

impl Metric {
    /// A metric somebody sent without the catalogue knowing it.
    pub(super) fn custom(key: &str, entity_type: &str) -> Self {
        Self {
            key: key.to_owned(),
            v1: None,
            entity_type: entity_type.to_owned(),
            unit: Unit::Unspecified,
            aggregations: CUSTOM,
            single_value: SingleValue::Supported,
            source: Source::Gauge,
        }
    }

    /// The dimension that holds the measured entity, such as `dt.entity.service`.
    pub(super) fn dimension(&self) -> String {
        format!("dt.entity.{}", self.entity_type.to_lowercase())
    }

    pub(super) fn default_aggregation(&self) -> Aggregation {
        if self.aggregations.contains(&"avg") {
            Aggregation::Avg
        } else {
            Aggregation::Value
        }
    }

    /// The aggregation to compute with, if this metric supports it.
    pub(super) fn resolve(&self, aggregation: Aggregation) -> Option<Aggregation> {
        if aggregation == Aggregation::Auto {
            return Some(self.default_aggregation());
        }
        self.aggregations
            .contains(&aggregation.name())
            .then_some(aggregation)
    }

    fn named(self, id: &'static str, unit: Unit, aggregations: &'static [&'static str]) -> Self {
        Self {
            v1: Some(V1Name {
                id,
                unit,
                aggregations,
                factor: 1.0,
            }),
            ..self
        }
    }

    fn scaled_in_v1(self, factor: f64) -> Self {
        Self {
            v1: self.v1.map(|v1| V1Name { factor, ..v1 }),
            ..self
        }
    }
}

impl Unit {
    /// How API v2 writes the unit.
    pub(super) fn v2(self) -> &'static str {
        match self {
            Self::MicroSecond => "MicroSecond",
            Self::MilliSecond => "MilliSecond",
            Self::Percent => "Percent",
            Self::Count => "Count",
            Self::PerMinute => "PerMinute",
            Self::PerSecond => "PerSecond",
            Self::Byte => "Byte",
            Self::BytePerSecond => "BytePerSecond",
            Self::Unspecified => "Unspecified",
        }
    }

    /// How API v1 wrote the unit at first.
    pub(super) fn v1_symbol(self) -> &'static str {
        match self {
            Self::MicroSecond => "µs",
            Self::MilliSecond => "ms",
            Self::Percent => "%",
            Self::Count | Self::Unspecified => "count",
            Self::PerMinute => "count/min",
            Self::PerSecond => "count/s",
            Self::Byte => "B",
            Self::BytePerSecond => "B/s",
        }
    }
}

/// The factor between two units, or nothing if they do not measure the same.
pub(super) fn conversion(from: &str, to: &str) -> Result<Option<f64>, String> {
    let scale = |name: &str| {
        Ok(match name {
            "MicroSecond" => ("time", 1.0),
            "MilliSecond" => ("time", 1e3),
            "Second" => ("time", 1e6),
            "Minute" => ("time", 6e7),
            "Byte" => ("bytes", 1.0),
            "KiloByte" => ("bytes", 1e3),
            "MegaByte" => ("bytes", 1e6),
            "Percent" => ("percent", 1.0),
            "Count" => ("count", 1.0),
            _ => return Err(format!("No unit found using the Unit Id: '{name}'.")),
        })
    };
    let ((from_kind, from_scale), (to_kind, to_scale)) = (scale(from)?, scale(to)?);
    Ok((from_kind == to_kind).then_some(from_scale / to_scale))
}

fn known(
    key: &'static str,
    entity_type: &'static str,
    unit: Unit,
    aggregations: &'static [&'static str],
    source: Source,
) -> Metric {
    Metric {
        key: format!("builtin:{key}"),
        v1: None,
        entity_type: entity_type.to_owned(),
        unit,
        aggregations,
        single_value: SingleValue::Supported,
        source,
    }
}
