//! Asks for the parameters that are missing.

use std::collections::BTreeSet;

use maud::{Markup, html};
use monspec::lint::is_hidden;

use crate::frame::Frame;
use crate::records::{Form, Gate};

/// A form that leads to a history, with the names that can be chosen.
pub fn form(frame: &Frame<'_>, form: &Form<'_>) -> String {
    let main = html! {
        h1 { "Which history?" }
        p .lead { "Name a pipeline and one of its comparisons." }
        form method="get" action=(form.action) {
            p {
                label for="pipeline" { "Pipeline" }
                input #pipeline name="pipelineName" required list="pipelines" value=(given(form.pipeline))
                    autocomplete="off" maxlength="200";
                (choices("pipelines", form.gates, |gate| &gate.pipeline))
            }
            p {
                label for="comparison" { "Comparison" }
                input #comparison name="comparisonName" required list="comparisons"
                    value=(given(form.comparison)) autocomplete="off" maxlength="200";
                (choices("comparisons", form.gates, |gate| &gate.comparison))
            }
            p {
                label for="timespan" { "Minutes to look back" }
                input #timespan name="timespan" type="number" min="1" value="10080"
                    aria-describedby="week";
                span #week .muted { " 10080 minutes are 7 days" }
            }
            p { button type="submit" { "Show the history" } }
        }
    };
    frame.document("Which history?", None, &[], &main)
}

fn choices(id: &str, gates: &[Gate], of: impl Fn(&Gate) -> &str) -> Markup {
    let names: BTreeSet<&str> = gates
        .iter()
        .map(of)
        .filter(|name| is_a_name(name))
        .collect();
    html! {
        datalist id=(id) { @for name in names { option value=(name) {} } }
    }
}

/// What was given, to be corrected; nothing where it cannot be a name.
fn given(name: &str) -> &str {
    if is_a_name(name) { name } else { "" }
}

/// Whether a pipeline or a comparison may be called so. What is sent back has
/// to be exact, so it is never cut or rewritten.
fn is_a_name(name: &str) -> bool {
    const LONGEST: usize = 200;
    name.chars().count() <= LONGEST && !name.contains(is_hidden)
}
