//! How things are stored, apart from what they are: a table outlives the version
//! that wrote it.
//!
//! What is written as a word or a number wherever it is written, such as a
//! verdict, has no record of its own.

pub(crate) mod evidence;
pub(crate) mod validation;

/// Turns a record into what it is about, and back. Every field is named, so that
/// one that comes or goes has to be decided on.
macro_rules! record {
    ($record:ident = $crate_:ident :: $what:ident {
        $(same: $($same:ident),+;)?
        $(inner: $($inner:ident),+;)?
        $(maybe: $($maybe:ident),+;)?
        $(each: $($each:ident),+;)?
    }) => {
        impl From<$crate_::$what> for $record {
            fn from(what: $crate_::$what) -> Self {
                Self {
                    $($($same: what.$same,)+)?
                    $($($inner: what.$inner.into(),)+)?
                    $($($maybe: what.$maybe.map(Into::into),)+)?
                    $($($each: what.$each.into_iter().map(Into::into).collect(),)+)?
                }
            }
        }

        impl From<$record> for $crate_::$what {
            fn from(record: $record) -> Self {
                Self {
                    $($($same: record.$same,)+)?
                    $($($inner: record.$inner.into(),)+)?
                    $($($maybe: record.$maybe.map(Into::into),)+)?
                    $($($each: record.$each.into_iter().map(Into::into).collect(),)+)?
                }
            }
        }
    };
}

use record;
