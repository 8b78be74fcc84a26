//! The lines of a PAM service as libpam strings them together (pam_handlers.c), as far as it takes to
//! know which of them may keep a later one from being asked.

use pam_sftpjail::escape::escaped;
use std::fmt::{self, Display};
use std::fs;
use std::path::{Path, PathBuf};

/// Where libpam looks for a service, in this order; the others are for distributors.
const DIRECTORIES: [&str; 3] = ["/etc/pam.d", "/usr/lib/pam.d", "/usr/etc/pam.d"];

/// pam_private.h: PAM_SUBSTACK_MAX_LEVEL.
const MAX_DEPTH: usize = 16;

/// A line of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) file: PathBuf,
    /// The first one is 1.
    pub(super) line: usize,
}

impl Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", escaped(&self.file), self.line)
    }
}

#[derive(Default)]
pub(super) struct Stack {
    /// The service's own file.
    pub(super) file: Option<PathBuf>,
    pub(super) lines: Vec<Line>,
}

pub(super) struct Line {
    pub(super) place: Place,
    /// The line of the service's own file by which it came in.
    pub(super) top: Place,
    control: String,
    /// More than one: those of a substack, which counts as one module.
    modules: Vec<String>,
}

impl Line {
    pub(super) fn names(&self, module: &str) -> bool {
        self.modules.iter().any(|path| Path::new(path).file_name() == Some(module.as_ref()))
    }

    /// How many lines are passed over when the module succeeds; `None`: all.
    fn skips(&self) -> Option<usize> {
        let control = self.control.to_ascii_lowercase();
        if control == "sufficient" {
            return None;
        }
        let Some(pairs) = control.strip_prefix('[') else { return Some(0) };
        let action = |value: &str| {
            pairs
                .trim_end_matches(']')
                .split_whitespace()
                .find_map(|pair| pair.strip_prefix(value)?.strip_prefix('='))
        };
        match action("success").or_else(|| action("default")) {
            Some("done") => None,
            Some(action) => Some(action.parse().unwrap_or(0)),
            None => Some(0),
        }
    }
}

impl Stack {
    /// The lines of one kind, such as `session`.
    pub(super) fn read(service: &str, kind: &str) -> Self {
        let mut stack = Self { file: find(service), lines: Vec::new() };
        if let Some(file) = &stack.file {
            collect(file, kind, None, 0, &mut stack.lines);
        }
        stack
    }

    pub(super) fn position(&self, module: &str) -> Option<usize> {
        self.lines.iter().position(|line| line.names(module))
    }

    /// The first line that may keep the one at `target` from being asked, though all succeeds.
    pub(super) fn skip(&self, target: usize) -> Option<&Line> {
        let before = self.lines.iter().take(target).enumerate();
        before
            .filter(|(i, line)| line.skips().is_none_or(|count| i + count >= target))
            .map(|(_, line)| line)
            .next()
    }
}

fn find(service: &str) -> Option<PathBuf> {
    DIRECTORIES.iter().map(|directory| Path::new(directory).join(service)).find(|path| path.is_file())
}

fn collect(file: &Path, kind: &str, top: Option<&Place>, depth: usize, lines: &mut Vec<Line>) {
    let Ok(bytes) = fs::read(file) else { return };
    let text = String::from_utf8_lossy(&bytes).into_owned();
    let mut begun: Option<(usize, String)> = None;
    for (i, physical) in text.lines().enumerate() {
        let physical = physical.split('#').next().unwrap_or_default();
        let (number, mut whole) = begun.take().unwrap_or((i + 1, String::new()));
        if let Some(part) = physical.strip_suffix('\\') {
            whole += part;
            whole.push(' ');
            begun = Some((number, whole));
            continue;
        }
        whole += physical;
        let place = Place { file: file.to_owned(), line: number };
        let top = top.unwrap_or(&place);
        let words = words(&whole);
        let mut words = words.iter().map(String::as_str);
        let Some(own) = words.next() else { continue };
        let deeper = |service: Option<&str>, lines: &mut Vec<Line>| {
            if let Some(file) = service.filter(|_| depth < MAX_DEPTH).and_then(find) {
                collect(&file, kind, Some(top), depth + 1, lines);
            }
        };
        // Debian's; it is for all kinds.
        if own.eq_ignore_ascii_case("@include") {
            deeper(words.next(), lines);
            continue;
        }
        if !own.trim_start_matches('-').eq_ignore_ascii_case(kind) {
            continue;
        }
        let (control, path) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
        let (place, top) = (place.clone(), top.clone());
        match control.to_ascii_lowercase().as_str() {
            "include" => deeper(Some(path), lines),
            "substack" => {
                let mut inner = Vec::new();
                deeper(Some(path), &mut inner);
                let modules = inner.into_iter().flat_map(|line| line.modules).collect();
                lines.push(Line { place, top, control: "required".into(), modules });
            }
            _ => lines.push(Line { place, top, control: control.to_owned(), modules: vec![path.to_owned()] }),
        }
    }
}

/// `[` and `]` hold the words of a control field together.
fn words(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut rest = line.trim();
    while !rest.is_empty() {
        let end = match rest.starts_with('[') {
            true => rest.find(']').map(|i| i + 1),
            false => rest.find(char::is_whitespace),
        };
        let (word, after) = rest.split_at_checked(end.unwrap_or(rest.len())).unwrap_or((rest, ""));
        words.push(word.to_owned());
        rest = after.trim_start();
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stack(controls: &[&str]) -> Stack {
        let place = Place { file: "/etc/pam.d/sshd".into(), line: 1 };
        let line = |control: &&str| Line {
            place: place.clone(),
            top: place.clone(),
            control: (*control).to_owned(),
            modules: vec!["pam_x.so".into()],
        };
        Stack { file: None, lines: controls.iter().map(line).collect() }
    }

    #[test]
    fn what_ends_or_jumps_over_the_rest_is_found() {
        for (controls, skips) in [
            (&["required", "requisite", "optional"][..], false),
            (&["sufficient"], true),
            (&["[success=1 new_authtok_reqd=done default=ignore]", "requisite", "required"], false),
            (&["[success=1 default=ignore]"], true),
            (&["required", "[success=2 default=ignore]", "required"], true),
            (&["[success=ok ignore=ignore module_unknown=ignore default=bad]"], false),
            (&["[success=done default=die]"], true),
            (&["[default=done]"], true),
        ] {
            assert_eq!(stack(controls).skip(controls.len()).is_some(), skips, "{controls:?}");
        }
    }

    #[test]
    fn the_control_field_is_one_word() {
        let expected = ["account", "[success=1 default=ignore]", "pam_unix.so", "x"];
        assert_eq!(words("account\t[success=1 default=ignore]\tpam_unix.so x"), expected);
    }
}
