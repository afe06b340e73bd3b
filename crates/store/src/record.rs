//! How things are stored, apart from what they are: a table outlives the version
//! that wrote it.
//!
//! What is written as a word or a number wherever it is written, such as a
//! verdict, has no record of its own.

pub(crate) mod answer;
pub(crate) mod application;
pub(crate) mod change;
pub(crate) mod configuration;
pub(crate) mod declaration;
pub(crate) mod entry;
pub(crate) mod evidence;
pub(crate) mod flag;
pub(crate) mod guard;
pub(crate) mod key;
pub(crate) mod ledger;
pub(crate) mod outbox;
pub(crate) mod owed;
pub(crate) mod permission;
pub(crate) mod prepared;
pub(crate) mod problem;
pub(crate) mod remark;
pub(crate) mod remediation;
pub(crate) mod repeat;
pub(crate) mod rule;
pub(crate) mod run;
pub(crate) mod validation;
pub(crate) mod window;

/// Turns a record into what it is about, and back. Every field is named, so that
/// one that comes or goes has to be decided on.
macro_rules! record {
    ($record:ident = $crate_:ident :: $what:ident {
        $(same: $($same:ident),+;)?
        $(inner: $($inner:ident),+;)?
        $(maybe: $($maybe:ident),+;)?
        $(each: $($each:ident),+;)?
        $(values: $($values:ident),+;)?
    }) => {
        impl From<$crate_::$what> for $record {
            fn from(what: $crate_::$what) -> Self {
                Self {
                    $($($same: what.$same,)+)?
                    $($($inner: what.$inner.into(),)+)?
                    $($($maybe: what.$maybe.map(Into::into),)+)?
                    $($($each: what.$each.into_iter().map(Into::into).collect(),)+)?
                    $($($values: what.$values.into_iter()
                        .map(|(key, value)| (key, value.into())).collect(),)+)?
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
                    $($($values: record.$values.into_iter()
                        .map(|(key, value)| (key, value.into())).collect(),)+)?
                }
            }
        }
    };
    (enum $record:ident = $crate_:ident :: $what:ident {
        $($variant:ident $(($only:ident))? $({
            $(same: $($same:ident),+;)?
            $(inner: $($inner:ident),+;)?
            $(maybe: $($maybe:ident),+;)?
            $(each: $($each:ident),+;)?
            $(values: $($values:ident),+;)?
        })?,)+
    }) => {
        impl From<$crate_::$what> for $record {
            fn from(what: $crate_::$what) -> Self {
                match what {
                    $($crate_::$what::$variant $(($only))? $({
                        $($($same,)+)? $($($inner,)+)? $($($maybe,)+)?
                        $($($each,)+)? $($($values,)+)?
                    })? => Self::$variant $(($only.into()))? $({
                        $($($same,)+)?
                        $($($inner: $inner.into(),)+)?
                        $($($maybe: $maybe.map(Into::into),)+)?
                        $($($each: $each.into_iter().map(Into::into).collect(),)+)?
                        $($($values: $values.into_iter()
                            .map(|(key, value)| (key, value.into())).collect(),)+)?
                    })?,)+
                }
            }
        }

        impl From<$record> for $crate_::$what {
            fn from(record: $record) -> Self {
                match record {
                    $($record::$variant $(($only))? $({
                        $($($same,)+)? $($($inner,)+)? $($($maybe,)+)?
                        $($($each,)+)? $($($values,)+)?
                    })? => Self::$variant $(($only.into()))? $({
                        $($($same,)+)?
                        $($($inner: $inner.into(),)+)?
                        $($($maybe: $maybe.map(Into::into),)+)?
                        $($($each: $each.into_iter().map(Into::into).collect(),)+)?
                        $($($values: $values.into_iter()
                            .map(|(key, value)| (key, value.into())).collect(),)+)?
                    })?,)+
                }
            }
        }
    };
}

use record;
