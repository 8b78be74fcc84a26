//! Pages that show commands: each is run in a sandbox, in the order of the page, and what comes out must be what the page
//! shows. A Markdown page shows commands in blocks of the kind `console`, a manual page between `.Bd -literal` and `.Ed`:
//!
//! ```console
//! # useradd -m -G sftp anna                    a shell of root's, on a terminal of 80 columns
//! # cat >/etc/motd <<'END'                     here-documents and lines that end in \ go on
//! Welcome.
//! END
//! # sftpjail check joe                         what fails is followed by the status; all else must succeed
//! [..] is any text, and a line of ... any lines; times, keys and pids are examples
//! # echo $?
//! 3
//! $ sftp anna@files.example.com                a client of a user's, elsewhere
//! Connected to files.example.com.
//! sftp> pwd                                    is typed
//! Remote working directory: /home/anna
//! ```
//!
//! Each command has a shell of its own, in /root or in the client's directory. `passwd` is given a password, and so is a
//! client that asks for one.
//!
//! `PAGES=overwrite cargo test -p sftpjail-tests --test e2e -- NAME` writes what came out into the page, and leaves a line
//! as it is that still fits.

mod blocks;
mod host;
mod varying;

use std::fs;
use std::ops::Range;

use sandbox::Sandbox;
use snapbox::Data;
use snapbox::filter::NormalizeToExpected;

use crate::common::ROOT;

/// A page of the repository.
pub(crate) struct Page {
    /// Relative to the repository.
    path: String,
    lines: Vec<String>,
    commands: Vec<Command>,
    /// What is wrong with its blocks.
    pub(crate) faults: Vec<String>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Shell {
    Root,
    Client,
}

struct Command {
    /// The line of its prompt, from 0.
    line: usize,
    shell: Shell,
    text: String,
    /// The lines in which the page shows what it prints.
    shown: Range<usize>,
}

/// What became of a command.
struct Ran {
    /// What it printed, with the wildcards of the page where they fit.
    printed: String,
    status: i32,
}

impl Page {
    /// A page of the repository, by its path there.
    #[track_caller]
    pub(crate) fn read(path: &str) -> Page {
        let text = fs::read_to_string(format!("{ROOT}/{path}"));
        Page::new(path, &text.unwrap_or_else(|error| panic!("{path}: {error}")))
    }

    /// The page `path` with the content `text`.
    pub(crate) fn new(path: &str, text: &str) -> Page {
        let lines = text.lines().map(str::to_owned).collect();
        let mut page = Page { path: path.to_owned(), lines, commands: Vec::new(), faults: Vec::new() };
        page.find_commands();
        page
    }

    pub(crate) fn has_commands(&self) -> bool {
        !self.commands.is_empty()
    }

    /// Does what the page says, on a machine of [`Page::machine`] or another. Panics with every difference.
    #[track_caller]
    pub(crate) fn run(&self, sb: &Sandbox) {
        assert!(self.faults.is_empty(), "{}", self.faults.join("\n"));
        assert!(self.has_commands(), "{} has no commands", self.path);
        let (printed, differences) = self.compare(sb);
        let overwrites = std::env::var_os("PAGES").is_some_and(|value| value == "overwrite");
        if overwrites && !differences.is_empty() {
            fs::write(format!("{ROOT}/{}", self.path), self.with(&printed)).expect("the page can be written");
        }
        assert!(differences.is_empty(), "{}", differences.join("\n"));
    }

    /// What each command printed, and where that is not what the page says.
    pub(crate) fn compare(&self, sb: &Sandbox) -> (Vec<String>, Vec<String>) {
        let (mut printed, mut differences) = (Vec::new(), Vec::new());
        let mut status = 0;
        for (number, command) in self.commands.iter().enumerate() {
            let expected = self.shown(command);
            let ran = self.run_one(sb, command, &expected, status);
            status = ran.status;
            let mut differs = |what: String| {
                differences.push(format!("{}:{}: {}\n{what}", self.path, command.line + 1, command.text));
            };
            if ran.printed != expected {
                differs(format!("-- the page shows\n{expected}-- it printed\n{}--", ran.printed));
            }
            let shows_status = self.commands.get(number + 1).is_some_and(|next| next.text == STATUS);
            if command.shell == Shell::Root && status != 0 && !shows_status {
                differs(format!("exit status {status}; show it with `# {STATUS}` if this is meant"));
            }
            printed.push(ran.printed);
        }
        (printed, differences)
    }

    fn run_one(&self, sb: &Sandbox, command: &Command, expected: &str, status: i32) -> Ran {
        let typed: String = expected
            .lines()
            .filter_map(|line| line.strip_prefix(TYPED))
            .map(|line| format!("{line}\n"))
            .collect();
        let out = match command.shell {
            Shell::Root if command.text == STATUS => host::as_root(sb, &format!("(exit {status}); {STATUS}")),
            Shell::Root => host::as_root(sb, &command.text),
            Shell::Client => host::as_client(sb, &command.text, &typed),
        };
        let printed = varying::as_shown(&tidy(out.stdout.lines()), expected);
        let fitted = NormalizeToExpected::new()
            .redact()
            .normalize(Data::text(printed), &Data::text(expected.to_owned()));
        Ran { printed: fitted.render().expect("text"), status: out.code.unwrap_or(-1) }
    }

    /// What the page shows of a command.
    fn shown(&self, command: &Command) -> String {
        let lines: Vec<_> = command.shown.clone().map(|line| self.plain(line)).collect();
        tidy(lines.iter().map(String::as_str))
    }

    /// The page with what its commands printed.
    pub(crate) fn with(&self, printed: &[String]) -> String {
        let mut lines = self.lines.clone();
        for (command, printed) in self.commands.iter().zip(printed).rev() {
            if *printed != self.shown(command) {
                lines.splice(command.shown.clone(), printed.lines().map(|line| self.written(line)));
            }
        }
        lines.iter().map(|line| format!("{line}\n")).collect()
    }
}

/// Prints the exit status of the command before.
const STATUS: &str = "echo $?";
/// A line that is typed into the client begins so. sftp repeats it, as it stands on a terminal.
const TYPED: &str = "sftp> ";

/// Without what nobody sees: blanks at the ends of lines, and empty lines at the end.
fn tidy<'t>(lines: impl Iterator<Item = &'t str>) -> String {
    let text: String = lines.map(|line| format!("{}\n", line.trim_end())).collect();
    match text.trim_end() {
        "" => String::new(),
        text => format!("{text}\n"),
    }
}
