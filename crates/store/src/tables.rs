//! The shape of the tables. The template that deploys them is held to it.

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::error::SdkError;
use aws_sdk_dynamodb::types::{
    AttributeDefinition, BillingMode, GlobalSecondaryIndex, KeySchemaElement, KeyType, Projection,
    ProjectionType, ScalarAttributeType, TableDescription, TimeToLiveSpecification,
    TimeToLiveStatus,
};
use sha2::{Digest, Sha256};

use crate::StoreError;
use crate::error::unavailable;

/// The sparse index that finds work.
pub const DUE_INDEX: &str = "due";

/// How many partitions the index is spread over. Constant, because whatever
/// is in it keeps its shard for life.
pub const SHARDS: u8 = 4;

/// One table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Table {
    /// What the design calls it.
    pub name: &'static str,
    /// The partition key, a string.
    pub partition_key: &'static str,
    /// The sort key, a string.
    pub sort_key: &'static str,
    /// An index of a string and a number that projects the keys alone.
    pub index: Option<Index>,
    /// The attribute that ends an item's life, in epoch seconds.
    pub time_to_live: Option<&'static str>,
}

/// A secondary index.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Index {
    /// Its name.
    pub name: &'static str,
    /// The partition key, a string.
    pub partition_key: &'static str,
    /// The sort key, a number.
    pub sort_key: &'static str,
}

/// Validations and everything that belongs to one.
pub const VALIDATIONS: Table = Table {
    name: "Validations",
    partition_key: "pk",
    sort_key: "sk",
    index: Some(Index {
        name: DUE_INDEX,
        partition_key: "dueShard",
        sort_key: "dueAt",
    }),
    time_to_live: Some("expiresAt"),
};

/// Deployments of each group and what is known of them.
pub const LEDGER: Table = Table {
    name: "Ledger",
    partition_key: "pk",
    sort_key: "sk",
    index: None,
    time_to_live: Some("expiresAt"),
};

/// Problems and what is done about them.
pub const REMEDIATIONS: Table = Table {
    name: "Remediations",
    partition_key: "pk",
    sort_key: "sk",
    index: Some(Index {
        name: DUE_INDEX,
        partition_key: "dueShard",
        sort_key: "dueAt",
    }),
    time_to_live: Some("expiresAt"),
};

/// Flags, their histories, keys, and what is owed because of them.
pub const FLAGS: Table = Table {
    name: "Flags",
    partition_key: "pk",
    sort_key: "sk",
    index: Some(Index {
        name: DUE_INDEX,
        partition_key: "dueShard",
        sort_key: "dueAt",
    }),
    time_to_live: Some("expiresAt"),
};

/// Creates `table` under `name`, for places that have no template.
pub async fn create(client: &Client, table: Table, name: &str) -> Result<(), StoreError> {
    let mut request = client
        .create_table()
        .table_name(name)
        .billing_mode(BillingMode::PayPerRequest)
        .attribute_definitions(attribute(table.partition_key, ScalarAttributeType::S))
        .attribute_definitions(attribute(table.sort_key, ScalarAttributeType::S))
        .key_schema(key(table.partition_key, KeyType::Hash))
        .key_schema(key(table.sort_key, KeyType::Range));
    if let Some(index) = table.index {
        request = request
            .attribute_definitions(attribute(index.partition_key, ScalarAttributeType::S))
            .attribute_definitions(attribute(index.sort_key, ScalarAttributeType::N))
            .global_secondary_indexes(
                GlobalSecondaryIndex::builder()
                    .index_name(index.name)
                    .key_schema(key(index.partition_key, KeyType::Hash))
                    .key_schema(key(index.sort_key, KeyType::Range))
                    .projection(
                        Projection::builder()
                            .projection_type(ProjectionType::KeysOnly)
                            .build(),
                    )
                    .build()
                    .expect("name, keys and projection are given"),
            );
    }
    request
        .send()
        .await
        .map_err(|error| unavailable("create a table", error.into_service_error()))?;
    if let Some(attribute) = table.time_to_live {
        client
            .update_time_to_live()
            .table_name(name)
            .time_to_live_specification(
                TimeToLiveSpecification::builder()
                    .enabled(true)
                    .attribute_name(attribute)
                    .build()
                    .expect("both members are given"),
            )
            .send()
            .await
            .map_err(|error| unavailable("set the time to live", error.into_service_error()))?;
    }
    Ok(())
}

/// The partition of the index in which nobody looks for work: what rests there
/// is shown to people, and is due for nobody.
pub(crate) const RESTING: &str = "resting";

/// How a table that is there is not what the store needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Difference {
    /// There is no such table.
    #[error("it does not exist")]
    Absent,
    /// Its items have other keys.
    #[error("its keys are not `{0}` and `{1}`, both strings")]
    Keys(&'static str, &'static str),
    /// What finds work in it is missing or has other keys.
    #[error("it has no index `{0}` of the string `{1}` and the number `{2}`")]
    Index(&'static str, &'static str, &'static str),
    /// Its items live for ever.
    #[error("`{0}` does not end the life of its items")]
    TimeToLive(&'static str),
}

/// How the table of this name differs from `table`.
pub async fn differences(
    client: &Client,
    table: Table,
    name: &str,
) -> Result<Vec<Difference>, StoreError> {
    let described = client.describe_table().table_name(name).send().await;
    let described = match described.map_err(SdkError::into_service_error) {
        Ok(found) => found
            .table
            .unwrap_or_else(|| TableDescription::builder().build()),
        Err(error) if error.is_resource_not_found_exception() => {
            return Ok(vec![Difference::Absent]);
        }
        Err(error) => return Err(unavailable("describe a table", error)),
    };
    let has = |schema: &[KeySchemaElement], keys: [(&str, ScalarAttributeType); 2]| {
        let is = |element: &KeySchemaElement, (name, kind): &(&str, ScalarAttributeType)| {
            let attributes = described.attribute_definitions();
            element.attribute_name() == *name && attributes.contains(&attribute(name, kind.clone()))
        };
        schema.len() == keys.len() && schema.iter().zip(&keys).all(|(one, key)| is(one, key))
    };
    let mut differences = Vec::new();
    let (hash, range) = (table.partition_key, table.sort_key);
    let strings = [
        (hash, ScalarAttributeType::S),
        (range, ScalarAttributeType::S),
    ];
    if !has(described.key_schema(), strings) {
        differences.push(Difference::Keys(hash, range));
    }
    if let Some(index) = table.index {
        let (hash, range) = (index.partition_key, index.sort_key);
        let keys = [
            (hash, ScalarAttributeType::S),
            (range, ScalarAttributeType::N),
        ];
        let mut indexes = described.global_secondary_indexes().iter();
        let found = indexes.find(|found| found.index_name() == Some(index.name));
        if !found.is_some_and(|found| has(found.key_schema(), keys)) {
            differences.push(Difference::Index(index.name, hash, range));
        }
    }
    if let Some(attribute) = table.time_to_live {
        let described = client.describe_time_to_live().table_name(name).send().await;
        let described = described
            .map_err(|error| unavailable("read the time to live", error.into_service_error()))?;
        let ends = described.time_to_live_description().is_some_and(|found| {
            let status = found.time_to_live_status();
            let on = [TimeToLiveStatus::Enabled, TimeToLiveStatus::Enabling];
            found.attribute_name() == Some(attribute) && status.is_some_and(|is| on.contains(is))
        });
        if !ends {
            differences.push(Difference::TimeToLive(attribute));
        }
    }
    Ok(differences)
}

/// The partition of the index that whatever has this id stays in.
pub(crate) fn shard_of(id: &str) -> u8 {
    let digest = Sha256::digest(id.as_bytes());
    digest[0] % SHARDS
}

pub(crate) fn shard_key(shard: u8) -> String {
    format!("due#{shard}")
}

fn attribute(name: &str, kind: ScalarAttributeType) -> AttributeDefinition {
    AttributeDefinition::builder()
        .attribute_name(name)
        .attribute_type(kind)
        .build()
        .expect("name and type are given")
}

fn key(name: &str, kind: KeyType) -> KeySchemaElement {
    KeySchemaElement::builder()
        .attribute_name(name)
        .key_type(kind)
        .build()
        .expect("name and type are given")
}
