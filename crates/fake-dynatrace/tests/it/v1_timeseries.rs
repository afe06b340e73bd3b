//! The timeseries of API v1.

use fake_dynatrace::{Failed, Requests, V1Units};
use serde_json::{Value, json};

use crate::caller::{Answered, Caller, MINUTE, NOW};

const START: i64 = NOW.div_euclid(MINUTE) * MINUTE - 5 * MINUTE;

/// A question about a built-in metric over five minutes, changed as the test likes.
fn question(id: &str, aggregation: &str, more: &Value) -> Value {
    let mut body = json!({
        "timeseriesId": format!("com.dynatrace.builtin:{id}"),
        "aggregationType": aggregation,
        "queryMode": "TOTAL",
        "startTimestamp": START,
        "endTimestamp": NOW,
    });
    for (key, value) in more.as_object().into_iter().flatten() {
        body[key] = value.clone();
    }
    body
}

async fn ask(
    caller: &Caller,
    id: &str,
    aggregation: &str,
    more: Value,
) -> anyhow::Result<Answered> {
    caller
        .post("/api/v1/timeseries", &question(id, aggregation, &more))
        .await
}

#[tokio::test]
async fn totals_are_one_pair_per_entity() -> anyhow::Result<()> {
    let caller = Caller::with_two_services().await?;
    let percentile = json!({ "percentile": 90, "entities": ["SERVICE-A", "SERVICE-B"] });
    let body = ask(&caller, "service.responsetime", "PERCENTILE", percentile)
        .await?
        .ok()?;
    assert_eq!(
        body["result"],
        json!({
            "timeseriesId": "com.dynatrace.builtin:service.responsetime",
            "aggregationType": "PERCENTILE",
            "unit": "µs",
            "resolutionInMillisUTC": NOW - START,
            "entities": { "SERVICE-A": "Front", "SERVICE-B": "Back" },
            "dataPoints": {
                "SERVICE-A": [[START, 500_000]],
                "SERVICE-B": [[START, 300_000]],
            },
        })
    );
    Ok(())
}

#[tokio::test]
async fn case_of_aggregations_and_type_of_numbers_do_not_matter() -> anyhow::Result<()> {
    let caller = Caller::with_two_services().await?;
    let more = json!({
        "percentile": "90",
        "startTimestamp": START.to_string(),
        "endTimestamp": NOW.to_string(),
        "entities": ["SERVICE-A"],
    });
    for aggregation in ["percentile", "Percentile"] {
        let body = ask(&caller, "service.responsetime", aggregation, more.clone())
            .await?
            .ok()?;
        assert_eq!(body["result"]["dataPoints"]["SERVICE-A"][0][1], 500_000);
    }
    Ok(())
}

#[tokio::test]
async fn the_metric_may_stand_in_the_path() -> anyhow::Result<()> {
    let caller = Caller::with_two_services().await?;
    let mut body = question("service.responsetime", "avg", &json!({}));
    body.as_object_mut()
        .expect("a question is an object")
        .remove("timeseriesId");
    let path = "/api/v1/timeseries/com.dynatrace.builtin%3Aservice.responsetime";
    let answered = caller.post(path, &body).await?.ok()?;
    assert_eq!(answered["result"]["dataPoints"]["SERVICE-B"][0][1], 300_000);

    assert_eq!(
        caller.post("/api/v1/timeseries", &body).await?.refused()?.0,
        400
    );
    Ok(())
}

#[tokio::test]
async fn tags_add_up_and_reach_methods_through_their_service() -> anyhow::Result<()> {
    let caller = Caller::with_two_services().await?;
    caller
        .tenant
        .service("SERVICE-P", "Front")
        .tag("DeploymentGroup", "Production")
        .add();
    caller
        .tenant
        .requests("SERVICE-P", None, Requests::at(NOW - MINUTE, 1.0));

    let production = json!({ "tags": ["DeploymentGroup:Production"] });
    let body = ask(
        &caller,
        "service.requestspermin",
        "count",
        production.clone(),
    )
    .await?
    .ok()?;
    assert_eq!(body["result"]["entities"], json!({ "SERVICE-P": "Front" }));
    assert_eq!(body["result"]["dataPoints"]["SERVICE-P"][0][1], 1);

    let both = json!({ "tags": ["DeploymentGroup:Production", "DeploymentGroup:Staging"] });
    let body = ask(&caller, "service.requestspermin", "count", both)
        .await?
        .ok()?;
    assert_eq!(body["result"]["dataPoints"], json!({}));

    let staging = json!({ "tags": ["DeploymentGroup:Staging"] });
    let body = ask(&caller, "servicemethod.requestspermin", "count", staging)
        .await?
        .ok()?;
    assert_eq!(body["result"]["dataPoints"]["SERVICE_METHOD-A"][0][1], 3);
    let body = ask(&caller, "servicemethod.requestspermin", "count", production)
        .await?
        .ok()?;
    assert_eq!(body["result"]["dataPoints"], json!({}));
    Ok(())
}

#[tokio::test]
async fn parents_join_the_key_of_a_method() -> anyhow::Result<()> {
    let caller = Caller::with_two_services().await?;
    let parents = json!({ "includeParentIds": true });
    let body = ask(&caller, "servicemethod.responsetime", "avg", parents)
        .await?
        .ok()?;
    let result = &body["result"];
    assert_eq!(
        result["dataPoints"]["SERVICE-A, SERVICE_METHOD-A"][0][1],
        100_000
    );
    assert_eq!(
        result["entities"],
        json!({ "SERVICE-A": "Front", "SERVICE_METHOD-A": "/api/invoke" })
    );
    Ok(())
}

#[tokio::test]
async fn failure_rates_have_extremes_over_minutes() -> anyhow::Result<()> {
    let caller = Caller::start().await?;
    caller.tenant.service("SERVICE-A", "Front").add();
    for (minute, count, failed) in [(0, 10, 1), (1, 30, 15)] {
        let at = Requests::at(START + minute * MINUTE, 1.0).times(count);
        caller
            .tenant
            .requests("SERVICE-A", None, at.failing(Failed::Count(failed)));
    }
    for (aggregation, expected) in [("avg", 40), ("min", 10), ("max", 50), ("sum", 60)] {
        let body = ask(&caller, "service.failurerate", aggregation, json!({}))
            .await?
            .ok()?;
        let value = &body["result"]["dataPoints"]["SERVICE-A"][0][1];
        assert_eq!(*value, expected, "{aggregation}");
    }
    Ok(())
}

#[tokio::test]
async fn changed_units_are_changed_back() -> anyhow::Result<()> {
    let caller = Caller::start().await?;
    caller
        .tenant
        .entity("APPLICATION", "APPLICATION-1", "Shop")
        .add();
    let key = "builtin:apps.web.actionDuration.load.browser";
    caller
        .tenant
        .gauge("APPLICATION-1", key, NOW - MINUTE, 250.0);
    assert_eq!(
        caller.value(&format!("{key}:splitBy():avg"), "").await?,
        250
    );

    let body = ask(&caller, "app.useractionduration", "avg", json!({}))
        .await?
        .ok()?;
    assert_eq!(body["result"]["dataPoints"]["APPLICATION-1"][0][1], 250_000);
    Ok(())
}

#[tokio::test]
async fn units_are_spelled_as_of_old_or_as_of_late() -> anyhow::Result<()> {
    let caller = Caller::with_two_services().await?;
    caller.tenant.v1_units(V1Units::Name);
    for (id, aggregation, unit) in [
        ("service.responsetime", "avg", "MicroSecond (µs)"),
        ("service.failurerate", "avg", "Percent (%)"),
        ("service.requestspermin", "count", "PerMinute (count/min)"),
    ] {
        let body = ask(&caller, id, aggregation, json!({})).await?.ok()?;
        assert_eq!(body["result"]["unit"], unit);
    }
    Ok(())
}

#[tokio::test]
async fn series_name_slots_by_their_start() -> anyhow::Result<()> {
    let caller = Caller::start().await?;
    caller.tenant.service("SERVICE-A", "Front").add();
    caller
        .tenant
        .requests("SERVICE-A", None, Requests::at(START + MINUTE, 7.5));
    let more = json!({ "queryMode": "SERIES", "endTimestamp": START + 2 * MINUTE });
    let body = ask(&caller, "service.responsetime", "avg", more)
        .await?
        .ok()?;
    assert_eq!(
        body["result"]["dataPoints"]["SERVICE-A"],
        json!([[START, null], [START + MINUTE, 7.5]])
    );
    Ok(())
}

#[tokio::test]
async fn questions_the_metric_cannot_answer_are_refused() -> anyhow::Result<()> {
    let caller = Caller::with_two_services().await?;
    let cases = [
        (
            "service.responsetime",
            "avg",
            json!({ "entities": ["HOST-1"] }),
            400,
        ),
        (
            "servicemethod.responsetime",
            "avg",
            json!({ "entities": ["SERVICE-A"] }),
            400,
        ),
        ("service.responsetime", "count", json!({}), 400),
        ("service.requestspermin", "avg", json!({}), 400),
        ("service.responsetime", "percentile", json!({}), 400),
        (
            "service.responsetime",
            "percentile",
            json!({ "percentile": 100 }),
            400,
        ),
        (
            "service.responsetime",
            "avg",
            json!({ "startTimestamp": NOW }),
            400,
        ),
        (
            "service.responsetime",
            "avg",
            json!({ "startTimestamp": "soon" }),
            400,
        ),
        (
            "service.responsetime",
            "avg",
            json!({ "relativeTime": "hour" }),
            400,
        ),
        (
            "service.responsetime",
            "avg",
            json!({ "queryMode": "HALF" }),
            400,
        ),
        ("servicemethod.failurerate", "avg", json!({}), 404),
    ];
    for (id, aggregation, more, expected) in cases {
        let answered = ask(&caller, id, aggregation, more.clone()).await?;
        assert_eq!(answered.refused()?.0, expected, "{id} {aggregation} {more}");
    }
    Ok(())
}
