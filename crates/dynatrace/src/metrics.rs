//! What is known of the built-in v1 timeseries, and where each went in v2.
//!
//! Rows are checked by name and description only where Dynatrace publishes no
//! mapping, so a row that a tenant contradicts is corrected here and nowhere
//! else.

/// The namespace of the built-in v1 timeseries.
const BUILTIN: &str = "com.dynatrace.builtin:";

/// What is known of one v1 timeseries.
#[derive(Clone, Copy, Debug)]
pub struct Facts {
    /// The aggregations that API v1 offers, out of `avg`, `min`, `max`, `sum`,
    /// `count`, `median` and `percentile`; empty where they are not known.
    pub aggregates: &'static [&'static str],
    /// Whether API v2 measures the same thing.
    pub has_v2_counterpart: bool,
    pub(crate) successor: Successor,
    pub(crate) dimension: &'static str,
}

/// Where a v1 timeseries went in API v2.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Successor {
    Metric(Counterpart),
    /// Nothing measures the same thing; the text names what comes closest.
    Nothing {
        closest: &'static str,
    },
}

/// The v2 metric that measures what a v1 timeseries measured.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Counterpart {
    pub(crate) key: &'static str,
    pub(crate) offers: Offers,
    /// By how many places a v2 number is shifted into the unit of the v1
    /// timeseries, so that limits written for v1 keep their meaning.
    pub(crate) shift: i32,
}

/// The aggregations of a v2 metric.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Offers {
    /// One number per slot that can only be added up: `:value`.
    Counter,
    /// An average and nothing else, because it is a quotient of two counters.
    AverageOnly,
    /// Average, minimum and maximum.
    Gauge,
    /// Everything, percentiles included.
    Distribution,
    /// Not known: what was asked for is sent, and the tenant decides.
    Unknown,
}

/// Looks up a v1 timeseries id; `None` for an id that the table does not have.
pub fn facts(timeseries: &str) -> Option<Facts> {
    let name = timeseries.strip_prefix(BUILTIN)?;
    let (_, aggregates, successor) = TABLE.iter().find(|(known, ..)| *known == name)?;
    Some(Facts {
        aggregates,
        has_v2_counterpart: matches!(successor, Successor::Metric(_)),
        successor: *successor,
        dimension: dimension(name),
    })
}

/// The aggregations of a v2 metric; unknown for a key that the table lacks.
pub(crate) fn offers(key: &str) -> Offers {
    TABLE
        .iter()
        .find_map(|(.., successor)| match successor {
            Successor::Metric(counterpart) if counterpart.key == key => Some(counterpart.offers),
            _ => None,
        })
        .unwrap_or(Offers::Unknown)
}

fn dimension(name: &str) -> &'static str {
    match name.split('.').next() {
        Some("servicemethod") => "dt.entity.service_method",
        Some("host") => "dt.entity.host",
        Some("pgi") => "dt.entity.process_group_instance",
        Some("app") => "dt.entity.application",
        _ => "dt.entity.service",
    }
}

const fn is(key: &'static str, offers: Offers) -> Successor {
    Successor::Metric(Counterpart {
        key,
        offers,
        shift: 0,
    })
}

/// A v2 metric in milliseconds whose v1 timeseries was in microseconds.
const fn in_milliseconds(key: &'static str, offers: Offers) -> Successor {
    Successor::Metric(Counterpart {
        key,
        offers,
        shift: 3,
    })
}

const TIMER: &[&str] = &["avg", "sum", "min", "max", "median", "percentile"];
const GAUGE: &[&str] = &["avg", "sum", "min", "max"];
const COUNT: &[&str] = &["count"];
const UNKNOWN: &[&str] = &[];

type Row = (&'static str, &'static [&'static str], Successor);

#[rustfmt::skip]
const TABLE: &[Row] = &[
    ("service.responsetime", TIMER, is("builtin:service.response.time", Offers::Distribution)),
    ("service.requestspermin", COUNT, is("builtin:service.requestCount.total", Offers::Counter)),
    ("service.requests", UNKNOWN, is("builtin:service.requestCount.total", Offers::Counter)),
    ("service.failurerate", GAUGE, is("builtin:service.errors.total.rate", Offers::AverageOnly)),
    ("service.serversidefailurerate", GAUGE, is("builtin:service.errors.server.rate", Offers::AverageOnly)),
    ("service.clientsidefailurerate", GAUGE, is("builtin:service.errors.client.rate", Offers::AverageOnly)),
    ("service.errorcounthttp4xx", UNKNOWN, is("builtin:service.errors.fourxx.count", Offers::Counter)),
    ("service.errorcounthttp5xx", UNKNOWN, is("builtin:service.errors.fivexx.count", Offers::Counter)),

    ("servicemethod.responsetime", TIMER, is("builtin:service.keyRequest.response.time", Offers::Distribution)),
    ("servicemethod.requestspermin", COUNT, is("builtin:service.keyRequest.count.total", Offers::Counter)),
    ("servicemethod.serversidefailurerate", GAUGE, is("builtin:service.keyRequest.errors.server.rate", Offers::AverageOnly)),
    ("servicemethod.clientsidefailurerate", GAUGE, is("builtin:service.keyRequest.errors.client.rate", Offers::AverageOnly)),
    ("servicemethod.failurerate", UNKNOWN, Successor::Nothing {
        closest: "the closest are the selector `builtin:service.keyRequest.errors.server.rate` \
                  and the timeseries `com.dynatrace.builtin:servicemethod.serversidefailurerate`",
    }),

    ("host.cpu.idle", GAUGE, is("builtin:host.cpu.idle", Offers::Gauge)),
    ("host.cpu.iowait", GAUGE, is("builtin:host.cpu.iowait", Offers::Gauge)),
    ("host.cpu.other", GAUGE, is("builtin:host.cpu.other", Offers::Gauge)),
    ("host.cpu.steal", GAUGE, is("builtin:host.cpu.steal", Offers::Gauge)),
    ("host.cpu.system", GAUGE, is("builtin:host.cpu.system", Offers::Gauge)),
    ("host.cpu.user", GAUGE, is("builtin:host.cpu.user", Offers::Gauge)),
    ("host.mem.available", GAUGE, is("builtin:host.mem.avail.bytes", Offers::Unknown)),
    ("host.mem.availablepercentage", GAUGE, is("builtin:host.mem.avail.pct", Offers::Unknown)),
    ("host.mem.used", GAUGE, is("builtin:host.mem.used", Offers::Unknown)),
    ("host.mem.pagefaults", GAUGE, is("builtin:host.mem.avail.pfps", Offers::Unknown)),
    ("host.disk.availablespace", GAUGE, is("builtin:host.disk.avail", Offers::Unknown)),
    ("host.disk.usedspace", GAUGE, is("builtin:host.disk.used", Offers::Unknown)),
    ("host.disk.freespacepercentage", UNKNOWN, is("builtin:host.disk.free", Offers::Unknown)),
    ("host.disk.bytesread", GAUGE, is("builtin:host.disk.bytesRead", Offers::Unknown)),
    ("host.disk.byteswritten", GAUGE, is("builtin:host.disk.bytesWritten", Offers::Unknown)),
    ("host.disk.queuelength", GAUGE, is("builtin:host.disk.queueLength", Offers::Unknown)),
    ("host.disk.readoperations", GAUGE, is("builtin:host.disk.readOps", Offers::Unknown)),
    ("host.disk.writeoperations", GAUGE, is("builtin:host.disk.writeOps", Offers::Unknown)),
    ("host.disk.readtime", GAUGE, is("builtin:host.disk.readTime", Offers::Unknown)),
    ("host.disk.writetime", GAUGE, is("builtin:host.disk.writeTime", Offers::Unknown)),
    ("host.nic.bytesreceived", GAUGE, is("builtin:host.net.nic.bytesRx", Offers::Unknown)),
    ("host.nic.bytessent", GAUGE, is("builtin:host.net.nic.bytesTx", Offers::Unknown)),
    ("host.nic.packetsreceived", GAUGE, is("builtin:host.net.nic.packets.rx", Offers::Unknown)),
    ("host.nic.packetssent", GAUGE, is("builtin:host.net.nic.packets.tx", Offers::Unknown)),
    ("host.availability", UNKNOWN, is("builtin:host.availability", Offers::Unknown)),

    ("pgi.cpu.usage", GAUGE, is("builtin:tech.generic.cpu.usage", Offers::Gauge)),
    // The v2 metric called `mem.usage` is a percentage; v1 counted bytes.
    ("pgi.mem.usage", GAUGE, is("builtin:tech.generic.mem.workingSetSize", Offers::Unknown)),
    ("pgi.nic.bytesreceived", GAUGE, is("builtin:tech.generic.network.bytesRx", Offers::Unknown)),
    ("pgi.nic.bytessent", GAUGE, is("builtin:tech.generic.network.bytesTx", Offers::Unknown)),
    ("pgi.workerprocesses", GAUGE, is("builtin:tech.generic.processCount", Offers::Unknown)),
    ("pgi.suspension", GAUGE, is("builtin:tech.jvm.memory.gc.suspensionTime", Offers::Unknown)),
    ("pgi.jvm.committedmemory", GAUGE, is("builtin:tech.jvm.memory.pool.committed", Offers::Unknown)),
    ("pgi.jvm.usedmemory", GAUGE, is("builtin:tech.jvm.memory.pool.used", Offers::Unknown)),
    ("pgi.jvm.threadcount", GAUGE, is("builtin:tech.jvm.threads.count", Offers::Unknown)),
    ("pgi.jvm.garbagecollectiontime", GAUGE, is("builtin:tech.jvm.memory.pool.collectionTime", Offers::Unknown)),
    ("pgi.jvm.garbagecollectioncount", UNKNOWN, is("builtin:tech.jvm.memory.pool.collectionCount", Offers::Unknown)),
    ("pgi.availability", UNKNOWN, is("builtin:pgi.availability", Offers::Unknown)),

    ("app.useractionduration", TIMER, in_milliseconds("builtin:apps.web.actionDuration.load.browser", Offers::Distribution)),
    ("app.useractionsperminute", COUNT, is("builtin:apps.web.actionCount.load.browser", Offers::Counter)),
    ("app.useractions", UNKNOWN, is("builtin:apps.web.actionCount.load.browser", Offers::Counter)),
    ("app.errorcount", COUNT, is("builtin:apps.web.countOfErrors", Offers::Counter)),
    ("app.jserrorsduringuseractions", COUNT, is("builtin:apps.web.jsErrorsDuringUa", Offers::Counter)),
    ("app.jserrorswithoutuseractions", COUNT, is("builtin:apps.web.jsErrorsWithoutUa", Offers::Counter)),
    ("app.apdex", UNKNOWN, is("builtin:apps.web.apdex.userType", Offers::Unknown)),
    ("app.actionspersession", UNKNOWN, is("builtin:apps.web.actionsPerSession", Offers::Unknown)),
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn counterpart(name: &str) -> Counterpart {
        match facts(&format!("{BUILTIN}{name}")).unwrap().successor {
            Successor::Metric(counterpart) => counterpart,
            Successor::Nothing { closest } => panic!("{name} has no counterpart, {closest}"),
        }
    }

    #[test]
    fn response_time_keeps_its_unit() {
        let metric = counterpart("service.responsetime");

        assert_eq!(metric.key, "builtin:service.response.time");
        assert_eq!(metric.offers, Offers::Distribution);
        assert_eq!(metric.shift, 0);
    }

    #[test]
    fn user_action_durations_are_turned_back_into_microseconds() {
        let metric = counterpart("app.useractionduration");

        assert_eq!(metric.shift, 3);
    }

    #[test]
    fn memory_of_a_process_is_mapped_to_bytes_and_not_to_a_percentage() {
        let metric = counterpart("pgi.mem.usage");

        assert_eq!(metric.key, "builtin:tech.generic.mem.workingSetSize");
    }

    #[test]
    fn request_counts_have_one_aggregation_only() {
        let facts = facts("com.dynatrace.builtin:service.requestspermin").unwrap();

        assert_eq!(facts.aggregates, ["count"]);
        assert_eq!(
            counterpart("service.requestspermin").offers,
            Offers::Counter
        );
    }

    #[test]
    fn failure_rate_of_a_method_has_no_counterpart_but_a_neighbour() {
        let facts = facts("com.dynatrace.builtin:servicemethod.failurerate").unwrap();

        assert!(!facts.has_v2_counterpart);
        let Successor::Nothing { closest } = facts.successor else {
            panic!("a counterpart was found");
        };
        assert!(closest.contains("builtin:service.keyRequest.errors.server.rate"));
        assert!(closest.contains("servicemethod.serversidefailurerate"));
    }

    #[test]
    fn ids_outside_the_table_are_not_guessed() {
        for id in [
            "com.dynatrace.builtin:service.nosuchthing",
            "builtin:service.response.time",
            "service.responsetime",
            "custom:my.metric",
            "ruxit.python.rabbitmq:messages",
            "",
        ] {
            assert!(facts(id).is_none(), "{id}");
        }
    }

    #[test]
    fn every_row_is_unique_and_every_key_is_built_in() {
        let names: BTreeSet<_> = TABLE.iter().map(|(name, ..)| name).collect();
        assert_eq!(names.len(), TABLE.len());

        for (name, aggregates, successor) in TABLE {
            if let Successor::Metric(metric) = successor {
                assert!(metric.key.starts_with("builtin:"), "{name}");
            }
            for word in *aggregates {
                let known = ["avg", "min", "max", "sum", "count", "median", "percentile"];
                assert!(known.contains(word), "{name}: {word}");
            }
        }
    }

    #[test]
    fn each_kind_of_timeseries_knows_the_dimension_it_is_split_by() {
        let dimension = |name: &str| facts(&format!("{BUILTIN}{name}")).unwrap().dimension;

        assert_eq!(dimension("service.responsetime"), "dt.entity.service");
        assert_eq!(
            dimension("servicemethod.responsetime"),
            "dt.entity.service_method"
        );
        assert_eq!(dimension("host.cpu.user"), "dt.entity.host");
        assert_eq!(
            dimension("pgi.cpu.usage"),
            "dt.entity.process_group_instance"
        );
        assert_eq!(dimension("app.apdex"), "dt.entity.application");
    }
}
