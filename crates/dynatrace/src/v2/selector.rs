//! Entity selectors, and the only place where their text is quoted.

use crate::question::{EntityType, Scope, Tag};

/// The longest selector that Dynatrace reads, in characters.
const LONGEST: usize = 2000;

/// What is wrong with a selector that cannot be sent.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "the entity selector has {0} characters where Dynatrace reads {LONGEST}; \
     name fewer or shorter tags, or tag the entities with one tag of their own"
)]
pub(super) struct TooLong(usize);

/// What is wrong with a selector that had to list its entities.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "too many entities ({0}) carry these tags: tags with a context are looked up one by one, and \
     so many do not fit into an entity selector; tag the entities with one tag without a context"
)]
pub(super) struct TooMany(pub(super) usize);

/// The entities of a scope.
pub(super) fn of_scope(scope: &Scope) -> String {
    let kind = format!("type(\"{}\")", scope.entity_type.name());
    // Each tag is a criterion of its own, because all of them must match; tags
    // listed in one criterion are alternatives.
    let tags = scope.tags.iter().map(tag_text);
    let tags = tags.map(|text| format!("tag({})", quoted(&text)));
    [kind].into_iter().chain(tags).collect::<Vec<_>>().join(",")
}

/// Entities by id.
pub(super) fn of_ids(ids: &[String]) -> String {
    format!("entityId({})", list(ids.iter().map(String::as_str)))
}

/// The selectors that name all entities, one for each request; each begins with
/// the criteria that hold for all.
pub(super) fn in_parts(criteria: &[String], ids: &[String]) -> Result<Vec<String>, TooLong> {
    let selector = |ids| {
        let mut parts = criteria.to_vec();
        parts.push(of_ids(ids));
        checked(parts.join(","))
    };
    let mut selectors = Vec::new();
    let mut rest = ids;
    while !rest.is_empty() {
        let fit = (1..=rest.len()).take_while(|&count| selector(&rest[..count]).is_ok());
        let (part, others) = rest.split_at(fit.last().unwrap_or(1));
        selectors.push(selector(part)?);
        rest = others;
    }
    Ok(selectors)
}

/// The methods of the services that `services` selects.
pub(super) fn methods_of(services: &str) -> String {
    format!("type(\"SERVICE_METHOD\"),fromRelationships.isServiceMethodOfService({services})")
}

/// Narrows a selector of methods to those that have one of the names.
pub(super) fn named<'a>(methods: &str, names: impl Iterator<Item = &'a str>) -> String {
    format!("{methods},entityName.in({})", list(names))
}

/// Narrows a selector of methods to one name, whatever its case.
pub(super) fn named_exactly(methods: &str, name: &str, spelling: Spelling) -> String {
    let criterion = format!("entityName.equals({})", quoted(name));
    match spelling {
        Spelling::Only => format!("{methods},{criterion}"),
        Spelling::OneOfSeveral => format!("{methods},caseSensitive({criterion})"),
    }
}

/// Whether names that differ in case only are known to exist; equality of
/// names ignores case unless it is told not to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Spelling {
    Only,
    OneOfSeveral,
}

pub(super) fn checked(selector: String) -> Result<String, TooLong> {
    match selector.chars().count() {
        length if length > LONGEST => Err(TooLong(length)),
        _ => Ok(selector),
    }
}

/// Whether a tag's context has to be compared here.
///
/// How the selector wants a context to be written is not settled: references
/// show `[ENVIRONMENT]`, tenants answer `[Environment]`. So the tag is selected
/// by key and value, and its context is compared without regard to case.
pub(super) fn context_is_compared_here(tag: &Tag) -> bool {
    tag.imported_from().is_some()
}

fn tag_text(tag: &Tag) -> String {
    // An unescaped colon would separate key and value at the wrong place, and a
    // backslash would take the next character's meaning.
    let escaped = |text: &str| text.replace('\\', "\\\\").replace(':', "\\:");
    match &tag.value {
        Some(value) => format!("{}:{}", escaped(&tag.key), escaped(value)),
        None => escaped(&tag.key),
    }
}

pub(super) fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('~', "~~").replace('"', "~\""))
}

fn list<'a>(items: impl Iterator<Item = &'a str>) -> String {
    items.map(quoted).collect::<Vec<_>>().join(",")
}

/// The metric dimension that holds entities of a type.
pub(super) fn dimension(entity_type: EntityType) -> &'static str {
    match entity_type {
        EntityType::Service => "dt.entity.service",
        EntityType::Application => "dt.entity.application",
        EntityType::Host => "dt.entity.host",
        EntityType::ProcessGroup => "dt.entity.process_group",
        EntityType::ProcessGroupInstance => "dt.entity.process_group_instance",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tag(key: &str, value: Option<&str>) -> Tag {
        Tag {
            context: None,
            key: key.into(),
            value: value.map(Into::into),
        }
    }

    fn scope(tags: Vec<Tag>) -> Scope {
        Scope {
            entity_type: EntityType::Service,
            tags,
        }
    }

    #[test]
    fn several_tags_are_criteria_of_their_own() {
        let scope = scope(vec![
            tag("DeploymentGroup", Some("Staging")),
            tag("canary", None),
        ]);

        assert_eq!(
            of_scope(&scope),
            r#"type("SERVICE"),tag("DeploymentGroup:Staging"),tag("canary")"#
        );
    }

    #[test]
    fn colons_quotes_and_tildes_stay_part_of_the_tag() {
        for (key, value, expected) in [
            ("a:b", Some("c:d"), r#"tag("a\:b:c\:d")"#),
            (r"a\b", Some(r"C:\d"), r#"tag("a\\b:C\:\\d")"#),
            ("say", Some("\"hi\""), r#"tag("say:~"hi~"")"#),
            ("home", Some("~me"), r#"tag("home:~~me")"#),
            ("url", None, r#"tag("url")"#),
            ("a\"),type(\"HOST", None, r#"tag("a~"),type(~"HOST")"#),
        ] {
            let selector = of_scope(&scope(vec![tag(key, value)]));

            assert_eq!(selector, format!(r#"type("SERVICE"),{expected}"#));
        }
    }

    #[test]
    fn methods_are_selected_by_their_services_and_names() {
        let methods = methods_of(&of_scope(&scope(vec![tag("stage", Some("prod"))])));

        assert_eq!(
            named(&methods, ["/api/invoke", "/a\"b"].into_iter()),
            "type(\"SERVICE_METHOD\"),fromRelationships.isServiceMethodOfService(\
             type(\"SERVICE\"),tag(\"stage:prod\")),entityName.in(\"/api/invoke\",\"/a~\"b\")"
        );
        assert!(
            named_exactly(&methods, "/x", Spelling::Only).ends_with(r#",entityName.equals("/x")"#)
        );
        assert!(
            named_exactly(&methods, "/x", Spelling::OneOfSeveral)
                .ends_with(r#",caseSensitive(entityName.equals("/x"))"#)
        );
    }

    #[test]
    fn selectors_longer_than_dynatrace_reads_are_refused() {
        assert!(checked("é".repeat(LONGEST)).is_ok());
        assert_eq!(checked("é".repeat(LONGEST + 1)), Err(TooLong(LONGEST + 1)));
    }

    #[test]
    fn nobody_needs_no_request() {
        assert_eq!(in_parts(&[], &[]).unwrap(), Vec::<String>::new());
    }

    #[test]
    fn every_entity_is_named_once_within_the_length_of_a_selector() {
        let ids: Vec<String> = (0..200).map(|n| format!("SERVICE-{n:016X}")).collect();

        let criteria = ["type(\"SERVICE\")".to_owned()];
        let selectors = in_parts(&criteria, &ids).unwrap();

        assert_eq!(selectors.len(), 3);
        assert!(selectors.iter().all(|selector| {
            selector.len() <= LONGEST && selector.starts_with("type(\"SERVICE\"),entityId(")
        }));
        for id in ids {
            let quoted = format!("\"{id}\"");
            let named = selectors.iter().filter(|text| text.contains(&quoted));
            assert_eq!(named.count(), 1, "{id}");
        }
    }

    #[test]
    fn an_id_that_fits_no_selector_is_told() {
        let ids = ["SERVICE-1".to_owned(), "x".repeat(LONGEST)];

        assert!(in_parts(&[], &ids).is_err());
    }

    #[test]
    fn only_imported_tags_have_their_context_compared() {
        let context = |context: Option<&str>| {
            context_is_compared_here(&Tag {
                context: context.map(Into::into),
                ..tag("key", None)
            })
        };

        assert!(context(Some("ENVIRONMENT")));
        assert!(!context(Some("CONTEXTLESS")));
        assert!(!context(None));
    }
}
