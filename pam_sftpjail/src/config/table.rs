//! Reads the values of one table of the file. It knows their types, and not what they mean.
//!
//! An unknown key is an error: otherwise a misspelt one would be a rule that never applies.

use super::keys::{Key, Level};
use super::problem::Problem;
use super::problems::Problems;
use super::syntax::line_of;
use std::ops::Range;
use toml::Spanned;
use toml::de::{DeTable, DeValue};
use toml::value::Datetime;

/// A value, and the line of the file that it begins in.
#[derive(Debug)]
pub(crate) struct At<T> {
    pub(crate) value: T,
    pub(crate) line: usize,
}

/// A table of the file.
pub(crate) struct Table<'t> {
    text: &'t str,
    level: Level,
    /// The line in which it begins.
    pub(crate) line: usize,
    map: &'t DeTable<'t>,
    /// Whether all of its keys are known. Otherwise, one that seems to be missing may be misspelt.
    is_known: bool,
}

impl<'t> Table<'t> {
    /// The whole file, whose outermost table is `level`.
    pub(crate) fn file(text: &'t str, level: Level, map: &'t DeTable<'t>, found: &mut Problems) -> Self {
        Self::new(text, level, 1, map, found)
    }

    fn new(text: &'t str, level: Level, line: usize, map: &'t DeTable<'t>, found: &mut Problems) -> Self {
        let mut unknown: Vec<_> =
            map.iter().map(|(name, _)| name).filter(|name| level.key(name.get_ref()).is_none()).collect();
        unknown.sort_unstable_by_key(|name| name.span().start);
        for name in &unknown {
            let line = line_of(text, name.span().start);
            found.add(Problem::unknown_key(line, level, name.get_ref()));
        }
        Self { text, level, line, map, is_known: unknown.is_empty() }
    }

    /// The value of a key, converted by `convert`, which gives `None` for another type.
    fn get<T>(
        &self,
        name: &str,
        found: &mut Problems,
        convert: impl Fn(&'t DeValue<'t>, &Key) -> Option<T>,
    ) -> Option<At<T>> {
        let (key, value) = (self.level.key(name)?, self.map.get(name)?);
        let line = line_of(self.text, value.span().start);
        let converted = convert(value.get_ref(), key).ok_or_else(|| {
            Problem::wrong_type(line, key, type_name(value.get_ref()), self.source(value.span()))
        });
        found.note(converted).map(|value| At { value, line })
    }

    /// The value of a key that this table must have.
    pub(crate) fn required<T>(
        &self,
        name: &str,
        found: &mut Problems,
        read: impl Fn(&Self, &str, &mut Problems) -> Option<At<T>>,
    ) -> Option<At<T>> {
        if self.map.get(name).is_none() && self.is_known && !found.is_partial {
            // Only the names of the level's keys are asked for.
            found.add(Problem::missing(self.line, self.level, self.level.key(name)?));
        }
        read(self, name, found)
    }

    pub(crate) fn text(&self, name: &str, found: &mut Problems) -> Option<At<String>> {
        self.get(name, found, |value, _| value.as_str().map(str::to_owned))
    }

    pub(crate) fn list(&self, name: &str, found: &mut Problems) -> Option<At<Vec<String>>> {
        self.get(name, found, |value, _| {
            let items = value.as_array()?.iter();
            items.map(|item| item.get_ref().as_str().map(str::to_owned)).collect()
        })
    }

    pub(crate) fn switch(&self, name: &str, found: &mut Problems) -> Option<bool> {
        self.get(name, found, |value, _| value.as_bool()).map(|found| found.value)
    }

    pub(crate) fn number(&self, name: &str, found: &mut Problems) -> Option<At<u32>> {
        self.get(name, found, |value, _| {
            let number = value.as_integer()?;
            u32::from_str_radix(number.as_str(), number.radix()).ok()
        })
    }

    pub(crate) fn moment(&self, name: &str, found: &mut Problems) -> Option<At<Datetime>> {
        self.get(name, found, |value, _| value.as_datetime().copied())
    }

    /// A table in braces.
    pub(crate) fn table(&self, name: &str, level: Level, found: &mut Problems) -> Option<Table<'t>> {
        let At { value: map, line } = self.get(name, found, |value, _| value.as_table())?;
        Some(Self::new(self.text, level, line, map, found))
    }

    /// Tables with a header of their own. One in single brackets is an error, and what it was meant to be.
    pub(crate) fn tables(
        &self,
        name: &str,
        level: Level,
        found: &mut Problems,
    ) -> Option<At<Vec<Table<'t>>>> {
        let is_table = |value: &Spanned<DeValue<'t>>| value.get_ref().is_table();
        let list =
            self.get(name, found, |value, _| value.as_array().filter(|list| list.iter().all(is_table)));
        let one = self.map.get(name).filter(|value| is_table(value));
        let line = list.as_ref().map(|list| list.line);
        let line = line.or_else(|| Some(line_of(self.text, one?.span().start)))?;
        let mut tables = Vec::new();
        for value in list.iter().flat_map(|list| list.value.iter()).chain(one) {
            let Some(map) = value.get_ref().as_table() else { continue };
            tables.push(Self::new(self.text, level, line_of(self.text, value.span().start), map, found));
        }
        Some(At { value: tables, line })
    }

    fn source(&self, span: Range<usize>) -> &str {
        self.text.get(span).unwrap_or_default()
    }
}

/// What a value is, in a sentence.
pub(crate) fn type_name(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "a text",
        DeValue::Integer(_) => "a number",
        DeValue::Float(_) => "a fraction",
        DeValue::Boolean(_) => "true or false",
        DeValue::Datetime(_) => "a date",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    }
}
