//! Questions and entities over API v1.

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use dynatrace::{
    Aggregation, Api, Error, Merge, Question, Series, SeriesAnswer, SeriesError, Window,
};
use serde_json::json as value;

use crate::tenant::{
    FakeTenant, Seen, WINDOW, json, later, method, question, refused, response_time, scope,
    selector, staging, timeseries,
};

const TWO_SERVICES: &str = r#"[
    {"entityId":"SERVICE-1","displayName":"shop","tags":[],
     "fromRelationships":{"runsOn":["PROCESS_GROUP-1"]},"toRelationships":{"calls":["SERVICE-7","APPLICATION-8"]}},
    {"entityId":"SERVICE-2","displayName":"cart"}]"#;

/// A tenant with two services that answers every timeseries with `points`.
async fn tenant(points: &'static str) -> FakeTenant {
    FakeTenant::answering(move |seen| match seen.path.as_str() {
        "/api/v1/entity/services" => json(TWO_SERVICES),
        "/api/v1/timeseries" => json(format!(r#"{{"result":{points}}}"#)),
        _ => refused(404, "Not found"),
    })
    .await
}

async fn answer(tenant: &FakeTenant, series: Series) -> SeriesAnswer {
    let question = question(vec![series]);
    let answers = tenant.client(Api::V1).series(&question, later()).await;
    answers.expect("the tenant answers").remove(0)
}

fn asked(tenant: &FakeTenant) -> Vec<Seen> {
    let mut seen = tenant.seen();
    seen.retain(|seen| seen.path == "/api/v1/timeseries");
    seen
}

#[tokio::test]
async fn numbers_of_entities_are_merged_as_their_aggregation_allows() {
    let points = r#"{"dataPoints":{"SERVICE-1":[[1,10]],"SERVICE-2":[[1,"30"]]}}"#;
    for (aggregation, merge, expected) in [
        (Aggregation::Avg, Merge::Tenant, 20.0),
        (Aggregation::Min, Merge::Tenant, 10.0),
        (Aggregation::Max, Merge::Tenant, 30.0),
        (Aggregation::Sum, Merge::Tenant, 40.0),
        (Aggregation::Count, Merge::Tenant, 40.0),
        (Aggregation::Max, Merge::Mean, 20.0),
        (Aggregation::Count, Merge::Mean, 20.0),
    ] {
        let tenant = tenant(points).await;
        let series = Series {
            merge,
            ..timeseries("service.responsetime", aggregation)
        };

        let answer = answer(&tenant, series).await;

        assert_eq!(
            answer.value,
            Ok(Some(expected)),
            "{aggregation:?} {merge:?}"
        );
        assert_eq!(answer.entities, ["SERVICE-1", "SERVICE-2"]);
    }
}

#[tokio::test]
async fn requests_name_the_entities_that_were_found() {
    let tenant = tenant(r#"{"dataPoints":{}}"#).await;

    let answer = answer(&tenant, response_time()).await;

    assert_eq!(answer.value, Ok(None));
    assert_eq!(
        asked(&tenant)[0].body,
        value!({
            "timeseriesId": "com.dynatrace.builtin:service.responsetime",
            "aggregationType": "AVG",
            "queryMode": "TOTAL",
            "startTimestamp": WINDOW.from_ms,
            "endTimestamp": WINDOW.to_ms,
            "entities": ["SERVICE-1", "SERVICE-2"],
        })
    );
    assert!(
        answer.query.starts_with("POST /api/v1/timeseries {"),
        "{}",
        answer.query
    );
    assert_eq!(
        answer.selector,
        "com.dynatrace.builtin:service.responsetime AVG"
    );
}

#[tokio::test]
async fn entities_without_data_take_no_part() {
    let tenant = tenant(
        r#"{"dataPoints":{"SERVICE-1":[[1,10]],"SERVICE-2":[[1,null]],"SERVICE-9":[[1,99]]}}"#,
    )
    .await;

    let answer = answer(&tenant, response_time()).await;

    assert_eq!(answer.value, Ok(Some(10.0)));
}

#[tokio::test]
async fn an_entity_with_more_dimensions_does_not_weigh_more() {
    let tenant = tenant(
        r#"{"dataPoints":{"SERVICE-1, a":[[1,10]],"SERVICE-1, b":[[1,20]],"SERVICE-2, a":[[1,45]]}}"#,
    )
    .await;

    let answer = answer(&tenant, response_time()).await;

    assert_eq!(answer.value, Ok(Some(30.0)));
}

#[tokio::test]
async fn methods_are_found_by_their_service_and_name() {
    let tenant = tenant(
        r#"{"entities":{"SERVICE-1":"shop","SERVICE-9":"other","SERVICE_METHOD-1":"/api/invoke",
                        "SERVICE_METHOD-2":"/api/login","SERVICE_METHOD-3":"/api/invoke"},
            "dataPoints":{"SERVICE-1, SERVICE_METHOD-1":[[1,10]],"SERVICE-1,SERVICE_METHOD-2":[[1,20]],
                          "SERVICE-9, SERVICE_METHOD-3":[[1,90]]}}"#,
    )
    .await;
    let time = || timeseries("servicemethod.responsetime", Aggregation::Avg);
    let series = ["/api/invoke", "/api/login", "/api/none"].map(|name| method(name, time()));

    let answers = tenant
        .client(Api::V1)
        .series(&question(series.into()), later())
        .await
        .unwrap();

    let values: Vec<_> = answers.iter().map(|answer| answer.value.clone()).collect();
    assert_eq!(values, [Ok(Some(10.0)), Ok(Some(20.0)), Ok(None)]);
    assert_eq!(answers[0].entities, ["SERVICE_METHOD-1"]);
    assert_eq!(asked(&tenant).len(), 1);
    assert_eq!(asked(&tenant)[0].body["includeParentIds"], value!(true));
}

#[tokio::test]
async fn a_timeseries_of_services_and_of_a_method_is_asked_for_twice() {
    let tenant = FakeTenant::answering(|seen| {
        if seen.path.starts_with("/api/v1/entity") {
            return json(TWO_SERVICES);
        }
        match seen.body.get("includeParentIds") {
            Some(_) => json(
                r#"{"result":{"entities":{"SERVICE_METHOD-1":"/api"},
                    "dataPoints":{"SERVICE-1, SERVICE_METHOD-1":[[1,5]]}}}"#,
            ),
            None => json(r#"{"result":{"dataPoints":{"SERVICE-1":[[1,10]]}}}"#),
        }
    })
    .await;
    let custom = || Series {
        metric: dynatrace::Metric::Timeseries("custom:mine".into()),
        ..response_time()
    };

    let answers = tenant
        .client(Api::V1)
        .series(&question(vec![custom(), method("/api", custom())]), later())
        .await
        .unwrap();

    assert_eq!(answers[0].value, Ok(Some(10.0)));
    assert_eq!(answers[1].value, Ok(Some(5.0)));
}

#[tokio::test]
async fn nothing_is_measured_without_entities() {
    let tenant = FakeTenant::answering(|_| json("[]")).await;

    let answer = answer(&tenant, response_time()).await;

    assert_eq!(answer.value, Ok(None));
    assert!(answer.entities.is_empty());
    assert_eq!(tenant.seen().len(), 1);
}

#[tokio::test]
async fn what_v1_cannot_answer_is_not_sent() {
    let tenant = tenant(r#"{"dataPoints":{}}"#).await;

    let selector = answer(&tenant, selector("builtin:service.response.time")).await;
    let invented = timeseries("servicemethod.failurerate", Aggregation::Avg);
    let invented = answer(&tenant, invented).await;

    assert!(matches!(selector.value, Err(SeriesError::NeedsV2(_))));
    assert!(
        matches!(invented.value, Err(SeriesError::UnknownMetric(text))
        if text.contains("servicemethod.serversidefailurerate"))
    );
    assert!(tenant.seen().is_empty());
}

#[tokio::test]
async fn a_refused_timeseries_leaves_its_neighbours_alone() {
    let tenant = FakeTenant::answering(|seen| {
        if seen.path.starts_with("/api/v1/entity") {
            return json(TWO_SERVICES);
        }
        match seen.body["timeseriesId"].as_str().unwrap_or_default() {
            "com.dynatrace.builtin:host.cpu.user" => refused(400, "SERVICE-1 does not support it"),
            "custom:mine" => refused(404, "There is no timeseries custom:mine"),
            _ => json(r#"{"result":{"dataPoints":{"SERVICE-1":[[1,10]]}}}"#),
        }
    })
    .await;
    let custom = Series {
        metric: dynatrace::Metric::Timeseries("custom:mine".into()),
        ..response_time()
    };
    let series = vec![
        timeseries("host.cpu.user", Aggregation::Avg),
        custom,
        response_time(),
    ];

    let answers = tenant
        .client(Api::V1)
        .series(&question(series), later())
        .await
        .unwrap();

    assert!(
        matches!(&answers[0].value, Err(SeriesError::BadSelector(text)) if text.contains("support"))
    );
    assert!(matches!(
        &answers[1].value,
        Err(SeriesError::UnknownMetric(_))
    ));
    assert_eq!(answers[2].value, Ok(Some(10.0)));
}

#[tokio::test]
async fn a_tenant_without_v1_says_what_to_set() {
    let shapes: [fn() -> Response; 3] = [
        || StatusCode::GONE.into_response(),
        || StatusCode::NOT_FOUND.into_response(),
        || refused(404, "Not found"),
    ];
    for shape in shapes {
        let all_gone = FakeTenant::answering(move |_| shape()).await;
        let timeseries_gone = FakeTenant::answering(move |seen| match seen.path.as_str() {
            "/api/v1/timeseries" => shape(),
            _ => json(TWO_SERVICES),
        })
        .await;

        for tenant in [all_gone, timeseries_gone] {
            let question = question(vec![response_time()]);
            let failed = tenant.client(Api::V1).series(&question, later()).await;

            let error = failed.unwrap_err();
            assert!(matches!(error, Error::ApiGone));
            assert!(error.to_string().contains("DT_API=v2"));
        }
    }
}

#[tokio::test]
async fn following_pages_of_entities_repeat_the_other_parameters() {
    let tenant = FakeTenant::answering(|seen| match seen.one("nextPageKey") {
        None => ([("Next-Page-Key", "k1==")], json(TWO_SERVICES)).into_response(),
        Some("k1==") => (
            [("Next-Page-Key", "k2")],
            json(r#"[{"entityId":"SERVICE-3"}]"#),
        )
            .into_response(),
        Some(_) => json(r#"[{"entityId":"SERVICE-4"}]"#),
    })
    .await;
    let scope = scope(&[("DeploymentGroup", "Staging"), ("a b", "c&d")]);

    let entities = tenant
        .client(Api::V1)
        .entities(&scope, WINDOW, later())
        .await
        .unwrap();

    assert_eq!(entities.len(), 4);
    assert_eq!(entities[0].to["calls"].len(), 2);
    assert_eq!(entities[0].from["runsOn"][0].id, "PROCESS_GROUP-1");
    assert!(
        tenant.seen()[0]
            .raw
            .contains("tag=DeploymentGroup%3AStaging&tag=a%20b%3Ac%26d")
    );
    for seen in tenant.seen() {
        assert_eq!(seen.all("tag"), ["DeploymentGroup:Staging", "a b:c&d"]);
        assert_eq!(seen.one("startTimestamp"), Some("1767607200000"));
    }
}

#[tokio::test]
async fn long_windows_are_cut_to_the_days_that_the_topology_knows() {
    let tenant = tenant(r#"{"dataPoints":{"SERVICE-1":[[1,10]]}}"#).await;
    let week = Window {
        from_ms: WINDOW.to_ms - 7 * 86_400_000,
        ..WINDOW
    };
    let question = Question {
        window: week,
        ..question(vec![response_time()])
    };

    tenant
        .client(Api::V1)
        .series(&question, later())
        .await
        .unwrap();

    let three_days = (WINDOW.to_ms - 3 * 86_400_000).to_string();
    assert_eq!(
        tenant.seen()[0].one("startTimestamp"),
        Some(three_days.as_str())
    );
    assert_eq!(
        asked(&tenant)[0].body["startTimestamp"],
        value!(week.from_ms)
    );
}

#[tokio::test]
async fn a_scope_without_entities_is_an_empty_list() {
    let tenant = FakeTenant::answering(|_| json("[]")).await;

    let entities = tenant
        .client(Api::V1)
        .entities(&staging(), WINDOW, later())
        .await;

    assert_eq!(entities.unwrap(), []);
}
