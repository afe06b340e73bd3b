//! The fields that each object of a monspec knows.
//!
//! The JSON Schema is generated from other types; a test holds the two equal.

use lint::Shape;

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
