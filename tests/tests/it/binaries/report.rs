//! The report as a browser gets it: through HTTP, from the real binary.

use std::io::Read as _;

use fake_aws::ssm::Kind;
use flate2::read::GzDecoder;
use lab::world::{PIPELINE, SHOW, Settings, World};
use lambda_host::front::{Front, Open};
use lambda_host::runtime::{Function, InvocationOutcome};
use release::link::{Keys, Scope};
use reqwest::{Client, Method, Response, StatusCode};
use secrecy::SecretString;
use serde_json::{Value, json};

use super::{answered, gated, lines, registered};

/// A world whose report is open, and the link that the approval carries.
struct Shown {
    world: World,
    report: Open,
    link: String,
    http: Client,
}

impl Shown {
    async fn start(settings: Settings) -> Self {
        // Fails only when a provider is installed already, which is what is wanted.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let front = Front::bind().await.unwrap();
        let world = gated(settings.with("DT_BUILD_REPORT_URL", front.url())).await;
        let report = front.open(world.another(SHOW).await.unwrap());
        let build = registered(&world).await;
        answered(&world, &build.execution).await;
        let summary = world.approval(&build.execution).unwrap().summary.unwrap();
        let link = summary.split_whitespace().last().unwrap().to_owned();
        Self {
            world,
            report,
            link,
            http: Client::new(),
        }
    }

    async fn get(&self, link: &str) -> Response {
        self.http.get(link).send().await.unwrap()
    }
}

#[tokio::test]
async fn link_of_the_approval_opens_the_evaluation() {
    let shown = Shown::start(Settings::default()).await;

    let page = shown.get(&shown.link).await;

    assert_eq!(page.status(), StatusCode::OK);
    let header = |name: &str| page.headers()[name].to_str().unwrap().to_owned();
    assert_eq!(header("content-type"), "text/html; charset=utf-8");
    assert_eq!(header("referrer-policy"), "no-referrer");
    assert_eq!(header("x-content-type-options"), "nosniff");
    assert!(header("cache-control").starts_with("private"));
    let policy = header("content-security-policy");
    assert!(policy.contains("default-src 'none'"), "{policy}");
    let body = page.text().await.unwrap();
    assert!(body.contains(PIPELINE) && body.contains("Passed"), "{body}");
}

#[tokio::test]
async fn start_link_of_the_lab_leads_to_history_and_evaluation() {
    let settings = Settings::default();
    let shown = Shown::start(settings.clone()).await;
    let mut link = settings.start_link(shown.report.url()).unwrap();

    for part in ["history?", "/v/"] {
        let page = shown.get(&link).await;
        assert_eq!(page.status(), StatusCode::OK, "{link}");
        let body = page.text().await.unwrap();
        let onward = crate::report::link_with(&link, &body, part);
        assert!(onward.starts_with(shown.report.url()), "{onward}");
        link = onward;
    }

    assert_eq!(shown.get(&link).await.status(), StatusCode::OK);
}

#[tokio::test]
async fn whoever_takes_gzip_gets_the_same_page_in_less() {
    let shown = Shown::start(Settings::default()).await;
    let plain = shown.get(&shown.link).await.text().await.unwrap();

    let request = shown.http.get(&shown.link);
    let packed = request.header("accept-encoding", "gzip").send().await;

    let packed = packed.unwrap();
    assert_eq!(packed.headers()["content-encoding"], "gzip");
    let bytes = packed.bytes().await.unwrap();
    let mut text = String::new();
    GzDecoder::new(&*bytes).read_to_string(&mut text).unwrap();
    assert!(bytes.len() * 2 < plain.len());
    let title = |page: &str| page.split_once("</title>").unwrap().0.to_owned();
    assert_eq!(title(&text), title(&plain));
}

#[tokio::test]
async fn report_is_only_read() {
    let shown = Shown::start(Settings::default()).await;
    let ask = async |method: Method| {
        let request = shown.http.request(method, &shown.link);
        request.send().await.unwrap()
    };

    let head = ask(Method::HEAD).await;
    assert_eq!(head.status(), StatusCode::OK);
    assert!(head.text().await.unwrap().is_empty());
    for method in [Method::POST, Method::PUT, Method::DELETE, Method::OPTIONS] {
        let refused = ask(method).await;
        assert_eq!(refused.status(), StatusCode::METHOD_NOT_ALLOWED);
        assert_eq!(refused.headers()["allow"], "GET, HEAD");
    }
}

#[tokio::test]
async fn rest_api_is_answered_in_its_words() {
    let shown = Shown::start(Settings::default()).await;
    let function = shown.report.function();
    let (path, query) = shown
        .link
        .split_once("/v/")
        .unwrap()
        .1
        .split_once('?')
        .unwrap();
    let mut parameters: Value = json!({});
    for (name, value) in query.split('&').map(|pair| pair.split_once('=').unwrap()) {
        parameters[name] = json!([value]);
    }
    let event = json!({
        "resource": "/{proxy+}", "path": format!("/v/{path}"), "httpMethod": "GET",
        "headers": {"Accept-Encoding": "gzip", "Accept": "text/html"},
        "multiValueHeaders": {"Accept-Encoding": ["gzip"], "Accept": ["text/html"]},
        "queryStringParameters": {}, "multiValueQueryStringParameters": parameters,
        "requestContext": {"stage": "v1", "path": format!("/v1/v/{path}"), "httpMethod": "GET"},
        "body": null, "isBase64Encoded": false,
    });

    let answer = invoke(function, event).await;

    assert_eq!(answer["statusCode"], 200);
    assert_eq!(answer["isBase64Encoded"], false, "it may not be decoded");
    assert!(
        answer["body"]
            .as_str()
            .unwrap()
            .starts_with("<!DOCTYPE html>")
    );
}

#[tokio::test]
async fn key_that_was_rotated_in_opens_at_once() {
    let shown = Shown::start(Settings::default()).await;
    shown.get(&shown.link).await;
    let keys = format!("next:{}", "n".repeat(32));
    let ssm = shown.world.aws.ssm();
    ssm.put("/unbreakable/report-keys", Kind::SecureString, &keys);
    let keys = Keys::parse(&SecretString::from(keys)).unwrap();
    let expiry = "2100-01-01T00:00:00Z".parse().unwrap();
    let link = format!(
        "{}/?{}",
        shown.report.url(),
        keys.sign(Scope::Start, expiry)
    );
    let reads = || shown.world.aws.pipelines().calls()["GetParameters"];
    let before = reads();

    assert_eq!(shown.get(&link).await.status(), StatusCode::OK);
    assert_eq!(reads() - before, 1);

    for key in ["other", "another"] {
        let unknown = link.replace("k=next", &format!("k={key}"));
        assert_eq!(shown.get(&unknown).await.status(), StatusCode::FORBIDDEN);
    }
    assert_eq!(reads() - before, 1, "nobody makes it ask again and again");
}

#[tokio::test]
async fn keys_that_cannot_be_had_are_not_asked_for_by_every_stranger() {
    let shown = Shown::start(Settings::default()).await;
    let world = &shown.world;
    let link = format!("{}/?e=1&k=any&s=any", shown.report.url());
    for (keys, told) in [
        (None, StatusCode::SERVICE_UNAVAILABLE),
        (Some("weak:short"), StatusCode::SERVICE_UNAVAILABLE),
    ] {
        let ssm = world.aws.ssm();
        match keys {
            None => ssm.remove("/unbreakable/report-keys"),
            Some(keys) => ssm.put("/unbreakable/report-keys", Kind::SecureString, keys),
        }
        let front = Front::bind().await.unwrap();
        let report = front.open(world.another(SHOW).await.unwrap());
        let link = link.replace(shown.report.url(), report.url());
        let reads = || world.aws.pipelines().calls()["GetParameters"];
        let before = reads();

        for _ in 0..6 {
            assert_eq!(shown.get(&link).await.status(), told);
        }

        let reads = reads() - before;
        assert!(reads <= 2, "{reads} calls for six requests");
    }
}

#[tokio::test]
async fn hostile_requests_are_answered_and_told_nothing() {
    let shown = Shown::start(Settings::default()).await;
    let url = shown.report.url();
    let long = "x".repeat(5_000);
    for (path, status) in [
        ("/v/../../etc/passwd", 404),
        ("/v/%00", 404),
        ("/v/%F0%28%8C%28", 404),
        (
            "/BuildValidationResults?pipelineName=Sample&comparisonName=StagingToProduction&json=true",
            403,
        ),
        ("/history?pipelineName=%3Cscript%3E&comparisonName=%22", 403),
        ("/?e=1&e=2&k=&s=%00", 403),
        (
            &format!("/history?pipelineName={long}&comparisonName=a&e=1&k=a&s={long}"),
            403,
        ),
        ("/favicon.ico", 404),
    ] {
        let refused = shown.get(&format!("{url}{path}")).await;
        assert_eq!(refused.status().as_u16(), status, "{path}");
        let body = refused.text().await.unwrap();
        assert!(
            !body.contains("Sample") && !body.contains("<script"),
            "{body}"
        );
    }
}

#[tokio::test]
async fn what_opens_a_report_reaches_no_log() {
    let shown = Shown::start(Settings::default()).await;
    shown.get(&shown.link).await;
    shown.get(&shown.link.replace("&s=", "&s=A")).await;

    let logs = shown.report.function().logs();

    assert!(
        lines(&logs).iter().any(|line| line["status"] == 403),
        "{logs}"
    );
    let signature = shown.link.split_once("&s=").unwrap().1;
    for secret in [signature, "the-key-of-report-links"] {
        assert!(!logs.contains(secret), "{logs}");
    }
}

#[tokio::test]
async fn table_that_is_gone_is_a_page_and_an_error_in_the_log() {
    let settings = Settings::default().with("REPORT_ACCESS", "public");
    let shown = Shown::start(settings).await;
    let client = shown.world.dynamo.client();
    client
        .delete_table()
        .table_name("Validations")
        .send()
        .await
        .unwrap();

    let page = shown.get(shown.report.url()).await;

    assert_eq!(page.status(), StatusCode::SERVICE_UNAVAILABLE);
    let body = page.text().await.unwrap();
    assert!(body.contains("Try again"), "{body}");
    let logs = shown.report.function().logs();
    assert!(
        lines(&logs).iter().any(|line| line["level"] == "ERROR"),
        "{logs}"
    );
}

#[tokio::test]
async fn report_that_cannot_start_says_which_setting_is_wrong() {
    for (settings, told) in [
        (
            Settings::default().without("VALIDATIONS_TABLE"),
            "the setting VALIDATIONS_TABLE is missing",
        ),
        (
            Settings::default().without("REPORT_KEYS_PARAMETER"),
            "reports that everybody may open need REPORT_ACCESS=public",
        ),
        (
            Settings::default().with("REPORT_KEYS", "a:short"),
            "the setting REPORT_KEYS is not usable",
        ),
        (
            Settings::default().with("REPORT_ACCESS", "everybody"),
            "the setting REPORT_ACCESS is not usable",
        ),
        (
            Settings::default().with("REPORT_TIME_ZONE", "Europe/Vienna"),
            "the setting REPORT_TIME_ZONE is not usable",
        ),
    ] {
        let world = World::start(Settings::default()).await.unwrap();
        let function = world.another_with(SHOW, &settings).await.unwrap();

        let invocation = function.invoke(json!({})).await.unwrap();

        assert!(matches!(invocation.outcome, InvocationOutcome::Crashed(_)));
        assert!(invocation.logs.contains(told), "{}", invocation.logs);
    }
}

async fn invoke(function: &Function, event: Value) -> Value {
    let invocation = function.invoke(event).await.unwrap();
    match invocation.outcome {
        InvocationOutcome::Ok(answer) => answer,
        other => panic!("{other:?}\n{}", invocation.logs),
    }
}
