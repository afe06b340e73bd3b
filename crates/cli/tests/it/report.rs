use crate::{Ran, monspec_in};

const KEYS: &str = "a:kkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkk";
const ID: &str = "019a9f3e-0000-7000-8000-000000000000";

fn link(more: &[&str]) -> Ran {
    let settings = [
        ("REPORT_KEYS", KEYS),
        ("DT_BUILD_REPORT_URL", "https://report.example/Prod/"),
    ];
    monspec_in(&settings, &[&["report", "link"], more].concat(), "")
}

#[test]
fn link_names_what_it_opens() {
    let gate = ["--pipeline", "My Shop", "--comparison", "A&B"];
    let badge = [&gate[..], &["--badge"]].concat();
    for (flags, begins) in [
        (&[][..], "https://report.example/Prod/?e="),
        (
            &gate,
            "https://report.example/Prod/history?pipelineName=My+Shop&comparisonName=A%26B&e=",
        ),
        (
            &badge,
            "https://report.example/Prod/badge.svg?pipelineName=My+Shop&comparisonName=A%26B&e=",
        ),
        (
            &["--evaluation", ID],
            &format!("https://report.example/Prod/v/{ID}?e="),
        ),
        (&["--problems"], "https://report.example/Prod/problems?e="),
        (&["--changes"], "https://report.example/Prod/changes?e="),
        (
            &["--flag", "promoSocks"],
            "https://report.example/Prod/changes/promoSocks?e=",
        ),
        (
            &["--report-url", "https://other.example"],
            "https://other.example/?e=",
        ),
    ] {
        let ran = link(flags);

        assert_eq!((ran.code, ran.err.as_str()), (0, ""), "{flags:?}");
        assert!(ran.out.starts_with(begins), "{}", ran.out);
        assert!(ran.out.contains("&k=a&s="), "{}", ran.out);
        assert!(!ran.out.contains("kkkk"), "{}", ran.out);
    }
}

#[test]
fn link_ends_after_the_days_it_is_given() {
    let expiry = |days: &str| -> i64 {
        let ran = link(&["--days", days]);
        let (_, rest) = ran.out.split_once("?e=").expect("the link is signed");
        let (expiry, _) = rest.split_once('&').expect("the key follows");
        expiry.parse().expect("it is a number")
    };

    let more = expiry("31") - expiry("1");

    assert!((30 * 86_400 - 60..=30 * 86_400 + 60).contains(&more));
}

#[test]
fn link_without_sense_exits_with_64_and_keeps_the_keys() {
    for flags in [
        &["--days", "0"][..],
        &["--pipeline", "Shop"],
        &["--badge"],
        &["--evaluation", "1"],
        &["--report-url", "report.example"],
        &["--evaluation", ID, "--pipeline", "a", "--comparison", "b"],
    ] {
        let ran = link(flags);
        assert_eq!((ran.code, ran.out.as_str()), (64, ""), "{flags:?}");
    }
    let weak = [
        ("REPORT_KEYS", "a:guessable"),
        ("DT_BUILD_REPORT_URL", "https://report.example"),
    ];
    let ran = monspec_in(&weak, &["report", "link"], "");
    assert_eq!(ran.code, 64);
    assert!(
        ran.err.contains("REPORT_KEYS") && !ran.err.contains("guessable"),
        "{}",
        ran.err
    );
}
