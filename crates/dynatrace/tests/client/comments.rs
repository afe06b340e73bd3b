//! Comments on problems.

use axum::http::StatusCode;
use axum::response::{Html, IntoResponse};
use dynatrace::{Api, Comment, Error};
use serde_json::json as value;

use crate::tenant::{FakeTenant, json, later, refused};

const ID: &str = "-6478017825120311599_1641223491837V2";

#[tokio::test]
async fn a_comment_of_v2_is_made_though_the_answer_is_empty() {
    let tenant = FakeTenant::answering(|_| StatusCode::CREATED.into_response()).await;

    let client = tenant.client(Api::V2);
    let made = client
        .comment(ID, "Redeploying d-1", "AWS Lambda", later())
        .await;

    assert!(made.is_ok());
    assert_eq!(client.calls().problems, 1);
    let seen = &tenant.seen()[0];
    assert_eq!(seen.method, "POST");
    assert_eq!(seen.path, format!("/api/v2/problems/{ID}/comments"));
    assert_eq!(
        seen.body,
        value!({"message": "Redeploying d-1", "context": "AWS Lambda"})
    );
}

#[tokio::test]
async fn a_comment_of_v1_carries_a_user() {
    let tenant = FakeTenant::answering(|_| {
        json(
            r#"{"id":"1","createdAtTimestamp":1641223500000,"content":"Redeploying d-1",
                "userName":"Dynatrace Lambda Remediation Action","context":"AWS Lambda"}"#,
        )
    })
    .await;

    let made = tenant
        .client(Api::V1)
        .comment(ID, "Redeploying d-1", "AWS Lambda", later())
        .await;

    assert!(made.is_ok());
    let seen = &tenant.seen()[0];
    assert_eq!(seen.path, format!("/api/v1/problem/details/{ID}/comments"));
    assert_eq!(
        seen.body,
        value!({
            "comment": "Redeploying d-1",
            "user": "Dynatrace Lambda Remediation Action",
            "context": "AWS Lambda",
        })
    );
}

#[tokio::test]
async fn comments_of_v2_are_read_page_by_page() {
    let tenant = FakeTenant::answering(|seen| match seen.earlier {
        0 => json(
            r#"{"totalCount":2,"pageSize":1,"nextPageKey":"AQ==","comments":[
                {"id":"-5","createdAtTimestamp":1641223500000,"content":"first","authorName":"owner","context":"AWS Lambda"}]}"#,
        ),
        _ => json(r#"{"totalCount":2,"comments":[{"id":"6","createdAtTimestamp":1641223600000,"content":"second"}]}"#),
    })
    .await;

    let comments = tenant.client(Api::V2).comments(ID, later()).await.unwrap();

    assert_eq!(
        comments,
        [
            Comment {
                id: "-5".into(),
                created_ms: 1_641_223_500_000,
                author: "owner".into(),
                context: Some("AWS Lambda".into()),
                text: "first".into(),
            },
            Comment {
                id: "6".into(),
                created_ms: 1_641_223_600_000,
                author: String::new(),
                context: None,
                text: "second".into(),
            },
        ]
    );
    assert_eq!(tenant.seen()[1].raw, "nextPageKey=AQ%3D%3D");
}

#[tokio::test]
async fn comments_of_v1_come_in_one_answer() {
    let tenant = FakeTenant::answering(|_| {
        json(
            r#"{"comments":[{"id":"1","createdAtTimestamp":1641223500000,"content":"first",
                "userName":"somebody","context":null}]}"#,
        )
    })
    .await;

    let comments = tenant.client(Api::V1).comments(ID, later()).await.unwrap();

    assert_eq!(comments.len(), 1);
    assert_eq!(comments[0].author, "somebody");
    assert_eq!(comments[0].text, "first");
    assert_eq!(
        tenant.seen()[0].path,
        format!("/api/v1/problem/details/{ID}/comments")
    );
}

#[tokio::test]
async fn a_problem_without_comments_has_an_empty_list() {
    let tenant = FakeTenant::answering(|_| json(r#"{"comments":[]}"#)).await;

    for api in [Api::V2, Api::V1] {
        assert_eq!(tenant.client(api).comments(ID, later()).await.unwrap(), []);
    }
}

#[tokio::test]
async fn nobody_comments_on_a_problem_that_is_not_there() {
    let tenant = FakeTenant::answering(|_| refused(404, "Problem with id does not exist")).await;

    for api in [Api::V2, Api::V1] {
        let client = tenant.client(api);

        let said = client.comment(ID, "text", "AWS Lambda", later()).await;
        let read = client.comments(ID, later()).await;

        assert!(matches!(said, Err(Error::UnknownProblem(_))), "{api:?}");
        assert!(matches!(read, Err(Error::UnknownProblem(_))), "{api:?}");
    }
}

#[tokio::test]
async fn a_token_that_may_not_comment_is_told() {
    let tenant = FakeTenant::answering(|_| {
        refused(
            403,
            "Token is missing required scope. Use one of: problems.write (Write problems)",
        )
    })
    .await;

    let said = tenant
        .client(Api::V2)
        .comment(ID, "text", "AWS Lambda", later())
        .await;

    assert!(matches!(said, Err(Error::ScopeMissing(text)) if text.contains("problems.write")));
}

#[tokio::test]
async fn a_page_that_something_in_between_sends_is_no_comment() {
    for api in [Api::V1, Api::V2] {
        let tenant =
            FakeTenant::answering(|_| Html("<html>Please log in</html>").into_response()).await;

        let made = tenant
            .client(api)
            .comment(ID, "Redeploying d-1", "AWS Lambda", later())
            .await;

        assert!(matches!(made, Err(Error::Malformed { .. })), "{made:?}");
    }
}
