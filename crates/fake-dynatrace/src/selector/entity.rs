//! Entity selectors: criteria joined by commas, all of which must hold.

use super::{ParseError, call, literals, split};
use crate::topology::{Entity, Tag, View, type_of};

const MAX_LENGTH: usize = 2_000;

/// A parsed entity selector.
#[derive(Debug)]
pub(crate) struct EntitySelector(Vec<Criterion>);

/// A tag as selectors write it; a part that is absent is not compared.
#[derive(Debug, PartialEq)]
pub(crate) struct TagPattern {
    context: Option<String>,
    key: String,
    value: Option<String>,
}

#[derive(Debug)]
enum Criterion {
    Type(String),
    Id(Vec<String>),
    AnyTag(Vec<TagPattern>),
    Name(NameTest),
    /// Like the tenant itself, name criteria ignore case unless told otherwise.
    CaseSensitive(NameTest),
    Not(Box<Criterion>),
    From(String, EntitySelector),
    To(String, EntitySelector),
}

#[derive(Debug)]
enum NameTest {
    AnyOf(Vec<String>),
    Prefix(String),
}

impl EntitySelector {
    /// Parses a selector; it must pin its entities to one type.
    pub(crate) fn parse(text: &str) -> Result<Self, ParseError> {
        if text.len() > MAX_LENGTH {
            return Err(ParseError(format!(
                "the selector exceeds {MAX_LENGTH} characters"
            )));
        }
        let criteria: Vec<_> = split(text, ',')?
            .into_iter()
            .map(criterion)
            .collect::<Result<_, _>>()?;
        let types = criteria
            .iter()
            .filter(|each| matches!(each, Criterion::Type(_)))
            .count();
        let ids = criteria.iter().any(|each| matches!(each, Criterion::Id(_)));
        if types > 1 || (types == 0 && !ids) {
            return Err(ParseError(
                "expected exactly one `type` or a list of `entityId`".into(),
            ));
        }
        Ok(Self(criteria))
    }

    /// Whether the selector lists the ids of what it wants.
    pub(crate) fn names_ids(&self) -> bool {
        self.0.iter().any(|each| matches!(each, Criterion::Id(_)))
    }

    /// Whether every criterion holds for `entity`.
    pub(crate) fn matches(&self, view: View<'_>, entity: &Entity) -> bool {
        self.0.iter().all(|criterion| criterion.holds(view, entity))
    }
}

impl Criterion {
    fn holds(&self, view: View<'_>, entity: &Entity) -> bool {
        match self {
            Self::Type(name) => entity.kind == *name,
            Self::Id(ids) => ids.contains(&entity.id),
            Self::AnyTag(patterns) => patterns.iter().any(|pattern| pattern.on(view, entity)),
            Self::Name(test) => test.to_lowercase().holds(&entity.name.to_lowercase()),
            Self::CaseSensitive(test) => test.holds(&entity.name),
            Self::Not(inner) => !inner.holds(view, entity),
            Self::From(name, inner) => entity
                .from
                .get(name)
                .is_some_and(|ids| inner.matches_any(view, ids)),
            Self::To(name, inner) => view
                .to(entity)
                .get(name)
                .is_some_and(|ids| inner.matches_any(view, ids)),
        }
    }
}

impl EntitySelector {
    fn matches_any(&self, view: View<'_>, ids: &[String]) -> bool {
        ids.iter()
            .filter_map(|id| view.get(id))
            .any(|other| self.matches(view, other))
    }
}

impl NameTest {
    fn holds(&self, name: &str) -> bool {
        match self {
            Self::AnyOf(names) => names.iter().any(|each| each == name),
            Self::Prefix(prefix) => name.starts_with(prefix),
        }
    }

    fn to_lowercase(&self) -> Self {
        match self {
            Self::AnyOf(names) => Self::AnyOf(names.iter().map(|n| n.to_lowercase()).collect()),
            Self::Prefix(prefix) => Self::Prefix(prefix.to_lowercase()),
        }
    }
}

impl TagPattern {
    /// Reads `[CONTEXT]key:value`; a backslash keeps a colon from separating.
    pub(crate) fn parse(text: &str) -> Self {
        let (context, rest) = match text.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
            Some((context, rest)) => (Some(context.to_owned()), rest),
            None => (None, text),
        };
        let mut key = String::new();
        let mut value = None;
        let mut chars = rest.chars();
        while let Some(char) = chars.next() {
            let char = match char {
                '\\' => chars.next().unwrap_or('\\'),
                ':' if value.is_none() => {
                    value = Some(String::new());
                    continue;
                }
                _ => char,
            };
            value.as_mut().unwrap_or(&mut key).push(char);
        }
        Self {
            context,
            key,
            value,
        }
    }

    /// Whether `entity` carries such a tag that is visible by now.
    pub(crate) fn on(&self, view: View<'_>, entity: &Entity) -> bool {
        view.tags(entity).iter().any(|tag| self.fits(tag))
    }

    fn fits(&self, tag: &Tag) -> bool {
        self.context
            .as_ref()
            .is_none_or(|context| context.eq_ignore_ascii_case(&tag.context))
            && self.key == tag.key
            && self.value == tag.value
    }
}

fn criterion(text: &str) -> Result<Criterion, ParseError> {
    let (name, Some(inside)) = call(text)? else {
        return Err(ParseError(format!(
            "expected a criterion instead of `{text}`"
        )));
    };
    if let Some(relationship) = name.strip_prefix("fromRelationships.") {
        return Ok(Criterion::From(
            relationship.to_owned(),
            EntitySelector::parse(inside)?,
        ));
    }
    if let Some(relationship) = name.strip_prefix("toRelationships.") {
        return Ok(Criterion::To(
            relationship.to_owned(),
            EntitySelector::parse(inside)?,
        ));
    }
    Ok(match name {
        "not" => Criterion::Not(Box::new(criterion(inside)?)),
        "caseSensitive" => match criterion(inside)? {
            Criterion::Name(test) => Criterion::CaseSensitive(test),
            _ => return Err(ParseError("`caseSensitive` takes a name criterion".into())),
        },
        "type" => Criterion::Type(one(name, inside)?),
        "entityId" => Criterion::Id(of_one_type(some(name, inside)?)?),
        "tag" => {
            let tags = some(name, inside)?;
            Criterion::AnyTag(tags.iter().map(|tag| TagPattern::parse(tag)).collect())
        }
        "entityName.equals" => Criterion::Name(NameTest::AnyOf(vec![one(name, inside)?])),
        "entityName.in" => Criterion::Name(NameTest::AnyOf(some(name, inside)?)),
        "entityName.startsWith" => Criterion::Name(NameTest::Prefix(one(name, inside)?)),
        _ => return Err(ParseError(format!("unknown criterion `{name}`"))),
    })
}

fn some(name: &str, inside: &str) -> Result<Vec<String>, ParseError> {
    let values = literals(inside)?;
    if values.is_empty() {
        return Err(ParseError(format!("`{name}` needs a value")));
    }
    Ok(values)
}

fn of_one_type(ids: Vec<String>) -> Result<Vec<String>, ParseError> {
    if ids
        .windows(2)
        .all(|pair| type_of(&pair[0]) == type_of(&pair[1]))
    {
        Ok(ids)
    } else {
        Err(ParseError("the ids must be of the same type".into()))
    }
}

fn one(name: &str, inside: &str) -> Result<String, ParseError> {
    <[String; 1]>::try_from(literals(inside)?)
        .map(|[value]| value)
        .map_err(|_| ParseError(format!("`{name}` takes exactly one value")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pattern(context: Option<&str>, key: &str, value: Option<&str>) -> TagPattern {
        let owned = |text: &str| text.to_owned();
        TagPattern {
            context: context.map(owned),
            key: key.into(),
            value: value.map(owned),
        }
    }

    #[test]
    fn tags_split_at_the_first_colon_that_is_not_escaped() {
        let cases = [
            ("key", pattern(None, "key", None)),
            ("key:value", pattern(None, "key", Some("value"))),
            ("key:a:b", pattern(None, "key", Some("a:b"))),
            (r"a\:b:c\:d", pattern(None, "a:b", Some("c:d"))),
            (r"a\:b", pattern(None, "a:b", None)),
            ("[AWS]key:value", pattern(Some("AWS"), "key", Some("value"))),
        ];
        for (text, expected) in cases {
            assert_eq!(TagPattern::parse(text), expected, "{text}");
        }
    }

    #[test]
    fn a_selector_names_exactly_one_type_or_ids() {
        for text in [
            r#"tag("a")"#,
            r#"type("SERVICE"),type("HOST")"#,
            r#"type("SERVICE","HOST")"#,
            "",
            "type()",
            r#"type("SERVICE"),colour("red")"#,
            r#"type("SERVICE"),tag"#,
            r#"type("SERVICE"),caseSensitive(tag("a"))"#,
            r#"entityId("SERVICE-1","HOST-1")"#,
        ] {
            assert!(EntitySelector::parse(text).is_err(), "{text}");
        }
        for text in ["type(SERVICE)", r#"entityId("SERVICE-1","SERVICE-2")"#] {
            assert!(EntitySelector::parse(text).is_ok(), "{text}");
        }
    }

    #[test]
    fn overlong_selectors_are_refused() {
        let text = format!(r#"type("SERVICE"),tag("{}")"#, "x".repeat(MAX_LENGTH));
        assert!(EntitySelector::parse(&text).is_err());
    }
}
