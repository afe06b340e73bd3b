//! What metrics queries compute and how they answer.

use fake_dynatrace::{Failed, Requests};
use serde_json::{Value, json};

use crate::caller::{Caller, MINUTE, NOW, last_minutes};

const RESPONSE_TIME: &str = "builtin:service.response.time";
const STAGING: &str = r#"type("SERVICE"),tag("DeploymentGroup:Staging")"#;

#[tokio::test]
async fn merged_numbers_weigh_every_request_alike() -> anyhow::Result<()> {
    let caller = Caller::with_two_services().await?;
    // 3 × 100 ms, 6 × 300 ms and 1 × 500 ms, over both services.
    let cases = [
        ("avg", json!(260_000)),
        ("min", json!(100_000)),
        ("max", json!(500_000)),
        ("sum", json!(2_600_000)),
        ("count", json!(10)),
        ("median", json!(300_000)),
        ("percentile(30)", json!(100_000)),
        ("percentile(90)", json!(300_000)),
        ("percentile(91)", json!(500_000)),
    ];
    for (aggregation, expected) in cases {
        let selector = format!("{RESPONSE_TIME}:splitBy():{aggregation}");
        assert_eq!(
            caller.value(&selector, STAGING).await?,
            expected,
            "{aggregation}"
        );
    }
    Ok(())
}

#[tokio::test]
async fn split_numbers_belong_to_one_entity_each() -> anyhow::Result<()> {
    let caller = Caller::with_two_services().await?;
    let selector = format!(r#"{RESPONSE_TIME}:splitBy("dt.entity.service"):percentile(90)"#);
    let body = caller.metrics(&selector, STAGING).await?.ok()?;
    let series = |id, value: i64| {
        json!({
            "dimensions": [id],
            "dimensionMap": { "dt.entity.service": id },
            "timestamps": [NOW],
            "values": [value],
        })
    };
    assert_eq!(
        body["result"][0]["data"],
        json!([series("SERVICE-A", 500_000), series("SERVICE-B", 300_000)])
    );
    assert_eq!(body["nextPageKey"], Value::Null);
    assert_eq!(body["resolution"], "Inf");
    Ok(())
}

#[tokio::test]
async fn failure_rates_tell_whose_fault_it_was() -> anyhow::Result<()> {
    let caller = Caller::start().await?;
    caller.tenant.service("SERVICE-A", "Front").add();
    caller.tenant.service("SERVICE-B", "Back").add();
    let requests = Requests::at(NOW - MINUTE, 1_000.0);
    let failing = requests.times(4).failing(Failed::Count(1));
    caller.tenant.requests("SERVICE-A", None, failing);
    let failing = requests.times(12).failing_by_client(Failed::Share(0.25));
    caller.tenant.requests("SERVICE-B", None, failing);

    let cases = [
        ("builtin:service.errors.total.rate:splitBy():avg", json!(25)),
        (
            "builtin:service.errors.server.rate:splitBy():avg",
            json!(6.25),
        ),
        (
            "builtin:service.errors.client.rate:splitBy():avg",
            json!(18.75),
        ),
        (
            "builtin:service.errors.fivexx.count:splitBy():value",
            json!(1),
        ),
        (
            "builtin:service.errors.fourxx.count:splitBy():value",
            json!(3),
        ),
        (
            "builtin:service.requestCount.total:splitBy():value",
            json!(16),
        ),
    ];
    for (selector, expected) in cases {
        assert_eq!(caller.value(selector, "").await?, expected, "{selector}");
    }
    Ok(())
}

#[tokio::test]
async fn only_samples_inside_the_window_count() -> anyhow::Result<()> {
    let caller = Caller::start().await?;
    caller.tenant.service("SERVICE-A", "Front").add();
    let first = NOW - 5 * MINUTE;
    for at in [first - 1, first, NOW - 1, NOW] {
        caller
            .tenant
            .requests("SERVICE-A", None, Requests::at(at, 1.0));
    }
    let selector = "builtin:service.requestCount.total:splitBy():value";
    assert_eq!(caller.value(selector, "").await?, 2);
    Ok(())
}

#[tokio::test]
async fn methods_report_only_as_key_requests() -> anyhow::Result<()> {
    let caller = Caller::with_two_services().await?;
    caller
        .tenant
        .service("SERVICE-C", "Side")
        .tag("DeploymentGroup", "Staging")
        .unmarked_method("SERVICE_METHOD-C", "/other")
        .add();
    let slow = Requests::at(NOW - MINUTE, 900_000.0);
    caller
        .tenant
        .requests("SERVICE-C", Some("SERVICE_METHOD-C"), slow);

    let key = "builtin:service.keyRequest.response.time";
    assert_eq!(
        caller
            .value(&format!("{key}:splitBy():max"), STAGING)
            .await?,
        100_000
    );
    let one = format!(
        r#"{key}:filter(eq("dt.entity.service_method","SERVICE_METHOD-A")):splitBy():count"#
    );
    assert_eq!(caller.value(&one, "").await?, 3);
    let count = "builtin:service.keyRequest.count.total:splitBy():value";
    assert_eq!(caller.value(count, "type(SERVICE_METHOD)").await?, 3);
    Ok(())
}

#[tokio::test]
async fn filters_choose_entities_inside_the_expression() -> anyhow::Result<()> {
    let caller = Caller::with_two_services().await?;
    caller
        .tenant
        .service("SERVICE-P", "Front")
        .tag("DeploymentGroup", "Production")
        .add();
    caller.tenant.requests(
        "SERVICE-P",
        None,
        Requests::at(NOW - MINUTE, 1.0).times(100),
    );
    let cases = [
        (r#"eq("dt.entity.service","SERVICE-A")"#, 4),
        (r#"ne("dt.entity.service","SERVICE-A")"#, 106),
        (
            r#"or(eq("dt.entity.service","SERVICE-A"),eq("dt.entity.service","SERVICE-P"))"#,
            104,
        ),
        (
            r#"and(in("dt.entity.service",entitySelector("type(~"SERVICE~"),tag(~"DeploymentGroup:Staging~")")))"#,
            10,
        ),
    ];
    for (filter, expected) in cases {
        let selector = format!("builtin:service.requestCount.total:filter({filter}):splitBy()");
        assert_eq!(caller.value(&selector, "").await?, expected, "{filter}");
    }
    Ok(())
}

#[tokio::test]
async fn answers_come_in_another_order_under_other_names() -> anyhow::Result<()> {
    let caller = Caller::with_two_services().await?;
    let selector = format!(
        r#"{RESPONSE_TIME}:splitBy():percentile(90),{RESPONSE_TIME}:splitBy("dt.entity.service"):avg,builtin:service.requestCount.total:value:splitBy()"#
    );
    let body = caller.metrics(&selector, STAGING).await?.ok()?;
    let ids: Vec<_> = body["result"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|result| result["metricId"].as_str())
        .collect();
    assert_eq!(
        ids,
        [
            Some("builtin:service.requestCount.total:splitBy():value"),
            Some(r#"builtin:service.response.time:avg:splitBy("dt.entity.service")"#),
            Some("builtin:service.response.time:splitBy():percentile(90.0)"),
        ]
    );
    Ok(())
}

#[tokio::test]
async fn gauges_aggregate_over_entities_and_time() -> anyhow::Result<()> {
    let caller = Caller::start().await?;
    for (host, values) in [("HOST-1", [10.0, 20.0]), ("HOST-2", [60.0, 31.0])] {
        caller.tenant.entity("HOST", host, host).add();
        for (ago, value) in [MINUTE, 2 * MINUTE].into_iter().zip(values) {
            caller
                .tenant
                .gauge(host, "builtin:host.cpu.usage", NOW - ago, value);
            caller.tenant.gauge(host, "queue.depth", NOW - ago, value);
        }
    }
    let cases = [
        ("builtin:host.cpu.usage:splitBy():avg", json!(30.25)),
        ("builtin:host.cpu.usage:splitBy():min", json!(10)),
        ("builtin:host.cpu.usage:splitBy():max", json!(60)),
        ("queue.depth:splitBy():sum", json!(121)),
        ("queue.depth:splitBy():count", json!(4)),
        ("queue.depth:splitBy():value", json!(121)),
    ];
    for (selector, expected) in cases {
        assert_eq!(caller.value(selector, "").await?, expected, "{selector}");
    }
    let one = r#"entityId("HOST-2")"#;
    assert_eq!(
        caller
            .value("builtin:host.cpu.usage:splitBy()", one)
            .await?,
        45.5
    );
    Ok(())
}

#[tokio::test]
async fn forgotten_data_is_gone() -> anyhow::Result<()> {
    let caller = Caller::with_two_services().await?;
    caller.tenant.forget_data("SERVICE-B");
    let selector = format!("{RESPONSE_TIME}:splitBy():count");
    assert_eq!(caller.value(&selector, STAGING).await?, 4);
    Ok(())
}

#[tokio::test]
async fn slots_are_named_by_their_end_and_may_be_empty() -> anyhow::Result<()> {
    let caller = Caller::start().await?;
    caller.tenant.service("SERVICE-A", "Front").add();
    let end = NOW / MINUTE * MINUTE;
    for (ago, duration) in [(3, 5.0), (1, 6.5)] {
        caller.tenant.requests(
            "SERVICE-A",
            None,
            Requests::at(end - ago * MINUTE, duration),
        );
    }
    let (from, to) = ((end - 3 * MINUTE).to_string(), end.to_string());
    let query = [
        (
            "metricSelector",
            "builtin:service.response.time:splitBy():avg",
        ),
        ("resolution", "1m"),
        ("from", &from),
        ("to", &to),
    ];
    let body = caller.get("/api/v2/metrics/query", &query).await?.ok()?;
    let series = &body["result"][0]["data"][0];
    assert_eq!(
        series["timestamps"],
        json!([end - 2 * MINUTE, end - MINUTE, end])
    );
    assert_eq!(series["values"], json!([5, null, 6.5]));
    assert_eq!(body["resolution"], "1m");
    Ok(())
}

#[tokio::test]
async fn a_metric_without_infinite_resolution_can_be_folded() -> anyhow::Result<()> {
    let caller = Caller::start().await?;
    let process = "PROCESS_GROUP_INSTANCE-1";
    caller
        .tenant
        .entity("PROCESS_GROUP_INSTANCE", process, "web")
        .add();
    for (ago, value) in [(1, 100.0), (2, 0.0)] {
        caller.tenant.gauge(
            process,
            "builtin:pgi.availability",
            NOW - ago * MINUTE,
            value,
        );
    }
    let (status, _) = caller
        .metrics("builtin:pgi.availability:splitBy()", "")
        .await?
        .refused()?;
    assert_eq!(status, 400);

    let (from, to) = last_minutes(5);
    let selector = "builtin:pgi.availability:splitBy():fold(avg)";
    let query = [("metricSelector", selector), ("from", &from), ("to", &to)];
    let body = caller.get("/api/v2/metrics/query", &query).await?.ok()?;
    assert_eq!(body["result"][0]["data"][0]["values"], json!([50]));
    Ok(())
}

#[tokio::test]
async fn names_are_dimensions_when_asked_for() -> anyhow::Result<()> {
    let caller = Caller::with_two_services().await?;
    let selector = format!(r#"{RESPONSE_TIME}:splitBy("dt.entity.service"):avg:names"#);
    let body = caller
        .metrics(&selector, r#"entityId("SERVICE-A")"#)
        .await?
        .ok()?;
    assert_eq!(
        body["result"][0]["data"][0]["dimensions"],
        json!(["Front", "SERVICE-A"])
    );
    Ok(())
}

#[tokio::test]
async fn units_convert_or_say_that_they_cannot() -> anyhow::Result<()> {
    let caller = Caller::with_two_services().await?;
    let converted = format!("{RESPONSE_TIME}:splitBy():avg:toUnit(MicroSecond,MilliSecond)");
    assert_eq!(caller.value(&converted, STAGING).await?, 260);

    let impossible = format!("{RESPONSE_TIME}:splitBy():avg:toUnit(MicroSecond,Byte)");
    let body = caller.metrics(&impossible, STAGING).await?.ok()?;
    assert_eq!(body["result"][0]["data"][0]["values"], json!([260_000]));
    assert_eq!(
        body["result"][0]["warnings"].as_array().map(Vec::len),
        Some(1)
    );

    let unknown = format!("{RESPONSE_TIME}:toUnit(MicroSecond,Kilo)");
    let (status, message) = caller.metrics(&unknown, STAGING).await?.refused()?;
    assert_eq!(
        (status, message.as_str()),
        (400, "No unit found using the Unit Id: 'Kilo'.")
    );
    Ok(())
}

#[tokio::test]
async fn what_the_tenant_does_not_know_is_refused() -> anyhow::Result<()> {
    let caller = Caller::with_two_services().await?;
    let cases = [
        ("builtin:service.unheardOf:splitBy():avg", STAGING, 404),
        ("builtin:service.response.time:splitBy(", STAGING, 400),
        ("builtin:service.response.time:default(0)", STAGING, 400),
        (
            "builtin:service.response.time:splitBy():value",
            STAGING,
            400,
        ),
        (
            "builtin:service.requestCount.total:splitBy():avg",
            STAGING,
            400,
        ),
        (
            "builtin:service.errors.total.rate:splitBy():max",
            STAGING,
            400,
        ),
        (
            r#"builtin:service.response.time:splitBy("dt.entity.host")"#,
            STAGING,
            400,
        ),
        ("builtin:service.response.time", r#"tag("a")"#, 400),
        (
            "builtin:service.response.time",
            r#"type("SERVICE"),unheardOf("a")"#,
            400,
        ),
    ];
    for (selector, scope, expected) in cases {
        let (status, _) = caller.metrics(selector, scope).await?.refused()?;
        assert_eq!(status, expected, "{selector} {scope}");
    }
    Ok(())
}

#[tokio::test]
async fn a_missing_selector_violates_a_constraint() -> anyhow::Result<()> {
    let caller = Caller::start().await?;
    let body = caller.get("/api/v2/metrics/query", &[]).await?.json()?;
    assert_eq!(
        body,
        json!({ "error": {
            "code": 400,
            "message": "Constraints violated.",
            "constraintViolations": [{
                "path": "nextPageKey",
                "message": "expected one of nextPageKey or metricSelector to be specified",
                "parameterLocation": "QUERY",
                "location": null,
            }],
        }})
    );
    Ok(())
}

#[tokio::test]
async fn descriptors_say_what_may_be_asked() -> anyhow::Result<()> {
    let caller = Caller::start().await?;
    let path = "/api/v2/metrics/builtin%3Aservice.response.time";
    let body = caller.get(path, &[]).await?.ok()?;
    assert_eq!(body["metricId"], "builtin:service.response.time");
    assert_eq!(body["unit"], "MicroSecond");
    assert_eq!(
        body["aggregationTypes"],
        json!([
            "auto",
            "avg",
            "count",
            "max",
            "median",
            "min",
            "percentile",
            "sum"
        ])
    );
    assert_eq!(body["resolutionInfSupported"], true);

    let body = caller
        .get("/api/v2/metrics/builtin:pgi.availability", &[])
        .await?
        .ok()?;
    assert_eq!(body["resolutionInfSupported"], false);
    assert_eq!(
        caller
            .get("/api/v2/metrics/builtin:nothing", &[])
            .await?
            .refused()?
            .0,
        404
    );
    Ok(())
}
