//! What must hold of every file of a PAM service: lines are joined, split and understood as libpam does.

use super::words::{words, written};
use super::{Illegal, Line, Reader, Stack};
use crate::host::pam::control::{ACTIONS, ANSWERS, Action, Control};
use std::collections::BTreeSet;
use std::path::Path;

pub fn pam_d(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    for line in text.split('\n') {
        let mut words = words(line);
        // The control field keeps its brackets.
        if let Some(inner) =
            words.get_mut(1).and_then(|field| Some(field.strip_prefix('[')?.strip_suffix(']')?.to_owned()))
        {
            words.splice(1..2, [inner]);
        }
        assert_eq!(words, tokens(line), "{line:?}");
        // A backslash would keep the bracket behind it from ending the word.
        for word in words.iter().filter(|word| !word.ends_with('\\')) {
            assert_eq!(tokens(&written(word)), [word.as_str()], "{line:?}");
        }
        control(line);
    }
    // Other files are no matter of parsing, and C ends a line at a NUL.
    let lower = text.to_ascii_lowercase();
    if lower.contains("include") || lower.contains("substack") || text.contains('\0') {
        return;
    }
    let stack = read(&text);
    // What stands between lines, or between the parts of a line, and is only a comment, changes nothing.
    let commented: String =
        text.split('\n').flat_map(|line| ["  # a comment \\\n", "\n", line, "\n"]).collect();
    assert_eq!(said(&read(&commented)), said(&stack), "{text:?}");
    for at in 0..stack.lines.len() {
        assert!(stack.skips(at).iter().all(|skip| skip.line < at), "{text:?}");
    }
    let none = stack.outcome("session", &BTreeSet::new());
    assert!(none.called.iter().all(|at| *at < stack.lines.len()), "{text:?}");
}

fn read(text: &str) -> Stack {
    let mut stack = Stack::default();
    let reader = Reader { kind: "session", named_at: None, top: None, level: 0, depth: 0 };
    reader.lines(Path::new("/etc/pam.d/a service"), text, &mut stack);
    stack
}

/// All of it but for where it stands.
fn said(stack: &Stack) -> (Vec<String>, Vec<&Illegal>) {
    let line = |line: &Line| format!("{} {} {:?}", line.level, line.is_silent, line.module);
    (stack.lines.iter().map(line).collect(), stack.illegal.iter().map(|(_, why)| why).collect())
}

/// `_pam_StrTok` of pam_misc.c, with the blanks of pam_handlers.c.
fn tokens(line: &str) -> Vec<String> {
    let mut all = Vec::new();
    let mut rest = line;
    loop {
        rest = rest.trim_start_matches([' ', '\n', '\t']);
        let Some(first) = rest.chars().next() else { return all };
        let mut token = String::new();
        if first == '[' {
            let mut chars = rest.char_indices().skip(1).peekable();
            let mut end = rest.len();
            while let Some((at, c)) = chars.next() {
                if c == ']' {
                    end = at + 1;
                    break;
                }
                let is_escape = c == '\\' && chars.peek().is_some_and(|(_, next)| *next == ']');
                token.push(if is_escape { chars.next().map_or(c, |(_, next)| next) } else { c });
            }
            rest = rest.get(end..).unwrap_or_default();
        } else {
            let end = rest.find([' ', '\n', '\t']).unwrap_or(rest.len());
            token.push_str(rest.get(..end).unwrap_or_default());
            rest = rest.get(end..).unwrap_or_default();
        }
        all.push(token);
    }
}

/// A control field does after each answer what libpam does.
fn control(field: &str) {
    let own = Control::parse(&format!("[{field}]"));
    let meant = actions(field);
    assert!(
        field.starts_with('[')
            || ANSWERS.iter().all(|answer| Control::parse(field).on(answer) == own.on(answer))
    );
    for (answer, action) in ANSWERS.iter().zip(&meant) {
        assert_eq!(own.on(answer), *action, "{answer}: {field:?}");
    }
    let others: BTreeSet<_> = meant.iter().skip(1).map(|action| format!("{action:?}")).collect();
    let all: BTreeSet<_> = own.otherwise().map(|action| format!("{action:?}")).collect();
    assert!(others.is_subset(&all), "{others:?} {all:?}: {field:?}");
}

/// pam_handlers.c, and `_pam_parse_control` of pam_misc.c.
fn actions(field: &str) -> Vec<Action> {
    let mut actions = [None; ANSWERS.len()];
    let mut set = |named: &[&str], action| {
        for (answer, slot) in ANSWERS.iter().zip(&mut actions) {
            if named.contains(answer) {
                *slot = Some(action);
            }
        }
    };
    let default = match field.to_ascii_lowercase().as_str() {
        word @ ("required" | "requisite" | "optional" | "sufficient") => {
            let success = if word == "sufficient" { Action::Done } else { Action::Ok };
            set(&["success", "new_authtok_reqd"], success);
            match word {
                "required" | "requisite" => {
                    set(&["ignore"], Action::Ignore);
                    if word == "required" { Action::Bad } else { Action::Die }
                }
                _ => Action::Ignore,
            }
        }
        _ => {
            if parsed(field, &mut actions).is_none() {
                actions = [Some(Action::Bad); ANSWERS.len()];
            }
            Action::Bad
        }
    };
    actions.iter().map(|action| action.unwrap_or(default)).collect()
}

/// `None`: libpam does not understand it.
fn parsed<'f>(field: &'f str, actions: &mut [Option<Action>; ANSWERS.len()]) -> Option<()> {
    let bare = |text: &'f str| text.trim_start_matches(|c: char| c.is_ascii_whitespace() || c == '\u{b}');
    let mut rest = field;
    loop {
        rest = bare(rest);
        if rest.is_empty() {
            return Some(());
        }
        let found = ANSWERS.iter().position(|answer| rest.starts_with(answer));
        let name = found.and_then(|at| ANSWERS.get(at)).copied().unwrap_or("default");
        rest = rest.strip_prefix(name)?;
        rest = bare(bare(rest).strip_prefix('=')?);
        let action = match ACTIONS.iter().find_map(|(word, action)| Some((rest.strip_prefix(word)?, *action)))
        {
            Some((after, action)) => {
                rest = after;
                action
            }
            None => {
                let end = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
                let (digits, after) = rest.split_at_checked(end)?;
                rest = after;
                Action::Jump(usize::try_from(digits.parse::<i32>().ok().filter(|count| *count > 0)?).ok()?)
            }
        };
        match found.and_then(|at| actions.get_mut(at)) {
            Some(slot) => *slot = Some(action),
            None => actions.iter_mut().for_each(|slot| *slot = slot.or(Some(action))),
        }
    }
}
