//! What a page links to, signed until the link that opened it ends.
//!
//! Addresses are relative, so that they hold whatever front door and domain a
//! reader came through.

use jiff::Timestamp;
use release::link::Scope;
use release::validation::ValidationId;

use super::parameters::{AFTER_COMPARISON, AFTER_PIPELINE};
use super::{Page, Request};
use release::links::Access;

/// Makes the addresses on one page.
pub(super) struct Addresses<'a> {
    access: &'a Access,
    base: String,
    until: Timestamp,
}

impl<'a> Addresses<'a> {
    pub(super) fn new(access: &'a Access, request: Request<'_>, until: Timestamp) -> Self {
        Self {
            access,
            base: base(request),
            until,
        }
    }

    pub(super) fn start(&self) -> String {
        self.of_start(&[])
    }

    /// The gates behind this one.
    pub(super) fn start_after(&self, pipeline: &str, comparison: &str) -> String {
        self.of_start(&[(AFTER_PIPELINE, pipeline), (AFTER_COMPARISON, comparison)])
    }

    fn of_start(&self, parameters: &[(&str, &str)]) -> String {
        // An empty address would be the page itself.
        let base = if self.base.is_empty() {
            "./"
        } else {
            &self.base
        };
        self.access
            .address(base, "", Scope::Start, parameters, self.until)
    }

    /// The start page for readers of any other page, where everybody may see
    /// everything.
    pub(super) fn start_for_all(&self) -> Option<String> {
        match self.access {
            Access::Public => Some(self.start()),
            Access::Signed(_) => None,
        }
    }

    /// Where a form is sent, which brings its own parameters.
    pub(super) fn form(&self) -> String {
        format!("{}history", self.base)
    }

    pub(super) fn evaluation(&self, id: ValidationId) -> String {
        self.of_evaluation(id, "")
    }

    pub(super) fn evaluation_json(&self, id: ValidationId) -> String {
        self.of_evaluation(id, ".json")
    }

    fn of_evaluation(&self, id: ValidationId, ending: &str) -> String {
        let page = format!("v/{id}{ending}");
        let scope = Scope::Evaluation(id);
        self.access
            .address(&self.base, &page, scope, &[], self.until)
    }

    pub(super) fn changes(&self, ending: &str) -> String {
        let page = format!("changes{ending}");
        self.access
            .address(&self.base, &page, Scope::Changes, &[], self.until)
    }

    pub(super) fn flag(&self, name: &str, ending: &str, parameters: &[(&str, &str)]) -> String {
        let page = format!("changes/{name}{ending}");
        let scope = Scope::Flag(name);
        self.access
            .address(&self.base, &page, scope, parameters, self.until)
    }

    pub(super) fn problems(&self, ending: &str, parameters: &[(&str, &str)]) -> String {
        let page = format!("problems{ending}");
        self.access
            .address(&self.base, &page, Scope::Problems, parameters, self.until)
    }

    pub(super) fn remedies(&self, ending: &str, parameters: &[(&str, &str)]) -> String {
        let page = format!("remedies{ending}");
        self.access
            .address(&self.base, &page, Scope::Remedies, parameters, self.until)
    }

    pub(super) fn problem(&self, id: &str, ending: &str) -> String {
        let page = format!("problems/{id}{ending}");
        let scope = Scope::Problem(id);
        self.access
            .address(&self.base, &page, scope, &[], self.until)
    }

    pub(super) fn history(&self, pipeline: &str, comparison: &str) -> String {
        self.of_history("history", pipeline, comparison, &[])
    }

    pub(super) fn of_history(
        &self,
        page: &str,
        pipeline: &str,
        comparison: &str,
        parameters: &[(&str, &str)],
    ) -> String {
        let scope = Scope::History {
            pipeline,
            comparison,
        };
        self.access
            .address(&self.base, page, scope, parameters, self.until)
    }
}

/// The way from a page to the address of the report.
fn base(request: Request<'_>) -> String {
    match request.page {
        // Without a slash at its end, a browser takes the last part of the
        // address of the report for a page beside the others.
        Some(Page::Start) => match request.address.rsplit_once('/') {
            None | Some((_, "")) => String::new(),
            Some((_, last)) => format!("{last}/"),
        },
        Some(Page::Evaluation | Page::Flag | Page::Problem) => "../".to_owned(),
        Some(Page::History | Page::Badge | Page::Changes | Page::Problems | Page::Remedies)
        | None => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::validation_report::Shape;

    const ID: &str = "019a9f3e-0000-7000-8000-000000000000";

    /// Where a browser goes from `address` by the link to an evaluation.
    fn leads(page: Page, address: &str) -> String {
        let request = Request {
            page: Some(page),
            name: ID,
            shape: Shape::Page,
            address,
            parameters: &[],
        };
        let addresses = Addresses::new(&Access::Public, request, Timestamp::UNIX_EPOCH);
        let page = url::Url::parse("https://report.example").unwrap();
        let page = page.join(address).unwrap();
        let link = addresses.evaluation(ID.parse().unwrap());
        page.join(&link).unwrap().path().to_owned()
    }

    #[test]
    fn links_stay_below_the_address_of_the_report() {
        for (page, address, below) in [
            (Page::Start, "/", ""),
            (Page::Start, "/Prod/", "/Prod"),
            (Page::Start, "/Prod", "/Prod"),
            (Page::Start, "/a/b", "/a/b"),
            (Page::History, "/history", ""),
            (Page::History, "/Prod/history.json", "/Prod"),
            (Page::History, "/v1/BuildValidationResults", "/v1"),
            (Page::Evaluation, &format!("/v/{ID}"), ""),
            (Page::Evaluation, &format!("/x/v/{ID}.json"), "/x"),
            (Page::Changes, "/x/changes", "/x"),
            (Page::Flag, "/x/changes/promoSocks.json", "/x"),
            (Page::Problem, "/x/problems/1", "/x"),
        ] {
            assert_eq!(leads(page, address), format!("{below}/v/{ID}"), "{address}");
        }
    }
}
