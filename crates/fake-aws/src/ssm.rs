//! The parameter store, as far as functions read it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::clock::{Clock, epoch_seconds};
use crate::protocol::JsonError;
use crate::protocol::{ACCOUNT, REGION};

/// The parameters of one endpoint; clones share them.
#[derive(Clone, Debug)]
pub struct Parameters {
    clock: Clock,
    parameters: Arc<Mutex<BTreeMap<String, Parameter>>>,
}

/// How a parameter is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Plain text, readable without decryption.
    String,
    /// Encrypted; without decryption the reader gets the ciphertext.
    SecureString,
}

/// Not `Debug`: values of secure parameters are secrets even in a lab's log.
struct Parameter {
    kind: Kind,
    value: String,
    version: u32,
    modified: Timestamp,
}

impl std::fmt::Debug for Parameter {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Parameter")
            .field("kind", &self.kind)
            .field("version", &self.version)
            .finish_non_exhaustive()
    }
}

impl Parameters {
    pub(crate) fn new(clock: Clock) -> Self {
        Self {
            clock,
            parameters: Arc::default(),
        }
    }

    /// Creates a parameter, or rotates it: its version grows by one.
    pub fn put(&self, name: &str, kind: Kind, value: &str) {
        let mut parameters = self.lock();
        let version = parameters.get(name).map_or(1, |known| known.version + 1);
        let parameter = Parameter {
            kind,
            value: value.to_owned(),
            version,
            modified: self.clock.now(),
        };
        parameters.insert(name.to_owned(), parameter);
    }

    /// Deletes a parameter; readers then learn that it does not exist.
    pub fn remove(&self, name: &str) {
        self.lock().remove(name);
    }

    pub(crate) fn serve(&self, operation: &str, input: Value) -> Result<Value, JsonError> {
        match operation {
            "GetParameter" => self.get_parameter(&parse(input)?),
            "GetParameters" => self.get_parameters(&parse(input)?),
            _ => Err(JsonError::unknown_operation(operation)),
        }
    }

    fn get_parameter(&self, input: &GetParameter) -> Result<Value, JsonError> {
        let parameters = self.lock();
        let parameter = parameters.get(&input.name).ok_or_else(|| JsonError {
            code: "ParameterNotFound",
            message: format!("Parameter {} not found.", input.name),
        })?;
        Ok(json!({"Parameter": shown(&input.name, parameter, input.with_decryption)}))
    }

    fn get_parameters(&self, input: &GetParameters) -> Result<Value, JsonError> {
        if input.names.is_empty() || 10 < input.names.len() {
            return Err(JsonError {
                code: "ValidationException",
                message: "Names must hold between 1 and 10 names".to_owned(),
            });
        }
        let parameters = self.lock();
        let (known, unknown): (Vec<_>, Vec<_>) = input
            .names
            .iter()
            .partition(|name| parameters.contains_key(*name));
        let shown: Vec<_> = known
            .into_iter()
            .map(|name| shown(name, &parameters[name], input.with_decryption))
            .collect();
        Ok(json!({"Parameters": shown, "InvalidParameters": unknown}))
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Parameter>> {
        self.parameters
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct GetParameter {
    name: String,
    #[serde(default)]
    with_decryption: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct GetParameters {
    names: Vec<String>,
    #[serde(default)]
    with_decryption: bool,
}

fn parse<Input: for<'a> Deserialize<'a>>(input: Value) -> Result<Input, JsonError> {
    serde_json::from_value(input).map_err(|error| JsonError {
        code: "ValidationException",
        message: error.to_string(),
    })
}

fn shown(name: &str, parameter: &Parameter, with_decryption: bool) -> Value {
    let (kind, value) = match parameter.kind {
        Kind::String => ("String", parameter.value.clone()),
        Kind::SecureString if with_decryption => ("SecureString", parameter.value.clone()),
        Kind::SecureString => ("SecureString", ciphertext(parameter.version)),
    };
    json!({
        "Name": name,
        "Type": kind,
        "Value": value,
        "Version": parameter.version,
        "LastModifiedDate": epoch_seconds(parameter.modified),
        "ARN": format!("arn:aws:ssm:{REGION}:{ACCOUNT}:parameter/{}", name.trim_start_matches('/')),
        "DataType": "text",
    })
}

/// Looks like an encrypted value and holds nothing of the real one, so a
/// function that forgets to ask for decryption cannot work by accident.
fn ciphertext(version: u32) -> String {
    STANDARD.encode(format!("lab ciphertext, version {version}"))
}
