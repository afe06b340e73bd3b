//! What was registered in one execution.

use release::validation::{Registrant, Registration};
use store::Slot;

use crate::world::{World, again, registration};

const PIPELINE: &str = "Cart #1 %23";

fn registered_by(second: u16, registrant: Registrant) -> Registration {
    Registration {
        pipeline: PIPELINE.to_owned(),
        registrant,
        ..registration(second)
    }
}

fn action(stage: &str, action: &str) -> Registrant {
    Registrant::Action {
        stage: stage.to_owned(),
        action: action.to_owned(),
    }
}

#[tokio::test]
async fn execution_knows_the_latest_validation_of_each_registrant() {
    let world = World::start().await;
    let superseded = registered_by(1, action("Staging", "Register"));
    let latest = Registration {
        pipeline: PIPELINE.to_owned(),
        ..again(&superseded, 2)
    };
    let hostile = Registration {
        comparison: "50%23 #v".to_owned(),
        ..registered_by(3, action("A#B", "%25"))
    };
    let direct = registered_by(4, Registrant::Direct);
    for registration in [&superseded, &latest, &hostile, &direct] {
        world.register(registration).await;
    }
    let elsewhere = Registration {
        execution: Some("execution-2".to_owned()),
        ..registered_by(5, action("Staging", "Register"))
    };
    world.register(&elsewhere).await;
    let execution = latest.execution.clone().unwrap();

    let mut slots = world.validations.slots(PIPELINE, &execution).await.unwrap();

    slots.sort_by_key(|slot| slot.id);
    let expected = [&latest, &hostile, &direct].map(|registration| Slot {
        id: registration.id,
        registrant: registration.registrant.clone(),
        comparison: registration.comparison.clone(),
    });
    assert_eq!(slots, expected);
    assert_eq!(
        world
            .validations
            .slots(PIPELINE, "execution-3")
            .await
            .unwrap(),
        []
    );
}
