//! Parses the control field of a PAM line: what libpam does after each answer of the module.

/// What libpam does after an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Action {
    Ignore,
    Ok,
    /// Ends this stack, with success if nothing has failed so far.
    Done,
    Bad,
    /// Ends this stack with an error.
    Die,
    Reset,
    /// Skips so many modules.
    Jump(usize),
}

/// Answers and their actions. If an answer is named twice, the last one counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Control {
    named: Vec<(String, Action)>,
    default: Action,
    /// As written.
    pub(crate) text: String,
}

impl Control {
    /// Parses it as pam.conf(5) says. libpam refuses everybody if it does not understand a field, so every
    /// answer is [`Action::Bad`] then.
    pub(crate) fn parse(text: &str) -> Self {
        let simple = |success, default| Self {
            named: vec![
                ("success".into(), success),
                ("new_authtok_reqd".into(), success),
                // Only `required` and `requisite` name it. The default of the others is the same.
                ("ignore".into(), Action::Ignore),
            ],
            default,
            text: text.to_owned(),
        };
        match text.to_ascii_lowercase().as_str() {
            "required" => simple(Action::Ok, Action::Bad),
            "requisite" => simple(Action::Ok, Action::Die),
            "optional" => simple(Action::Ok, Action::Ignore),
            "sufficient" => simple(Action::Done, Action::Ignore),
            _ => Self::bracketed(text).unwrap_or_else(|| Self {
                named: Vec::new(),
                default: Action::Bad,
                text: text.to_owned(),
            }),
        }
    }

    fn bracketed(text: &str) -> Option<Self> {
        let inner = text.strip_prefix('[')?.strip_suffix(']')?;
        let mut control = Self { named: Vec::new(), default: Action::Bad, text: text.to_owned() };
        for pair in inner.split_whitespace() {
            let (answer, action) = pair.split_once('=')?;
            let action = match action {
                "ignore" => Action::Ignore,
                "ok" => Action::Ok,
                "done" => Action::Done,
                "bad" => Action::Bad,
                "die" => Action::Die,
                "reset" => Action::Reset,
                number => Action::Jump(number.parse().ok().filter(|n| *n > 0)?),
            };
            match answer {
                "default" => control.default = action,
                _ => control.named.push((answer.to_ascii_lowercase(), action)),
            }
        }
        Some(control)
    }

    /// The action after an answer such as `success`.
    pub(crate) fn on(&self, answer: &str) -> Action {
        let named = self.named.iter().rev().find(|(name, _)| name == answer);
        named.map_or(self.default, |(_, action)| *action)
    }

    /// Whether libpam refuses the login after this answer.
    pub(crate) fn refuses_on(&self, answer: &str) -> bool {
        matches!(self.on(answer), Action::Bad | Action::Die)
    }

    /// Whether libpam goes on in the same way whatever the module answers, as after `optional`.
    pub(crate) fn ignores_errors(&self) -> bool {
        let others =
            self.named.iter().filter(|(name, _)| !["success", "new_authtok_reqd"].contains(&name.as_str()));
        let mut errors = others.map(|(_, action)| *action).chain([self.default]);
        matches!(self.on("success"), Action::Ok | Action::Ignore | Action::Reset)
            && errors.all(|action| matches!(action, Action::Ignore | Action::Reset))
    }

    /// The actions after all other answers than `success`.
    pub(crate) fn otherwise(&self) -> impl Iterator<Item = Action> + Clone {
        let named = self.named.iter().filter(|(name, _)| name != "success").map(|(_, action)| *action);
        named.chain([self.default])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_that_leads_to_another_line_than_success_is_not_ignored() {
        for (text, expected) in [
            ("optional", true),
            ("[success=ok default=ignore]", true),
            ("required", false),
            ("sufficient", false),
            ("[success=1 default=ignore]", false),
            ("[success=ok perm_denied=die default=ignore]", false),
        ] {
            assert_eq!(Control::parse(text).ignores_errors(), expected, "{text}");
        }
    }

    #[test]
    fn the_last_of_two_actions_counts_and_zero_is_not_a_jump() {
        assert_eq!(Control::parse("[success=ok success=2]").on("success"), Action::Jump(2));
        assert_eq!(Control::parse("[success=0 default=ignore]").on("success"), Action::Bad);
        assert_eq!(Control::parse("[default=1]").on("success"), Action::Jump(1));
    }
}
