//! Who may ask, and what is said where somebody may not.

use controller::{Controller, Credentials, Error, Launch, Server, TemplateKind};
use fake_controller::{Fault, JobTemplate, Scope, Times};
use tokio::net::TcpListener;

use crate::world::{World, client, client_at, install_tls, order, soon};

#[tokio::test]
async fn each_way_of_not_being_let_in_has_words_of_its_own() {
    let world = World::with(JobTemplate::default()).await;
    let fake = &world.fake;
    let told = async |client: &Controller| client.me(soon()).await.unwrap_err().to_string();

    let wrong = client(fake, Credentials::Bearer("wrong".into()));
    assert!(
        told(&wrong)
            .await
            .starts_with("the controller refused the credentials")
    );

    fake.accept_basic(false);
    let basic = client(fake, Credentials::Basic("ub:hunter2".into()));
    assert!(
        told(&basic)
            .await
            .contains("basic authentication is switched off")
    );

    let elsewhere = format!("{}/controller/api/v2", fake.origin());
    let prefix = client_at(&elsewhere, Credentials::Bearer("x".into()));
    assert!(told(&prefix).await.contains("no API at this address"));

    let reading = Credentials::Bearer(fake.token("ub", Scope::Read).into());
    let reading = client(fake, reading);
    assert_eq!(reading.me(soon()).await.unwrap().name, "ub");
    let refused = reading
        .launch(TemplateKind::Job, world.template, &order("r-1"), soon())
        .await;
    assert!(
        matches!(&refused, Launch::Refused { status: 403, text } if text.contains("scope `write`")),
        "{refused:?}"
    );
    assert!(fake.jobs().is_empty());
}

#[tokio::test]
async fn user_and_password_are_a_way_in() {
    let world = World::with(JobTemplate::default()).await;
    let client = client(&world.fake, Credentials::Basic("ub:hunter2".into()));

    assert_eq!(client.me(soon()).await.unwrap().id, world.user);
    assert_eq!(client.ping(soon()).await.unwrap().version, "24.6.1");
}

#[tokio::test]
async fn gateway_in_front_keeps_its_path_in_every_call() {
    let world = World::at(JobTemplate::default(), "/api/controller/v2").await;

    let launched = world.launched(&order("r-1")).await;
    let job = world.client.job(launched.job.at, soon()).await.unwrap();

    assert_eq!(job.unwrap().at, launched.job.at);
    assert_eq!(world.client.page_of(launched.job.at), None);
}

#[tokio::test]
async fn every_call_asks_for_english_and_ends_with_a_slash() {
    let world = World::with(JobTemplate::default()).await;
    let launched = world.launched(&order("r-1")).await;
    let (client, at) = (&world.client, launched.job.at);
    let _ = client.ping(soon()).await.unwrap();
    let _ = client.me(soon()).await.unwrap();
    let _ = client
        .template(TemplateKind::Job, world.template, soon())
        .await
        .unwrap();
    let _ = client
        .preflight(TemplateKind::Job, world.template, soon())
        .await
        .unwrap();
    let _ = client.job(at, soon()).await.unwrap();
    let _ = client.failed_tasks(at, soon()).await.unwrap();
    let _ = client.tail(at, 40, soon()).await.unwrap();
    let _ = client
        .active_jobs(world.at_template(), soon())
        .await
        .unwrap();
    let _ = client.cancel(at, soon()).await.unwrap();

    for call in world.fake.calls() {
        assert_eq!(call.language.as_deref(), Some("en"), "{call:?}");
        assert!(call.path.ends_with('/'), "{call:?}");
        assert_ne!(call.status, Some(301), "{call:?}");
    }
}

#[tokio::test]
async fn redirect_is_not_followed_and_no_launch() {
    let world = World::with(JobTemplate::default()).await;
    let path = format!("/job_templates/{}/launch/", world.template);
    world.fake.fail(Fault::LoginPage, Times::Always, &path);

    let asked = world
        .client
        .preflight(TemplateKind::Job, world.template, soon())
        .await;
    let launched = world.launch(&order("r-1")).await;

    assert!(matches!(asked, Err(Error::Malformed { .. })), "{asked:?}");
    assert!(
        matches!(launched, Launch::Unknown(Error::Malformed { .. })),
        "{launched:?}"
    );
    assert_eq!(world.fake.count("GET", "/login/"), 0);
    assert_eq!(world.fake.calls().len(), 2);
}

#[tokio::test]
async fn client_that_follows_redirects_is_not_believed() {
    install_tls();
    let world = World::with(JobTemplate::default()).await;
    let token = world.fake.token("ub", Scope::Write);
    let following = reqwest::Client::builder().no_proxy().build().unwrap();
    let server = Server {
        base: world.fake.base(),
        credentials: Credentials::Bearer(token.into()),
    };
    let client = Controller::new(following, server).unwrap();
    world
        .fake
        .fail(Fault::LoginPage, Times::Always, "POST /job_templates");

    let launched = client
        .launch(TemplateKind::Job, world.template, &order("r-1"), soon())
        .await;

    assert!(
        matches!(launched, Launch::Unknown(Error::Malformed { .. })),
        "{launched:?}"
    );
}

#[tokio::test]
async fn nobody_there_is_told_from_no_answer() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}/api/v2", listener.local_addr().unwrap());
    drop(listener);
    let client = client_at(&base, Credentials::Bearer("t0k3n".into()));

    let launched = client
        .launch(TemplateKind::Job, 18, &order("r-1"), soon())
        .await;

    assert!(
        matches!(launched, Launch::NotSent(Error::Unreachable(_))),
        "{launched:?}"
    );
}

#[tokio::test]
async fn no_secret_is_in_what_is_shown() {
    let world = World::with(JobTemplate::default()).await;
    let token = "verysecrettoken";
    let client = client(&world.fake, Credentials::Bearer(token.into()));
    let error = client.me(soon()).await.unwrap_err();

    for shown in [
        format!("{client:?}"),
        format!("{error:?}"),
        error.to_string(),
    ] {
        assert!(!shown.contains(token), "{shown}");
    }
}

#[tokio::test]
async fn questions_are_repeated_and_wishes_are_not() {
    let world = World::with(JobTemplate::default()).await;
    world.fake.fail(Fault::Html503, Times::N(1), "GET /me/");
    world
        .fake
        .fail(Fault::Html503, Times::N(1), "POST /job_templates");

    assert_eq!(world.client.me(soon()).await.unwrap().name, "ub");
    let launched = world.launch(&order("r-1")).await;

    assert!(
        matches!(launched, Launch::Unknown(Error::Unavailable { .. })),
        "{launched:?}"
    );
    assert_eq!(world.fake.count("GET", "/me/"), 2);
    assert_eq!(world.fake.count("POST", "/launch/"), 1);
}

#[tokio::test]
async fn silence_ends_at_the_deadline() {
    let world = World::with(JobTemplate::default()).await;
    world.fake.fail(Fault::Hang, Times::Always, "GET /me/");
    let deadline = tokio::time::Instant::now() + std::time::Duration::from_millis(300);

    let asked = world.client.me(deadline).await;

    assert!(matches!(asked, Err(Error::Unavailable { .. })), "{asked:?}");
}
