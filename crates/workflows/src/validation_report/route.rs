//! The pages, and where each of them is.

use release::validation::ValidationId;

/// Where each page is, and what it is written in where that is not for the
/// reader to wish. `*` stands for whatever folders a front door has before it,
/// `{}` for the id of a validation or a problem, or the name of a flag. The first
/// that fits counts.
pub const ADDRESSES: [(&str, Page, Option<Shape>); 19] = [
    ("/", Page::Start, None),
    ("*/history", Page::History, None),
    ("*/history.json", Page::History, Some(Shape::Json)),
    ("*/BuildValidationResults", Page::History, None),
    (
        "*/BuildValidationResults.json",
        Page::History,
        Some(Shape::Json),
    ),
    ("*/v/{}.json", Page::Evaluation, Some(Shape::Json)),
    ("*/v/{}.xml", Page::Evaluation, Some(Shape::Junit)),
    ("*/v/{}", Page::Evaluation, None),
    ("*/badge.svg", Page::Badge, Some(Shape::Svg)),
    ("*/changes", Page::Changes, None),
    ("*/changes.json", Page::Changes, Some(Shape::Json)),
    ("*/changes/{}.json", Page::Flag, Some(Shape::Json)),
    ("*/changes/{}", Page::Flag, None),
    ("*/problems", Page::Problems, None),
    ("*/problems.json", Page::Problems, Some(Shape::Json)),
    ("*/remedies", Page::Remedies, None),
    ("*/remedies.json", Page::Remedies, Some(Shape::Json)),
    ("*/problems/{}.json", Page::Problem, Some(Shape::Json)),
    ("*/problems/{}", Page::Problem, None),
];

/// A page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Page {
    /// Every gate.
    Start,
    /// The history of one.
    History,
    /// One evaluation.
    Evaluation,
    /// The last verdict as a picture.
    Badge,
    /// What the flags are now.
    Changes,
    /// The history of one.
    Flag,
    /// Every problem.
    Problems,
    /// One problem.
    Problem,
    /// How often problems closed after a flag was changed because of them.
    Remedies,
}

/// What a page is written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// A page for people.
    Page,
    /// A document for machines.
    Json,
    /// Test results.
    Junit,
    /// A picture.
    Svg,
}

/// An id in the one form in which links have it.
pub(super) fn id(name: &str) -> Option<ValidationId> {
    let id: ValidationId = name.parse().ok()?;
    (id.to_string() == name).then_some(id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn id_has_one_form() {
        const ID: &str = "019a9f3e-0000-7000-8000-000000000000";
        assert_eq!(id(ID), ID.parse().ok());
        for other in [
            "1",
            &ID.to_uppercase(),
            &format!("{{{ID}}}"),
            &format!("{ID}.svg"),
        ] {
            assert_eq!(id(other), None, "{other}");
        }
    }
}
