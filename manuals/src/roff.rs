//! Text in roff, of the macros of man(7), as mandoc's linter wants it. It knows nothing of pages.

/// The bytes of a line of the source, beyond which mandoc asks for a break.
const LONGEST: usize = 79;

/// A text as it is to be seen.
pub(crate) fn escaped(text: &str) -> String {
    text.replace('\\', "\\e")
}

/// Words that are typed: a hyphen is the one of the keyboard.
fn typed(text: &str) -> String {
    escaped(text)
        .replace('-', "\\-")
        .replace('\'', "\\(aq")
        .replace('`', "\\(ga")
        .replace('^', "\\(ha")
        .replace('~', "\\(ti")
}

pub(crate) fn bold(text: &str) -> String {
    format!("\\fB{}\\fR", typed(text))
}

pub(crate) fn italic(text: &str) -> String {
    format!("\\fI{}\\fR", typed(text))
}

/// Lines as they are.
pub(crate) fn example(lines: &[&str]) -> String {
    let lines: String = lines.iter().map(|line| protected(&typed(line.trim_end())) + "\n").collect();
    format!(".PP\n.RS 4\n.EX\n{lines}.EE\n.RE\n")
}

/// A line that begins like a macro, and is none.
fn protected(line: &str) -> String {
    if line.starts_with(['.', '\'']) { format!("\\&{line}") } else { line.to_owned() }
}

/// A text with `code`, links, and other pages by name and section. `None`: something in it has no end.
pub(crate) fn inline(text: &str) -> Option<String> {
    if text.matches('`').count() % 2 == 1 {
        return None;
    }
    let mut written = String::new();
    for (at, part) in text.split('`').enumerate() {
        written += &if at % 2 == 1 { bold(part) } else { with_pages(&without_targets(part)?) };
    }
    Some(written)
}

/// The labels of links, without where they lead.
fn without_targets(text: &str) -> Option<String> {
    let mut rest = text;
    let mut written = String::new();
    while let Some((before, after)) = rest.split_once("](") {
        let (start, label) = before.rsplit_once('[')?;
        written = written + start + label;
        (_, rest) = after.split_once(')')?;
    }
    Some(written + rest)
}

/// Sets the names of pages, such as sshd(8), in bold.
fn with_pages(text: &str) -> String {
    let words = text.split(' ').map(|word| {
        let page = word.rfind('(').map(|open| word.split_at(open));
        match page {
            Some((name, section)) if is_section(section) && !name.is_empty() => {
                let begin = name.find(|c: char| c.is_alphanumeric()).unwrap_or_default();
                let (before, name) = name.split_at(begin);
                format!("{before}{}{}", bold(name), escaped(section))
            }
            _ => escaped(word),
        }
    });
    words.collect::<Vec<_>>().join(" ")
}

/// `(8)`, and what may follow it.
fn is_section(text: &str) -> bool {
    let mut chars = text.chars().skip(1);
    chars.next().is_some_and(|c| c.is_ascii_digit()) && chars.next() == Some(')')
}

/// Breaks lines after a sentence and where they are too long, sets in bold what clap's help has in backticks, and
/// leaves out breaks where there is one already.
pub(crate) fn tidy(page: &str) -> String {
    let mut tidy = String::new();
    let mut is_example = false;
    let mut last = ".";
    let mut lines = page.lines().peekable();
    while let Some(line) = lines.next() {
        is_example = line == ".EX" || is_example && line != ".EE";
        let breaks = |line: &str| line.starts_with(".SH") || line.starts_with(".SS") || line.is_empty();
        match line {
            _ if is_example => tidy += &format!("{line}\n"),
            ".PP" | ".br" if breaks(last) || lines.peek().is_some_and(|next| breaks(next)) => {}
            "" => tidy += ".sp\n",
            _ if line.starts_with('.') => tidy += &format!("{line}\n"),
            // The term of a list, of which the second line would be the meaning.
            _ if last == ".TP" => tidy += &format!("{}\n", protected(&emphasised(line))),
            _ => broken(&emphasised(line), &mut tidy),
        }
        last = line;
    }
    tidy
}

fn emphasised(line: &str) -> String {
    let parts = line.split('`').enumerate();
    parts.map(|(at, part)| if at % 2 == 1 { format!("\\fB{part}\\fR") } else { part.to_owned() }).collect()
}

fn broken(line: &str, to: &mut String) {
    let mut column = 0;
    let mut ends_sentence = false;
    for word in line.split(' ').filter(|word| !word.is_empty()) {
        // mandoc counts others as it names them: \[u2026].
        let length: usize = word.chars().map(|c| if c.is_ascii() { 1 } else { 8 }).sum();
        if column > 0 && (ends_sentence || column + 1 + length > LONGEST) {
            to.push('\n');
            column = 0;
        } else if column > 0 {
            to.push(' ');
            column += 1;
        }
        *to += &if column == 0 { protected(word) } else { word.to_owned() };
        column += length;
        ends_sentence = word.trim_end_matches("\\fR").ends_with(['.', ':', '?', '!']);
    }
    to.push('\n');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn code_links_and_pages_are_set_apart() {
        let written =
            inline("As `--a` in [the log](../README.md#the-log), see sshd(8) and (sftp(1)).").unwrap();
        assert_eq!(written, "As \\fB\\-\\-a\\fR in the log, see \\fBsshd\\fR(8) and (\\fBsftp\\fR(1)).");
        assert_eq!(inline("f(x) a\\b").unwrap(), "f(x) a\\eb");
    }

    #[test]
    fn lines_are_broken_where_nothing_changes_by_it() {
        let long = "word ".repeat(20);
        let page = tidy(&format!(".PP\nOne. Two `x` .three\n{long}\n.EX\n{long}\n.EE\n"));
        assert!(page.starts_with(".PP\nOne.\nTwo \\fBx\\fR .three\nword "), "{page}");
        assert_eq!(page.lines().filter(|line| line.len() > LONGEST).count(), 1, "{page}");
        assert_eq!(tidy("a. .b\n"), "a.\n\\&.b\n");
    }
}
