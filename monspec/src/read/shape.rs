//! The fields that each object of a monspec knows.
//!
//! The JSON Schema is generated from other types; a test holds the two equal.

/// The fields of one kind of object.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Shape {
    /// What is read.
    pub(crate) fields: &'static [&'static str],
    /// What the ancestor wrote back into the file: ignored without a word.
    pub(crate) annotations: &'static [&'static str],
}

pub(crate) const ENTRY: Shape = Shape {
    fields: &[
        "etype",
        "name",
        "owner",
        "environments",
        "comparisons",
        "perfsignature",
        "servicemethods",
    ],
    annotations: &["status"],
};

pub(crate) const ENVIRONMENT: Shape = Shape {
    fields: &["tags"],
    annotations: &[],
};

pub(crate) const TAG: Shape = Shape {
    fields: &["context", "key", "value"],
    annotations: &[],
};

pub(crate) const COMPARISON: Shape = Shape {
    fields: &[
        "name",
        "source",
        "compare",
        "scalefactorperc",
        "shiftsourcetimeframe",
        "shiftcomparetimeframe",
        "whenInconclusive",
        "missingBaseline",
        "openProblems",
    ],
    annotations: &[],
};

pub(crate) const SIGNATURE: Shape = Shape {
    fields: &[
        "timeseries",
        "smartscape",
        "selector",
        "aggregate",
        "validate",
        "upperlimit",
        "lowerlimit",
        "merge",
    ],
    annotations: &[
        "actualSourceValue",
        "actualCompareValue",
        "actualUpperLimit",
        "actualLowerLimit",
        "status",
    ],
};

pub(crate) const METHOD: Shape = Shape {
    fields: &["name", "perfsignature"],
    annotations: &["status"],
};
