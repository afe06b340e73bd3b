//! The fields of an object that is known: those that must be there, and those that may.

use super::bounds::Check;
use super::cursor::Cursor;
use super::shape::Shape;
use super::suggest::nearest;
use crate::lint::{Place, Report, shortened};
use crate::syntax::Member;

/// An object whose fields are known.
pub(super) struct Fields<'a> {
    pub(super) place: Place,
    members: &'a [Member],
}

impl<'a> Fields<'a> {
    /// Opens an object; fields that it does not know are reported.
    pub(super) fn open(
        place: Place,
        members: &'a [Member],
        shape: Shape,
        report: &mut Report<'_>,
    ) -> Self {
        for member in members {
            let key = member.key.as_str();
            let known = shape.fields.contains(&key) || shape.annotations.contains(&key);
            if !known && !is_comment(key) {
                report_unknown(member, &place, shape.fields, report);
            }
        }
        Self { place, members }
    }

    pub(super) fn get(&self, name: &str) -> Option<Cursor<'a>> {
        let member = self.members.iter().find(|member| member.key == name)?;
        Some(Cursor::new(&member.node, &self.place, name))
    }

    /// The place of a field's name.
    pub(super) fn key(&self, name: &str) -> Option<Place> {
        let member = self.members.iter().find(|member| member.key == name)?;
        Some(Place::new(member.offset, self.place.path.field(name)))
    }

    pub(super) fn required(&self, name: &str, report: &mut Report<'_>) -> Option<Cursor<'a>> {
        let found = self.get(name);
        if found.is_none() {
            report.error(
                &self.place,
                format!("`{name}` is missing"),
                format!("add `\"{name}\": …`"),
            );
        }
        found
    }

    /// The elements of a list that may be left out.
    pub(super) fn list(&self, name: &str, report: &mut Report<'_>) -> Vec<Cursor<'a>> {
        self.get(name)
            .and_then(|list| list.list(report))
            .unwrap_or_default()
    }

    /// A text that may be left out.
    pub(super) fn text(&self, name: &str, check: Check, report: &mut Report<'_>) -> Option<String> {
        checked(&self.get(name)?, check, report).map(str::to_owned)
    }

    /// A text that must be there.
    pub(super) fn required_text(
        &self,
        name: &str,
        check: Check,
        report: &mut Report<'_>,
    ) -> Option<&'a str> {
        checked(&self.required(name, report)?, check, report)
    }

    /// A number that may be left out.
    pub(super) fn number(&self, name: &str, report: &mut Report<'_>) -> Option<f64> {
        self.get(name)?.number(report)
    }

    /// One of a few words; the default when it is left out.
    pub(super) fn choice<T: Copy + Default>(
        &self,
        name: &str,
        choices: &[T],
        word: fn(T) -> &'static str,
        report: &mut Report<'_>,
    ) -> T {
        self.get(name)
            .and_then(|cursor| cursor.choice(choices, word, report))
            .unwrap_or_default()
    }
}

fn checked<'a>(cursor: &Cursor<'a>, check: Check, report: &mut Report<'_>) -> Option<&'a str> {
    let text = cursor.text(report)?;
    check(text, &cursor.place, report);
    Some(text)
}

pub(super) fn is_comment(key: &str) -> bool {
    key.starts_with('_')
}

fn report_unknown(member: &Member, parent: &Place, known: &[&str], report: &mut Report<'_>) {
    let place = Place::new(member.offset, parent.path.field(&member.key));
    let problem = format!("unknown field {:?}", shortened(&member.key));
    match nearest(&member.key, known.iter().copied()) {
        Some(near) => report.error(&place, problem, format!("did you mean `{near}`?")),
        None => report.warning(
            &place,
            format!("{problem}; it is ignored"),
            "remove it, or begin its name with `_` to make it a comment",
        ),
    }
}
