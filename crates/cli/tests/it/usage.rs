use crate::{file, monspec, path};

#[test]
fn arguments_without_sense_exit_with_64() {
    let twice = ["judge", "-", "--comparison", "Gate", "--values", "-"];
    for arguments in [
        &[][..],
        &["lnit"],
        &["lint"],
        &["lint", "-", "-"],
        &["judge", "-"],
        &["compare", "-", "--comparison", "Gate"],
        &["compare", "-", "--comparison", "Gate", "--minutes", "0"],
        &["compare", "-", "--comparison", "Gate", "--minutes", "1441"],
        &["ledger", "list"],
        &["ledger", "list", "--group", "App"],
        &["ledger", "list", "--group", "/Production"],
        &["ledger", "clear", "--group", "App/Production", "d-1"],
        &["ledger", "clear", "--group", "A/P", "d-1", "--reason", " "],
        &["ledger", "condemn", "--group", "A/P", "--reason", "leaks"],
        &["heal", "explain"],
        &[
            "heal",
            "explain",
            "--problem",
            "1",
            "--at",
            "2026-01-05T10:00:00Z",
        ],
        &["flags", "history"],
        &["flags", "history", "promo", "--limit", "0"],
        &["flags", "history", "promo", "--limit", "501"],
        &["flags", "history", "../promo"],
        &["ledger", "adopt", "App"],
        &["ledger", "adopt", "A/P", "--good", "d-1"],
        &["validations"],
        &["validations", "show", "Shop"],
        &[
            "validations",
            "release",
            "019b8d5c-7f00-7000-8000-000000000001",
        ],
        &twice,
    ] {
        let ran = monspec(arguments, "{}");
        assert_eq!((ran.code, ran.out.as_str()), (64, ""), "{arguments:?}");
        assert!(!ran.err.is_empty(), "{arguments:?}");
    }
}

#[test]
fn help_is_everywhere_with_examples() {
    for arguments in [
        &["--help"][..],
        &["lint", "--help"],
        &["judge", "--help"],
        &["compare", "--help"],
        &["ledger", "--help"],
        &["ledger", "list", "--help"],
        &["ledger", "clear", "--help"],
        &["ledger", "condemn", "--help"],
        &["flags", "--help"],
        &["flags", "history", "--help"],
        &["heal", "--help"],
        &["heal", "explain", "--help"],
        &["ledger", "adopt", "--help"],
        &["validations", "--help"],
        &["validations", "list", "--help"],
        &["validations", "show", "--help"],
        &["validations", "rejudge", "--help"],
        &["validations", "release", "--help"],
        &["schema", "--help"],
        &["report", "link", "--help"],
    ] {
        let ran = monspec(arguments, "");
        assert_eq!((ran.code, ran.err.as_str()), (0, ""), "{arguments:?}");
        assert!(
            ran.out.contains("Exit codes:") || ran.out.contains("Example"),
            "{}",
            ran.out
        );
    }
}

#[test]
fn file_that_cannot_be_read_exits_with_66() {
    let absent = path("absent.json");
    for arguments in [
        &["lint", &absent][..],
        &["judge", &absent, "--comparison", "Gate", "--values", "-"],
    ] {
        let ran = monspec(arguments, "");
        assert_eq!((ran.code, ran.out.as_str()), (66, ""), "{arguments:?}");
        assert!(
            ran.err
                .starts_with(&format!("monspec: cannot read {absent}: ")),
            "{}",
            ran.err
        );
    }
}

#[test]
fn file_that_is_not_text_exits_with_65() {
    let binary = file("binary.json", [b'{', 0xff, b'}']);
    let ran = monspec(&["lint", &binary], "");
    assert_eq!(ran.code, 65);
    assert_eq!(
        ran.err,
        format!("monspec: {binary} is not UTF-8 text; save it as UTF-8\n")
    );
}
