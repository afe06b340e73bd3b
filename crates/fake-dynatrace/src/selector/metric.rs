//! Metric selectors: up to ten expressions, each a key and its transformations.

use super::entity::EntitySelector;
use super::{ParseError, call, literal, literals, split};
use crate::aggregation::Aggregation;

const MAX_EXPRESSIONS: usize = 10;

/// One expression of a metric selector.
#[derive(Debug)]
pub(crate) struct Expression {
    pub(crate) key: String,
    pub(crate) transformations: Vec<Transformation>,
}

/// A transformation that this tenant supports.
#[derive(Debug)]
pub(crate) enum Transformation {
    Aggregate(Aggregation),
    SplitBy(Vec<String>),
    Filter(Filter),
    Fold(Option<Aggregation>),
    Names,
    ToUnit(String, String),
}

/// A condition on the dimensions of a series.
#[derive(Debug)]
pub(crate) enum Filter {
    Equals {
        dimension: String,
        value: String,
    },
    In {
        dimension: String,
        selector: EntitySelector,
        text: String,
    },
    All(Vec<Filter>),
    Any(Vec<Filter>),
    Not(Box<Filter>),
}

/// Parses a whole metric selector.
pub(crate) fn parse(text: &str) -> Result<Vec<Expression>, ParseError> {
    let expressions = split(text, ',')?;
    if expressions.len() > MAX_EXPRESSIONS {
        return Err(ParseError(format!(
            "more than {MAX_EXPRESSIONS} metrics were selected"
        )));
    }
    expressions.into_iter().map(expression).collect()
}

impl Expression {
    /// The id under which the answer carries this expression. Like the real
    /// tenant it rearranges and rewrites what was asked, so nobody can rely on
    /// finding the question in the answer.
    pub(crate) fn canonical_id(&self) -> String {
        let mut written: Vec<_> = self.transformations.iter().collect();
        written.sort_by_key(|each| match each {
            Transformation::Filter(_) => 0,
            Transformation::SplitBy(dimensions) if dimensions.is_empty() => 1,
            Transformation::Aggregate(_) => 2,
            Transformation::SplitBy(_) => 3,
            Transformation::Fold(_) | Transformation::Names | Transformation::ToUnit(..) => 4,
        });
        let parts = written.into_iter().map(Transformation::canonical);
        std::iter::once(self.key.clone())
            .chain(parts)
            .collect::<Vec<_>>()
            .join(":")
    }
}

impl Transformation {
    fn canonical(&self) -> String {
        match self {
            Self::Aggregate(aggregation) => aggregation.to_string(),
            Self::SplitBy(dimensions) => {
                let quoted: Vec<_> = dimensions.iter().map(|each| quote(each)).collect();
                format!("splitBy({})", quoted.join(","))
            }
            Self::Filter(filter) => format!("filter({})", filter.canonical()),
            Self::Fold(None) => "fold".to_owned(),
            Self::Fold(Some(aggregation)) => format!("fold({aggregation})"),
            Self::Names => "names".to_owned(),
            Self::ToUnit(from, to) => format!("toUnit({from},{to})"),
        }
    }
}

impl Filter {
    fn canonical(&self) -> String {
        let list = |filters: &[Self]| {
            filters
                .iter()
                .map(Self::canonical)
                .collect::<Vec<_>>()
                .join(",")
        };
        match self {
            Self::Equals { dimension, value } => {
                format!("eq({},{})", quote(dimension), quote(value))
            }
            Self::In {
                dimension, text, ..
            } => {
                format!("in({},entitySelector({}))", quote(dimension), quote(text))
            }
            Self::All(inner) => format!("and({})", list(inner)),
            Self::Any(inner) => format!("or({})", list(inner)),
            Self::Not(inner) => format!("not({})", inner.canonical()),
        }
    }
}

fn quote(text: &str) -> String {
    format!("\"{}\"", text.replace('~', "~~").replace('"', "~\""))
}

fn expression(text: &str) -> Result<Expression, ParseError> {
    let parts = split(text, ':')?;
    // The namespace of a key is separated from it by a colon as well.
    let key_parts = if matches!(parts[0], "builtin" | "calc" | "ext") {
        2
    } else {
        1
    };
    let Some((key, transformations)) = parts.split_at_checked(key_parts) else {
        return Err(ParseError(format!("`{text}` names no metric")));
    };
    let is_key = |part: &&str| {
        !part.is_empty()
            && part
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-'))
    };
    if !key.iter().all(is_key) {
        return Err(ParseError(format!(
            "`{text}` does not start with a metric key"
        )));
    }
    Ok(Expression {
        key: key.join(":"),
        transformations: transformations
            .iter()
            .map(|part| transformation(part))
            .collect::<Result<_, _>>()?,
    })
}

fn transformation(text: &str) -> Result<Transformation, ParseError> {
    let (name, inside) = call(text)?;
    Ok(match (name, inside) {
        ("splitBy", Some(inside)) => Transformation::SplitBy(literals(inside)?),
        ("filter", Some(inside)) => Transformation::Filter(filter(inside)?),
        ("names", None | Some("")) => Transformation::Names,
        ("fold", None | Some("")) => Transformation::Fold(None),
        ("fold", Some(inside)) => Transformation::Fold(Some(aggregation(inside)?)),
        ("toUnit", Some(inside)) => match <[String; 2]>::try_from(literals(inside)?) {
            Ok([from, to]) => Transformation::ToUnit(from, to),
            Err(_) => return Err(ParseError("`toUnit` takes two units".into())),
        },
        _ => Transformation::Aggregate(aggregation(text)?),
    })
}

fn aggregation(text: &str) -> Result<Aggregation, ParseError> {
    let (name, inside) = call(text)?;
    match inside {
        None | Some("") => Aggregation::named(name),
        Some(inside) if name == "percentile" => {
            inside.parse().ok().and_then(Aggregation::percentile)
        }
        Some(_) => None,
    }
    .ok_or_else(|| ParseError(format!("unknown transformation `{text}`")))
}

fn filter(text: &str) -> Result<Filter, ParseError> {
    let (name, Some(inside)) = call(text)? else {
        return Err(ParseError(format!(
            "expected a condition instead of `{text}`"
        )));
    };
    let several = || {
        split(inside, ',')?
            .into_iter()
            .map(filter)
            .collect::<Result<Vec<_>, _>>()
    };
    Ok(match name {
        "and" => Filter::All(several()?),
        "or" => Filter::Any(several()?),
        "not" => Filter::Not(Box::new(filter(inside)?)),
        "eq" => equals(inside)?,
        "ne" => Filter::Not(Box::new(equals(inside)?)),
        "in" => within(inside)?,
        _ => return Err(ParseError(format!("unknown condition `{name}`"))),
    })
}

fn equals(inside: &str) -> Result<Filter, ParseError> {
    match <[String; 2]>::try_from(literals(inside)?) {
        Ok([dimension, value]) => Ok(Filter::Equals { dimension, value }),
        Err(_) => Err(ParseError(
            "`eq` and `ne` take a dimension and a value".into(),
        )),
    }
}

fn within(inside: &str) -> Result<Filter, ParseError> {
    let parts = split(inside, ',')?;
    let [dimension, selector] = parts.as_slice() else {
        return Err(ParseError(
            "`in` takes a dimension and an entity selector".into(),
        ));
    };
    let ("entitySelector", Some(quoted)) = call(selector)? else {
        return Err(ParseError("`in` takes an `entitySelector`".into()));
    };
    let text = literal(quoted)?;
    let selector = EntitySelector::parse(&text)?;
    Ok(Filter::In {
        dimension: literal(dimension)?,
        selector,
        text,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn canonical(text: &str) -> Vec<String> {
        parse(text)
            .expect("understood")
            .iter()
            .map(Expression::canonical_id)
            .collect()
    }

    #[test]
    fn the_answer_rewrites_what_was_asked() {
        let cases = [
            (
                r#"builtin:a:splitBy("d"):percentile(90)"#,
                r#"builtin:a:percentile(90.0):splitBy("d")"#,
            ),
            (
                "builtin:a:percentile(95):splitBy()",
                "builtin:a:splitBy():percentile(95.0)",
            ),
            ("my.metric:avg:fold(max)", "my.metric:avg:fold(max)"),
            (
                "builtin:a:toUnit(Byte,KiloByte):avg",
                "builtin:a:avg:toUnit(Byte,KiloByte)",
            ),
        ];
        for (asked, answered) in cases {
            assert_eq!(canonical(asked), [answered]);
        }
    }

    #[test]
    fn commas_inside_an_expression_do_not_end_it() {
        let text = r#"builtin:a:filter(and(eq("d","x,y"),ne("e","z"))):splitBy(),builtin:b:avg"#;
        assert_eq!(canonical(text).len(), 2);
    }

    #[test]
    fn nested_entity_selectors_are_unescaped() {
        let text = r#"builtin:a:filter(in("d",entitySelector("type(~"HOST~"),tag(~"k:v~")")))"#;
        assert_eq!(canonical(text), [text]);
    }

    #[test]
    fn what_is_not_understood_is_refused() {
        for text in [
            "",
            "builtin",
            "builtin:",
            "builtin:a:",
            "builtin:a:unheardOf",
            "builtin:a:default(0)",
            "builtin:a:percentile(0)",
            "builtin:a:percentile(x)",
            "builtin:a:avg(1)",
            "builtin:a:splitBy",
            "builtin:a:toUnit(Byte)",
            "builtin:a:filter(eq(\"d\"))",
            "builtin:a,",
            "a b:avg",
        ] {
            assert!(parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn an_eleventh_expression_is_refused() {
        assert!(parse(&["builtin:a"; 10].join(",")).is_ok());
        assert!(parse(&["builtin:a"; 11].join(",")).is_err());
    }
}
