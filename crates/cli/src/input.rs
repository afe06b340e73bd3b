//! Reads the files that a command names, where `-` is standard input.

use std::fmt;
use std::fs;
use std::io::{self, Read};
use std::path::PathBuf;

use monspec::{Monspec, read};
use workflows::metric_facts;

use crate::failure::Failure;
use crate::output;

/// A file named on the command line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Input {
    Stdin,
    File(PathBuf),
}

impl Input {
    /// The whole text.
    pub(crate) fn text(&self) -> Result<String, Failure> {
        let bytes = match self {
            Self::File(path) => fs::read(path),
            Self::Stdin => {
                let mut bytes = Vec::new();
                io::stdin().lock().read_to_end(&mut bytes).map(|_| bytes)
            }
        };
        let bytes = bytes.map_err(|cause| Failure::Unreadable {
            name: self.to_string(),
            cause,
        })?;
        String::from_utf8(bytes)
            .map_err(|_| Failure::Data(format!("{self} is not UTF-8 text; save it as UTF-8")))
    }

    /// A spec and its text; errors in the spec are printed as by `lint`.
    pub(crate) fn spec(&self) -> Result<(Monspec, String), Failure> {
        let text = self.text()?;
        let reading = read(&text, metric_facts);
        let Some(spec) = reading.spec else {
            output::messages(&mut io::stderr().lock(), self, &reading.messages)?;
            return Err(Failure::Data(format!(
                "{self} has errors; repair them first"
            )));
        };
        Ok((spec, text))
    }
}

impl From<&str> for Input {
    fn from(name: &str) -> Self {
        if name == "-" {
            Self::Stdin
        } else {
            Self::File(name.into())
        }
    }
}

impl fmt::Display for Input {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stdin => f.write_str("<stdin>"),
            Self::File(path) => write!(f, "{}", path.display()),
        }
    }
}

/// Standard input can be read once only.
pub(crate) fn refuse_stdin_twice<'a>(
    inputs: impl IntoIterator<Item = &'a Input>,
) -> Result<(), Failure> {
    let from_stdin = inputs
        .into_iter()
        .filter(|input| **input == Input::Stdin)
        .count();
    if from_stdin <= 1 {
        return Ok(());
    }
    Err(Failure::Usage(
        "`-` can stand for one file only; give the other one a name".into(),
    ))
}
