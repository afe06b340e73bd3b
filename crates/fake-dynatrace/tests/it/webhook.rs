//! Notifications as a receiver hears them.

use fake_dynatrace::{Announced, Impact, Problem, Severity, Template, TestRun, Webhook};
use serde_json::{Value, json};

use crate::caller::{Caller, NOW};
use crate::receiver::Receiver;

fn failing(caller: &Caller) -> Problem {
    caller
        .tenant
        .problem(r#"Failures in "Front""#)
        .severity(Severity::Error)
        .impact(Impact::Service)
        .impacts("SERVICE-A")
        .impacts("SERVICE-GONE")
        .open()
}

fn entities() -> Value {
    json!([
        { "type": "SERVICE", "name": "Front", "entity": "SERVICE-A" },
        { "type": "SERVICE", "name": "SERVICE-GONE", "entity": "SERVICE-GONE" },
    ])
}

fn last(receiver: &Receiver) -> anyhow::Result<Value> {
    let heard = receiver.heard();
    let last = heard.last().map(|heard| heard.body.as_str());
    Ok(serde_json::from_str(last.unwrap_or_default())?)
}

#[tokio::test]
async fn the_recommended_template_tells_everything() -> anyhow::Result<()> {
    let caller = Caller::with_two_services().await?;
    let receiver = Receiver::start().await?;
    let problem = failing(&caller);
    let webhook = Webhook::new(&receiver.url).header("x-unbreakable-token", "sesame");
    let delivered = problem.notify(&webhook, Announced::Open).await?;
    assert_eq!((delivered.status, delivered.body.as_str()), (202, "heard"));

    let headers = &receiver.heard()[0].headers;
    assert_eq!(headers["x-unbreakable-token"], "sesame");
    assert_eq!(headers["content-type"], "application/json; charset=utf-8");
    let details = format!("/api/v2/problems/{}", problem.id());
    let fields = [("fields", "evidenceDetails,impactAnalysis")];
    assert_eq!(
        last(&receiver)?,
        json!({
            "State": "OPEN",
            "PID": problem.id(),
            "ProblemID": problem.display_id(),
            "ProblemTitle": r#"Failures in "Front""#,
            "ProblemImpact": "SERVICE",
            "ProblemSeverity": "ERROR",
            "ProblemURL": format!(
                "{}/#problems/problemdetails;pid={}", caller.tenant.url(), problem.id(),
            ),
            "Tags": "DeploymentGroup:Staging",
            "ImpactedEntities": entities(),
            "ImpactedEntity": r#"Failures in "Front" for Front, SERVICE-GONE"#,
            "ProblemDetailsJSONv2": caller.get(&details, &fields).await?.ok()?,
        })
    );
    Ok(())
}

#[tokio::test]
async fn the_template_of_2018_has_entities_as_json_or_as_text() -> anyhow::Result<()> {
    let caller = Caller::with_two_services().await?;
    let receiver = Receiver::start().await?;
    let problem = failing(&caller);
    for template in [Template::Of2018, Template::Of2018Quoted] {
        let quoted = template == Template::Of2018Quoted;
        let webhook = Webhook::new(&receiver.url).template(template);
        problem.notify(&webhook, Announced::Open).await?;
        let body = last(&receiver)?;
        assert_eq!(body["PID"], problem.id());
        assert_eq!(body["State"], "OPEN");
        let impacted = match &body["ImpactedEntities"] {
            Value::String(text) if quoted => serde_json::from_str(text)?,
            other if !quoted => other.clone(),
            other => anyhow::bail!("{other}"),
        };
        assert_eq!(impacted, entities());
    }
    Ok(())
}

#[tokio::test]
async fn every_state_is_announced_as_often_as_asked() -> anyhow::Result<()> {
    let caller = Caller::with_two_services().await?;
    let receiver = Receiver::start().await?;
    let webhook = Webhook::new(&receiver.url);
    let problem = failing(&caller);
    problem.resolve(NOW);
    let announced = [
        (Announced::Open, "OPEN"),
        (Announced::Open, "OPEN"),
        (Announced::Resolved, "RESOLVED"),
        (Announced::Merged, "MERGED"),
        (Announced::Other("PAUSED"), "PAUSED"),
    ];
    for (state, text) in announced {
        problem.notify(&webhook, state).await?;
        assert_eq!(last(&receiver)?["State"], text);
    }
    assert_eq!(receiver.heard().len(), announced.len());
    Ok(())
}

#[tokio::test]
async fn other_placeholders_are_filled_where_they_are_known() -> anyhow::Result<()> {
    let caller = Caller::with_two_services().await?;
    let receiver = Receiver::start().await?;
    let problem = failing(&caller);
    let text = "{Tags[DeploymentGroup]}|{Tags[other]}|{ImpactedEntityNames}|{Unheard}|{PID}";
    let webhook = Webhook::new(&receiver.url)
        .template(Template::Own(text.into()))
        .unknown_placeholder("PID");
    problem.notify(&webhook, Announced::Open).await?;
    assert_eq!(
        receiver.heard()[0].body,
        "DeploymentGroup:Staging||Front, SERVICE-GONE|{Unheard}|{PID}"
    );

    let text = "[{ProblemDetailsJSON}]";
    let webhook = Webhook::new(&receiver.url).template(Template::Own(text.into()));
    problem.notify(&webhook, Announced::Open).await?;
    assert_eq!(last(&receiver)?[0]["id"], problem.id());
    Ok(())
}

#[tokio::test]
async fn tests_of_a_webhook_differ_from_tenant_to_tenant() -> anyhow::Result<()> {
    let caller = Caller::start().await?;
    let receiver = Receiver::start().await?;
    for (run, pid, number, details) in [
        (
            TestRun::Documented,
            "99999",
            "999",
            json!({ "ID": "99999" }),
        ),
        (TestRun::Recorded, "99999", "999", json!({ "id": "99999" })),
        (
            TestRun::OldTenant,
            "{PID}",
            "TESTID",
            json!({ "ID": "99999" }),
        ),
    ] {
        for template in [
            Template::Recommended,
            Template::Of2018,
            Template::Of2018Quoted,
        ] {
            let webhook = Webhook::new(&receiver.url).template(template.clone());
            let delivered = caller.tenant.test_notification(&webhook, run).await?;
            assert_eq!(delivered.status, 202);
            let body = last(&receiver)?;
            assert_eq!(
                (&body["PID"], &body["ProblemID"]),
                (&json!(pid), &json!(number))
            );
            assert_eq!(body["State"], "OPEN");
            assert_eq!(
                body["ProblemTitle"],
                "Dynatrace problem notification test run"
            );
            let impacted = body["ImpactedEntities"].to_string();
            assert!(impacted.contains("SERVICE-XXXXXXXXXXXXX"), "{impacted}");
            if template == Template::Recommended {
                assert_eq!(body["ProblemDetailsJSONv2"], details);
            }
        }
    }
    Ok(())
}

#[tokio::test]
async fn a_receiver_that_is_not_there_is_an_error() -> anyhow::Result<()> {
    let caller = Caller::with_two_services().await?;
    let gone = fake_dynatrace::Tenant::start().await?;
    gone.stop().await;
    let webhook = Webhook::new(gone.url());
    assert!(
        failing(&caller)
            .notify(&webhook, Announced::Open)
            .await
            .is_err()
    );
    Ok(())
}
