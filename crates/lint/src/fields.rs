//! The fields of an object that is known: those that must be there, and those that may.

use crate::bounds::Check;
use crate::cursor::Cursor;
use crate::suggest::nearest;
use crate::syntax::Member;
use crate::{Place, Report, shortened};

/// The fields of one kind of object.
///
/// The JSON Schema is generated from other types; a test of each format holds
/// the two equal.
#[derive(Debug, Clone, Copy)]
pub struct Shape {
    /// What is read.
    pub fields: &'static [&'static str],
    /// What others write into the file: ignored without a word.
    pub annotations: &'static [&'static str],
}

/// An object whose fields are known.
pub struct Fields<'a> {
    /// Where the object is.
    pub place: Place,
    members: &'a [Member],
}

impl<'a> Cursor<'a> {
    /// The fields of an object; fields that it does not know are reported.
    pub fn object(&self, shape: Shape, report: &mut Report<'_>) -> Option<Fields<'a>> {
        let members = self.members(report)?;
        Some(Fields::open(self.place.clone(), members, shape, report))
    }
}

impl<'a> Fields<'a> {
    /// Opens an object; fields that it does not know are reported.
    pub(crate) fn open(
        place: Place,
        members: &'a [Member],
        shape: Shape,
        report: &mut Report<'_>,
    ) -> Self {
        for member in members {
            let key = member.key.as_str();
            let known = shape.fields.contains(&key) || shape.annotations.contains(&key);
            if !known && !member.is_comment() {
                report_unknown(member, &place, shape.fields, report);
            }
        }
        Self { place, members }
    }

    /// A field that may be left out.
    pub fn get(&self, name: &str) -> Option<Cursor<'a>> {
        let member = self.members.iter().find(|member| member.key == name)?;
        Some(Cursor::new(&member.node, &self.place, name))
    }

    /// The place of a field's name.
    pub fn key(&self, name: &str) -> Option<Place> {
        let member = self.members.iter().find(|member| member.key == name)?;
        Some(Place::new(member.offset, self.place.path.field(name)))
    }

    /// A field that must be there.
    pub fn required(&self, name: &str, report: &mut Report<'_>) -> Option<Cursor<'a>> {
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
    pub fn list(&self, name: &str, report: &mut Report<'_>) -> Vec<Cursor<'a>> {
        self.get(name)
            .and_then(|list| list.list(report))
            .unwrap_or_default()
    }

    /// A text that may be left out.
    pub fn text(&self, name: &str, check: Check, report: &mut Report<'_>) -> Option<String> {
        checked(&self.get(name)?, check, report).map(str::to_owned)
    }

    /// A text that must be there.
    pub fn required_text(
        &self,
        name: &str,
        check: Check,
        report: &mut Report<'_>,
    ) -> Option<&'a str> {
        checked(&self.required(name, report)?, check, report)
    }

    /// A number that may be left out.
    pub fn number(&self, name: &str, report: &mut Report<'_>) -> Option<f64> {
        self.get(name)?.number(report)
    }

    /// One of a few words; the default when it is left out.
    pub fn choice<T: Copy + Default>(
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
