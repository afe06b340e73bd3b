//! Accepting a monspec that was fetched.

use monspec::Monspec;
use store::Spec;

use super::Refusal;
use crate::fetched_spec::Fetched;

/// The largest monspec that is stored, in compressed bytes: it is one item of
/// the table, which is refused above 400 KB.
const LARGEST_PACKED: usize = 300_000;

/// The longest name of a comparison, in bytes: it is part of a key.
const LONGEST_NAME: usize = 400;

/// How many signatures one comparison judges: their numbers are kept in one
/// item.
const MOST_SIGNATURES: usize = 500;

/// A monspec without errors, and its text.
pub(super) struct Accepted {
    pub(super) monspec: Monspec,
    pub(super) stored: Spec,
}

impl Accepted {
    /// The comparison that is meant: the named one, or the only one.
    pub(super) fn comparison<'a>(&'a self, named: Option<&'a str>) -> Result<&'a str, Refusal> {
        let name = self.meant(named)?;
        if name.len() > LONGEST_NAME {
            return Err(Refusal::configuration(format!(
                "the name of a comparison is longer than {LONGEST_NAME} bytes"
            )));
        }
        let compared = self.monspec.compared(name);
        let signatures: usize = compared
            .iter()
            .map(|(entry, _)| monspec::addresses(entry).count())
            .sum();
        if signatures > MOST_SIGNATURES {
            return Err(Refusal::configuration(format!(
                "comparison `{name}` judges {signatures} signatures; at most {MOST_SIGNATURES} fit into one validation"
            )));
        }
        Ok(name)
    }

    fn meant<'a>(&'a self, named: Option<&'a str>) -> Result<&'a str, Refusal> {
        let known = self.monspec.comparison_names();
        let list = || {
            known
                .iter()
                .map(|name| format!("`{name}`"))
                .collect::<Vec<_>>()
                .join(", ")
        };
        match (named, known.as_slice()) {
            (Some(name), _) if known.contains(&name) => Ok(name),
            (None, [only]) => Ok(only),
            (_, []) => Err(Refusal::configuration("the monspec declares no comparison")),
            (Some(name), _) => Err(Refusal::configuration(format!(
                "the monspec has no comparison `{name}`; it has {}",
                list()
            ))),
            (None, _) => Err(Refusal::configuration(format!(
                "the monspec has several comparisons, name one: {}",
                list()
            ))),
        }
    }
}

/// Accepts what was fetched, if it can be stored.
pub(super) fn accepted(fetched: Fetched) -> Result<Accepted, Refusal> {
    let stored = Spec::new(fetched.text);
    let packed = stored.packed_len();
    if packed > LARGEST_PACKED {
        return Err(Refusal::configuration(format!(
            "the monspec has {packed} bytes when compressed, more than the {LARGEST_PACKED} that can be stored: split it into files of one service each"
        )));
    }
    Ok(Accepted {
        monspec: fetched.monspec,
        stored,
    })
}

#[cfg(test)]
mod tests {

    use super::*;
    use crate::fetched_spec::read;
    use crate::{Corrects, LARGEST_SPEC};

    const SPEC: &str = r#"{"_comment":"","Shop":{"etype":"SERVICE",
        "environments":{"Staging":{"tags":[{"key":"Stage"}]}}}}"#;

    /// A monspec with a comment in which nothing repeats: it is compressed to
    /// about three quarters of its length.
    fn with_comment(letters: usize) -> String {
        const ALPHABET: &[u8] = b"0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ+-";
        let mut state = 1_usize;
        let letter = || {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            char::from(ALPHABET[state % ALPHABET.len()])
        };
        let comment: String = std::iter::repeat_with(letter).take(letters).collect();
        SPEC.replace(r#""_comment":"""#, &format!(r#""_comment":"{comment}""#))
    }

    #[test]
    fn spec_that_does_not_fit_into_an_item_is_refused() {
        let most = with_comment(380_000);
        assert!(accepted(read(most).unwrap()).is_ok());
        let large = with_comment(410_000);
        assert!(large.len() < LARGEST_SPEC);

        let Err(refusal) = accepted(read(large).unwrap()) else {
            panic!("it is accepted");
        };

        assert_eq!(refusal.corrects, Corrects::Configuration);
        assert!(
            refusal
                .text
                .contains("more than the 300000 that can be stored"),
            "{}",
            refusal.text
        );
    }
}
