//! Where in the document something is.

use std::fmt::Write;
use std::rc::Rc;

/// The most characters of one key that a path shows, so that a hostile key
/// cannot be repeated into every message at full length.
const MAX_KEY: usize = 80;

/// A JSON path such as `$.SampleService.comparisons[0].source`.
#[derive(Debug, Clone)]
pub struct Path(Rc<str>);

impl Path {
    /// The document itself.
    pub fn root() -> Self {
        Self("$".into())
    }

    /// A field of it.
    #[must_use]
    pub fn field(&self, key: &str) -> Self {
        let mut path = self.0.to_string();
        if is_plain(key) {
            path.push('.');
            path.push_str(key);
        } else {
            write!(path, "[{:?}]", shortened(key)).expect("writing to a text cannot fail");
        }
        Self(path.into())
    }

    /// An element of it, counted from 0.
    #[must_use]
    pub fn element(&self, index: usize) -> Self {
        Self(format!("{}[{index}]", self.0).into())
    }

    /// As it is written.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A path and the byte it stands for.
#[derive(Debug, Clone)]
pub struct Place {
    /// The byte.
    pub offset: usize,
    /// The path.
    pub path: Path,
}

impl Place {
    /// A place.
    pub fn new(offset: usize, path: Path) -> Self {
        Self { offset, path }
    }
}

/// The beginning of a text that may be of any length.
pub fn shortened(text: &str) -> String {
    match text.char_indices().nth(MAX_KEY) {
        None => text.to_owned(),
        Some((end, _)) => format!("{}…", &text[..end]),
    }
}

fn is_plain(key: &str) -> bool {
    let plain = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '_' | '-' | '$');
    !key.is_empty() && key.len() <= MAX_KEY && key.chars().all(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unusual_keys_are_quoted_and_long_ones_shortened() {
        let path = Path::root().field("Sample-1").field("a.b \"c\"").element(2);
        assert_eq!(path.as_str(), r#"$.Sample-1["a.b \"c\""][2]"#);
        let long = Path::root().field(&"é".repeat(1_000));
        assert_eq!(
            long.as_str()
                .chars()
                .filter(|letter| *letter == 'é')
                .count(),
            80
        );
    }
}
