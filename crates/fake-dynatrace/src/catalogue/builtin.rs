//! The table of built-in metrics.

use std::collections::BTreeMap;

use super::Source::{FailureCount, FailureRate, Gauge, RequestCount, ResponseTime};
use super::Unit::{
    self, Byte, BytePerSecond, Count, MicroSecond, MilliSecond, PerMinute, PerSecond, Percent,
};
use super::{Metric, SingleValue, Source, V1Name};
use crate::catalogue::Failures::{Any, Client, Server};

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

const V1_DURATION: &[&str] = &["avg", "sum", "min", "max", "median", "percentile"];
const V1_COUNTER: &[&str] = &["count"];
const V1_GAUGE: &[&str] = &["avg", "sum", "min", "max"];

/// All metrics known without anybody having sent one.
pub(crate) fn builtin() -> BTreeMap<String, Metric> {
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

impl Metric {
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
