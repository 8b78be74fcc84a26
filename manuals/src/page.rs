//! A page: what clap knows of a command, joined with what the page's Markdown says.

use crate::markdown::Section;
use crate::roff::{bold, inline, tidy};
use crate::synopsis::synopsis;
use clap::Command;
use clap_mangen::Man;
use clap_mangen::roff::Roff;
use std::io;

/// How the paragraph of clap's help begins that has the exit statuses.
const STATUSES: &str = "Exit status: ";

/// The page in roff, dated `date`.
pub(crate) fn page(
    command: &Command,
    name: &'static str,
    text: &[Section],
    date: &str,
) -> io::Result<String> {
    let described = only_verb(command);
    let about = described.get_long_about().map(ToString::to_string).unwrap_or_default();
    let (statuses, description): (Vec<_>, Vec<_>) =
        about.split("\n\n").partition(|paragraph| paragraph.starts_with(STATUSES));
    let summary = described.get_about().map(ToString::to_string).unwrap_or_default();
    // The name says that already.
    let description: Vec<_> =
        description.into_iter().filter(|paragraph| paragraph.trim_end_matches('.') != summary).collect();
    let mut letters = summary.chars();
    let summary: String =
        letters.next().map(|first| first.to_ascii_lowercase()).into_iter().chain(letters).collect();
    let is_program = described.get_version().is_some();
    let shown = described
        .clone()
        .display_name(name)
        .subcommand_help_heading("COMMANDS")
        .about(summary)
        .long_about(description.join("\n\n"));
    // What the program's own page says once.
    let shown = shown.mut_args(|option| match !is_program && option.get_id() == "help" {
        true => option.hide(true),
        false => option,
    });
    let version = sftpjail::command().get_version().unwrap_or_default().to_owned();
    let man = Man::new(shown.clone())
        .title(name.to_uppercase())
        .section("8")
        .date(date)
        .source(format!("sftpjail {version}"))
        .manual("System Administration");
    let mut page = Page::default();
    page.add(|out| man.render_title(out))?;
    page.add(|out| man.render_name_section(out))?;
    page.0 += &format!(".SH SYNOPSIS\n{}", synopsis(&shown));
    page.add(|out| man.render_description_section(out))?;
    let (beginning, rest) = text.split_first().ok_or_else(|| io::Error::other("an empty page"))?;
    page.0 += &beginning.body;
    page.add(|out| man.render_options_section(out))?;
    if is_program {
        page.add(|out| man.render_subcommands_section(out))?;
    }
    let statuses = statuses.first().map(|paragraph| exit_statuses(paragraph)).transpose()?;
    let (more, rest): (Vec<_>, Vec<_>) = rest.iter().partition(|section| section.heading == "EXIT STATUS");
    page.0 += ".SH EXIT STATUS\n";
    page.0.extend(statuses);
    page.0.extend(more.iter().map(|section| section.body.as_str()));
    for Section { heading, body } in rest {
        page.0 += &format!(".SH {heading}\n{body}");
    }
    Ok(tidy(&page.0))
}

/// The one verb of a verb that has no other; or itself.
fn only_verb(command: &Command) -> &Command {
    let mut verbs = command.get_subcommands();
    match (verbs.next(), verbs.next()) {
        (Some(only), None) => only,
        _ => command,
    }
}

/// What is written so far.
#[derive(Default)]
struct Page(String);

impl Page {
    /// Adds what clap_mangen writes. It begins each part with the same lines, which a page needs once.
    fn add(&mut self, part: impl FnOnce(&mut Vec<u8>) -> io::Result<()>) -> io::Result<()> {
        let mut out = Vec::new();
        part(&mut out)?;
        let text = String::from_utf8_lossy(&out);
        let preamble = Roff::default().render();
        self.0 += if self.0.is_empty() { &text } else { text.strip_prefix(&preamble).unwrap_or(&text) };
        Ok(())
    }
}

/// `Exit status: 0 it is done, 1 it is not.` as a list, and the sentences after it.
fn exit_statuses(paragraph: &str) -> io::Result<String> {
    let list = paragraph.strip_prefix(STATUSES).unwrap_or(paragraph);
    let (list, remark) = list.split_once(". ").unwrap_or((list.trim_end_matches('.'), ""));
    let mut items: Vec<String> = Vec::new();
    for part in list.split_inclusive([',', ';']) {
        let is_status =
            part.trim_start().split_once(' ').is_some_and(|(number, _)| number.parse::<u8>().is_ok());
        match items.last_mut() {
            Some(item) if !is_status => *item += part,
            _ => items.push(part.trim_start().to_owned()),
        }
    }
    let mut written = String::new();
    let unreadable = || io::Error::other(format!("no list of exit statuses: {paragraph}"));
    for item in items {
        let (status, meaning) = item.split_once(' ').ok_or_else(unreadable)?;
        let meaning = inline(meaning.trim_end_matches([',', ';'])).ok_or_else(unreadable)?;
        written += &format!(".TP\n{}\n{meaning}\n", bold(status));
    }
    match remark {
        "" => Ok(written),
        remark => Ok(format!("{written}.PP\n{}\n", inline(remark).ok_or_else(unreadable)?)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exit_statuses_are_read_from_the_help() {
        let read = exit_statuses(
            "Exit status: 0 done, or nothing to do; 1 not done (also: no), and nothing has changed, 3 with --x: it \
             would. Without USER it is 1, or else 2 if not.",
        );
        assert_eq!(
            read.unwrap(),
            ".TP\n\\fB0\\fR\ndone, or nothing to do\n.TP\n\\fB1\\fR\nnot done (also: no), and nothing has changed\n\
             .TP\n\\fB3\\fR\nwith --x: it would\n.PP\nWithout USER it is 1, or else 2 if not.\n"
        );
    }
}
