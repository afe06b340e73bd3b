//! Who invokes the function, told from the shape of the event.

use std::collections::BTreeSet;

use anyhow::{Context as _, bail, ensure};
use lambda::http;
use serde_json::Value;

/// The longest request or notice that is read, in bytes.
pub(crate) const LARGEST_BODY: usize = 256 * 1024;

/// How many notices one event of SNS may carry; SNS itself sends one.
const MOST_RECORDS: usize = 10;

/// Who invokes the function.
#[derive(Debug)]
pub(crate) enum Trigger<'a> {
    /// A pipeline action.
    Job(&'a Value),
    /// CodeDeploy, about deployments with these ids, each named once; and what
    /// is wrong with other notices. Those about one instance need no announcement.
    Deployments(Vec<anyhow::Result<String>>),
    /// Somebody over HTTP, who has to show the secret.
    Http(http::Request),
    /// A caller who may invoke functions, with the parameters.
    Direct(&'a Value),
}

/// Reads an event.
pub(crate) fn read(event: &Value) -> anyhow::Result<Trigger<'_>> {
    if let Some(job) = event.get("CodePipeline.job") {
        return Ok(Trigger::Job(job));
    }
    if let Some(request) = http::Request::of(event) {
        return Ok(Trigger::Http(request));
    }
    if let Some(records) = event.get("Records").and_then(Value::as_array) {
        ensure!(
            records.len() <= MOST_RECORDS,
            "the event carries more than {MOST_RECORDS} notices"
        );
        return Ok(deployments(records.iter().map(of_record)));
    }
    if event["source"] == "aws.codedeploy" {
        let detail = match event["detail-type"].as_str() {
            Some("CodeDeploy Deployment State-change Notification") => Some(&event["detail"]),
            _ => None,
        };
        return Ok(deployments([detail.map(deployment_id).transpose()]));
    }
    http::refuse_bare_body(event, &["eventBody"])?;
    ensure!(event.is_object(), "the event is no JSON object");
    Ok(Trigger::Direct(event))
}

fn deployments(
    notices: impl IntoIterator<Item = anyhow::Result<Option<String>>>,
) -> Trigger<'static> {
    let mut named = BTreeSet::new();
    let notices = notices.into_iter().filter_map(Result::transpose);
    // Two that are announced at the same time do not see each other's.
    let notices = notices.filter(|notice| match notice {
        Ok(id) => named.insert(id.clone()),
        Err(_) => true,
    });
    Trigger::Deployments(notices.collect())
}

/// The deployment that a message of CodeDeploy's own triggers is about; none, if
/// it is about one instance. It is a string, with times and counts of many shapes;
/// only the id is used.
fn of_record(record: &Value) -> anyhow::Result<Option<String>> {
    let message = record["Sns"]["Message"]
        .as_str()
        .context("the event is not one of SNS")?;
    ensure!(
        message.len() <= LARGEST_BODY,
        "the notice is larger than what is read"
    );
    // What stands there is not repeated.
    let Ok(notice) = serde_json::from_str::<Value>(message) else {
        bail!("the notice is not one of a CodeDeploy trigger: it is no JSON");
    };
    if notice.get("instanceId").is_some_and(|id| !id.is_null()) {
        return Ok(None);
    }
    deployment_id(&notice).map(Some)
}

fn deployment_id(notice: &Value) -> anyhow::Result<String> {
    let id = notice["deploymentId"]
        .as_str()
        .context("the notice names no `deploymentId`")?;
    let is_id = id.len() <= 100 && id.chars().all(|c| c.is_ascii_alphanumeric() || c == '-');
    ensure!(
        is_id,
        "the notice's `deploymentId` is not one of CodeDeploy"
    );
    Ok(id.to_owned())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn sns(message: &str) -> Value {
        json!({"Records": [{"EventSource": "aws:sns", "Sns": {"Message": message}}]})
    }

    fn ids(event: &Value) -> Vec<String> {
        match read(event).unwrap() {
            Trigger::Deployments(notices) => notices.into_iter().map(Result::unwrap).collect(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn notices_of_codedeploy_are_read_in_all_their_shapes() {
        for message in [
            r#"{"deploymentId":"d-75I7MBT7C","status":"CREATED","createTime":"Fri Jan 19 08:07:10 UTC 2018","completeTime":null}"#,
            r#"{"deploymentId":"d-75I7MBT7C","status":"Succeeded","createTime":"1446744188.595","deploymentOverview":"{\"Failed\":0}"}"#,
        ] {
            assert_eq!(ids(&sns(message)), ["d-75I7MBT7C"]);
        }
        let event = json!({
            "source": "aws.codedeploy",
            "detail-type": "CodeDeploy Deployment State-change Notification",
            "detail": {"deploymentId": "d-75I7MBT7C", "state": "SUCCESS"},
        });
        assert_eq!(ids(&event), ["d-75I7MBT7C"]);
    }

    #[test]
    fn notice_about_an_instance_announces_nothing() {
        let of_instance = sns(r#"{"deploymentId":"d-1","instanceId":"arn:aws:ec2:i-1"}"#);
        let event = json!({"source": "aws.codedeploy", "detail-type": "CodeDeploy Instance State-change Notification"});
        assert!(ids(&of_instance).is_empty());
        assert!(ids(&event).is_empty());
    }

    #[test]
    fn event_that_is_nobodys_is_refused_without_what_it_holds() {
        for (event, told) in [
            (sns("the secret"), "it is no JSON"),
            (
                sns(r#"{"deploymentId":"d-1\n2026 the secret"}"#),
                "not one of CodeDeploy",
            ),
            (sns("{}"), "names no `deploymentId`"),
            (json!({"Records": [{"s3": "the secret"}]}), "not one of SNS"),
            (
                json!({"eventBody": {"deployment": "the secret"}}),
                "proxy integration",
            ),
            (json!("the secret"), "no JSON object"),
        ] {
            let refused = match read(&event) {
                Ok(Trigger::Deployments(mut notices)) => notices.remove(0).unwrap_err(),
                read => read.unwrap_err(),
            };
            let refused = refused.to_string();
            assert!(refused.contains(told), "{refused}");
            assert!(!refused.contains("the secret"), "{refused}");
        }
    }

    #[test]
    fn request_over_http_is_never_taken_for_a_direct_call() {
        for event in [
            json!({"httpMethod": "POST", "body": "{}"}),
            json!({"requestContext": {"http": {"method": "POST"}}, "body": "{}"}),
            json!({"httpMethod": "POST", "Records": [], "source": "aws.codedeploy"}),
        ] {
            assert!(matches!(read(&event).unwrap(), Trigger::Http(_)), "{event}");
        }
    }
}
