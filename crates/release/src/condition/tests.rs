use super::*;

fn facts() -> Facts {
    Facts {
        title: "Failure rate increase".to_owned(),
        category: "ERROR".to_owned(),
        entities: ["SERVICE-1", "SERVICE-2", "HOST-1"]
            .map(str::to_owned)
            .into(),
        entity_types: vec!["dt.entity.process_group_instance".to_owned()],
        tags: vec![tag(None, "app", Some("bizobs"))],
    }
}

fn tag(context: Option<&str>, key: &str, value: Option<&str>) -> Tag {
    Tag {
        context: context.map(str::to_owned),
        key: key.to_owned(),
        value: value.map(str::to_owned),
    }
}

fn any() -> Condition {
    Condition::default()
}

fn metric(op: Comparison) -> Metric {
    Metric {
        selector: "builtin:service.errors.total.rate".to_owned(),
        op,
        value: 5.0,
        window: SignedDuration::from_mins(5),
        entity_type: SERVICE.to_owned(),
    }
}

fn with(change: impl FnOnce(&mut Condition)) -> Condition {
    let mut condition = any();
    change(&mut condition);
    condition
}

#[test]
fn clause_holds_or_says_what_it_wants_and_what_it_found() {
    let texts = |texts: &[&str]| texts.iter().copied().map(str::to_owned).collect();
    let app = || tag(None, "app", None);
    let cases: [(Condition, Option<&str>); 14] = [
        (any(), None),
        (
            with(|one| one.category = vec![Category::Performance, Category::Error]),
            None,
        ),
        (
            with(|one| one.category = vec![Category::Performance, Category::Availability]),
            Some("`category` wants PERFORMANCE or AVAILABILITY, found ERROR"),
        ),
        (
            with(|one| one.entity_types = texts(&["APPLICATION", "PROCESS_GROUP_INSTANCE"])),
            None,
        ),
        (
            with(|one| one.entity_types = texts(&["APPLICATION"])),
            Some("`entityTypes` wants APPLICATION, found HOST, PROCESS_GROUP_INSTANCE, SERVICE"),
        ),
        (with(|one| one.min_services = Some(2)), None),
        (
            with(|one| one.min_services = Some(3)),
            Some("`minServices` wants at least 3, found 2"),
        ),
        (
            with(|one| one.title_contains = Some("FAILURE rate".to_owned())),
            None,
        ),
        (
            with(|one| one.title_contains = Some("memory".to_owned())),
            Some("`titleContains` wants `memory`, found `Failure rate increase`"),
        ),
        (with(|one| one.tags = vec![app()]), None),
        (
            with(|one| one.tags = vec![app(), tag(Some("AWS"), "app", None)]),
            Some("`tags` wants app, [AWS]app, found no [AWS]app"),
        ),
        (
            with(|one| one.metric = Some(metric(Comparison::Above))),
            None,
        ),
        (
            with(|one| one.metric = Some(metric(Comparison::Below))),
            Some(
                "`metric` wants builtin:service.errors.total.rate < 5 for a SERVICE over 5m, \
                 found 7.5",
            ),
        ),
        (
            // The first of those that do not hold.
            with(|one| {
                one.category = vec![Category::Availability];
                one.min_services = Some(9);
            }),
            Some("`category` wants AVAILABILITY, found ERROR"),
        ),
    ];
    for (condition, differs) in cases {
        let measured = |_: &Metric| Some(Measured::Number(7.5));
        let answer = match condition.answer(&facts(), measured) {
            Answer::Holds => None,
            Answer::Differs(checked) => Some(checked.to_string()),
            Answer::Ask(metric) => panic!("{metric} is known"),
        };
        assert_eq!(answer.as_deref(), differs, "{condition:?}");
    }
}

#[test]
fn number_is_asked_for_last_and_a_missing_one_does_not_hold() {
    let condition = Condition {
        category: vec![Category::Error],
        metric: Some(metric(Comparison::Above)),
        ..any()
    };
    let other = Facts {
        category: "AVAILABILITY".to_owned(),
        ..facts()
    };

    let unknown = condition.answer(&facts(), |_| None);
    assert_eq!(unknown, Answer::Ask(&metric(Comparison::Above)));
    let Answer::Differs(differs) = condition.answer(&other, |_| None) else {
        panic!("the category is another one");
    };
    assert_eq!(differs.clause, Clause::Category);
    let gap = |_: &Metric| Some(Measured::Gap("the tenant has no data".to_owned()));
    let Answer::Differs(differs) = condition.answer(&facts(), gap) else {
        panic!("there is no number");
    };
    assert_eq!(differs.found, "no number: the tenant has no data");
    for op in Comparison::ALL {
        assert!(!op.holds(f64::NAN, 5.0), "{op:?}");
    }
}

#[test]
fn worst_number_is_the_one_that_holds_if_any_does() {
    let numbers = [3.0, 9.0, 5.0];
    for (op, worst) in [
        (Comparison::Above, 9.0),
        (Comparison::AtLeast, 9.0),
        (Comparison::Below, 3.0),
        (Comparison::AtMost, 3.0),
    ] {
        assert_eq!(op.worst(numbers), Some(worst));
        for number in numbers {
            let any = numbers.iter().any(|one| op.holds(*one, number));
            assert_eq!(op.holds(worst, number), any);
        }
        assert_eq!(op.worst([]), None);
    }
}

#[test]
fn sample_may_be_written_by_hand_or_copied_from_an_event() {
    let by_hand = r#"{
        "title": "Response time degradation", "category": "PERFORMANCE",
        "entities": ["SERVICE-1"], "tags": ["[AWS]stage:prod"],
        "metrics": {"builtin:service.errors.total.rate": 7.5}
    }"#;
    let event = r#"{
        "event.id": "5547782627070661074_1647601320000", "event.status": "ACTIVE",
        "event.name": "Response time degradation", "event.category": "SLOWDOWN",
        "affected_entity_ids": ["SERVICE-1"],
        "affected_entity_types": ["dt.entity.service"],
        "entity_tags": ["[AWS]stage:prod"]
    }"#;
    let condition = Condition {
        category: vec![Category::Performance],
        entity_types: vec![SERVICE.to_owned()],
        min_services: Some(1),
        title_contains: Some("degradation".to_owned()),
        tags: vec![tag(Some("AWS"), "stage", Some("prod"))],
        ..any()
    };

    for text in [by_hand, event] {
        let sample = Sample::read(text).unwrap();
        assert_eq!(
            condition.answer(&sample.facts, |_| None),
            Answer::Holds,
            "{text}"
        );
    }
    let sample = Sample::read(by_hand).unwrap();
    let measured = sample.measured(&metric(Comparison::Above));
    assert_eq!(measured, Some(Measured::Number(7.5)));
    let no_tag = Sample::read(r#"{"tags": [":x"]}"#).unwrap_err();
    assert!(no_tag.to_string().starts_with("`:x` is no tag"), "{no_tag}");
}
