//! Recognises files of related formats, so that they get one message instead of one
//! for each field.

use lint::{Member, Node, Place, Report, Value};

/// A related format.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Dialect {
    /// The specification of the Jenkins plugin.
    PerformanceSignature,
    /// The name of a pipeline and its links.
    PipelineInfo,
    /// Pitometer's `perfspec.json`.
    Perfspec,
    /// Keptn's `slo.yaml`, which may be JSON too.
    Slo,
}

impl Dialect {
    /// The format of a text that is not JSON; `None` if unknown.
    pub(super) fn of_text(text: &str) -> Option<Self> {
        let keys = |wanted: &str| {
            let mut lines = text.lines();
            lines.any(|line| {
                line.strip_prefix(wanted)
                    .is_some_and(|rest| rest.starts_with(':'))
            })
        };
        let is_slo = keys("objectives") && (keys("spec_version") || text.contains("- sli:"));
        is_slo.then_some(Self::Slo)
    }

    /// The format of a file by its top-level fields; `None` for a monspec.
    pub(super) fn of(root: &Node) -> Option<Self> {
        let Value::Object(members) = &root.value else {
            return None;
        };
        let field = |key: &str| {
            let member = members.iter().find(|member: &&Member| member.key == key);
            member.map(|member| &member.node.value)
        };
        let is_list = |key| matches!(field(key), Some(Value::List(_)));
        let is_text = |key| matches!(field(key), Some(Value::Text(_)));
        if is_list("timeseries") {
            Some(Self::PerformanceSignature)
        } else if is_list("indicators") {
            Some(Self::Perfspec)
        } else if is_list("objectives") {
            Some(Self::Slo)
        } else if is_text("displayName") && (is_text("configUrl") || is_text("favicon")) {
            Some(Self::PipelineInfo)
        } else {
            None
        }
    }

    /// The message: the format of the file and what to do.
    pub(super) fn tell(self, top: &Place, report: &mut Report<'_>) {
        let (what, fix) = match self {
            Self::PerformanceSignature => (
                "a specification of the Jenkins plugin Performance Signature",
                "write a service entry and make each of the `timeseries` an element of its \
                 `perfsignature`: `timeseriesId` is called `timeseries` there, `aggregation` \
                 `aggregate`, the limits `upperlimit` and `lowerlimit`, and `tags` belong to an \
                 environment",
            ),
            Self::PipelineInfo => (
                "a pipelineinfo.json, which describes a pipeline",
                "name the monspec that lies beside it, `monspec.json` as a rule",
            ),
            Self::Perfspec => (
                "a perfspec of Pitometer",
                "write a service entry and make each of the `indicators` an element of its \
                 `perfsignature`: `timeseriesId` is called `timeseries` there, `aggregation` \
                 `aggregate`, `upperSevere` `upperlimit`, `lowerSevere` `lowerlimit`; there are \
                 no scores, every signature has to hold",
            ),
            Self::Slo => (
                "an SLO file of Keptn",
                "write a service entry and make each of the `objectives` an element of its \
                 `perfsignature`: the query of its `sli` is the `selector`, a criterion such as \
                 `<600` is an `upperlimit`, and `<=+10%` a `scalefactorperc` of 10 in the \
                 comparison; there are no scores, every signature has to hold",
            ),
        };
        report.error(top, format!("this is no monspec but {what}"), fix);
    }
}

#[cfg(test)]
mod tests {
    use crate::read;

    /// The only message about a file.
    fn told(text: &str) -> String {
        let reading = read(text, |_| None);
        assert!(reading.spec.is_none());
        let [message] = reading.messages.as_slice() else {
            panic!("expected one message: {:#?}", reading.messages);
        };
        message.to_string()
    }

    #[test]
    fn file_of_another_dialect_is_told_once_what_it_is() {
        for (text, what, fix) in [
            (
                r#"{ "lowerLimit": 0.5, "timeseries": [
                    { "timeseriesId": "com.dynatrace.builtin:service.responsetime", "aggregation": "avg", "tags": "app:carts" }
                ] }"#,
                "Jenkins plugin Performance Signature",
                "`timeseriesId` is called `timeseries`",
            ),
            (
                r#"{ "displayName": "Sample", "favicon": "https://a.example/a.svg", "configUrl": "https://a.example",
                    "tags": ["One"], "properties": { "region": "us-west-2" } }"#,
                "pipelineinfo.json",
                "name the monspec",
            ),
            (
                r#"{ "spec_version": "1.1", "objectives": { "pass": 90, "warning": 70 },
                    "indicators": [{ "id": "a", "source": "Dynatrace", "grading": {} }] }"#,
                "a perfspec of Pitometer",
                "`upperSevere` `upperlimit`",
            ),
            (
                r#"{ "spec_version": "1.0", "objectives": [{ "sli": "response_time_p95", "pass": [] }] }"#,
                "an SLO file of Keptn",
                "`<600` is an `upperlimit`",
            ),
            (
                "---\nspec_version: \"0.1.1\"\ncomparison:\n  compare_with: \"single_result\"\nobjectives:\n  - sli: \"response_time_p95\"\n    pass:\n      - criteria:\n          - \"<=+10%\"\n",
                "an SLO file of Keptn",
                "`scalefactorperc` of 10",
            ),
        ] {
            let told = told(text);
            assert!(
                told.starts_with("1:1: error: this is no monspec but"),
                "{told}"
            );
            assert!(told.contains(what) && told.contains(fix), "{told}");
        }
    }

    #[test]
    fn service_that_is_called_like_a_field_of_another_dialect_is_read() {
        for name in ["timeseries", "indicators", "objectives", "displayName"] {
            let text = format!(
                r#"{{ "{name}": {{ "etype": "SERVICE", "environments": {{ "S": {{ "tags": [{{ "key": "a" }}] }} }} }} }}"#
            );
            assert_eq!(read(&text, |_| None).messages, [], "{name}");
        }
    }
}
