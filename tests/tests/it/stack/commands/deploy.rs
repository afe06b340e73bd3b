//! `infra/deploy`, `infra/remove` and `infra/sample-pipeline/deploy` in an
//! account that is not asked.

use serde_json::json;

use super::{ACCOUNT, Place};

const FIRST: [&str; 5] = [
    "--no-build",
    "--tenant",
    "https://abc12345.live.dynatrace.com",
    "--pipeline",
    "shop",
];

#[test]
fn code_is_never_uploaded_to_the_bucket_of_another_account() {
    let owner = format!("--expected-bucket-owner {ACCOUNT}");
    let by_hand = [&FIRST[..], &["--bucket", "theirs"]].concat();
    let sample = ["--no-build"];
    for (name, command, arguments) in [
        ("made", "deploy", &FIRST[..]),
        ("by-hand", "deploy", &by_hand),
        ("sample", "sample-pipeline/deploy", &sample),
    ] {
        let place = Place::new(&format!("foreign-bucket-{name}"));
        place.refuses("s3api.head-bucket", "403", "Forbidden");

        let said = place.fails(command, arguments);

        assert!(said.contains("belongs to another account"), "{said}");
        let calls = place.calls();
        assert!(calls.contains(&owner), "{calls}");
        for upload in ["create-bucket", "put-object", "package"] {
            assert!(!calls.contains(upload), "{calls}");
        }
    }
}

#[test]
fn bucket_of_another_account_is_left_alone() {
    let place = Place::new("foreign-bucket-removed");
    place.refuses("s3api.head-bucket", "403", "Forbidden");
    place.answers("dynamodb.list-tables", &json!({"TableNames": []}));

    let said = place.succeeds("remove", &["--yes", "--delete-code"]);

    assert!(said.contains("belongs to another account"), "{said}");
    assert!(!place.calls().contains("s3 rb"), "{said}");
    let said = place.succeeds("sample-pipeline/deploy", &["--remove", "--yes"]);
    assert!(said.contains("belongs to another account"), "{said}");
    assert!(!place.calls().contains("delete-bucket"), "{said}");
}

#[test]
fn rights_to_bundles_end_with_the_folder_of_the_pipeline() {
    let place = Place::new("bundles");
    place.has_pipeline("a-pipeline-with-a-long-name", &[]);

    for (pipeline, folder) in [
        ("shop", "shop"),
        ("a-pipeline-with-a-long-name", "a-pipeline-with-a-lo"),
    ] {
        let said = place.plans(&["--pipeline", pipeline]);

        let bundles = format!("   BundleArns = arn:aws:s3:::artifacts/{folder}/*\n");
        assert!(said.contains(&bundles), "{said}");
    }
}
