//! Entities, tags and samples that become visible only after a while.

use std::time::Duration;

use fake_dynatrace::{NoDataShape, Requests};
use serde_json::Value;

use crate::caller::{Caller, MINUTE, NOW, ids};

const COUNT: &str = "builtin:service.requestCount.total:splitBy()";

#[tokio::test]
async fn metrics_arrive_late_and_bit_by_bit() -> anyhow::Result<()> {
    let caller = Caller::start().await?;
    caller.tenant.no_data_shape(NoDataShape::NullValue);
    caller.tenant.metrics_arrive_after(Duration::from_mins(2));
    caller.tenant.service("SERVICE-A", "Front").add();
    for ago in [1, 3] {
        caller
            .tenant
            .requests("SERVICE-A", None, Requests::at(NOW - ago * MINUTE, 1.0));
    }
    for (now, expected) in [
        (NOW - MINUTE - 1, Value::Null),
        (NOW - MINUTE, Value::from(1)),
        (NOW + MINUTE - 1, Value::from(1)),
        (NOW + MINUTE, Value::from(2)),
    ] {
        caller.tenant.set_now(now);
        assert_eq!(caller.value(COUNT, "").await?, expected, "{}", now - NOW);
    }
    Ok(())
}

#[tokio::test]
async fn the_tenant_knows_no_future() -> anyhow::Result<()> {
    let caller = Caller::start().await?;
    caller.tenant.no_data_shape(NoDataShape::NullValue);
    caller.tenant.service("SERVICE-A", "Front").add();
    caller
        .tenant
        .requests("SERVICE-A", None, Requests::at(NOW - 1, 1.0));
    assert_eq!(caller.value(COUNT, "").await?, 1);
    caller.tenant.set_now(NOW - 2);
    assert_eq!(caller.value(COUNT, "").await?, Value::Null);
    Ok(())
}

#[tokio::test]
async fn entities_and_their_tags_appear_at_their_time() -> anyhow::Result<()> {
    let caller = Caller::start().await?;
    caller
        .tenant
        .service("SERVICE-A", "Front")
        .tag("stage", "test")
        .visible_from(NOW + MINUTE)
        .tags_visible_from(NOW + 2 * MINUTE)
        .add();
    let by_type = r#"type("SERVICE")"#;
    let by_tag = r#"type("SERVICE"),tag("stage:test")"#;
    for (minutes, typed, tagged) in [(0, 0, 0), (1, 1, 0), (2, 1, 1)] {
        caller.tenant.set_now(NOW + minutes * MINUTE);
        for (selector, expected) in [(by_type, typed), (by_tag, tagged)] {
            let query = [("entitySelector", selector)];
            let body = caller.get("/api/v2/entities", &query).await?.ok()?;
            assert_eq!(
                ids(&body).len(),
                expected,
                "{selector} after {minutes} minutes"
            );
        }
        let body = caller
            .get("/api/v1/entity/services", &[("tag", "stage:test")])
            .await?
            .ok()?;
        assert_eq!(ids(&body).len(), tagged, "v1 after {minutes} minutes");
    }
    Ok(())
}

#[tokio::test]
async fn entities_first_seen_after_the_window_are_not_in_it() -> anyhow::Result<()> {
    let caller = Caller::start().await?;
    caller
        .tenant
        .service("SERVICE-A", "Front")
        .visible_from(NOW - MINUTE)
        .add();
    let from = (NOW - 5 * MINUTE).to_string();
    for (to, expected) in [(NOW - 2 * MINUTE, 0), (NOW, 1)] {
        let to = to.to_string();
        let query = [
            ("entitySelector", "type(SERVICE)"),
            ("from", &from),
            ("to", &to),
        ];
        let body = caller.get("/api/v2/entities", &query).await?.ok()?;
        assert_eq!(ids(&body).len(), expected);
    }
    Ok(())
}
