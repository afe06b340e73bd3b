//! What the client makes of a tenant that refuses, stalls or misbehaves.

use std::error::Error as _;
use std::time::Duration;

use axum::http::StatusCode;
use axum::http::header::{DATE, LOCATION};
use axum::response::{Html, IntoResponse, Response};
use dynatrace::{Api, Dynatrace, Error, SeriesAnswer};
use tokio::net::TcpListener;
use tokio::time::{Instant, timeout};

use crate::tenant::{
    FakeTenant, TOKEN, client, http, later, numbers, question, refused, response_time, settings,
};

const AVERAGE: &str = "builtin:service.response.time:splitBy():avg";

async fn ask(client: &Dynatrace, deadline: Instant) -> Result<Vec<SeriesAnswer>, Error> {
    client
        .series(&question(vec![response_time()]), deadline)
        .await
}

#[tokio::test]
async fn a_wrong_token_is_not_tried_again() {
    let tenant = FakeTenant::answering(|_| refused(401, "Token Authentication failed")).await;

    let refused = ask(&tenant.client(Api::V2), later()).await;

    assert!(matches!(refused, Err(Error::Unauthorised(text)) if text.contains("failed")));
    assert_eq!(tenant.seen().len(), 1);
    assert_eq!(tenant.seen()[0].authorization, format!("Api-Token {TOKEN}"));
}

#[tokio::test]
async fn a_missing_scope_is_named() {
    let tenant = FakeTenant::answering(|_| {
        refused(
            403,
            "Token is missing required scope. Use one of: metrics.read (Read metrics)",
        )
    })
    .await;

    let refused = ask(&tenant.client(Api::V2), later()).await;

    assert!(matches!(refused, Err(Error::ScopeMissing(text)) if text.contains("metrics.read")));
}

#[tokio::test]
async fn throttled_requests_are_repeated_when_the_tenant_says_so() {
    let forms = [
        ("retry-after", "1"),
        ("retry-after", "Mon, 05 Jan 2026 10:00:01 GMT"),
        ("x-ratelimit-reset", "1"),
        ("x-ratelimit-reset", "1767607201"),
        ("x-ratelimit-reset", "1767607201000"),
        ("x-ratelimit-reset", "1767607201000000"),
    ];
    let checks = forms.map(async |(name, value)| {
        let tenant = FakeTenant::answering(move |seen| match seen.earlier {
            0 => {
                let date = (DATE.as_str(), "Mon, 05 Jan 2026 10:00:00 GMT");
                ([date, (name, value)], refused(429, "Too many requests.")).into_response()
            }
            _ => numbers(&[(AVERAGE, 7.0)]),
        })
        .await;
        let client = tenant.client(Api::V2);
        let begin = Instant::now();

        let answers = ask(&client, later()).await.unwrap();

        assert_eq!(answers[0].value, Ok(Some(7.0)), "{name}: {value}");
        assert!(begin.elapsed() >= Duration::from_secs(1), "{name}: {value}");
        assert_eq!(client.calls().metrics, 2, "{name}: {value}");
        assert_eq!(client.calls().retries, 1, "{name}: {value}");
    });
    futures_util::future::join_all(checks).await;
}

#[tokio::test]
async fn throttled_requests_are_repeated_without_being_told_when() {
    let tenant = FakeTenant::answering(|seen| match seen.earlier {
        0 => refused(429, "Too many requests."),
        _ => numbers(&[(AVERAGE, 7.0)]),
    })
    .await;

    let answers = ask(&tenant.client(Api::V2), later()).await.unwrap();

    assert_eq!(answers[0].value, Ok(Some(7.0)));
}

#[tokio::test]
async fn a_tenant_that_stays_away_is_unavailable_after_three_retries() {
    let tenant = FakeTenant::answering(|_| {
        let page = Html("<html><body>Service Unavailable</body></html>");
        (
            StatusCode::SERVICE_UNAVAILABLE,
            [("retry-after", "0")],
            page,
        )
            .into_response()
    })
    .await;

    let failed = ask(&tenant.client(Api::V2), later()).await;

    assert!(
        matches!(&failed, Err(Error::Unavailable { what, .. }) if what.contains("503")),
        "{failed:?}"
    );
    assert_eq!(tenant.seen().len(), 4);
}

#[tokio::test]
async fn a_failure_that_lasts_is_not_repeated() {
    let tenant = FakeTenant::answering(|_| refused(500, "Internal error")).await;

    let failed = ask(&tenant.client(Api::V2), later()).await;

    assert!(matches!(failed, Err(Error::Unavailable { .. })));
    assert_eq!(tenant.seen().len(), 1);
}

#[tokio::test]
async fn a_wait_past_the_deadline_is_not_begun() {
    let tenant = FakeTenant::answering(|_| {
        ([("retry-after", "30")], refused(429, "Too many requests.")).into_response()
    })
    .await;
    let begin = Instant::now();

    let failed = ask(&tenant.client(Api::V2), begin + Duration::from_secs(10)).await;

    assert!(matches!(failed, Err(Error::Throttled)));
    assert!(begin.elapsed() < Duration::from_secs(5));
    assert_eq!(tenant.seen().len(), 1);
}

#[tokio::test]
async fn a_tenant_that_stalls_is_left_at_the_deadline() {
    // Connections are accepted by the system, and nothing ever answers them.
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let begin = Instant::now();

    let failed = ask(&client(&url, Api::V2), begin + Duration::from_millis(200)).await;

    assert!(matches!(failed, Err(Error::Unavailable { .. })));
    assert!(begin.elapsed() < Duration::from_secs(5));
}

#[tokio::test]
async fn a_closed_port_is_unavailable_and_its_cause_shows_no_selector() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);

    let failed = ask(
        &client(&url, Api::V2),
        Instant::now() + Duration::from_millis(450),
    )
    .await;

    let error = failed.unwrap_err();
    assert!(matches!(error, Error::Unavailable { .. }));
    let mut chain = error.to_string();
    let mut cause = error.source();
    assert!(cause.is_some());
    while let Some(error) = cause {
        chain.push_str(&error.to_string());
        cause = error.source();
    }
    assert!(!chain.contains("metricSelector"), "{chain}");
}

#[tokio::test]
async fn redirects_are_refused_by_every_kind_of_http_client() {
    let elsewhere = FakeTenant::answering(|_| numbers(&[(AVERAGE, 1.0)])).await;
    let target = format!("{}/login", elsewhere.url);
    let tenant = FakeTenant::answering(move |_| {
        let location = [(LOCATION, target.clone())];
        (StatusCode::FOUND, location, Html("<html>Sign in</html>")).into_response()
    })
    .await;

    let careful = ask(&tenant.client(Api::V2), later()).await;
    assert!(matches!(careful, Err(Error::Malformed { .. })));
    assert!(elsewhere.seen().is_empty());

    http();
    let following = reqwest::Client::new();
    let careless = Dynatrace::new(following, settings(&tenant.url, Api::V2)).unwrap();
    let misled = ask(&careless, later()).await;
    assert!(matches!(misled, Err(Error::Malformed { .. })));
}

#[tokio::test]
async fn huge_answers_are_refused() {
    let tenant = FakeTenant::answering(|_| crate::tenant::json(" ".repeat(9 * 1024 * 1024))).await;

    let failed = ask(&tenant.client(Api::V2), later()).await;

    assert!(matches!(failed, Err(Error::Malformed { what, .. }) if what.contains("8 MiB")));
    assert_eq!(tenant.seen().len(), 1);
}

#[tokio::test]
async fn pages_for_people_are_not_taken_for_answers() {
    let tenant = FakeTenant::answering(|_| Html("<html>Welcome</html>").into_response()).await;

    let failed = ask(&tenant.client(Api::V2), later()).await;

    assert!(matches!(failed, Err(Error::Malformed { .. })));
}

#[tokio::test]
async fn tokens_in_refusals_are_not_handed_on() {
    let tenant = FakeTenant::answering(|_| refused(403, &format!("{TOKEN} may not"))).await;

    let failed = ask(&tenant.client(Api::V2), later()).await;

    let shown = format!("{:?}", failed.unwrap_err());
    assert!(shown.contains("[redacted] may not"), "{shown}");
    assert!(!shown.contains("SECRETPART"), "{shown}");
}

#[tokio::test]
async fn as_many_requests_are_under_way_as_permitted_and_no_more() {
    for permitted in [1, 2] {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let mut tenant = settings(&url, Api::V2);
        tenant.calls_in_flight = permitted;
        let client = Dynatrace::new(http(), tenant).unwrap();
        let asking = tokio::spawn(async move {
            let question = || ask(&client, later());
            futures_util::future::join3(question(), question(), question()).await
        });

        // Nothing is answered, so every connection is a request under way.
        let mut open = Vec::new();
        for _ in 0..permitted {
            let connection = timeout(Duration::from_secs(20), listener.accept()).await;
            open.push(connection.unwrap().unwrap());
        }
        let one_more = timeout(Duration::from_millis(200), listener.accept()).await;

        assert!(one_more.is_err(), "{permitted}");
        asking.abort();
    }
}

#[tokio::test]
async fn requests_beyond_the_minute_are_throttled_here() {
    let tenant = FakeTenant::answering(|_| numbers(&[(AVERAGE, 7.0)])).await;
    let mut limited = settings(&tenant.url, Api::V2);
    limited.calls_per_minute = Some(2);
    let client = Dynatrace::new(http(), limited).unwrap();

    assert!(ask(&client, later()).await.is_ok());
    assert!(ask(&client.clone(), later()).await.is_ok());
    let third: Result<_, _> = ask(&client, later()).await;

    assert!(matches!(third, Err(Error::Throttled)));
    assert_eq!(tenant.seen().len(), 2);
}

#[tokio::test]
async fn debug_output_shows_neither_token_nor_address() {
    let client = client("http://127.0.0.1:1", Api::V2);

    let shown = format!("{client:?}");

    assert!(!shown.contains("SECRETPART"), "{shown}");
    assert!(!shown.contains("127.0.0.1"), "{shown}");
}

#[tokio::test]
async fn an_address_without_the_api_is_told_from_a_missing_metric() {
    let nowhere = FakeTenant::answering(|_| -> Response {
        (StatusCode::NOT_FOUND, Html("<html>404</html>")).into_response()
    })
    .await;

    let failed = ask(&nowhere.client(Api::V2), later()).await;

    assert!(matches!(failed, Err(Error::Malformed { what, .. }) if what.contains("tenant URL")));
}
