//! Reads flags with the OFREP provider of Rust, as an application does.
//!
//! Each line of the input is a JSON list: the name of a type, the name of a flag,
//! the code's default, and the fields of the context. Each line of the output is
//! what the provider made of the answer. It gives every value the same reason, so
//! there is none here.

use std::io::BufRead as _;

use open_feature::provider::{FeatureProvider as _, ResolutionDetails};
use open_feature::{EvaluationContext, EvaluationError, StructValue, Value};
use open_feature_ofrep::{OfrepOptions, OfrepProvider};
use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderValue};
use serde_json::{Value as Json, json};

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let mut arguments = std::env::args().skip(1);
    let (url, key) = (arguments.next().unwrap(), arguments.next().unwrap());
    let mut headers = HeaderMap::new();
    let bearer = HeaderValue::try_from(format!("Bearer {key}")).unwrap();
    headers.insert(AUTHORIZATION, bearer);
    let options = OfrepOptions {
        base_url: url,
        headers,
        ..OfrepOptions::default()
    };
    let provider = OfrepProvider::new(options).await.unwrap();
    for line in std::io::stdin().lock().lines() {
        let (kind, flag, default, fields): (String, String, Json, serde_json::Map<String, Json>) =
            serde_json::from_str(&line.unwrap()).unwrap();
        let mut context = EvaluationContext::default();
        for (name, value) in fields {
            let value = value.as_str().unwrap();
            context = match name.as_str() {
                "targetingKey" => context.with_targeting_key(value),
                _ => context.with_custom_field(name, value),
            };
        }
        let told = match kind.as_str() {
            "boolean" => told(default, provider.resolve_bool_value(&flag, &context).await),
            "string" => told(
                default,
                provider.resolve_string_value(&flag, &context).await,
            ),
            "integer" => told(default, provider.resolve_int_value(&flag, &context).await),
            "float" => told(default, provider.resolve_float_value(&flag, &context).await),
            "object" => {
                let read = provider.resolve_struct_value(&flag, &context).await;
                let read = read.map(|details| ResolutionDetails {
                    value: object(&details.value),
                    variant: details.variant,
                    reason: details.reason,
                    flag_metadata: details.flag_metadata,
                });
                told(default, read)
            }
            other => panic!("there is no type {other}"),
        };
        println!("{told}");
    }
}

fn told<T: Into<Json>>(default: Json, read: Result<ResolutionDetails<T>, EvaluationError>) -> Json {
    match read {
        Ok(details) => json!({
            "value": details.value.into(), "variant": details.variant, "error": null,
        }),
        Err(error) => json!({
            "value": default, "variant": null, "error": format!("{:?}", error.code),
        }),
    }
}

fn object(value: &StructValue) -> Json {
    let fields = value.fields.iter();
    fields
        .map(|(name, value)| (name.clone(), plain(value)))
        .collect::<serde_json::Map<_, _>>()
        .into()
}

fn plain(value: &Value) -> Json {
    match value {
        Value::Bool(value) => json!(value),
        Value::Int(value) => json!(value),
        Value::Float(value) => json!(value),
        Value::String(value) => json!(value),
        Value::Array(values) => values.iter().map(plain).collect(),
        Value::Struct(value) => object(value),
    }
}
