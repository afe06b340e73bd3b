//! Questions and entities over API v2.

use axum::response::Response;
use dynatrace::{
    Aggregation, Api, Calls, EntityType, Error, Merge, Percentile, Question, Scope, Series,
    SeriesError, Tag,
};

use crate::tenant::{
    FakeTenant, WINDOW, json, later, method, numbers, question, refused, response_time, scope,
    selector, staging, timeseries,
};

fn p95() -> Series {
    let percentile = Percentile::from_percent(95.0).expect("it is one");
    timeseries("service.responsetime", Aggregation::Percentile(percentile))
}

fn requests() -> Series {
    timeseries("service.requestspermin", Aggregation::Count)
}

/// A row of one service method.
fn method_row(id: &str, name: &str, value: f64) -> String {
    format!(
        r#"{{"dimensions":["{name}","{id}"],"dimensionMap":{{"dt.entity.service_method":"{id}",
            "dt.entity.service_method.name":"{name}"}},"timestamps":[1],"values":[{value}]}}"#
    )
}

fn rows(metric_id: &str, rows: &[String]) -> Response {
    let id = serde_json::Value::from(metric_id);
    json(format!(
        r#"{{"result":[{{"metricId":{id},"data":[{}]}}]}}"#,
        rows.join(",")
    ))
}

#[tokio::test]
async fn known_metrics_cost_one_request_and_are_told_apart_in_any_order() {
    let tenant = FakeTenant::answering(|_| {
        numbers(&[
            ("builtin:service.requestCount.total:splitBy():value", 324.0),
            (
                "builtin:service.response.time:percentile(95.0):splitBy()",
                35007.26,
            ),
            ("builtin:service.response.time:splitBy():avg", 12000.0),
        ])
    })
    .await;
    let client = tenant.client(Api::V2);

    let answers = client
        .series(&question(vec![response_time(), p95(), requests()]), later())
        .await
        .unwrap();

    let values: Vec<_> = answers.iter().map(|answer| answer.value.clone()).collect();
    assert_eq!(
        values,
        [Ok(Some(12000.0)), Ok(Some(35007.26)), Ok(Some(324.0))]
    );
    let expected = Calls {
        metrics: 1,
        ..Calls::default()
    };
    assert_eq!(client.calls(), expected);
    let seen = &tenant.seen()[0];
    assert_eq!(seen.path, "/api/v2/metrics/query");
    assert_eq!(
        seen.selector(),
        "builtin:service.response.time:splitBy():avg,\
         builtin:service.response.time:splitBy():percentile(95),\
         builtin:service.requestCount.total:splitBy():value"
    );
    assert_eq!(seen.one("resolution"), Some("Inf"));
    assert_eq!(seen.one("from"), Some("1767607200000"));
    assert_eq!(seen.one("to"), Some("1767607500000"));
    assert_eq!(
        seen.one("entitySelector"),
        Some(r#"type("SERVICE"),tag("DeploymentGroup:Staging")"#)
    );
}

#[tokio::test]
async fn relationships_and_units_are_asked_for_by_name() {
    let tenant = FakeTenant::answering(|seen| match seen.path.as_str() {
        "/api/v2/entityTypes/PROCESS_GROUP" => json(
            r#"{"type":"PROCESS_GROUP","fromRelationships":[{"id":"runsOn","toTypes":["HOST"]}],
                "toRelationships":[]}"#,
        ),
        "/api/v2/metrics/calc%3Aservice.mine" => json(r#"{"unit":"MilliSecond"}"#),
        _ => refused(404, "Not found"),
    })
    .await;
    let client = tenant.client(Api::V2);

    let kind = client
        .relationships(EntityType::ProcessGroup, later())
        .await
        .unwrap()
        .unwrap();
    let unit = client
        .unit("calc:service.mine:splitBy():avg", later())
        .await
        .unwrap();

    assert_eq!((kind.from, kind.to), (vec!["runsOn".to_owned()], vec![]));
    assert_eq!(unit.as_deref(), Some("MilliSecond"));
    let service = client.relationships(EntityType::Service, later()).await;
    assert!(
        matches!(service, Err(Error::UnknownMetric(_))),
        "{service:?}"
    );
    let old = tenant.client(Api::V1);
    let told = old.relationships(EntityType::Service, later()).await;
    assert_eq!(told.unwrap(), None);
}

#[tokio::test]
async fn answers_show_what_was_sent_without_the_host() {
    let tenant = FakeTenant::answering(|_| numbers(&[])).await;
    let managed = crate::tenant::client(&format!("{}/e/0a1b", tenant.url), Api::V2);

    let answers = managed
        .series(&question(vec![response_time()]), later())
        .await
        .unwrap();

    assert_eq!(
        answers[0].selector,
        "builtin:service.response.time:splitBy():avg"
    );
    assert_eq!(
        answers[0].query,
        "/e/0a1b/api/v2/metrics/query?metricSelector=builtin:service.response.time:splitBy():avg\
         &resolution=Inf&from=1767607200000&to=1767607500000\
         &entitySelector=type(\"SERVICE\"),tag(\"DeploymentGroup:Staging\")"
    );
    assert_eq!(tenant.seen()[0].path, "/e/0a1b/api/v2/metrics/query");
}

#[tokio::test]
async fn an_empty_answer_is_no_data_for_every_series() {
    let tenant = FakeTenant::answering(|_| json(r#"{"totalCount":0,"result":[]}"#)).await;

    let answers = tenant
        .client(Api::V2)
        .series(&question(vec![response_time(), requests()]), later())
        .await
        .unwrap();

    assert!(answers.iter().all(|answer| answer.value == Ok(None)));
    assert_eq!(tenant.seen().len(), 1);
}

#[tokio::test]
async fn more_than_ten_series_are_sent_in_chunks() {
    let tenant = FakeTenant::answering(|seen| {
        let ids: Vec<_> = seen.selector().split(',').map(|id| (id, 1.0)).collect();
        numbers(&ids)
    })
    .await;
    let series = (0..11)
        .map(|n| selector(&format!("calc:service.m{n}")))
        .collect();

    let answers = tenant
        .client(Api::V2)
        .series(&question(series), later())
        .await
        .unwrap();

    assert!(answers.iter().all(|answer| answer.value == Ok(Some(1.0))));
    let mut sizes: Vec<_> = tenant
        .seen()
        .iter()
        .map(|seen| seen.selector().split(',').count())
        .collect();
    sizes.sort_unstable();
    assert_eq!(sizes, [1, 10]);
}

#[tokio::test]
async fn equal_series_are_sent_once() {
    let tenant = FakeTenant::answering(|seen| numbers(&[(seen.selector(), 5.0)])).await;

    let answers = tenant
        .client(Api::V2)
        .series(&question(vec![response_time(), response_time()]), later())
        .await
        .unwrap();

    assert!(answers.iter().all(|answer| answer.value == Ok(Some(5.0))));
    assert_eq!(
        tenant.seen()[0].selector(),
        "builtin:service.response.time:splitBy():avg"
    );
    assert_eq!(tenant.seen().len(), 1);
}

#[tokio::test]
async fn one_bad_selector_does_not_cost_its_neighbours_their_answers() {
    let tenant = FakeTenant::answering(|seen| match seen.selector() {
        "" => refused(404, "no metric `calc:service.gone`"),
        text if text.contains("calc:service.gone") => refused(404, "no metric `calc:service.gone`"),
        text => numbers(&[(text, 8.0)]),
    })
    .await;
    let series = vec![response_time(), selector("calc:service.gone"), requests()];

    let answers = tenant
        .client(Api::V2)
        .series(&question(series), later())
        .await
        .unwrap();

    assert_eq!(answers[0].value, Ok(Some(8.0)));
    assert!(
        matches!(&answers[1].value, Err(SeriesError::UnknownMetric(text)) if text.contains("gone"))
    );
    assert_eq!(answers[2].value, Ok(Some(8.0)));
    assert_eq!(tenant.seen().len(), 4);
}

#[tokio::test]
async fn numbers_that_fit_several_selectors_are_asked_for_singly() {
    // The tenant names one of the metrics in a way that nobody asked for.
    let tenant = FakeTenant::answering(|seen| match seen.selector() {
        text if text.contains(',') => numbers(&[
            ("builtin:service.response.time:splitBy():avg", 1.0),
            ("dt.service.request.count:sum", 2.0),
        ]),
        text if text.contains("requestCount") => numbers(&[("dt.service.request.count:sum", 2.0)]),
        text => numbers(&[(text, 9.0)]),
    })
    .await;

    let answers = tenant
        .client(Api::V2)
        .series(&question(vec![response_time(), requests()]), later())
        .await
        .unwrap();

    assert_eq!(answers[0].value, Ok(Some(1.0)));
    assert_eq!(answers[1].value, Ok(Some(2.0)));
    assert_eq!(tenant.seen().len(), 2);
}

#[tokio::test]
async fn duplicates_in_an_answer_are_asked_for_singly() {
    let average = "builtin:service.response.time:splitBy():avg";
    let tenant = FakeTenant::answering(move |seen| match seen.selector() {
        text if text.contains(',') => numbers(&[(average, 1.0), (average, 2.0)]),
        text => numbers(&[(text, 3.0)]),
    })
    .await;

    let answers = tenant
        .client(Api::V2)
        .series(&question(vec![response_time(), requests()]), later())
        .await
        .unwrap();

    assert_eq!(answers[0].value, Ok(Some(3.0)));
    assert_eq!(answers[1].value, Ok(None));
}

#[tokio::test]
async fn selectors_that_an_answer_could_confuse_do_not_share_a_request() {
    let tenant = FakeTenant::answering(|seen| {
        let value = if seen.selector().contains("/a") {
            1.0
        } else {
            2.0
        };
        numbers(&[("calc:service.x:filter(…):splitBy():avg", value)])
    })
    .await;
    let series = vec![
        selector(r#"calc:service.x:filter(eq("path","/a"))"#),
        selector(r#"calc:service.x:filter(eq("path","/b"))"#),
    ];

    let answers = tenant
        .client(Api::V2)
        .series(&question(series), later())
        .await
        .unwrap();

    assert_eq!(answers[0].value, Ok(Some(1.0)));
    assert_eq!(answers[1].value, Ok(Some(2.0)));
    assert_eq!(tenant.seen().len(), 2);
}

#[tokio::test]
async fn the_mean_of_entities_ignores_those_without_data() {
    let tenant = FakeTenant::answering(|seen| {
        json(format!(
            r#"{{"result":[{{"metricId":{},"data":[
                {{"dimensions":["SERVICE-1"],"dimensionMap":{{"dt.entity.service":"SERVICE-1"}},"values":[10]}},
                {{"dimensions":["SERVICE-2"],"dimensionMap":{{"dt.entity.service":"SERVICE-2"}},"values":[20]}},
                {{"dimensions":["SERVICE-3"],"dimensionMap":{{"dt.entity.service":"SERVICE-3"}},"values":[null]}}]}}]}}"#,
            serde_json::Value::from(seen.selector())
        ))
    })
    .await;
    let series = Series {
        merge: Merge::Mean,
        ..response_time()
    };

    let answers = tenant
        .client(Api::V2)
        .series(&question(vec![series]), later())
        .await
        .unwrap();

    assert_eq!(answers[0].value, Ok(Some(15.0)));
    assert_eq!(answers[0].entities, ["SERVICE-1", "SERVICE-2", "SERVICE-3"]);
    assert_eq!(
        tenant.seen()[0].selector(),
        r#"builtin:service.response.time:splitBy("dt.entity.service"):avg"#
    );
}

#[tokio::test]
async fn several_numbers_are_not_chosen_from() {
    let tenant = FakeTenant::answering(|_| {
        json(r#"{"result":[{"metricId":"calc:service.x:avg","data":[{"values":[1]},{"values":[2]}]}]}"#)
    })
    .await;

    let answers = tenant
        .client(Api::V2)
        .series(&question(vec![selector("calc:service.x:avg")]), later())
        .await
        .unwrap();

    assert!(matches!(&answers[0].value, Err(SeriesError::Ambiguous(_))));
}

#[tokio::test]
async fn durations_of_user_actions_are_in_the_unit_of_v1() {
    let tenant = FakeTenant::answering(|seen| numbers(&[(seen.selector(), 1234.0)])).await;
    let question = Question {
        scope: Scope {
            entity_type: EntityType::Application,
            ..staging()
        },
        ..question(vec![timeseries(
            "app.useractionduration",
            Aggregation::Median,
        )])
    };

    let answers = tenant
        .client(Api::V2)
        .series(&question, later())
        .await
        .unwrap();

    assert_eq!(answers[0].value, Ok(Some(1_234_000.0)));
}

#[tokio::test]
async fn warnings_of_the_tenant_are_passed_on() {
    let tenant = FakeTenant::answering(|_| {
        json(
            r#"{"warnings":["old data"],"result":[{"metricId":"calc:service.x:splitBy():avg",
                "data":[{"values":["NaN"]}],"warnings":["unit not converted"]}]}"#,
        )
    })
    .await;

    let answers = tenant
        .client(Api::V2)
        .series(&question(vec![selector("calc:service.x")]), later())
        .await
        .unwrap();

    assert_eq!(answers[0].value, Ok(None));
    assert_eq!(answers[0].warnings.len(), 3, "{:?}", answers[0].warnings);
}

#[tokio::test]
async fn methods_of_a_question_cost_one_request_and_are_told_apart_by_name() {
    let tenant = FakeTenant::answering(|seen| {
        rows(
            seen.selector(),
            &[
                method_row("SERVICE_METHOD-2", "/api/login", 20.0),
                method_row("SERVICE_METHOD-1", "/api/invoke", 10.0),
            ],
        )
    })
    .await;
    let client = tenant.client(Api::V2);
    let time = || timeseries("servicemethod.responsetime", Aggregation::Avg);
    let series = ["/api/invoke", "/api/login", "/api/none"].map(|name| method(name, time()));

    let answers = client
        .series(&question(series.into()), later())
        .await
        .unwrap();

    let values: Vec<_> = answers.iter().map(|answer| answer.value.clone()).collect();
    assert_eq!(values, [Ok(Some(10.0)), Ok(Some(20.0)), Ok(None)]);
    assert_eq!(answers[0].entities, ["SERVICE_METHOD-1"]);
    assert_eq!(tenant.seen().len(), 1);
    let seen = &tenant.seen()[0];
    assert_eq!(
        seen.selector(),
        r#"builtin:service.keyRequest.response.time:splitBy("dt.entity.service_method"):avg:names"#
    );
    assert_eq!(
        seen.one("entitySelector"),
        Some(
            "type(\"SERVICE_METHOD\"),fromRelationships.isServiceMethodOfService(\
             type(\"SERVICE\"),tag(\"DeploymentGroup:Staging\")),\
             entityName.in(\"/api/invoke\",\"/api/login\",\"/api/none\")"
        )
    );
}

#[tokio::test]
async fn a_method_of_several_services_is_merged_by_the_tenant() {
    let tenant = FakeTenant::answering(|seen| match seen.selector() {
        text if text.ends_with(":names") => rows(
            text,
            &[
                method_row("SERVICE_METHOD-1", "/api", 10.0),
                method_row("SERVICE_METHOD-2", "/api", 90.0),
                method_row("SERVICE_METHOD-3", "/API", 5.0),
            ],
        ),
        text => numbers(&[(text, 11.0)]),
    })
    .await;
    let series = method(
        "/api",
        timeseries("servicemethod.responsetime", Aggregation::Avg),
    );

    let answers = tenant
        .client(Api::V2)
        .series(&question(vec![series]), later())
        .await
        .unwrap();

    assert_eq!(answers[0].value, Ok(Some(11.0)));
    assert_eq!(
        answers[0].entities,
        ["SERVICE_METHOD-1", "SERVICE_METHOD-2"]
    );
    let again = &tenant.seen()[1];
    assert_eq!(
        again.selector(),
        "builtin:service.keyRequest.response.time:splitBy():avg"
    );
    assert!(
        again
            .one("entitySelector")
            .unwrap()
            .ends_with(r#",caseSensitive(entityName.equals("/api"))"#)
    );
}

#[tokio::test]
async fn tags_with_a_context_are_resolved_before_anything_is_measured() {
    let tenant = FakeTenant::answering(|seen| {
        if seen.path.ends_with("/entities") {
            return json(
                r#"{"totalCount":2,"entities":[
                    {"entityId":"SERVICE-1","type":"SERVICE","displayName":"shop",
                     "tags":[{"context":"Environment","key":"stage","value":"prod"}]},
                    {"entityId":"SERVICE-2","type":"SERVICE","displayName":"shop",
                     "tags":[{"context":"CONTEXTLESS","key":"stage","value":"prod"}]}]}"#,
            );
        }
        numbers(&[(seen.selector(), 4.0)])
    })
    .await;
    let client = tenant.client(Api::V2);
    let imported = Question {
        scope: Scope {
            tags: vec![Tag {
                context: Some("ENVIRONMENT".into()),
                ..scope(&[("stage", "prod")]).tags.remove(0)
            }],
            ..staging()
        },
        ..question(vec![response_time()])
    };

    let answers = client.series(&imported, later()).await.unwrap();

    assert_eq!(answers[0].value, Ok(Some(4.0)));
    assert_eq!(answers[0].entities, ["SERVICE-1"]);
    assert_eq!(
        tenant.seen()[1].one("entitySelector"),
        Some(r#"entityId("SERVICE-1")"#)
    );
}

/// Eighty services, `imported` of them with a tag of the context.
fn eighty(imported: usize) -> Response {
    let entities = (0..80).map(|number| {
        let context = if number < imported {
            "AWS"
        } else {
            "CONTEXTLESS"
        };
        format!(
            r#"{{"entityId":"SERVICE-{number:016X}","displayName":"shop",
                "tags":[{{"context":"{context}","key":"DeploymentGroup","value":"Staging"}}]}}"#
        )
    });
    let entities: Vec<_> = entities.collect();
    json(format!(
        r#"{{"totalCount":80,"entities":[{}]}}"#,
        entities.join(",")
    ))
}

fn with_a_context() -> Question {
    let mut question = question(vec![
        response_time(),
        method(
            "/api",
            timeseries("servicemethod.responsetime", Aggregation::Avg),
        ),
    ]);
    question.scope.tags[0].context = Some("AWS".into());
    question
}

#[tokio::test]
async fn too_many_entities_with_one_of_two_contexts_are_told_as_such() {
    let tenant = FakeTenant::answering(|_| eighty(79)).await;

    let client = tenant.client(Api::V2);
    let answers = client.series(&with_a_context(), later()).await.unwrap();

    assert_eq!(answers.len(), 2);
    for answer in answers {
        let Err(SeriesError::BadSelector(told)) = answer.value else {
            panic!("{answer:?}");
        };
        assert!(
            told.starts_with("too many entities (79) carry these tags"),
            "{told}"
        );
    }
    let measured = |seen: &crate::tenant::Seen| seen.path.ends_with("/metrics/query");
    assert!(!tenant.seen().iter().any(measured));
}

#[tokio::test]
async fn entities_of_one_context_are_measured_however_many_they_are() {
    let tenant = FakeTenant::answering(|seen| {
        if seen.path.ends_with("/entities") {
            return eighty(80);
        }
        numbers(&[(seen.selector(), 4.0)])
    })
    .await;
    let mut question = with_a_context();
    question.series.truncate(1);

    let client = tenant.client(Api::V2);
    let answers = client.series(&question, later()).await.unwrap();

    assert_eq!(answers[0].value, Ok(Some(4.0)));
    assert_eq!(answers[0].entities.len(), 80);
    assert_eq!(
        tenant.seen()[1].one("entitySelector"),
        Some(r#"type("SERVICE"),tag("DeploymentGroup:Staging")"#)
    );
}

#[tokio::test]
async fn key_of_a_refused_selector_leads_to_no_other_path() {
    let tenant = FakeTenant::answering(|_| refused(400, "The selector cannot be read")).await;

    let answers = tenant
        .client(Api::V2)
        .series(&question(vec![selector(r"..\..\x?y#z:avg")]), later())
        .await
        .unwrap();

    assert!(matches!(answers[0].value, Err(SeriesError::BadSelector(_))));
    let asked: Vec<_> = tenant
        .seen()
        .into_iter()
        .map(|seen| (seen.path, seen.raw))
        .collect();
    let described = (
        "/api/v2/metrics/..%5C..%5Cx%3Fy%23z".to_owned(),
        String::new(),
    );
    assert_eq!(asked.last(), Some(&described));
}

#[tokio::test]
async fn nothing_is_measured_where_a_context_leaves_no_entity() {
    let tenant = FakeTenant::answering(|_| json(r#"{"totalCount":0,"entities":[]}"#)).await;
    let mut question = question(vec![response_time()]);
    question.scope.tags[0].context = Some("AWS".into());

    let answers = tenant
        .client(Api::V2)
        .series(&question, later())
        .await
        .unwrap();

    assert_eq!(answers[0].value, Ok(None));
    assert!(answers[0].entities.is_empty());
    assert_eq!(tenant.seen().len(), 1);
}

fn without_inf(seen: &crate::tenant::Seen) -> Response {
    if seen.path.ends_with("/metrics/builtin%3Apgi.availability") {
        return json(
            r#"{"metricId":"builtin:pgi.availability","resolutionInfSupported":false,
                "aggregationTypes":["auto","avg"],"defaultAggregation":{"type":"avg"}}"#,
        );
    }
    match seen.one("resolution") {
        Some(_) => refused(400, "The metric does not support this resolution"),
        None => numbers(&[("builtin:pgi.availability:splitBy():fold(avg)", 99.5)]),
    }
}

#[tokio::test]
async fn a_metric_without_one_value_per_window_is_folded() {
    let tenant = FakeTenant::answering(without_inf).await;
    let client = tenant.client(Api::V2);

    let answers = client
        .series(
            &question(vec![timeseries("pgi.availability", Aggregation::Avg)]),
            later(),
        )
        .await
        .unwrap();

    assert_eq!(answers[0].value, Ok(Some(99.5)));
    assert_eq!(
        answers[0].selector,
        "builtin:pgi.availability:splitBy():fold(avg)"
    );
    assert_eq!(client.calls().other, 1);
}

#[tokio::test]
async fn a_fold_that_would_change_the_meaning_is_not_made() {
    for aggregation in [Aggregation::Median, Aggregation::Max] {
        let tenant = FakeTenant::answering(without_inf).await;

        let answers = tenant
            .client(Api::V2)
            .series(
                &question(vec![timeseries("pgi.availability", aggregation)]),
                later(),
            )
            .await
            .unwrap();

        assert!(
            matches!(&answers[0].value, Err(SeriesError::BadSelector(text)) if text.contains("avg")),
            "{:?}",
            answers[0].value
        );
    }
}

#[tokio::test]
async fn a_selector_that_folds_itself_is_sent_without_a_resolution() {
    let tenant = FakeTenant::answering(without_inf).await;

    let answers = tenant
        .client(Api::V2)
        .series(
            &question(vec![selector(
                "builtin:pgi.availability:splitBy():fold(avg)",
            )]),
            later(),
        )
        .await
        .unwrap();

    assert_eq!(answers[0].value, Ok(Some(99.5)));
}

#[tokio::test]
async fn scopes_that_no_selector_can_hold_are_refused_before_they_are_sent() {
    let tenant = FakeTenant::answering(|_| numbers(&[])).await;
    let client = tenant.client(Api::V2);
    let long = scope(&[("key", &"x".repeat(2000))]);
    let question = Question {
        scope: long.clone(),
        ..question(vec![response_time()])
    };

    let answers = client.series(&question, later()).await.unwrap();
    let entities = client.entities(&long, WINDOW, later()).await;

    assert!(
        matches!(&answers[0].value, Err(SeriesError::BadSelector(text)) if text.contains("2000"))
    );
    assert!(matches!(entities, Err(Error::BadSelector(_))));
    assert!(tenant.seen().is_empty());
}

#[tokio::test]
async fn following_pages_of_entities_are_asked_for_by_their_key_alone() {
    let tenant = FakeTenant::answering(|seen| match seen.one("nextPageKey") {
        None => json(
            r#"{"totalCount":2,"pageSize":1,"nextPageKey":"AQ+/M==","entities":[
                {"entityId":"SERVICE-1","type":"SERVICE","displayName":"shop",
                 "tags":[{"context":"CONTEXTLESS","key":"DeploymentGroup","value":"Staging","stringRepresentation":"DeploymentGroup:Staging"}],
                 "fromRelationships":{"runsOn":[{"id":"PROCESS_GROUP-1","type":"PROCESS_GROUP"}]},
                 "toRelationships":{"calls":[{"id":"SERVICE-7","type":"SERVICE"},{"id":"APPLICATION-8"}]}}]}"#,
        ),
        Some("AQ+/M==") if seen.query.len() == 1 => json(
            r#"{"totalCount":2,"pageSize":1,"nextPageKey":null,"entities":[
                {"entityId":"SERVICE-2","type":"SERVICE","displayName":"cart"}]}"#,
        ),
        Some(_) => refused(400, "Constraints violated."),
    })
    .await;
    let client = tenant.client(Api::V2);

    let entities = client.entities(&staging(), WINDOW, later()).await.unwrap();

    let ids: Vec<_> = entities.iter().map(|entity| entity.id.as_str()).collect();
    assert_eq!(ids, ["SERVICE-1", "SERVICE-2"]);
    assert_eq!(entities[0].to["calls"].len(), 2);
    assert_eq!(
        entities[0].from["runsOn"][0].type_.as_deref(),
        Some("PROCESS_GROUP")
    );
    assert_eq!(entities[0].tags[0].value.as_deref(), Some("Staging"));
    assert!(entities[1].from.is_empty());
    assert_eq!(client.calls().entities, 2);
    assert!(
        tenant.seen()[0]
            .raw
            .contains("fields=%2BfromRelationships%2C%2BtoRelationships")
    );
}

#[tokio::test]
async fn a_page_that_leads_to_itself_ends_the_reading() {
    let tenant = FakeTenant::answering(|_| json(r#"{"nextPageKey":"again","entities":[]}"#)).await;

    let failed = tenant
        .client(Api::V2)
        .entities(&staging(), WINDOW, later())
        .await;

    assert!(matches!(failed, Err(Error::Malformed { .. })));
}

#[tokio::test]
async fn a_scope_without_entities_is_an_empty_list() {
    let tenant = FakeTenant::answering(|_| json(r#"{"totalCount":0,"entities":[]}"#)).await;

    let entities = tenant
        .client(Api::V2)
        .entities(&staging(), WINDOW, later())
        .await;

    assert_eq!(entities.unwrap(), []);
}

#[tokio::test]
async fn a_number_that_json_does_not_have_costs_only_itself() {
    let tenant = FakeTenant::answering(|_| {
        json(
            r#"{"result":[
                {"metricId":"builtin:service.response.time:splitBy():avg","data":[{"values":[NaN]}]},
                {"metricId":"builtin:service.requestCount.total:splitBy():value","data":[{"values":[3]}]}]}"#,
        )
    })
    .await;

    let answers = tenant
        .client(Api::V2)
        .series(&question(vec![response_time(), requests()]), later())
        .await
        .unwrap();

    assert_eq!(answers[0].value, Ok(None));
    assert_eq!(answers[0].warnings.len(), 1);
    assert_eq!(answers[1].value, Ok(Some(3.0)));
    assert!(answers[1].warnings.is_empty());
}

#[tokio::test]
async fn a_method_series_without_a_name_is_about_all_methods() {
    let tenant = FakeTenant::answering(|seen| numbers(&[(seen.selector(), 6.0)])).await;
    let series = timeseries("servicemethod.responsetime", Aggregation::Avg);

    let answers = tenant
        .client(Api::V2)
        .series(&question(vec![series]), later())
        .await
        .unwrap();

    assert_eq!(answers[0].value, Ok(Some(6.0)));
    assert_eq!(
        tenant.seen()[0].one("entitySelector"),
        Some(
            "type(\"SERVICE_METHOD\"),fromRelationships.isServiceMethodOfService(\
             type(\"SERVICE\"),tag(\"DeploymentGroup:Staging\"))"
        )
    );
}

#[tokio::test]
async fn a_complete_selector_for_a_method_is_asked_for_that_method_alone() {
    let tenant = FakeTenant::answering(|seen| numbers(&[(seen.selector(), 6.0)])).await;
    let complete = "builtin:service.keyRequest.response.time:splitBy():max";

    let answers = tenant
        .client(Api::V2)
        .series(&question(vec![method("/api", selector(complete))]), later())
        .await
        .unwrap();

    assert_eq!(answers[0].value, Ok(Some(6.0)));
    assert_eq!(tenant.seen()[0].selector(), complete);
    let entities = tenant.seen()[0].one("entitySelector").map(str::to_owned);
    assert!(entities.unwrap().ends_with(r#",entityName.equals("/api")"#));
}

#[tokio::test]
async fn only_services_have_methods() {
    let tenant = FakeTenant::answering(|_| numbers(&[])).await;
    for api in [Api::V2, Api::V1] {
        let mut question = question(vec![method(
            "/api",
            timeseries("servicemethod.responsetime", Aggregation::Avg),
        )]);
        question.scope.entity_type = EntityType::Host;

        let answers = tenant.client(api).series(&question, later()).await.unwrap();

        assert!(matches!(answers[0].value, Err(SeriesError::BadSelector(_))));
    }
    assert!(tenant.seen().is_empty());
}
