//! The control field of a PAM line: what each answer of its module leads to.

/// What libpam does after an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Action {
    Ignore,
    Ok,
    /// The end of this stack, if all was well so far.
    Done,
    Bad,
    /// The end of this stack.
    Die,
    Reset,
    /// Over so many modules.
    Jump(usize),
}

/// Answers and their actions. Of those that are named twice the last counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Control {
    named: Vec<(String, Action)>,
    default: Action,
    /// As written.
    pub(super) text: String,
}

/// With which our module refuses.
const REFUSALS: [&str; 8] = [
    "perm_denied",
    "session_err",
    "system_err",
    "user_unknown",
    "buf_err",
    "abort",
    "service_err",
    "auth_err",
];

/// What is wrong with the control field of a line of ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Flaw {
    /// A refusal is not final.
    LetsIn,
    /// Who is let in, or is none of the module's business, is refused.
    KeepsOut,
    /// A module file that is missing or cannot be loaded, which libpam answers for with
    /// `module_unknown`, keeps everybody out.
    Unloadable,
}

impl Control {
    /// pam.conf(5). What libpam does not understand refuses everybody.
    pub(super) fn parse(text: &str) -> Self {
        let simple = |success, default| Self {
            named: vec![
                ("success".into(), success),
                ("new_authtok_reqd".into(), success),
                // Only `required` and `requisite` say so; the others' default is the same.
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

    /// What an answer such as `success` leads to.
    pub(super) fn on(&self, answer: &str) -> Action {
        let named = self.named.iter().rev().find(|(name, _)| name == answer);
        named.map_or(self.default, |(_, action)| *action)
    }

    /// What any other answer than `success` may lead to.
    pub(super) fn otherwise(&self) -> impl Iterator<Item = Action> {
        let named = self.named.iter().filter(|(name, _)| name != "success").map(|(_, action)| *action);
        named.chain([self.default])
    }

    /// The worst that is wrong with it on a line of ours.
    pub(super) fn flaw(&self) -> Option<Flaw> {
        let refuses = |answer| matches!(self.on(answer), Action::Bad | Action::Die);
        if refuses("success") || self.on("ignore") != Action::Ignore {
            Some(Flaw::KeepsOut)
        } else if !REFUSALS.iter().all(|answer| refuses(answer)) {
            Some(Flaw::LetsIn)
        } else if self.on("module_unknown") != Action::Ignore {
            Some(Flaw::Unloadable)
        } else {
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_ours_lets_nobody_in_and_keeps_nobody_else_out() {
        for (text, expected) in [
            ("[success=ok ignore=ignore module_unknown=ignore default=bad]", None),
            ("[success=ok ignore=ignore module_unknown=ignore default=die]", None),
            ("[success=1 ignore=ignore module_unknown=ignore default=bad]", None),
            ("required", Some(Flaw::Unloadable)),
            ("Requisite", Some(Flaw::Unloadable)),
            ("[success=ok ignore=ignore default=bad]", Some(Flaw::Unloadable)),
            ("optional", Some(Flaw::LetsIn)),
            ("sufficient", Some(Flaw::LetsIn)),
            ("[success=ok ignore=ignore session_err=ok default=bad]", Some(Flaw::LetsIn)),
            ("[success=ok default=ignore]", Some(Flaw::LetsIn)),
            ("requird", Some(Flaw::KeepsOut)),
            ("[default=bad]", Some(Flaw::KeepsOut)),
            ("[success=ok module_unknown=ignore default=bad]", Some(Flaw::KeepsOut)),
        ] {
            assert_eq!(Control::parse(text).flaw(), expected, "{text}");
        }
    }

    #[test]
    fn the_last_of_two_actions_counts_and_zero_is_no_jump() {
        assert_eq!(Control::parse("[success=ok success=2]").on("success"), Action::Jump(2));
        assert_eq!(Control::parse("[success=0 default=ignore]").on("success"), Action::Bad);
        assert_eq!(Control::parse("[default=1]").on("success"), Action::Jump(1));
    }
}
