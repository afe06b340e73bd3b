//! Why a command could not do its work, and the exit code that says so.

use std::fmt;
use std::io::{self, ErrorKind, Write};
use std::process::ExitCode;

use lambda::settings::SettingError;
use monspec::lint::escaped;

/// The arguments make no sense.
pub(crate) const USAGE: u8 = 64;
/// A file says something wrong.
const DATA: u8 = 65;
/// A file cannot be read.
const NO_INPUT: u8 = 66;
/// A remote does not answer.
const UNAVAILABLE: u8 = 69;
/// A file cannot be written.
const CANNOT_CREATE: u8 = 73;
/// The output cannot be written.
const OUTPUT: u8 = 74;

/// What stopped a command, as a sentence that says what to fix.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The arguments make no sense together.
    Usage(String),
    /// A file says something wrong.
    Data(String),
    /// A file cannot be read.
    Unreadable { name: String, cause: io::Error },
    /// A remote does not answer.
    Unavailable(String),
    /// A file cannot be written.
    Unwritable { name: String, cause: io::Error },
    /// The output cannot be written.
    Output(io::Error),
}

impl Failure {
    /// Prints it for the person at the terminal.
    pub(crate) fn report(&self) -> ExitCode {
        // `monspec … | head` is no failure worth a line.
        let silent = matches!(self, Self::Output(cause) if cause.kind() == ErrorKind::BrokenPipe);
        if !silent {
            // With stderr closed, only the exit code is left.
            let told = escaped(&self.to_string());
            let _ = writeln!(io::stderr().lock(), "monspec: {told}");
        }
        ExitCode::from(match self {
            Self::Usage(_) => USAGE,
            Self::Data(_) => DATA,
            Self::Unreadable { .. } => NO_INPUT,
            Self::Unavailable(_) => UNAVAILABLE,
            Self::Unwritable { .. } => CANNOT_CREATE,
            Self::Output(_) => OUTPUT,
        })
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Usage(problem) | Self::Data(problem) | Self::Unavailable(problem) => {
                f.write_str(problem)
            }
            Self::Unreadable { name, cause } => write!(f, "cannot read {name}: {cause}"),
            Self::Unwritable { name, cause } => write!(f, "cannot write {name}: {cause}"),
            Self::Output(cause) => write!(f, "cannot write the output: {cause}"),
        }
    }
}

/// A setting is an argument that comes from the environment.
impl From<SettingError> for Failure {
    fn from(error: SettingError) -> Self {
        Self::Usage(error.to_string())
    }
}

/// The only I/O errors that travel with `?` are those of the output.
impl From<io::Error> for Failure {
    fn from(cause: io::Error) -> Self {
        Self::Output(cause)
    }
}
