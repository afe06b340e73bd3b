//! What is repeated when it leaves something behind at the tenant.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::http::StatusCode;
use axum::response::{Html, IntoResponse, Response};
use dynatrace::{Announced, Api, Dynatrace, Error, Event};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::time::Instant;

use crate::tenant::{FakeTenant, client, json, later, refused};

const ID: &str = "-6478017825120311599_1641223491837V2";

async fn announce(client: &Dynatrace, deadline: Instant) -> Result<Announced, Error> {
    let event = Event {
        title: "PRODDeploy".into(),
        entities: vec!["SERVICE-1".into()],
        ..Event::default()
    };
    client.announce(&event, deadline).await
}

async fn comment(client: &Dynatrace, deadline: Instant) -> Result<(), Error> {
    client.comment(ID, "text", "AWS Lambda", deadline).await
}

fn attached() -> Response {
    json(r#"{"reportCount":1,"eventIngestResults":[{"status":"OK"}],"storedEventIds":[1]}"#)
}

/// A server that reads every request, answers `reply` and hangs up, and the
/// number of requests that it has read.
async fn hanging_up(reply: &'static [u8]) -> (String, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let url = format!("http://{}", listener.local_addr().expect("it is bound"));
    let count = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&count);
    tokio::spawn(async move {
        loop {
            let Ok((mut connection, _)) = listener.accept().await else {
                return;
            };
            let mut request = Vec::new();
            let mut buffer = [0; 4096];
            // Every body in these tests is one JSON object, which ends the
            // request; a request without one ends with an empty line.
            while !request.ends_with(b"}") && !request.ends_with(b"\r\n\r\n") {
                match connection.read(&mut buffer).await {
                    Ok(0) | Err(_) => break,
                    Ok(read) => request.extend_from_slice(&buffer[..read]),
                }
            }
            counter.fetch_add(1, Ordering::SeqCst);
            // A client that is gone already needs no answer.
            let _ = connection.write_all(reply).await;
        }
    });
    (url, count)
}

#[tokio::test]
async fn a_request_that_the_tenant_may_have_acted_on_is_not_sent_again() {
    for reply in [
        &b""[..],
        b"HTTP/1.1 2",
        b"HTTP/1.1 201 Created\r\ncontent-length: 100\r\n\r\n{\"reportCount\":1",
    ] {
        for api in [Api::V2, Api::V1] {
            let (url, count) = hanging_up(reply).await;
            let client = client(&url, api);

            let announced = announce(&client, later()).await;
            let commented = comment(&client, later()).await;

            assert!(
                matches!(announced, Err(Error::Unavailable { .. })),
                "{announced:?}"
            );
            assert!(
                matches!(commented, Err(Error::Unavailable { .. })),
                "{commented:?}"
            );
            assert_eq!(count.load(Ordering::SeqCst), 2);
            assert_eq!(client.calls().retries, 0);
        }
    }
}

#[tokio::test]
async fn a_request_that_only_reads_is_sent_again_in_the_same_place() {
    let (url, count) = hanging_up(b"HTTP/1.1 2").await;
    let client = client(&url, Api::V2);

    let deadline = Instant::now() + Duration::from_millis(2500);
    let failed = client.comments(ID, deadline).await;

    assert!(matches!(failed, Err(Error::Unavailable { .. })));
    assert!(count.load(Ordering::SeqCst) > 1);
}

#[tokio::test]
async fn a_gateway_that_lost_the_answer_is_not_asked_again() {
    for status in [StatusCode::BAD_GATEWAY, StatusCode::GATEWAY_TIMEOUT] {
        let tenant =
            FakeTenant::answering(move |_| (status, Html("<html>gateway</html>")).into_response())
                .await;
        let client = tenant.client(Api::V2);

        let announced = announce(&client, later()).await;
        let commented = comment(&client, later()).await;

        assert!(matches!(announced, Err(Error::Unavailable { .. })));
        assert!(matches!(commented, Err(Error::Unavailable { .. })));
        assert_eq!(tenant.seen().len(), 2, "{status}");
    }
}

#[tokio::test]
async fn a_tenant_that_was_too_busy_to_act_is_asked_again() {
    let refusals: [fn() -> Response; 2] = [
        || refused(429, "Too many requests."),
        || {
            let page = Html("<html>Service Unavailable</html>");
            (StatusCode::SERVICE_UNAVAILABLE, page).into_response()
        },
    ];
    let checks = refusals.map(async |refusal| {
        for api in [Api::V2, Api::V1] {
            let tenant = FakeTenant::answering(move |seen| match seen.earlier {
                0 | 2 => refusal(),
                _ => attached(),
            })
            .await;
            let client = tenant.client(api);

            let announced = announce(&client, later()).await;
            let commented = comment(&client, later()).await;

            assert!(matches!(
                announced,
                Ok(Announced::Attached { attached: 1, .. })
            ));
            assert!(commented.is_ok());
            assert_eq!(tenant.seen().len(), 4);
            assert_eq!(tenant.seen()[0].body, tenant.seen()[1].body);
            assert_eq!(client.calls().retries, 2);
        }
    });
    futures_util::future::join_all(checks).await;
}

#[tokio::test]
async fn a_tenant_that_was_never_reached_is_asked_again() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let client = client(&url, Api::V2);

    let deadline = Instant::now() + Duration::from_millis(2500);
    let failed = announce(&client, deadline).await;

    assert!(matches!(failed, Err(Error::Unavailable { .. })));
    assert!(client.calls().retries > 0);
}

#[tokio::test]
async fn a_page_for_people_is_no_proof_of_an_event() {
    for api in [Api::V2, Api::V1] {
        let tenant = FakeTenant::answering(|_| Html("<html>Sign in</html>").into_response()).await;

        let failed = announce(&tenant.client(api), later()).await;

        assert!(matches!(failed, Err(Error::Malformed { .. })));
        assert_eq!(tenant.seen().len(), 1);
    }
}
