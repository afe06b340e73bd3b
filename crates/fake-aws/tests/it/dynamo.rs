//! The database is a real one, and one's own.

use std::path::Path;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::{
    AttributeDefinition, AttributeValue, BillingMode, KeySchemaElement, KeyType,
    ScalarAttributeType,
};
use fake_aws::dynamo::Dynamo;

#[tokio::test]
async fn conditional_write_succeeds_once() {
    let dynamo = Dynamo::start().await.unwrap();
    let client = dynamo.client();
    create_table(&client).await;
    let put = || {
        let put = client.put_item().table_name("Claims");
        put.item("id", AttributeValue::S("one".into()))
            .condition_expression("attribute_not_exists(id)")
            .send()
    };

    put().await.unwrap();
    let second = put().await.unwrap_err().into_service_error();
    assert!(second.is_conditional_check_failed_exception());
}

#[tokio::test]
async fn two_databases_share_nothing() {
    let first = Dynamo::start().await.unwrap();
    let second = Dynamo::start().await.unwrap();
    create_table(&first.client()).await;
    assert_ne!(first.url(), second.url());
    assert!(
        second
            .client()
            .list_tables()
            .send()
            .await
            .unwrap()
            .table_names()
            .is_empty()
    );
}

#[tokio::test]
async fn kept_database_is_there_again() {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("kept-database");
    // It is there if an earlier run was cut off.
    let _ = std::fs::remove_dir_all(&folder);

    let dynamo = Dynamo::open(&folder).await.unwrap();
    assert!(dynamo.tables().await.unwrap().is_empty());
    create_table(&dynamo.client()).await;
    drop(dynamo);

    let dynamo = Dynamo::open(&folder).await.unwrap();
    assert_eq!(dynamo.tables().await.unwrap(), ["Claims"]);
    std::fs::remove_dir_all(&folder).unwrap();
}

async fn create_table(client: &Client) {
    let key = KeySchemaElement::builder()
        .attribute_name("id")
        .key_type(KeyType::Hash);
    let id = AttributeDefinition::builder()
        .attribute_name("id")
        .attribute_type(ScalarAttributeType::S);
    client
        .create_table()
        .table_name("Claims")
        .key_schema(key.build().unwrap())
        .attribute_definitions(id.build().unwrap())
        .billing_mode(BillingMode::PayPerRequest)
        .send()
        .await
        .unwrap();
}
