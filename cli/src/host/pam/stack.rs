//! Reads the lines of a PAM service as libpam joins them (pam_handlers.c), and finds the lines that can keep
//! a later one from being called (pam_dispatch.c).

#[cfg(any(test, fuzzing))]
pub(crate) mod properties;
mod success;
mod words;

use super::control::{Action, Control, unbracketed};
use crate::report::Location;
use pam_sftpjail::escape::escaped;
use std::collections::BTreeSet;
use std::fmt::{self, Display};
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use words::words;
pub(crate) use words::written;

/// The directories in which libpam looks for a service, in this order. The second is for packages.
pub(crate) const DIRECTORIES: [&str; 2] = ["/etc/pam.d", "/usr/lib/pam.d"];

/// The kinds of lines.
pub(crate) const KINDS: [&str; 4] = ["auth", "account", "session", "password"];

/// The characters that libpam takes for blanks within a line.
const BLANKS: [char; 2] = [' ', '\t'];

/// How deep files may include others: PAM_SUBSTACK_MAX_LEVEL in pam_private.h.
const MAX_DEPTH: usize = 16;

/// How many bytes of a line libpam 1.5 reads: BUF_SIZE of pam_handlers.c, less the NUL.
const MAX_BYTES: usize = 1023;

/// The lines that libpam calls for one kind, such as `session`, in this order.
#[derive(Default)]
pub(crate) struct Stack {
    /// The service's own file, if it exists.
    pub(crate) file: Option<PathBuf>,
    /// Every file that was read.
    pub(crate) files: Vec<PathBuf>,
    pub(crate) lines: Vec<Line>,
    /// Files that cannot be read, and the lines that name them. No line names the service's own file.
    pub(crate) unreadable: Vec<(PathBuf, Option<Location>, ErrorKind)>,
    /// Lines because of which libpam refuses logins.
    pub(crate) illegal: Vec<(Location, Illegal)>,
}

/// Why libpam cannot use a line; shown as the rest of a sentence that begins with its location.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Illegal {
    /// No known kind: its first word.
    Kind(String),
    /// A backslash continues it, and it is the last of the file.
    Unfinished,
    /// More bytes than [`MAX_BYTES`].
    TooLong,
}

impl Display for Illegal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Kind(word) => write!(f, "libpam does not know lines of the kind {}", escaped(word)),
            Self::Unfinished => {
                f.write_str("a backslash continues the last line, so libpam cannot read the file")
            }
            Self::TooLong => write!(
                f,
                "the line has more than {MAX_BYTES} bytes, and libpam 1.5 takes the rest for a line of its own"
            ),
        }
    }
}

#[derive(Debug)]
pub(crate) struct Line {
    pub(crate) location: Location,
    /// The line of the service's own file that includes it, or the line itself.
    pub(crate) top: Location,
    /// How many substacks it is in.
    level: usize,
    /// Whether libpam does not log that it cannot load the module: `-` before the line.
    pub(crate) is_silent: bool,
    /// `None`: a substack begins here.
    pub(crate) module: Option<Module>,
}

#[derive(Debug)]
pub(crate) struct Module {
    pub(crate) control: Control,
    /// As written: an absolute path, or a name in libpam's own directory.
    pub(crate) path: String,
    pub(crate) arguments: Vec<String>,
}

impl Line {
    /// Whether it names the module of this file name.
    pub(crate) fn is(&self, file_name: &str) -> bool {
        self.module.as_ref().is_some_and(|m| Path::new(&m.path).file_name() == Some(file_name.as_ref()))
    }

    /// Whether libpam refuses the login after this answer of its module.
    pub(crate) fn refuses_on(&self, answer: &str) -> bool {
        self.module.as_ref().is_some_and(|module| module.control.refuses_on(answer))
    }
}

/// A line that keeps another from being called.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Skip {
    /// Whether it skips when its module succeeds, or when it does not.
    pub(crate) on_success: bool,
    /// Its position in the stack.
    pub(crate) line: usize,
}

impl Stack {
    /// Reads the stack of `service`, or that of `other` if the service has no line of this kind.
    pub(crate) fn read(service: &str, kind: &str) -> Self {
        let mut stack = Self::default();
        let reader = Reader { kind, named_at: None, top: None, level: 0, depth: 0 };
        reader.file(service, &mut stack);
        if stack.lines.is_empty() {
            let file = stack.file.take();
            reader.file("other", &mut stack);
            stack.file = file;
        }
        stack
    }

    /// The positions of the lines with the module of this file name.
    pub(crate) fn positions(&self, file_name: &str) -> Vec<usize> {
        (0..self.lines.len()).filter(|i| self.lines.get(*i).is_some_and(|line| line.is(file_name))).collect()
    }

    /// Adds a placeholder at the end, for a line that is not in the file yet; gives its position.
    pub(crate) fn add_end(&mut self) -> usize {
        let location = Location::single(self.file.clone().unwrap_or_default(), 0);
        let top = location.clone();
        self.lines.push(Line { location, top, level: 0, is_silent: false, module: None });
        self.lines.len() - 1
    }

    /// The lines that can keep the line at `target` from being called although the whole stack succeeds.
    pub(crate) fn skips(&self, target: usize) -> BTreeSet<Skip> {
        let mut skips = BTreeSet::new();
        let mut reached = BTreeSet::from([0]);
        while let Some(i) = reached.pop_first() {
            let Some(line) = self.lines.get(i).filter(|_| i < target) else { continue };
            let Some(module) = &line.module else {
                reached.insert(i + 1);
                continue;
            };
            let success = (true, module.control.on("success"));
            for (on_success, action) in module.control.otherwise().map(|a| (false, a)).chain([success]) {
                let next = match action {
                    // After another answer than success, the stack can no longer succeed.
                    Action::Ok | Action::Done if !on_success => continue,
                    Action::Bad if !on_success => continue,
                    // After none at all.
                    Action::Die => continue,
                    Action::Bad | Action::Ok | Action::Ignore | Action::Reset => Some(i + 1),
                    Action::Done => Some(self.after_stack(i, line.level)),
                    Action::Jump(count) => self.after_jump(i, line.level, count),
                };
                match next {
                    Some(next) if next > target => {
                        skips.insert(Skip { on_success, line: i });
                    }
                    Some(next) => {
                        reached.insert(next);
                    }
                    // A jump beyond the end: libpam fails.
                    None => {}
                }
            }
        }
        skips
    }

    fn level(&self, i: usize) -> Option<usize> {
        self.lines.get(i).map(|line| line.level)
    }

    /// The position of the first line after `i` that is on a lower level than `level`.
    fn after_stack(&self, i: usize, level: usize) -> usize {
        let mut next = i + 1;
        while self.level(next).is_some_and(|l| l >= level) {
            next += 1;
        }
        next
    }

    /// The position after a jump over `count` modules on `level`. A substack with all its lines counts as
    /// one.
    fn after_jump(&self, i: usize, level: usize, count: usize) -> Option<usize> {
        let mut at = i;
        for _ in 0..count {
            if self.level(at + 1).is_none_or(|l| l < level) {
                return None;
            }
            at += 1;
            while self.level(at + 1).is_some_and(|l| l > level) {
                at += 1;
            }
        }
        Some(at + 1)
    }
}

#[derive(Clone)]
struct Reader<'a> {
    kind: &'a str,
    named_at: Option<Location>,
    top: Option<Location>,
    level: usize,
    depth: usize,
}

impl Reader<'_> {
    /// Adds the lines of a service, by name or by absolute path.
    fn file(&self, service: &str, stack: &mut Stack) {
        if self.depth >= MAX_DEPTH {
            return stack.unreadable.push((service.into(), self.named_at.clone(), ErrorKind::QuotaExceeded));
        }
        let mut unread = (Path::new("/etc/pam.d").join(service), ErrorKind::NotFound);
        for directory in DIRECTORIES {
            let path = Path::new(directory).join(service);
            match fs::read(&path) {
                Ok(text) => {
                    stack.file.get_or_insert_with(|| path.clone());
                    stack.files.push(path.clone());
                    return self.lines(&path, &String::from_utf8_lossy(&text), stack);
                }
                // libpam goes on after any error. Without the permission to read, nobody can know what it
                // finds.
                Err(error) if error.kind() == ErrorKind::PermissionDenied => {
                    return stack.unreadable.push((path, self.named_at.clone(), error.kind()));
                }
                Err(error) if error.kind() != ErrorKind::NotFound => unread = (path, error.kind()),
                Err(_) => {}
            }
        }
        let (path, kind) = unread;
        // A service without a file of its own uses that of `other`, so that is no error.
        if self.named_at.is_some() || kind != ErrorKind::NotFound {
            stack.unreadable.push((path, self.named_at.clone(), kind));
        }
    }

    /// As `_pam_assemble_line` of pam_handlers.c: a comment after text ends a continued line. Empty lines and
    /// lines that are only a comment do not, wherever they are.
    fn lines(&self, path: &Path, text: &str, stack: &mut Stack) {
        let mut begun: Option<(usize, String)> = None;
        let at = |line, last| Location { file: path.to_owned(), line, last };
        let mut last = 0;
        for (i, physical) in text.split('\n').enumerate() {
            if physical.len() > MAX_BYTES {
                stack.illegal.push((at(i + 1, i + 1), Illegal::TooLong));
            }
            let physical = physical.trim_start_matches(BLANKS);
            if physical.is_empty() || physical.starts_with('#') {
                continue;
            }
            last = i + 1;
            let (line, mut whole) = begun.take().unwrap_or((i + 1, String::new()));
            let (part, comment) = physical.split_once('#').map_or((physical, None), |(p, c)| (p, Some(c)));
            if comment.is_none() {
                if let Some(part) = part.trim_end_matches(BLANKS).strip_suffix('\\') {
                    whole += part;
                    whole.push(' ');
                    begun = Some((line, whole));
                    continue;
                }
            }
            whole += part;
            self.line(&at(line, last), &words(&whole), stack);
        }
        if let Some((line, _)) = begun {
            stack.illegal.push((at(line, last), Illegal::Unfinished));
        }
    }

    fn line(&self, location: &Location, words: &[String], stack: &mut Stack) {
        let mut words = words.iter().map(String::as_str);
        let Some(kind) = words.next() else { return };
        let top = self.top.clone().unwrap_or_else(|| location.clone());
        let deeper = |levels| Reader {
            named_at: Some(location.clone()),
            top: Some(top.clone()),
            level: self.level + levels,
            depth: self.depth + 1,
            ..self.clone()
        };
        // Debian's own directive; it includes lines of all kinds.
        if kind.eq_ignore_ascii_case("@include") {
            return deeper(0).file(words.next().unwrap_or_default(), stack);
        }
        let bare = kind.strip_prefix('-').unwrap_or(kind);
        if !KINDS.iter().any(|known| bare.eq_ignore_ascii_case(known)) {
            return stack.illegal.push((location.clone(), Illegal::Kind(kind.to_owned())));
        }
        if !bare.eq_ignore_ascii_case(self.kind) {
            return;
        }
        let control = words.next().unwrap_or_default();
        let path = words.next().unwrap_or_default();
        let mut add = |module| {
            stack.lines.push(Line {
                location: location.clone(),
                top: top.clone(),
                level: self.level,
                is_silent: kind.starts_with('-'),
                module,
            });
        };
        match unbracketed(control).to_ascii_lowercase().as_str() {
            "include" => deeper(0).file(path, stack),
            "substack" => {
                add(None);
                deeper(1).file(path, stack);
            }
            _ => {
                let control = Control::parse(control);
                let arguments = words.map(str::to_owned).collect();
                add(Some(Module { control, path: path.to_owned(), arguments }));
            }
        }
    }
}

#[cfg(test)]
pub(super) mod tests;
