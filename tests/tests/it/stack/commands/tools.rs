//! What is missing on a machine is said before anything is asked for or made.

use super::deploy::assert_nothing_is_made;
use super::{FIRST, Place};

#[test]
fn machine_without_venv_is_told_before_the_token_is_asked_for() {
    let place = machine("without-venv");

    let said = place.fails("deploy", &FIRST[1..]);
    assert!(said.contains("install python3-venv"), "{said}");
    assert_nothing_is_made(&place);
}

#[test]
fn installed_cargo_lambda_is_taken_with_a_zig_only() {
    let place = machine("without-zig");
    place.program("cargo-lambda", "#!/usr/bin/env bash\nexit 1\n");

    let said = place.fails("deploy", &FIRST[1..]);
    assert!(said.contains("install python3-venv"), "{said}");

    place.program("zig", "#!/usr/bin/env bash\necho 0.13.0\n");
    let said = place.fails("deploy", &FIRST[1..]);
    assert!(said.contains("the functions cannot be built"), "{said}");
}

#[test]
fn rust_is_needed_where_something_is_built() {
    let place = Place::new("without-rust");
    let rehearsal = [&FIRST[1..], &["--dry-run"]].concat();

    place.succeeds("deploy", &rehearsal);
    place.refuses("cloudformation.package", "AccessDenied", "Not you");
    let said = place.fails("deploy", &FIRST);
    assert!(said.contains("Not you"), "{said}");
    place.calls();

    let said = place.fails("deploy", &FIRST[1..]);
    assert!(said.contains("`rustup` is missing"), "{said}");
    assert_nothing_is_made(&place);
}

/// A machine with Rust, whose Python has neither `venv` nor Zig.
fn machine(name: &str) -> Place {
    let place = Place::new(name);
    place.program("rustup", "#!/usr/bin/env bash\n");
    for module in ["venv", "ziglang"] {
        let missing = "raise SystemExit('it is not there')\n";
        place.write(&format!("python/{module}.py"), missing);
    }
    place
}
