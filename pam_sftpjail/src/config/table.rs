//! Reads the values of one table of the file. It knows their types, and not what they mean.
//!
//! An unknown key is an error: otherwise a misspelt one would be a rule that never applies.

use super::keys::{Key, Level};
use super::problem::Problem;
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

/// A table of the file, all of whose keys are known.
pub(crate) struct Table<'t> {
    text: &'t str,
    level: Level,
    /// The line in which it begins.
    pub(crate) line: usize,
    map: &'t DeTable<'t>,
}

impl<'t> Table<'t> {
    /// The whole file, whose outermost table is `level`.
    pub(crate) fn file(text: &'t str, level: Level, map: &'t DeTable<'t>) -> Result<Self, Problem> {
        Self::new(text, level, 1, map)
    }

    fn new(text: &'t str, level: Level, line: usize, map: &'t DeTable<'t>) -> Result<Self, Problem> {
        let unknown = map.iter().map(|(name, _)| name).filter(|name| level.key(name.get_ref()).is_none());
        match unknown.min_by_key(|name| name.span().start) {
            Some(name) => {
                let line = line_of(text, name.span().start);
                Err(Problem::unknown_key(line, level, name.get_ref()))
            }
            None => Ok(Self { text, level, line, map }),
        }
    }

    /// The value of a key, converted by `convert`, which gives `None` for another type.
    fn get<T>(
        &self,
        name: &str,
        convert: impl Fn(&'t DeValue<'t>, &Key) -> Option<T>,
    ) -> Result<Option<At<T>>, Problem> {
        let (Some(key), Some(value)) = (self.level.key(name), self.map.get(name)) else { return Ok(None) };
        let line = line_of(self.text, value.span().start);
        match convert(value.get_ref(), key) {
            Some(value) => Ok(Some(At { value, line })),
            None => {
                let is = type_name(value.get_ref());
                Err(Problem::wrong_type(line, key, is, self.source(value.span())))
            }
        }
    }

    /// The value of a key that this table must have.
    pub(crate) fn required<T>(
        &self,
        name: &str,
        read: impl Fn(&Self, &str) -> Result<Option<At<T>>, Problem>,
    ) -> Result<At<T>, Problem> {
        match (read(self, name)?, self.level.key(name)) {
            (Some(value), _) => Ok(value),
            (None, Some(key)) => Err(Problem::missing(self.line, self.level, key)),
            // Only the names of the level's keys are asked for.
            (None, None) => Err(Problem::unknown_key(self.line, self.level, name)),
        }
    }

    pub(crate) fn text(&self, name: &str) -> Result<Option<At<String>>, Problem> {
        self.get(name, |value, _| value.as_str().map(str::to_owned))
    }

    pub(crate) fn list(&self, name: &str) -> Result<Option<At<Vec<String>>>, Problem> {
        self.get(name, |value, _| {
            let items = value.as_array()?.iter();
            items.map(|item| item.get_ref().as_str().map(str::to_owned)).collect()
        })
    }

    pub(crate) fn switch(&self, name: &str) -> Result<Option<bool>, Problem> {
        Ok(self.get(name, |value, _| value.as_bool())?.map(|found| found.value))
    }

    pub(crate) fn number(&self, name: &str) -> Result<Option<At<u32>>, Problem> {
        self.get(name, |value, _| {
            let number = value.as_integer()?;
            u32::from_str_radix(number.as_str(), number.radix()).ok()
        })
    }

    pub(crate) fn moment(&self, name: &str) -> Result<Option<At<Datetime>>, Problem> {
        self.get(name, |value, _| value.as_datetime().copied())
    }

    /// A table in braces.
    pub(crate) fn table(&self, name: &str, level: Level) -> Result<Option<Table<'t>>, Problem> {
        match self.get(name, |value, _| value.as_table())? {
            Some(found) => Self::new(self.text, level, found.line, found.value).map(Some),
            None => Ok(None),
        }
    }

    /// Tables with a header of their own.
    pub(crate) fn tables(&self, name: &str, level: Level) -> Result<Option<At<Vec<Table<'t>>>>, Problem> {
        let is_table = |value: &Spanned<DeValue<'t>>| value.get_ref().is_table();
        let Some(list) =
            self.get(name, |value, _| value.as_array().filter(|list| list.iter().all(is_table)))?
        else {
            return Ok(None);
        };
        let tables = list.value.iter().filter_map(|value| {
            let line = line_of(self.text, value.span().start);
            Some(Self::new(self.text, level, line, value.get_ref().as_table()?))
        });
        Ok(Some(At { value: tables.collect::<Result<_, _>>()?, line: list.line }))
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
