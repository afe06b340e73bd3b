//! Which page an address is, and in which shape.

use release::validation::ValidationId;

use super::{Request, Wants};

/// A page in the shape in which it is wanted.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Route {
    pub(super) page: Page,
    pub(super) shape: Shape,
}

/// A page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Page {
    Start,
    History,
    Evaluation(ValidationId),
    Badge,
}

/// What a page is written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    Page,
    Json,
    Junit,
    Svg,
}

impl From<Wants> for Shape {
    fn from(wants: Wants) -> Self {
        match wants {
            Wants::Page => Self::Page,
            Wants::Json => Self::Json,
        }
    }
}

impl Route {
    /// The route of a request. Front doors may put folders before it, so only
    /// its end counts.
    pub(super) fn of(request: Request<'_>) -> Option<Self> {
        let path = request.path;
        if path.is_empty() || path == "/" {
            return Some(Self {
                page: Page::Start,
                shape: request.wants.into(),
            });
        }
        let (folder, file) = path.rsplit_once('/')?;
        let (name, shape) = match file.rsplit_once('.') {
            None => (file, request.wants.into()),
            Some((name, "json")) => (name, Shape::Json),
            Some((name, "xml")) => (name, Shape::Junit),
            Some((name, "svg")) => (name, Shape::Svg),
            Some(_) => return None,
        };
        let page = match (name, shape) {
            ("history" | "BuildValidationResults", Shape::Page | Shape::Json) => Page::History,
            ("badge", Shape::Svg) => Page::Badge,
            (_, Shape::Page | Shape::Json | Shape::Junit) if folder.ends_with("/v") => {
                Page::Evaluation(id(name)?)
            }
            _ => return None,
        };
        Some(Self { page, shape })
    }
}

/// An id in the one form in which links have it.
fn id(name: &str) -> Option<ValidationId> {
    let id: ValidationId = name.parse().ok()?;
    (id.to_string() == name).then_some(id)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "019a9f3e-0000-7000-8000-000000000000";

    fn route(path: &str, wants: Wants) -> Option<Route> {
        Route::of(Request {
            path,
            address: path,
            parameters: &[],
            wants,
        })
    }

    #[test]
    fn every_page_has_its_address() {
        let evaluation = Page::Evaluation(ID.parse().unwrap());
        for (path, page, shape) in [
            ("", Page::Start, Shape::Page),
            ("/", Page::Start, Shape::Page),
            ("/history", Page::History, Shape::Page),
            ("/history.json", Page::History, Shape::Json),
            ("/BuildValidationResults", Page::History, Shape::Page),
            ("/v1/BuildValidationResults", Page::History, Shape::Page),
            (&format!("/v/{ID}"), evaluation, Shape::Page),
            (&format!("/reports/v/{ID}.json"), evaluation, Shape::Json),
            (&format!("/v/{ID}.xml"), evaluation, Shape::Junit),
            ("/badge.svg", Page::Badge, Shape::Svg),
        ] {
            assert_eq!(
                route(path, Wants::Page),
                Some(Route { page, shape }),
                "{path}"
            );
        }
        let wanted = route("/history", Wants::Json).unwrap();
        assert_eq!(wanted.shape, Shape::Json);
    }

    #[test]
    fn whatever_else_is_asked_for_is_no_page() {
        for path in [
            "/histories",
            "/history/",
            "/history.xml",
            "/badge",
            "/v/",
            "/v/1",
            &format!("/v/{}", ID.to_uppercase()),
            &format!("/v/{{{ID}}}"),
            &format!("/w/{ID}"),
            &format!("/v/{ID}.svg"),
            "/../../etc/passwd",
            "history",
        ] {
            assert_eq!(route(path, Wants::Page), None, "{path}");
        }
    }
}
