//! Who may know whom, held over the workspace's own metadata.
//!
//! The table is the documentation: a dependency it does not name is a mistake,
//! or a change of the design that begins here.

use std::collections::{BTreeMap, BTreeSet};

use cargo_metadata::{DependencyKind, Metadata, MetadataCommand, Node, PackageId};

use Knows::{Anything, Only};

/// A crate, what it may depend on among ours, and what it must never reach
/// outside, however long the way.
struct Room {
    name: &'static str,
    knows: Knows,
    shuns: &'static [&'static str],
    why: &'static str,
}

enum Knows {
    Only(&'static [&'static str]),
    Anything,
}

const ROOMS: [Room; 20] = [
    Room {
        name: "decimal",
        knows: Only(&[]),
        shuns: IMPURE,
        why: "numbers are calculated the same way on both sides of a client",
    },
    Room {
        name: "lint",
        knows: Only(&[]),
        shuns: IMPURE,
        why: "files that people write are read the same way, whatever they declare",
    },
    Room {
        name: "monspec",
        knows: Only(&["decimal", "lint"]),
        shuns: IMPURE,
        why: "the format and its judgement are pure: numbers in, findings out",
    },
    Room {
        name: "release",
        // Rules say what flags become.
        knows: Only(&["flags", "monspec"]),
        shuns: IMPURE,
        why: "transitions are pure: `now` and what was seen are arguments",
    },
    Room {
        name: "flags",
        knows: Only(&["decimal", "lint"]),
        shuns: IMPURE,
        why: "what a flag is at a moment follows from what was said and from `now`",
    },
    Room {
        name: "report",
        knows: Only(&["flags", "monspec", "release"]),
        shuns: IMPURE,
        why: "pages are pure: records in, text out",
    },
    Room {
        name: "dynatrace",
        knows: Only(&["decimal"]),
        shuns: &["aws-", "lambda_runtime"],
        why: "a client speaks the words of its remote and none of ours",
    },
    Room {
        name: "controller",
        // In its tests, which ask the stand-in.
        knows: Only(&["fake-controller"]),
        shuns: &["aws-", "lambda_runtime"],
        why: "a client speaks the words of its remote and none of ours",
    },
    Room {
        name: "delivery",
        knows: Only(&[]),
        shuns: &["reqwest", "lambda_runtime"],
        why: "a client speaks the words of its remote and none of ours",
    },
    Room {
        name: "store",
        // A stored validation carries its verdict, and the word is monspec's:
        // going through `release` for it would make a second name of one thing.
        knows: Only(&["flags", "monspec", "release"]),
        shuns: &["reqwest", "lambda_runtime"],
        why: "it keeps records of releases and flags and asks nobody but DynamoDB",
    },
    Room {
        name: "workflows",
        knows: Only(JOINED),
        shuns: &["lambda_runtime"],
        why: "use-cases join pure code with clients, wherever they are run",
    },
    Room {
        name: "lambda",
        knows: Only(&["release", "dynatrace", "delivery"]),
        shuns: &[],
        why: "the edge serves every function and prefers none",
    },
    Room {
        name: "cli",
        knows: Anything,
        shuns: &[],
        why: "it is run by people, at a terminal",
    },
    Room {
        name: "fake-aws",
        // In its tests, which ask it with our own clients.
        knows: Only(&["delivery", "store"]),
        shuns: &["lambda_runtime"],
        why: "a stand-in speaks the protocol and knows none of our workflows",
    },
    Room {
        name: "fake-controller",
        knows: Only(&[]),
        shuns: &["aws-", "lambda_runtime"],
        why: "a stand-in speaks the protocol and knows none of our clients",
    },
    Room {
        name: "fake-dynatrace",
        knows: Only(&[]),
        shuns: &["aws-", "lambda_runtime"],
        why: "a stand-in speaks the protocol and knows none of our clients",
    },
    Room {
        name: "lambda-host",
        knows: Only(&["fake-aws"]),
        shuns: &[],
        why: "it runs any function, with credentials of the stand-in's account",
    },
    Room {
        name: "lab",
        knows: Anything,
        shuns: &[],
        why: "the lab plays the other side of every client",
    },
    Room {
        name: "sample-app",
        knows: Only(&[]),
        shuns: &["aws-", "lambda_runtime"],
        why: "what is released knows nothing of who releases it",
    },
    Room {
        name: "tests",
        knows: Anything,
        shuns: &[],
        why: "a story needs the whole world",
    },
];

/// Every package below `functions/`.
const FUNCTION: Room = Room {
    name: "functions/*",
    knows: Only(&[
        "lambda",
        "workflows",
        // Named where the clients of a use-case are built, once per process.
        "monspec",
        "release",
        "dynatrace",
        "controller",
        "flags",
        "delivery",
        "store",
    ]),
    shuns: &["axum", "clap"],
    why: "a function parses one event, calls one use-case and knows no other function",
};

/// What `workflows` joins.
const JOINED: &[&str] = &[
    "controller",
    "flags",
    "monspec",
    "release",
    "report",
    "dynatrace",
    "delivery",
    "store",
];

/// Crates that wait, call, log or encrypt a connection. A pure crate has no use
/// for any of them.
const IMPURE: &[&str] = &[
    "tokio", "futures", "mio", "aws-", "reqwest", "hyper", "http", "axum", "rustls", "tracing",
    "lambda_", "dynoxide",
];

/// Rooms that everybody else can be built without.
const OUTERMOST: [&str; 3] = ["cli", "lab", "tests"];

#[test]
fn every_crate_has_a_place_in_the_table() {
    let workspace = Workspace::read();

    let members: BTreeSet<&str> = workspace.members().map(|id| workspace.name(id)).collect();
    let placed: BTreeSet<&str> = ROOMS.iter().map(|room| room.name).collect();

    let missing: Vec<_> = members
        .iter()
        .filter(|name| !placed.contains(**name) && !workspace.functions.contains(**name))
        .collect();
    let gone: Vec<_> = placed.difference(&members).collect();
    assert!(
        missing.is_empty() && gone.is_empty(),
        "not in the table: {missing:?}; in the table only: {gone:?}"
    );
}

/// Dev-dependencies count too: what a crate's own tests need of ours is either
/// below it, or the test is a story and lives in `tests`.
#[test]
fn crates_of_ours_know_only_what_the_table_says() {
    let workspace = Workspace::read();

    let broken: Vec<String> = workspace
        .members()
        .flat_map(|id| {
            let room = workspace.room(id);
            workspace
                .ours(id)
                .filter(|known| !room.may_know(known))
                .map(|known| {
                    let name = workspace.name(id);
                    format!("{name} -> {known}: {}", room.why)
                })
                .collect::<Vec<_>>()
        })
        .collect();

    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

#[test]
fn table_lets_nobody_inside_know_the_outermost_rooms() {
    for room in ROOMS.iter().chain([&FUNCTION]) {
        if let Only(known) = room.knows {
            assert!(
                known.iter().all(|name| !OUTERMOST.contains(name)),
                "{} must be built without {OUTERMOST:?}",
                room.name
            );
        }
    }
}

#[test]
fn crates_never_reach_what_they_shun() {
    let workspace = Workspace::read();

    let broken: Vec<String> = workspace
        .members()
        .flat_map(|id| {
            let room = workspace.room(id);
            workspace
                .ways_out(id)
                .into_iter()
                // Beyond the first crate that is shunned there is no second mistake.
                .filter(|way| {
                    let (end, before) = way.split_last().expect("a way has an end");
                    let shunned = |id: &PackageId| room.shuns(workspace.name(id));
                    shunned(end) && !before.iter().any(|id| shunned(id))
                })
                .map(|way| {
                    let way: Vec<&str> = way.iter().map(|id| workspace.name(id)).collect();
                    format!("{}: {}", way.join(" -> "), room.why)
                })
                .collect::<Vec<_>>()
        })
        .collect();

    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

impl Room {
    fn may_know(&self, name: &str) -> bool {
        match self.knows {
            Only(known) => known.contains(&name),
            Anything => true,
        }
    }

    /// A name that ends in a separator stands for a family, such as `aws-`;
    /// any other also for its companions, such as `tokio-rustls`.
    fn shuns(&self, name: &str) -> bool {
        self.shuns.iter().any(|shunned| {
            name.strip_prefix(shunned)
                .is_some_and(|rest| shunned.ends_with(SEPARATORS) || rest.starts_with(SEPARATORS))
                || name == *shunned
        })
    }
}

const SEPARATORS: [char; 2] = ['-', '_'];

/// The resolved graph of this machine's platform.
struct Workspace {
    metadata: Metadata,
    nodes: BTreeMap<PackageId, Node>,
    functions: BTreeSet<String>,
}

impl Workspace {
    fn read() -> Self {
        let mut metadata = MetadataCommand::new()
            .manifest_path(concat!(env!("CARGO_MANIFEST_DIR"), "/../Cargo.toml"))
            // Only what this build downloaded already is looked at.
            .other_options(["--frozen", "--filter-platform", "host-tuple"].map(String::from))
            .exec()
            .unwrap();
        let resolve = metadata.resolve.take().unwrap();
        let nodes = resolve
            .nodes
            .into_iter()
            .map(|node| (node.id.clone(), node));
        let functions = metadata.workspace_root.join("functions");
        Self {
            nodes: nodes.collect(),
            functions: metadata
                .workspace_packages()
                .iter()
                .filter(|package| package.manifest_path.starts_with(&functions))
                .map(|package| package.name.to_string())
                .collect(),
            metadata,
        }
    }

    fn members(&self) -> impl Iterator<Item = &PackageId> {
        self.metadata.workspace_members.iter()
    }

    fn name(&self, id: &PackageId) -> &str {
        &self.metadata[id].name
    }

    fn room(&self, id: &PackageId) -> &'static Room {
        let name = self.name(id);
        if self.functions.contains(name) {
            return &FUNCTION;
        }
        ROOMS
            .iter()
            .find(|room| room.name == name)
            .unwrap_or_else(|| panic!("{name} has no place in the table"))
    }

    /// The crates of ours that `id` names in its manifest, for whatever use.
    fn ours(&self, id: &PackageId) -> impl Iterator<Item = &str> {
        self.nodes[id]
            .deps
            .iter()
            .filter(|dep| self.metadata.workspace_members.contains(&dep.pkg))
            .map(|dep| self.name(&dep.pkg))
    }

    /// One shortest way from `id` to each crate that is compiled into it.
    fn ways_out(&self, id: &PackageId) -> Vec<Vec<&PackageId>> {
        let start = &self.nodes[id].id;
        let mut ways = vec![vec![start]];
        let mut reached = BTreeSet::from([start]);
        let mut next = 0;
        while let Some(way) = ways.get(next).cloned() {
            let end = *way.last().expect("a way begins somewhere");
            for dep in &self.nodes[end].deps {
                let compiled_in = dep
                    .dep_kinds
                    .iter()
                    .any(|kind| kind.kind == DependencyKind::Normal);
                if compiled_in && reached.insert(&dep.pkg) {
                    ways.push(way.iter().copied().chain([&dep.pkg]).collect());
                }
            }
            next += 1;
        }
        ways.split_off(1)
    }
}
