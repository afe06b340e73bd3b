//! What is deliberately nowhere in the tree, held over its text.

use std::fs;
use std::path::{Path, PathBuf};

/// Something that no file may say.
struct Absence {
    /// In halves, so that this file does not say it either.
    says: [&'static str; 2],
    /// Where it may stand all the same.
    except: &'static [&'static str],
    why: &'static str,
}

const fn nowhere(says: [&'static str; 2], why: &'static str) -> Absence {
    Absence {
        says,
        except: &[],
        why,
    }
}

const CODE: [Absence; 12] = [
    clock(["SystemTime", "::now"]),
    clock(["Timestamp", "::now"]),
    clock(["Zoned", "::now"]),
    environment(["env", "::var"]),
    environment(["option_", "env!"]),
    nowhere(["#[ig", "nore"], "a test that does not run holds nothing"),
    nowhere(
        ["#[should_", "panic"],
        "a test says what is refused, and how, by a value",
    ),
    nowhere(["to", "do!"], "what is merged is finished"),
    nowhere(["unimple", "mented!"], "what is merged is finished"),
    nowhere(["TO", "DO"], "what is merged is finished"),
    nowhere(["FIX", "ME"], "what is merged is finished"),
    nowhere(
        ["#[al", "low("],
        "an exception that is no longer needed must say so: use `expect` with a reason",
    ),
];

/// Pages show what was stored with the verdict.
const PAGES: [Absence; 1] = [nowhere(
    ["monspec::", "read("],
    "what a page needs of the monspec is stored by whoever read it",
)];

const TEXT: [Absence; 3] = [
    nowhere(["/wo", "rk/"], ONE_MACHINE),
    nowhere(["../sha", "red"], ONE_MACHINE),
    nowhere(["/ro", "ot/"], ONE_MACHINE),
];

const ONE_MACHINE: &str = "the repository is complete without any folder around it";

/// The edge of a function, commands for people, the world on a laptop, and the
/// stories told in it are where an invocation begins; below, `now` is an
/// argument.
const fn clock(says: [&'static str; 2]) -> Absence {
    Absence {
        says,
        except: &[
            "crates/lambda/",
            "crates/cli/",
            "crates/fake-aws/",
            "crates/fake-controller/",
            "crates/fake-dynatrace/",
            "crates/lambda-host/",
            "crates/lab/",
            "tests/",
        ],
        why: "time is an argument: the edge reads the clock once per invocation",
    }
}

/// Like the clock; a story hands its settings to the process it starts. How many
/// random ones are told, and which rights are taken away, is for whoever runs
/// them to say.
const fn environment(says: [&'static str; 2]) -> Absence {
    Absence {
        says,
        except: &[
            "crates/lambda/",
            "crates/cli/",
            "crates/lambda-host/",
            "crates/lab/",
            "tests/tests/it/heal/interleavings.rs",
            "tests/stack/permissions.rs",
        ],
        why: "the environment is read at the edge, where a missing setting can be named",
    }
}

#[test]
fn code_never_says_what_the_rules_rule_out() {
    let sources = files(&["rs"]);

    assert_absent(&CODE, &sources);
}

#[test]
fn no_page_reads_a_monspec() {
    let rooms = [
        "crates/report/src",
        "crates/workflows/src/validation_report",
    ];
    let mut pages = files(&["rs"]);
    pages.retain(|path| {
        rooms
            .iter()
            .any(|room| path.with_extension("").starts_with(room))
    });

    assert_absent(&PAGES, &pages);
}

#[test]
fn repository_never_points_outside_itself() {
    let texts = files(&["rs", "md", "toml", "json", "jsonc", "snap", "yaml", "yml"]);

    assert_absent(&TEXT, &texts);
}

/// Where log lines are written that an operator reads.
const PRODUCT: [&str; 8] = [
    "crates/delivery/",
    "crates/dynatrace/",
    "crates/lambda/",
    "crates/release/",
    "crates/report/",
    "crates/store/",
    "crates/workflows/",
    "functions/",
];

/// The fields that name what a log line is about.
const NAMES: [&str; 17] = [
    "catalogue.after",
    "change.batch",
    "deployment.group",
    "deployment.id",
    "event.property",
    "flag.name",
    "job.id",
    "page",
    "pipeline.name",
    "place",
    "problem.id",
    "request.id",
    "route",
    "schedule",
    "setting",
    "shard",
    "validation.id",
];

#[test]
fn every_log_line_names_what_it_is_about() {
    let product = |path: &PathBuf| PRODUCT.iter().any(|room| path.starts_with(room));
    let mut lines = 0;
    let mut nameless = Vec::new();
    for path in files(&["rs"]).iter().filter(|path| product(path)) {
        let text = fs::read_to_string(Path::new(ROOT).join(path)).unwrap();
        for (at, macro_) in ["error!(", "warn!(", "info!("]
            .iter()
            .flat_map(|macro_| text.match_indices(macro_))
        {
            lines += 1;
            if !names_something(&text[at + macro_.len()..]) {
                let number = text[..at].lines().count();
                nameless.push(format!("{}:{number}", path.display()));
            }
        }
    }
    assert!(lines > 20, "the log lines were not found: {lines}");
    assert!(
        nameless.is_empty(),
        "a log line says which record, request or setting it is about, in one of the fields \
         {NAMES:?}: {}",
        nameless.join(", ")
    );
}

/// Whether the arguments of a log line begin with a field that names something:
/// fields stand before the text.
fn names_something(arguments: &str) -> bool {
    let fields = arguments.split('"').next().unwrap_or_default();
    fields.split(',').any(|field| {
        let name = field.split('=').next().unwrap_or_default();
        NAMES.contains(&name.trim().trim_start_matches(['?', '%']))
    })
}

#[test]
fn nameless_log_lines_are_told_from_named_ones() {
    assert!(names_something("job.id = id, \"Job `{id}` failed\");"));
    assert!(names_something("entities, %place,\n    \"It panicked\");"));
    assert!(!names_something("\"Nobody knows what failed, job.id\");"));
    assert!(!names_something("entities, \"Some failed\");"));
}

/// What the pure crates read as it is written, in a file or as one text.
const READ_AS_WRITTEN: [&str; 2] = ["Proof", "Scope"];

#[test]
fn no_type_of_the_pure_crates_is_a_stored_form() {
    let pure = ["crates/flags/src", "crates/release/src"];
    let sources = files(&["rs"]).into_iter();
    let sources = sources.filter(|path| pure.iter().any(|room| path.starts_with(room)));
    let mut found = Vec::new();
    let mut types = 0;
    for path in sources {
        let text = fs::read_to_string(Path::new(ROOT).join(&path)).unwrap();
        for read in read_types(&text) {
            types += 1;
            if !READ_AS_WRITTEN.contains(&read) {
                found.push(format!("{} in {}", read, path.display()));
            }
        }
    }
    assert_eq!(types, READ_AS_WRITTEN.len(), "{found:?}");
    assert!(
        found.is_empty(),
        "what is stored has a type in `store::record`, and these can be read: {}",
        found.join(", ")
    );
}

/// The public types with fields that are read from JSON as they are. One word is
/// the same wherever it is written.
fn read_types(text: &str) -> Vec<&str> {
    let blocks = text.split("#[derive(").skip(1);
    blocks
        .filter_map(|block| {
            let (derived, rest) = block.split_once(")]")?;
            let (head, body) = rest.split_once(" {\n")?;
            let (before, name) = head.rsplit_once(' ')?;
            let is_public = ["pub struct", "pub enum"]
                .iter()
                .any(|kind| before.ends_with(kind));
            let mut lines = body.split("\n}").next()?.lines().map(str::trim);
            let holds_more = lines.any(|line| {
                !line.starts_with("//") && !line.starts_with('#') && line.contains([':', '(', '{'])
            });
            let is_read = derived.contains("Deserialize");
            (is_read && is_public && holds_more).then_some(name)
        })
        .collect()
}

#[test]
fn types_that_are_read_are_told_from_words() {
    let derive = "#[derive(Clone, Deserialize)]\n#[serde(tag = \"is\")]\n";
    assert_eq!(
        read_types(&format!("{derive}pub struct A {{\n    b: u8,\n}}")),
        ["A"]
    );
    assert_eq!(
        read_types(&format!("{derive}pub enum A {{\n    B,\n    C(u8),\n}}")),
        ["A"]
    );
    assert_eq!(
        read_types(&format!(
            "{derive}pub enum A {{\n    /// It: is.\n    B,\n}}"
        )),
        [""; 0]
    );
    assert_eq!(
        read_types(&format!("{derive}struct A {{\n    b: u8,\n}}")),
        [""; 0]
    );
    assert_eq!(
        read_types("#[derive(Clone)]\npub struct A {\n    b: u8,\n}"),
        [""; 0]
    );
}

fn assert_absent(absences: &[Absence], files: &[PathBuf]) {
    assert!(files.len() > 10, "the tree was not found: {files:?}");
    let mut found = Vec::new();
    for path in files {
        let text = fs::read_to_string(Path::new(ROOT).join(path)).unwrap();
        for (number, line) in (1..).zip(text.lines()) {
            for absence in absences.iter().filter(|absence| absence.holds_in(path)) {
                let says = absence.says.concat();
                if line.contains(&says) {
                    found.push(format!(
                        "{}:{number} says `{says}`: {}",
                        path.display(),
                        absence.why
                    ));
                }
            }
        }
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
}

impl Absence {
    fn holds_in(&self, path: &Path) -> bool {
        !self.except.iter().any(|room| path.starts_with(room))
    }
}

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");

/// The files with one of these extensions, relative to the root.
fn files(extensions: &[&str]) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let mut folders = vec![PathBuf::new()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(Path::new(ROOT).join(&folder)).unwrap() {
            let entry = entry.unwrap();
            let path = folder.join(entry.file_name());
            if entry.file_type().unwrap().is_dir() {
                if !NOT_OURS.contains(&entry.file_name().to_string_lossy().as_ref()) {
                    folders.push(path);
                }
            } else if path
                .extension()
                .is_some_and(|extension| extensions.iter().any(|wanted| extension == *wanted))
            {
                files.push(path);
            }
        }
    }
    files
}

const NOT_OURS: [&str; 2] = [".git", "target"];
