//! The kinds of records that are worked on.

use aws_sdk_dynamodb::types::AttributeValue;
use release::work::Counts;

use crate::StoreError;
use crate::item::Item;
use crate::item_update::ItemUpdate;

/// A record that is worked on whenever it is due.
pub trait Record: Sized + 'static {
    /// How records of this kind are stored. Only this crate can say so.
    const KIND: Kind<Self>;
}

/// How records of one kind are stored, as far as work on them goes.
pub struct Kind<R> {
    pub(crate) read: fn(&Item) -> Result<R, StoreError>,
    pub(crate) counts: fn(&R) -> Counts,
    pub(crate) count: fn(&mut R, Counts),
    /// What is stored when the claim is given back, beside the due time.
    pub(crate) deferred: fn(&R) -> ItemUpdate,
    /// What is stored when nothing is left to do.
    pub(crate) settled: fn(&R) -> ItemUpdate,
    /// How often it was reported when it was claimed, where something may be
    /// reported meanwhile: then giving it back makes it due at once.
    pub(crate) notices: fn(&R) -> Option<&AttributeValue>,
    /// Where who gave it back last leaves the name of its claim.
    pub(crate) deferred_by: &'static str,
    /// Where who settled it leaves the name of its claim.
    pub(crate) settled_by: &'static str,
    /// What is tried, for messages.
    pub(crate) actions: Actions,
}

/// What is tried with a record.
pub(crate) struct Actions {
    pub(crate) find: &'static str,
    pub(crate) claim: &'static str,
    pub(crate) defer: &'static str,
    pub(crate) settle: &'static str,
}
