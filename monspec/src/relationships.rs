//! The known relationships of each type of entity.

use crate::signature::Direction;
use crate::spec::EntityType;

/// The names of the relationships of one kind of entity in one direction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Relationships {
    /// Those that every version of the API knows.
    pub always: &'static [&'static str],
    /// Those that only API v2 knows, as far as they are known here.
    pub only_in_v2: &'static [&'static str],
}

impl Relationships {
    /// All of them.
    pub fn all(self) -> impl Iterator<Item = &'static str> {
        self.always.iter().chain(self.only_in_v2).copied()
    }
}

/// The known relationships of a type of entity. In API v2 a tenant may have more
/// and can be queried; in v1 there is no other source.
pub fn relationships(etype: EntityType, direction: Direction) -> Relationships {
    use Direction::{From, To};
    use EntityType::{Application, Host, ProcessGroup, ProcessGroupInstance, Service};

    let always: &[_] = match (etype, direction) {
        (Service, From) => &["calls", "runsOn", "runsOnProcessGroupInstance"],
        (Service, To) | (Application, From) => &["calls"],
        (Application, To) => &["monitors"],
        (Host, From) => &["isNetworkClientOfHost"],
        (Host, To) => &["isProcessOf", "isSiteOf", "runsOn", "isNetworkClientOfHost"],
        (ProcessGroup, From) => &["runsOn", "isNetworkClientOfProcessGroup"],
        (ProcessGroup, To) => &["runsOn", "isInstanceOf", "isNetworkClientOfProcessGroup"],
        (ProcessGroupInstance, From) => &["isProcessOf", "isInstanceOf", "isNetworkClientOf"],
        (ProcessGroupInstance, To) => &["runsOnProcessGroupInstance", "isNetworkClientOf"],
    };
    let only_in_v2: &[_] = match (etype, direction) {
        (Service, From) => &[
            "runsOnHost",
            "isServiceOf",
            "listensOnQueue",
            "sendsToQueue",
            "receivesFromQueue",
            "indirectlySendsToQueue",
            "indirectlyReceivesFromQueue",
        ],
        (Service, To) => &[
            "isServiceMethodOfService",
            "isInstanceOf",
            "isGroupOf",
            "isClusterOfService",
            "isNamespaceOfService",
        ],
        _ => &[],
    };
    Relationships { always, only_in_v2 }
}
