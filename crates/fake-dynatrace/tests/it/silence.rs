//! Every way of having no data, in both API versions.

use fake_dynatrace::NoDataShape;
use serde_json::{Value, json};

use crate::caller::{Caller, NOW, last_minutes};

async fn quiet() -> anyhow::Result<Caller> {
    let caller = Caller::start().await?;
    caller.tenant.service("SERVICE-A", "Front").add();
    Ok(caller)
}

async fn v2(caller: &Caller) -> anyhow::Result<Value> {
    let selector = "builtin:service.response.time:splitBy():avg";
    Ok(caller.metrics(selector, "").await?.ok()?["result"].clone())
}

async fn v1(caller: &Caller) -> anyhow::Result<Value> {
    let (from, to) = last_minutes(1);
    let body = json!({
        "timeseriesId": "com.dynatrace.builtin:service.responsetime",
        "aggregationType": "avg",
        "queryMode": "TOTAL",
        "startTimestamp": from,
        "endTimestamp": to,
    });
    let answered = caller.post("/api/v1/timeseries", &body).await?.ok()?;
    Ok(answered["result"]["dataPoints"].clone())
}

#[tokio::test]
async fn each_v2_shape_can_be_pinned() -> anyhow::Result<()> {
    let caller = quiet().await?;
    let cases = [
        (NoDataShape::EmptyResult, "", json!([])),
        (NoDataShape::EmptyData, "/0/data", json!([])),
        (NoDataShape::EmptySeries, "/0/data/0/values", json!([])),
        (NoDataShape::EmptySeries, "/0/data/0/timestamps", json!([])),
        (NoDataShape::NullValue, "/0/data/0/values", json!([null])),
        (NoDataShape::NullValue, "/0/data/0/timestamps", json!([NOW])),
    ];
    for (shape, place, expected) in cases {
        caller.tenant.no_data_shape(shape);
        assert_eq!(
            v2(&caller).await?.pointer(place),
            Some(&expected),
            "{shape:?}"
        );
    }
    Ok(())
}

#[tokio::test]
async fn each_v1_shape_can_be_pinned() -> anyhow::Result<()> {
    let caller = quiet().await?;
    let start = (NOW - 60_000).div_euclid(60_000) * 60_000;
    let cases = [
        (NoDataShape::Absent, json!({})),
        (NoDataShape::EmptyList, json!({ "SERVICE-A": [] })),
        (
            NoDataShape::NullPoint,
            json!({ "SERVICE-A": [[start, null]] }),
        ),
    ];
    for (shape, expected) in cases {
        caller.tenant.no_data_shape(shape);
        assert_eq!(v1(&caller).await?, expected, "{shape:?}");
    }
    Ok(())
}

#[tokio::test]
async fn shapes_take_turns_until_one_is_pinned() -> anyhow::Result<()> {
    let caller = quiet().await?;
    let mut shapes = Vec::new();
    for _ in 0..5 {
        shapes.push(v2(&caller).await?);
    }
    assert_eq!(shapes[0], shapes[4]);
    for (index, shape) in shapes[..4].iter().enumerate() {
        assert!(!shapes[..index].contains(shape), "{shape} came twice");
    }
    let turns = [v1(&caller).await?, v1(&caller).await?, v1(&caller).await?];
    assert_ne!(turns[0], turns[1]);
    assert_ne!(turns[1], turns[2]);
    assert_ne!(turns[0], turns[2]);
    Ok(())
}

#[tokio::test]
async fn an_entity_of_another_type_yields_no_data() -> anyhow::Result<()> {
    let caller = Caller::with_two_services().await?;
    caller.tenant.entity("HOST", "HOST-1", "box").add();
    caller.tenant.no_data_shape(NoDataShape::EmptyData);
    let selector = "builtin:service.response.time:splitBy():avg";
    let body = caller.metrics(selector, r#"type("HOST")"#).await?.ok()?;
    assert_eq!(body["result"][0]["data"], json!([]));
    Ok(())
}
