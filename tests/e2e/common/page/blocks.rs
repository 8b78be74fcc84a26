//! Where commands stand in a page, and how its lines are written.

use std::ops::Range;

use super::{Command, Page, Shell};

/// Kinds of blocks in Markdown that would show commands without running them.
const NOT_RUN: [&str; 5] = ["", "bash", "sh", "shell", "text"];

/// How mdoc(7) and roff(7) write what has a meaning there. The first ones are also written when a page is.
const ESCAPES: [(&str, &str); 8] = [
    ("\\e", "\\"),
    ("\\(aq", "'"),
    ("\\(ga", "`"),
    ("\\(ha", "^"),
    ("\\(ti", "~"),
    ("\\(dq", "\""),
    ("\\-", "-"),
    ("\\&", ""),
];
const WRITTEN: usize = 5;

impl Page {
    pub(super) fn find_commands(&mut self) {
        for block in if self.is_markdown() { self.fenced() } else { self.literal() } {
            self.add_commands(block);
        }
    }

    fn is_markdown(&self) -> bool {
        self.path.ends_with(".md")
    }

    /// The blocks of the kind `console`. What looks like commands and is in no such block is a fault.
    fn fenced(&mut self) -> Vec<Range<usize>> {
        let mut blocks = Vec::new();
        // The first line of the block in which the line is, and its kind.
        let mut opened: Option<(usize, String)> = None;
        for number in 0..self.lines.len() {
            let line = &self.lines[number];
            if let Some(kind) = line.trim_start().strip_prefix("```") {
                match opened.take() {
                    None => opened = Some((number + 1, kind.to_owned())),
                    Some((first, kind)) if kind == "console" => blocks.push(first..number),
                    Some((first, kind)) if NOT_RUN.contains(&kind.as_str()) => {
                        self.fault(
                            first - 1,
                            "write ```console, so that its commands are run, or the kind of text",
                        );
                    }
                    Some(_) => {}
                }
            } else if opened.is_none() && line.starts_with("    ") && self.begins_a_block(number) {
                self.fault(number, "write ```console, so that its commands are run");
            }
        }
        if let Some((first, _)) = opened {
            self.fault(first - 1, "the block has no end");
        }
        blocks
    }

    /// Whether an indented line is code, and not one of the Makefile's targets, which are tried elsewhere.
    fn begins_a_block(&self, number: usize) -> bool {
        let before = number.checked_sub(1).map_or("", |before| &self.lines[before]);
        before.is_empty() && !self.lines[number].trim_start().starts_with("make ")
    }

    /// The blocks of a manual page that begin with a prompt.
    fn literal(&mut self) -> Vec<Range<usize>> {
        let mut blocks = Vec::new();
        let mut first = None;
        for (number, line) in self.lines.iter().enumerate() {
            if line.starts_with(".Bd ") && line.contains("-literal") {
                first = Some(number + 1);
            } else if line.starts_with(".Ed") {
                blocks.extend(first.take().map(|first| first..number));
            }
        }
        blocks.retain(|block| Shell::of(&self.plain(block.start)).is_some());
        blocks
    }

    fn add_commands(&mut self, block: Range<usize>) {
        let mut number = block.start;
        while number < block.end {
            let line = number;
            let first = self.plain(line);
            number += 1;
            let Some((shell, text)) = Shell::of(&first) else {
                self.fault(line, "a block of commands begins with a prompt, `# ` or `$ `");
                return;
            };
            let mut text = text.to_owned();
            while number < block.end && goes_on(&text) {
                text = format!("{text}\n{}", self.plain(number));
                number += 1;
            }
            let start = number;
            while number < block.end && Shell::of(&self.plain(number)).is_none() {
                number += 1;
            }
            self.commands.push(Command { line, shell, text, shown: start..number });
        }
    }

    fn fault(&mut self, line: usize, what: &str) {
        self.faults.push(format!("{}:{}: {what}", self.path, line + 1));
    }

    /// A line as the reader sees it.
    pub(super) fn plain(&self, number: usize) -> String {
        let line = &self.lines[number];
        if self.is_markdown() { line.clone() } else { unescaped(line) }
    }

    /// A line as the page has to have it.
    pub(super) fn written(&self, line: &str) -> String {
        if self.is_markdown() { line.to_owned() } else { escaped(line) }
    }
}

impl Shell {
    /// The shell of a prompt, and the command behind it.
    fn of(line: &str) -> Option<(Shell, &str)> {
        let of = |prompt, shell| Some((shell, line.strip_prefix(prompt)?));
        of("# ", Shell::Root).or_else(|| of("$ ", Shell::Client))
    }
}

/// Whether the next line belongs to a command: its last line ends in a backslash, or a here-document has no end yet.
fn goes_on(text: &str) -> bool {
    let last = text.lines().next_back().unwrap_or_default();
    match text.split_once("<<").and_then(|(_, rest)| rest.split_whitespace().next()) {
        Some(end) => last != end.trim_matches('\''),
        None => last.ends_with('\\'),
    }
}

fn unescaped(line: &str) -> String {
    let mut plain = String::new();
    let mut rest = line;
    while let Some(at) = rest.find('\\') {
        let (before, escape) = rest.split_at(at);
        plain.push_str(before);
        let (written, meant) =
            ESCAPES.iter().find(|(written, _)| escape.starts_with(written)).unwrap_or(&("\\", "\\"));
        plain.push_str(meant);
        rest = &escape[written.len()..];
    }
    plain + rest
}

fn escaped(line: &str) -> String {
    // It would be taken for a request.
    let begin = if line.starts_with(['.', '\'']) { "\\&" } else { "" };
    let characters = line.chars().map(|character| {
        let escape = ESCAPES[..WRITTEN].iter().find(|(_, meant)| meant.starts_with(character));
        escape.map_or_else(|| character.to_string(), |(written, _)| (*written).to_owned())
    });
    begin.to_owned() + &characters.collect::<String>()
}
