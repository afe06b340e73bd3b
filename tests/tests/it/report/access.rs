//! A link opens what it names, and nothing tells what exists.

use jiff::SignedDuration;
use release::link::Scope;
use release::links::Access;
use workflows::validation_report::{Found, Outcome, Shape};

use super::{HISTORY, Reader, at_the_end, keys, link_with, links, nothing};

const UNKNOWN: &str = "019a9f3e-0000-7000-8000-000000000000";

#[tokio::test]
async fn refused_reader_learns_nothing_of_what_exists() {
    let mut reader = Reader::start().await;
    let id = reader.judged("1", 100.0).await;
    let forged = "e=4000000000&k=a&s=AAAAAAAAAAAAAAAAAAAAAA";
    let history = |pipeline: &str| {
        format!("history?pipelineName={pipeline}&comparisonName=StagingToProduction")
    };
    for (known, unknown) in [
        (format!("v/{id}"), format!("v/{UNKNOWN}")),
        (format!("v/{id}?{forged}"), format!("v/{UNKNOWN}?{forged}")),
        (format!("v/{id}.json"), format!("v/{UNKNOWN}.json")),
        (format!("v/{id}.xml"), format!("v/{UNKNOWN}.xml")),
        (history("Sample"), history("Other")),
        (
            format!("{}&{forged}", history("Sample")),
            format!("{}&{forged}", history("Other")),
        ),
        (
            format!("{}&json=true", history("Sample")),
            format!("{}&json=true", history("Other")),
        ),
        (history("Sample"), "history".to_owned()),
        (String::new(), format!("?{forged}")),
        (
            history("Sample").replace("history", "badge.svg"),
            history("Other").replace("history", "badge.svg"),
        ),
    ] {
        for wished in [Shape::Page, Shape::Json] {
            let ask = async |path: &str| {
                let link = format!("https://report.example/{path}");
                nothing(reader.ask(&link, wished).await)
            };
            let (known, unknown) = (ask(&known).await, ask(&unknown).await);
            assert_eq!(known.found, Found::Closed);
            assert_eq!(known, unknown);
            assert!(!known.body.contains("Sample"), "{}", known.body);
        }
    }
}

#[tokio::test]
async fn link_opens_until_its_time_is_over() {
    let mut reader = Reader::start().await;
    let id = reader.judged("1", 100.0).await;
    let link = reader.link(Scope::Evaluation(id));
    let end = at_the_end(reader.world.now);

    reader.world.at(end - SignedDuration::from_secs(1));
    reader.shown(&link).await;
    reader.world.at(end);
    let over = nothing(reader.open(&link).await);

    assert_eq!(over.found, Found::Closed);
    assert!(over.body.contains("expired"), "{}", over.body);
}

#[tokio::test]
async fn what_a_page_links_to_opens_until_the_same_moment() {
    let mut reader = Reader::start().await;
    let first = reader.judged("1", 100.0).await;
    reader.judged("2", 100.0).await;
    let link = reader.link(Scope::Evaluation(first));
    let end = at_the_end(reader.world.now);
    let expiry = format!("e={}&", end.as_second());
    reader.world.advance(SignedDuration::from_hours(24));

    let evaluation = reader.shown(&link).await;
    let history = link_with(&link, &evaluation.body, "/history?");
    let builds = reader.shown(&history).await;

    let onward = links(&history, &builds.body);
    assert_eq!(onward.iter().filter(|link| link.contains("/v/")).count(), 2);
    for link in links(&link, &evaluation.body).into_iter().chain(onward) {
        assert!(link.contains(&expiry), "{link}");
        reader.shown(&link).await;
    }
}

#[tokio::test]
async fn evaluation_leads_to_no_other_gate() {
    let mut reader = Reader::start().await;
    let id = reader.judged("1", 100.0).await;
    let link = reader.link(Scope::Evaluation(id));
    let history = reader.link(HISTORY);

    for changed in [
        history.replace("StagingToProduction", "Other"),
        history.replace("pipelineName=Sample", "pipelineName=Other"),
        history.replace("/history", "/badge.svg"),
        history.replace("/history?", "/?"),
        link.replace(&id.to_string(), UNKNOWN),
    ] {
        let refused = nothing(reader.open(&changed).await);
        assert_eq!(refused.found, Found::Closed, "{changed}");
    }
    let evaluation = reader.shown(&link).await;
    assert!(
        links(&link, &evaluation.body)
            .iter()
            .all(|link| link.contains("/history?") || link.contains(&id.to_string()))
    );
}

#[tokio::test]
async fn start_page_leads_to_everything() {
    let mut reader = Reader::start().await;
    let id = reader.judged("1", 100.0).await;
    let link = reader.link(Scope::Start);

    let start = reader.shown(&link).await;

    for part in ["/history?", &format!("/v/{id}?")] {
        let onward = link_with(&link, &start.body, part);
        assert_eq!(reader.shown(&onward).await.found, Found::Shown);
    }
}

#[tokio::test]
async fn unknown_key_is_told_from_a_forged_link_to_the_function_alone() {
    let mut reader = Reader::start().await;
    let id = reader.judged("1", 100.0).await;
    let link = reader.link(Scope::Evaluation(id));
    let forged = nothing(reader.open(&link.replace("&s=", "&s=A")).await);
    reader.access = keys("b");

    let Outcome::UnknownKey(unknown) = reader.open(&link).await else {
        panic!("the key is not known");
    };

    assert_eq!(unknown, forged, "readers see no difference");
}

#[tokio::test]
async fn public_report_needs_no_signature_and_makes_none() {
    let mut reader = Reader::start().await;
    reader.access = Access::Public;
    let id = reader.judged("1", 100.0).await;
    let start = "https://report.example/";

    let page = reader.shown(start).await;

    let history = link_with(start, &page.body, "/history?");
    let builds = reader.shown(&history).await;
    let evaluation = link_with(&history, &builds.body, "/v/");
    assert_eq!(evaluation, format!("https://report.example/v/{id}"));
    let evaluated = reader.shown(&evaluation).await;
    assert!(links(&evaluation, &evaluated.body).contains(&start.to_owned()));
}
