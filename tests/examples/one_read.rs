//! The smallest function that reads an item: what the reading of flags is held
//! against.

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::AttributeValue;
use lambda_runtime::{Error, LambdaEvent, service_fn};
use serde_json::{Value, json};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let client = Client::new(&lambda::clients::aws().await?);
    let table = lambda::settings::required("FLAGS_TABLE", "the name of the table of flags")?;
    lambda_runtime::run(service_fn(|event| read(&client, &table, event))).await
}

async fn read(client: &Client, table: &str, _: LambdaEvent<Value>) -> Result<Value, Error> {
    let found = client
        .get_item()
        .table_name(table)
        .key("pk", AttributeValue::S("set#prod".to_owned()))
        .key("sk", AttributeValue::S("head".to_owned()))
        .consistent_read(true)
        .send()
        .await?;
    Ok(json!(found.item().is_some()))
}
