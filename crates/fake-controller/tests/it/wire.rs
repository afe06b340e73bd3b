//! The manners of the wire: slashes, filters, pages, methods.

use reqwest::Method;
use serde_json::json;

use crate::caller::Caller;

#[tokio::test]
async fn path_without_a_slash_is_redirected_and_nothing_is_launched() -> anyhow::Result<()> {
    let caller = Caller::start().await?;
    let path = format!("/job_templates/{}/launch", caller.template);

    let answered = caller.post(&path, &json!({})).await?;

    assert_eq!(answered.status, 301);
    assert_eq!(answered.location, Some(format!("/api/v2{path}/")));
    assert!(caller.fake.jobs().is_empty());
    // Whoever follows asks for the form and hears 200.
    let form = caller.get(&format!("{path}/")).await?;
    assert_eq!(form.status, 200);
    assert_eq!(form.body["ask_variables_on_launch"], true);
    Ok(())
}

#[tokio::test]
async fn nobody_filters_by_variables() -> anyhow::Result<()> {
    let caller = Caller::start().await?;
    let path = format!(
        "/job_templates/{}/jobs/?extra_vars__icontains=x",
        caller.template
    );

    let answered = caller.get(&path).await?;

    assert_eq!(answered.status, 403);
    assert_eq!(
        answered.body["detail"],
        "Filtering on extra_vars is not allowed."
    );
    Ok(())
}

#[tokio::test]
async fn lists_are_cut_into_pages() -> anyhow::Result<()> {
    let caller = Caller::start().await?;
    for _ in 0..30 {
        caller.launch().await?;
    }
    let list = format!("/job_templates/{}/jobs/", caller.template);

    let first = caller.get(&list).await?.body;
    assert_eq!(first["results"].as_array().map(Vec::len), Some(25));
    assert_eq!(
        (&first["count"], &first["previous"]),
        (&json!(30), &json!(null))
    );
    let next = first["next"].as_str().unwrap();
    assert!(next.starts_with("/api/v2/job_templates/"), "{next}");

    let newest = caller
        .get(&format!("{list}?order_by=-id&page_size=1"))
        .await?
        .body;
    assert_eq!(newest["results"][0]["id"], 841);
    let above = caller.get(&format!("{list}?id__gt=840")).await?.body;
    assert_eq!(above["count"], 1);
    assert_eq!(caller.get(&format!("{list}?page=3")).await?.status, 404);
    assert_eq!(caller.get(&format!("{list}?colour=red")).await?.status, 400);
    Ok(())
}

#[tokio::test]
async fn what_cannot_be_done_is_told_from_what_is_not_there() -> anyhow::Result<()> {
    let caller = Caller::start().await?;
    let template = format!("/job_templates/{}/", caller.template);
    for (method, path, status) in [
        (Method::PUT, "/me/".to_owned(), 405),
        (Method::POST, template.clone(), 405),
        (Method::GET, "/jobs/1/".to_owned(), 404),
        (Method::GET, "/workflow_job_templates/18/".to_owned(), 404),
        (Method::GET, "/nothing/".to_owned(), 404),
        (Method::POST, format!("{template}launch/"), 201),
    ] {
        let answered = caller.send(method.clone(), &path, None).await?;
        assert_eq!(answered.status, status, "{method} {path}");
    }
    Ok(())
}
