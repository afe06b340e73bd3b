//! The shape of the file for editors: the types the JSON Schema is generated from.
//!
//! The schema knows what a file may say; what makes sense is for the linter.

use std::collections::BTreeMap;

use schemars::JsonSchema;

use crate::comparison::{MissingBaseline, OpenProblems, WhenInconclusive};
use crate::signature::{BoundSide, Merge};
use crate::spec::EntityType;

/// The JSON Schema of a monspec file, as text that ends with a line break.
pub fn schema() -> String {
    lint::schema::<File>()
}

/// A monspec: service entries by name. Fields that begin with `_` are comments.
#[derive(JsonSchema)]
#[schemars(title = "monspec", extend("patternProperties" = {"^(_|\\$schema$)": true}))]
struct File(#[expect(dead_code, reason = "only its shape is used")] BTreeMap<String, Entry>);

/// A service, application, host or process and what is expected of it.
#[derive(JsonSchema)]
#[expect(dead_code, reason = "only its shape is used")]
#[schemars(deny_unknown_fields, extend("patternProperties" = {"^(_|status$)": true}))]
struct Entry {
    /// What kind of entity the tags of the environments select.
    etype: EntityType,
    /// The name shown to people.
    name: Option<String>,
    /// Who answers for this service.
    owner: Option<String>,
    /// Where it runs, by the name of the environment.
    #[schemars(extend("patternProperties" = {"^_": true}))]
    environments: BTreeMap<String, Environment>,
    /// Which environments or timeframes are compared.
    comparisons: Option<Vec<Comparison>>,
    /// What is judged.
    perfsignature: Option<Vec<Signature>>,
    /// What is judged about single methods of a service.
    servicemethods: Option<Vec<Method>>,
}

/// The entities that carry all of these tags.
#[derive(JsonSchema)]
#[expect(dead_code, reason = "only its shape is used")]
#[schemars(deny_unknown_fields, extend("patternProperties" = {"^_": true}))]
struct Environment {
    /// At least one tag.
    #[schemars(length(min = 1))]
    tags: Vec<Tag>,
}

/// One Dynatrace tag.
#[derive(JsonSchema)]
#[expect(dead_code, reason = "only its shape is used")]
#[schemars(deny_unknown_fields, extend("patternProperties" = {"^_": true}))]
struct Tag {
    /// Where the tag was imported from; CONTEXTLESS or nothing for tags made in Dynatrace itself.
    context: Option<String>,
    /// The tag's name.
    key: String,
    /// The tag's value, when it has one.
    value: Option<String>,
}

/// A named pairing of two environments, or of one environment at two times.
#[derive(JsonSchema)]
#[expect(dead_code, reason = "only its shape is used")]
#[schemars(deny_unknown_fields, rename_all = "camelCase", extend("patternProperties" = {"^_": true}))]
struct Comparison {
    /// The name that a pipeline refers to.
    name: String,
    /// The environment of the new build.
    source: String,
    /// The environment that it is compared with; without one only static limits can be judged.
    compare: Option<String>,
    /// How many percent the new build may be worse: `default`, and exceptions by metric id or smartscape name.
    #[schemars(extend("patternProperties" = {"^_": true}))]
    scalefactorperc: Option<BTreeMap<String, Number>>,
    /// How many seconds the window of the source lies in the past.
    shiftsourcetimeframe: Option<Number>,
    /// How many seconds the window of the baseline lies in the past.
    shiftcomparetimeframe: Option<Number>,
    /// What follows when the verdict is inconclusive; `hold` when left out.
    when_inconclusive: Option<WhenInconclusive>,
    /// What a baseline that does not exist yet means; `inconclusive` when left out.
    missing_baseline: Option<MissingBaseline>,
    /// What a problem that was open on the environment of the new build means; `tell` when left out.
    open_problems: Option<OpenProblems>,
}

/// One metric or relationship count that is judged; exactly one of `timeseries`, `selector` and `smartscape`.
#[derive(JsonSchema)]
#[expect(dead_code, reason = "only its shape is used")]
#[schemars(deny_unknown_fields, extend(
    "patternProperties" = {"^(_|actual(Source|Compare)Value$|actual(Upper|Lower)Limit$|status$)": true},
    "oneOf" = [{"required": ["timeseries"]}, {"required": ["selector"]}, {"required": ["smartscape"]}],
))]
struct Signature {
    /// A metric by its id in the first Dynatrace API.
    timeseries: Option<String>,
    /// The number of relationships of one kind.
    #[schemars(regex(pattern = "^(from|to)Relationships:."))]
    smartscape: Option<String>,
    /// A metric selector of Dynatrace API v2, sent as it is written.
    selector: Option<String>,
    /// How the values of the window become one number; `avg` when left out.
    #[schemars(regex(pattern = "^(min|max|avg|sum|count|median|p[0-9]+([.][0-9]+)?)$"))]
    aggregate: Option<String>,
    /// Which side is bounded when the limit derives from a baseline; `upper` when left out.
    validate: Option<BoundSide>,
    /// The static upper limit.
    upperlimit: Option<Number>,
    /// The static lower limit.
    lowerlimit: Option<Number>,
    /// How several entities become one number; `tenant` when left out.
    merge: Option<Merge>,
}

/// One method of a service.
#[derive(JsonSchema)]
#[expect(dead_code, reason = "only its shape is used")]
#[schemars(deny_unknown_fields, extend("patternProperties" = {"^(_|status$)": true}))]
struct Method {
    /// The method's name in Dynatrace.
    name: String,
    /// What is judged.
    perfsignature: Vec<Signature>,
}

/// A number, or a text that holds one.
#[derive(JsonSchema)]
#[expect(dead_code, reason = "only its shape is used")]
#[schemars(untagged)]
enum Number {
    Plain(f64),
    Quoted(#[schemars(regex(pattern = "^ *[-+]?[0-9.]+([eE][-+]?[0-9]+)? *$"))] String),
}

#[cfg(test)]
mod tests;
