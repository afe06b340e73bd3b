//! Writing what is known of a change, as long as it is what was read.

use aws_sdk_dynamodb::types::builders::UpdateBuilder;
use release::ledger::Known;

use crate::record::ledger::attributes;
use crate::transaction::Write;

/// Sets `first` and what is known now, as long as what is known is what was read:
/// nothing, where there was no item.
pub(crate) fn write(
    mut update: UpdateBuilder,
    first: &str,
    known: &Known,
    read: Option<&Known>,
) -> Write {
    let mut set = vec![format!("SET {first}")];
    let mut remove = Vec::new();
    for (name, value) in attributes(known) {
        match value {
            Some(value) => {
                set.push(format!("{name} = :{name}"));
                update = update.expression_attribute_values(format!(":{name}"), value);
            }
            None => remove.push(name),
        }
    }
    let mut expression = set.join(", ");
    if !remove.is_empty() {
        expression = expression + " REMOVE " + &remove.join(", ");
    }
    update = update.update_expression(expression);
    let Some(read) = read else {
        return Write::reread(update.condition_expression("attribute_not_exists(standing)"));
    };
    let mut conditions = Vec::new();
    for (name, value) in attributes(read) {
        match value {
            Some(value) => {
                conditions.push(format!("{name} = :was_{name}"));
                update = update.expression_attribute_values(format!(":was_{name}"), value);
            }
            None => conditions.push(format!("attribute_not_exists({name})")),
        }
    }
    Write::reread(update.condition_expression(conditions.join(" AND ")))
}
