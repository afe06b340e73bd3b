//! Tokens, scopes, paths, and what the tenant remembers of its callers.

use fake_dynatrace::{Fault, Options, Tenant, Times};
use reqwest::Method;

use crate::caller::{Answered, Caller};

const SERVICES: (&str, &str) = ("entitySelector", r#"type("SERVICE")"#);

#[tokio::test]
async fn callers_without_the_right_token_are_unauthorised() -> anyhow::Result<()> {
    let caller = Caller::start().await?;
    let url = format!("{}/api/v2/entities", caller.tenant.url());
    let token = caller.tenant.token();
    let wrong = [
        None,
        Some("Api-Token wrong".to_owned()),
        Some(format!("Bearer {token}")),
        Some(token.to_owned()),
    ];
    for authorization in wrong {
        let mut request = caller.http.get(&url).query(&[SERVICES]);
        if let Some(value) = authorization {
            request = request.header("authorization", value);
        }
        assert_eq!(Answered::read(request).await?.refused()?.0, 401);
    }
    caller.get("/api/v2/entities", &[SERVICES]).await?.ok()?;
    Ok(())
}

#[tokio::test]
async fn a_token_in_the_query_is_accepted_but_not_remembered() -> anyhow::Result<()> {
    let caller = Caller::start().await?;
    let url = format!("{}/api/v2/entities", caller.tenant.url());
    let token = caller.tenant.token();
    let request = caller
        .http
        .get(url)
        .query(&[SERVICES, ("Api-Token", token)]);
    Answered::read(request).await?.ok()?;

    let calls = caller.tenant.calls();
    assert_eq!(
        calls[0].query[0],
        (SERVICES.0.to_owned(), SERVICES.1.to_owned())
    );
    assert!(!format!("{calls:?}").contains(token));
    Ok(())
}

#[tokio::test]
async fn the_platform_wants_a_bearer_token() -> anyhow::Result<()> {
    let caller = Caller::start().await?;
    let path = "/platform/classic/environment-api/v2/entities";
    assert_eq!(caller.get(path, &[SERVICES]).await?.status, 401);

    let url = format!("{}{path}", caller.tenant.url());
    let request = caller
        .http
        .get(url)
        .query(&[SERVICES])
        .bearer_auth(caller.tenant.token());
    Answered::read(request).await?.ok()?;
    Ok(())
}

#[tokio::test]
async fn a_withdrawn_scope_concerns_only_the_calls_that_need_it() -> anyhow::Result<()> {
    let caller = Caller::start().await?;
    caller.tenant.fail(
        Fault::MissingScope("metrics.read".into()),
        Times::Always,
        "/",
    );

    let (status, message) = caller
        .metrics("builtin:host.cpu.usage", "")
        .await?
        .refused()?;
    assert_eq!(status, 403);
    assert_eq!(
        message,
        "Token is missing required scope. Use one of: metrics.read (Read metrics)"
    );
    caller.get("/api/v2/entities", &[SERVICES]).await?.ok()?;
    Ok(())
}

#[tokio::test]
async fn a_managed_environment_lives_below_its_prefix() -> anyhow::Result<()> {
    let options = Options {
        environment: Some("abc-123".into()),
        ..Options::default()
    };
    let caller = Caller::start_with(options).await?;
    assert!(caller.tenant.url().ends_with("/e/abc-123"));
    caller.get("/api/v2/entities", &[SERVICES]).await?.ok()?;
    assert_eq!(caller.tenant.count("/api/v2/entities"), 1);

    let root = caller.tenant.url().replace("/e/abc-123", "");
    for wrong in ["/api/v2/entities", "/e/other/api/v2/entities"] {
        let request = caller
            .http
            .get(format!("{root}{wrong}"))
            .query(&[SERVICES])
            .header(
                "authorization",
                format!("Api-Token {}", caller.tenant.token()),
            );
        assert_eq!(Answered::read(request).await?.status, 404, "{wrong}");
    }
    Ok(())
}

#[tokio::test]
async fn the_given_token_and_port_are_used() -> anyhow::Result<()> {
    let free = Tenant::start().await?;
    let port = url::Url::parse(&free.url())?.port();
    free.stop().await;

    let options = Options {
        port,
        token: Some("sesame".into()),
        ..Options::default()
    };
    let caller = Caller::start_with(options).await?;
    assert_eq!(caller.tenant.url(), free.url());
    assert_eq!(caller.tenant.token(), "sesame");
    caller.get("/api/v2/entities", &[SERVICES]).await?.ok()?;
    Ok(())
}

#[tokio::test]
async fn calls_are_counted_until_they_are_cleared() -> anyhow::Result<()> {
    let caller = Caller::start().await?;
    caller.get("/api/v2/entities", &[SERVICES]).await?;
    caller.metrics("builtin:unheard.of", "").await?;
    let statuses: Vec<_> = caller
        .tenant
        .calls()
        .iter()
        .map(|call| call.status)
        .collect();
    assert_eq!(statuses, [Some(200), Some(404)]);
    assert_eq!(caller.tenant.count("/api/v2"), 2);
    assert_eq!(caller.tenant.count("/api/v2/metrics"), 1);

    caller.tenant.clear_calls();
    assert_eq!(caller.tenant.count("/"), 0);
    Ok(())
}

#[tokio::test]
async fn a_tenant_without_handles_stops() -> anyhow::Result<()> {
    let caller = Caller::start().await?;
    let request = caller
        .request(Method::GET, "/api/v2/entities")
        .query(&[SERVICES]);
    let again = request
        .try_clone()
        .expect("a request without a body can be cloned");
    Answered::read(request).await?.ok()?;

    drop(caller);
    // The server notices a moment later; every call until then is still answered.
    let deadline = tokio::time::Instant::now() + std::time::Duration::from_secs(10);
    while again.try_clone().expect("as above").send().await.is_ok() {
        assert!(
            tokio::time::Instant::now() < deadline,
            "the tenant still answers"
        );
        tokio::task::yield_now().await;
    }
    Ok(())
}

#[tokio::test]
async fn a_stopped_tenant_refuses_connections() -> anyhow::Result<()> {
    let caller = Caller::start().await?;
    let other_handle = caller.tenant.clone();
    other_handle.stop().await;
    let error = caller.get("/api/v2/entities", &[SERVICES]).await.err();
    assert!(error.is_some_and(|error| error.is::<reqwest::Error>()));
    Ok(())
}

#[tokio::test]
async fn oversized_payloads_are_refused() -> anyhow::Result<()> {
    let caller = Caller::start().await?;
    let body = serde_json::json!({ "tags": ["x".repeat(1024 * 1024)] });
    assert_eq!(
        caller.post("/api/v1/timeseries", &body).await?.refused()?.0,
        413
    );
    Ok(())
}
