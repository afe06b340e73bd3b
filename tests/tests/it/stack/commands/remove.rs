//! `infra/remove`, in an account that is not asked.

use serde_json::json;

use super::Place;

const TABLE: &str = "unbreakable-LedgerTable-1ABC";

#[test]
fn table_is_deleted_once_its_protection_is_off() {
    let place = Place::new("remove-data");
    place.answers("dynamodb.list-tables", &json!({"TableNames": [TABLE]}));
    place.refuses("s3api.head-bucket", "404", "Not Found");

    place.succeeds("remove", &["--yes", "--delete-data"]);

    let calls = place.calls();
    let order: Vec<&str> = calls
        .lines()
        .filter(|call| call.contains(TABLE))
        .map(|call| call.split(" --").next().unwrap())
        .collect();
    let expected = ["update-table", "wait table-exists", "delete-table"];
    assert_eq!(order, expected.map(|call| format!("dynamodb {call}")));
}

#[test]
fn what_goes_with_the_stack_is_said_before_it_goes() {
    let place = Place::new("remove-said");
    place.answers("dynamodb.list-tables", &json!({"TableNames": []}));
    place.refuses("s3api.head-bucket", "404", "Not Found");
    let with_it = "that were not replayed";

    assert!(!place.succeeds("remove", &["--dry-run"]).contains(with_it));
    place.stands("UPDATE_COMPLETE", &[]);
    let said = place.succeeds("remove", &["--dry-run"]);

    for what in ["log groups", "queue of failures", with_it] {
        assert!(said.contains(what), "{said}");
    }
}

#[test]
fn stack_that_cannot_be_deleted_says_why() {
    let place = Place::new("remove-fails");
    place.stands("UPDATE_COMPLETE", &[]);
    place.answers("dynamodb.list-tables", &json!({"TableNames": []}));
    place.refuses("s3api.head-bucket", "404", "Not Found");
    place.refuses("cloudformation.wait", "Waiter", "terminal failure state");
    let event = |status: &str, why: &str| {
        json!({
            "LogicalResourceId": "HandleProblemRole", "ResourceStatus": status,
            "ResourceStatusReason": why, "ResourceType": "AWS::IAM::Role",
        })
    };
    let begins = json!({
        "LogicalResourceId": "unbreakable", "ResourceStatus": "DELETE_IN_PROGRESS",
        "ResourceType": "AWS::CloudFormation::Stack",
    });
    let events = [
        event(
            "DELETE_FAILED",
            "Cannot delete entity, must detach all policies first.",
        ),
        begins,
        event("CREATE_FAILED", "That was last year."),
    ];
    let call = "cloudformation.describe-stack-events";
    place.answers(call, &json!({"StackEvents": events}));

    let said = place.fails("remove", &["--yes"]);

    assert!(said.contains("HandleProblemRole: Cannot delete"), "{said}");
    assert!(!said.contains("last year"), "{said}");
}
