//! Parses the control field of a PAM line: what libpam does after each answer of the module.

use pam_sftpjail::suggestion::nearest;

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

/// The names of answers: pam_tokens.h of libpam.
pub(crate) const ANSWERS: [&str; 32] = [
    "success",
    "open_err",
    "symbol_err",
    "service_err",
    "system_err",
    "buf_err",
    "perm_denied",
    "auth_err",
    "cred_insufficient",
    "authinfo_unavail",
    "user_unknown",
    "maxtries",
    "new_authtok_reqd",
    "acct_expired",
    "session_err",
    "cred_unavail",
    "cred_expired",
    "cred_err",
    "no_module_data",
    "conv_err",
    "authtok_err",
    "authtok_recover_err",
    "authtok_lock_busy",
    "authtok_disable_aging",
    "try_again",
    "ignore",
    "abort",
    "authtok_expired",
    "module_unknown",
    "bad_item",
    "conv_again",
    "incomplete",
];

/// What stands for the answers without an action so far.
const DEFAULT: &str = "default";

pub(super) const ACTIONS: [(&str, Action); 6] = [
    ("ignore", Action::Ignore),
    ("ok", Action::Ok),
    ("done", Action::Done),
    ("bad", Action::Bad),
    ("die", Action::Die),
    ("reset", Action::Reset),
];

/// What stands for a list of answers and actions.
const WORDS: [&str; 6] = ["required", "requisite", "optional", "sufficient", "include", "substack"];

/// isspace(3).
const BLANKS: [char; 6] = [' ', '\t', '\n', '\r', '\u{b}', '\u{c}'];

/// Answers with their actions, no answer twice.
type Named = Vec<(&'static str, Action)>;

/// Answers and their actions. If an answer is named twice, the last one counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Control {
    named: Named,
    default: Action,
    /// As written.
    pub(crate) text: String,
}

impl Control {
    /// Parses it as pam.conf(5) says. libpam refuses everybody if it does not understand a field, so every
    /// answer is [`Action::Bad`] then.
    pub(crate) fn parse(text: &str) -> Self {
        let (named, default) = match unbracketed(text).to_ascii_lowercase().as_str() {
            "required" => simple(Action::Ok, Action::Bad),
            "requisite" => simple(Action::Ok, Action::Die),
            "optional" => simple(Action::Ok, Action::Ignore),
            "sufficient" => simple(Action::Done, Action::Ignore),
            _ => pairs(unbracketed(text)).unwrap_or((Vec::new(), Action::Bad)),
        };
        Self { named, default, text: text.to_owned() }
    }

    /// The action after an answer such as `success`.
    pub(crate) fn on(&self, answer: &str) -> Action {
        let named = self.named.iter().find(|(name, _)| *name == answer);
        named.map_or(self.default, |(_, action)| *action)
    }

    /// Whether libpam refuses the login after this answer.
    pub(crate) fn refuses_on(&self, answer: &str) -> bool {
        matches!(self.on(answer), Action::Bad | Action::Die)
    }

    /// Whether libpam goes on in the same way whatever the module answers, as after `optional`.
    pub(crate) fn ignores_errors(&self) -> bool {
        let others = self.named.iter().filter(|(name, _)| !["success", "new_authtok_reqd"].contains(name));
        let mut errors = others.map(|(_, action)| *action).chain([self.default]);
        matches!(self.on("success"), Action::Ok | Action::Ignore | Action::Reset)
            && errors.all(|action| matches!(action, Action::Ignore | Action::Reset))
    }

    /// What is probably meant by the first word that libpam does not understand.
    pub(crate) fn meant(&self) -> Option<&'static str> {
        let text = unbracketed(&self.text);
        let of = |typed: &str, known: &[&'static str]| {
            let is_known = known.contains(&typed) || typed.bytes().all(|byte| byte.is_ascii_digit());
            nearest(typed, known.iter().copied()).filter(|_| !is_known)
        };
        if !text.contains('=') {
            return of(text, &WORDS);
        }
        let answers: Vec<_> = ANSWERS.into_iter().chain([DEFAULT]).collect();
        let actions = ACTIONS.map(|(word, _)| word);
        let mut pairs = text.split(BLANKS).filter_map(|pair| pair.split_once('='));
        pairs.find_map(|(answer, action)| of(answer, &answers).or_else(|| of(action, &actions)))
    }

    /// The actions after all other answers than `success`.
    pub(crate) fn otherwise(&self) -> impl Iterator<Item = Action> + Clone {
        let named = self.named.iter().filter(|(name, _)| *name != "success").map(|(_, action)| *action);
        named.chain([self.default])
    }
}

/// A control field without the brackets around it.
pub(super) fn unbracketed(field: &str) -> &str {
    field.strip_prefix('[').map_or(field, |inner| inner.strip_suffix(']').unwrap_or(inner))
}

/// `required` and the like.
fn simple(success: Action, default: Action) -> (Named, Action) {
    // Only `required` and `requisite` name `ignore`. The default of the others is the same.
    (vec![("success", success), ("new_authtok_reqd", success), ("ignore", Action::Ignore)], default)
}

/// `ANSWER=ACTION` any number of times: `_pam_parse_control` of pam_misc.c. `None`: libpam does not understand it.
fn pairs(text: &str) -> Option<(Named, Action)> {
    let (mut named, mut default) = (Named::new(), None);
    let mut rest = trimmed(text);
    while !rest.is_empty() {
        let names = ANSWERS.into_iter().chain([DEFAULT]);
        let (name, after) = names.filter_map(|name| Some((name, rest.strip_prefix(name)?))).next()?;
        let (action, after) = action(trimmed(trimmed(after).strip_prefix('=')?))?;
        match name {
            // The first one leaves none for another.
            DEFAULT => drop(default.get_or_insert(action)),
            _ => {
                named.retain(|(other, _)| *other != name);
                named.push((name, action));
            }
        }
        rest = trimmed(after);
    }
    Some((named, default.unwrap_or(Action::Bad)))
}

/// The action at the beginning of a text, and what follows. Nothing need stand between two pairs.
fn action(text: &str) -> Option<(Action, &str)> {
    if let Some(found) = ACTIONS.iter().find_map(|(word, action)| Some((*action, text.strip_prefix(word)?))) {
        return Some(found);
    }
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (digits, after) = text.split_at_checked(end)?;
    // A greater number than an int can have is none in some versions of libpam, and another one in others.
    let count = digits.parse::<i32>().ok().filter(|count| *count > 0)?;
    Some((Action::Jump(usize::try_from(count).ok()?), after))
}

fn trimmed(text: &str) -> &str {
    text.trim_start_matches(BLANKS)
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
        assert_eq!(Control::parse("[success=2147483647]").on("success"), Action::Jump(i32::MAX as usize));
        assert_eq!(Control::parse("[success=4294967297 default=ignore]").on("success"), Action::Bad);
        assert_eq!(Control::parse("[success=ok success=2]").on("success"), Action::Jump(2));
        assert_eq!(Control::parse("[success=0 default=ignore]").on("success"), Action::Bad);
        assert_eq!(Control::parse("[default=1]").on("success"), Action::Jump(1));
    }

    #[test]
    fn what_libpam_does_not_understand_refuses_everybody() {
        for text in [
            "[sucess=ok default=ignore]",
            "[Success=ok]",
            "[success=OK]",
            "[success]",
            "requierd",
            "[success=-1]",
        ] {
            for answer in ANSWERS {
                assert_eq!(Control::parse(text).on(answer), Action::Bad, "{text}");
            }
        }
    }

    #[test]
    fn the_word_that_is_meant_is_suggested() {
        for (text, meant) in [
            ("[sucess=ok default=ignore]", Some("success")),
            ("[Success=ok]", Some("success")),
            ("[success=ok default=ignroe]", Some("ignore")),
            ("requierd", Some("required")),
            ("[success=die default=ignore]", None),
            ("[success=1 default=ignore]", None),
            ("required", None),
            ("xyz", None),
        ] {
            assert_eq!(Control::parse(text).meant(), meant, "{text}");
        }
    }

    #[test]
    fn a_field_is_understood_in_each_way_in_which_libpam_does() {
        for text in [
            "[success=ok default=die]",
            "success=ok",
            "[ success = ok\tdefault=die ]",
            "[success=okdefault=die]",
        ] {
            assert_eq!(Control::parse(text).on("success"), Action::Ok, "{text}");
        }
        assert_eq!(Control::parse("[Required]").on("auth_err"), Action::Bad);
        // The first default leaves no answer for the second, and an answer behind it counts.
        let both = Control::parse("[default=die default=ignore success=2]");
        assert_eq!((both.on("auth_err"), both.on("success")), (Action::Die, Action::Jump(2)));
    }
}
