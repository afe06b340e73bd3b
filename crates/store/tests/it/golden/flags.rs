//! What stands in the table of flags.

use flags::key::{Key, KeyHolder, issue};
use flags::step::Term;
use flags::{Value, verify};
use store::{RepeatId, What, tables};

use super::check;
use crate::flag_set::{Made, SET, declared, second, set, wish};
use crate::world::{FLAGS, World};

const FLAG: &str = "errorInjectionEnabled";

#[tokio::test]
async fn flags() {
    let id = RepeatId {
        key: "abc".to_owned(),
        hash: "h2".to_owned(),
    };
    let steps = async |world: &World| {
        let flags = declared(world).await;
        wish("c1", false).made(&flags).await;
        let mut trial = wish("c2", true);
        trial.term = Term::Until(second(600));
        trial.now = second(60);
        trial.repeat = Some(id.clone());
        trial.claim = Some(("request".to_owned(), second(90)));
        trial.made(&flags).await;
        let key = Key {
            id: "abc".to_owned(),
            name: "ann".to_owned(),
            holder: KeyHolder::Person,
            secrets: vec![issue("abc", [1; 32]).hash],
            scopes: vec!["change:prod/canary*<=20".parse().unwrap()],
            expires: Some(second(10_000)),
        };
        flags.put_key(&key).await.unwrap();
    };
    let read = async |world: &World| {
        let flags = store::Flags::new(world.raw.clone(), FLAGS);
        let read = set(&flags).await;
        assert_eq!(read.revision, 3);
        let declared = &read.declarations.flags[FLAG];
        let value = |at| read.states[FLAG].value(declared, second(at));
        assert_eq!(value(599), Value::Boolean(true));
        assert_eq!(value(600), Value::Boolean(false));
        let history = flags.history(SET, FLAG).await.unwrap();
        assert_eq!(history.len(), 2);
        verify(&history).unwrap();
        let look = flags.look(SET, Some("abc")).await.unwrap();
        assert_eq!(look.revision, Some(3));
        assert_eq!(look.key.unwrap().name, "ann");
        let mut again = wish("c3", false);
        again.repeat = Some(id.clone());
        let (made, _) = again.made(&flags).await;
        assert_eq!(made, Made::Before("the answer of c2".to_owned()));
        let mut owed = Vec::new();
        for shard in 0..tables::SHARDS {
            let queue = flags.queue();
            for due in queue.due(shard, second(600), 10, None).await.unwrap() {
                let claimed = queue.claim(&due, "worker", second(600), second(660)).await;
                owed.push(match &claimed.unwrap().what {
                    What::Timer { flag, .. } => format!("timer of {flag}"),
                    What::Event(outbox) => format!("event {}", outbox.entry.text),
                    other => format!("{other:?}"),
                });
            }
        }
        owed.sort();
        assert_eq!(
            owed,
            ["event c1 1", "event c2 2", &format!("timer of {FLAG}")]
        );
    };
    check("flags", [FLAGS], steps, read).await;
}
