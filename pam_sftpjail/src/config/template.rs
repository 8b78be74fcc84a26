//! Paths and names with `%u`, `%U`, `%g`, `%h` and `%%` in them. It does not know what they stand for.

use std::ffi::OsString;

/// A string of the configuration in which variables stand for what differs between users.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template(Vec<Part>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Text(String),
    Variable(Variable),
}

/// A variable of a template.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Variable {
    /// `%u`: the user's name.
    User,
    /// `%U`: the uid.
    Uid,
    /// `%g`: the name of the primary group.
    Group,
    /// `%h`: the home directory.
    Home,
}

impl Template {
    /// The error is the rest of a sentence about the string, such as "contains %x".
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let mut parts = Vec::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once('%') {
            parts.push(Part::Text(before.to_owned()));
            let mut after = after.chars();
            parts.push(match after.next() {
                Some('u') => Part::Variable(Variable::User),
                Some('U') => Part::Variable(Variable::Uid),
                Some('g') => Part::Variable(Variable::Group),
                Some('h') => Part::Variable(Variable::Home),
                Some('%') => Part::Text("%".into()),
                Some(other) => return Err(format!("contains %{other}")),
                None => return Err("ends in a %".into()),
            });
            rest = after.as_str();
        }
        parts.push(Part::Text(rest.to_owned()));
        Ok(Self(parts))
    }

    /// Replaces each variable by its `value`. An error of `value` is returned.
    pub fn expand<E>(&self, value: impl Fn(Variable) -> Result<OsString, E>) -> Result<OsString, E> {
        let mut expanded = OsString::new();
        for part in &self.0 {
            match part {
                Part::Text(text) => expanded.push(text),
                Part::Variable(variable) => expanded.push(value(*variable)?),
            }
        }
        Ok(expanded)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn expanded(text: &str) -> Result<OsString, String> {
        let value = |variable| {
            let text = match variable {
                Variable::User => "mle",
                Variable::Uid => "1001",
                Variable::Group => "team",
                Variable::Home => "/home/mle",
            };
            Ok::<OsString, String>(text.into())
        };
        Template::parse(text)?.expand(value)
    }

    #[test]
    fn every_variable_is_replaced_and_nothing_else_is_changed() {
        assert_eq!(expanded("/srv/%u/%U-%g%%h%h/"), Ok("/srv/mle/1001-team%h/home/mle/".into()));
        assert_eq!(expanded(""), Ok("".into()));
        assert_eq!(expanded("plain"), Ok("plain".into()));
    }

    #[test]
    fn an_unknown_variable_is_an_error_that_names_it() {
        assert_eq!(expanded("/srv/%x"), Err("contains %x".into()));
        assert_eq!(expanded("/srv/50%"), Err("ends in a %".into()));
        assert_eq!(expanded("/srv/%\u{e9}"), Err("contains %\u{e9}".into()));
    }
}
