//! The Markdown of the pages as roff. It knows what the pages need: headings, paragraphs, lists, fenced blocks, code
//! and links. What it does not know is an error, and not left as it is.

use crate::roff::{bold, example, inline};

/// What a page says under a heading.
pub(crate) struct Section {
    /// In capitals; empty for what comes before the first.
    pub(crate) heading: String,
    /// Lines of roff.
    pub(crate) body: String,
}

/// Reads a page. The error says in which line it is.
pub(crate) fn sections(text: &str) -> Result<Vec<Section>, String> {
    let mut sections = vec![Section { heading: String::new(), body: String::new() }];
    let mut lines = text.lines().enumerate().peekable();
    while let Some((at, line)) = lines.next() {
        let failed = |why: &str| format!("line {}: {why}", at + 1);
        if let Some(heading) = line.strip_prefix("## ") {
            sections.push(Section { heading: heading.to_uppercase(), body: String::new() });
            continue;
        }
        let Some(Section { body, .. }) = sections.last_mut() else { continue };
        // The title says the name of the page once more, for those who read this file.
        if line.is_empty() || line.starts_with("# ") {
            continue;
        }
        if let Some(heading) = line.strip_prefix("### ") {
            *body += &format!(".SS {heading}\n");
        } else if line.starts_with("```") {
            let block: Vec<_> =
                lines.by_ref().map(|(_, line)| line).take_while(|line| *line != "```").collect();
            *body += &example(&block);
        } else if line.starts_with(['|', '>', '#', ' ', '*']) || line.starts_with("1. ") {
            return Err(failed("no page has this kind of text yet: see manuals/src/markdown.rs"));
        } else {
            let mut words = line.to_owned();
            let is_more = |(_, next): &(usize, &str)| {
                !next.is_empty()
                    && !next.starts_with("- ")
                    && !next.starts_with("```")
                    && !next.starts_with('#')
            };
            while let Some((_, more)) = lines.next_if(is_more) {
                words += " ";
                words += more.trim_start();
            }
            *body += &paragraph(&words).ok_or_else(|| failed("a ` has no other, or a link no end"))?;
        }
    }
    Ok(sections)
}

/// A paragraph or an item of a list. One that begins with code and a colon explains that.
fn paragraph(words: &str) -> Option<String> {
    let Some(item) = words.strip_prefix("- ") else {
        return Some(format!(".PP\n{}\n", inline(words)?));
    };
    let defined = item.strip_prefix('`').and_then(|rest| rest.split_once("`: "));
    let defined = defined.map(|(terms, meaning)| (terms.split("`, `").collect::<Vec<_>>(), meaning));
    match defined.filter(|(terms, _)| terms.iter().all(|term| !term.contains('`'))) {
        Some((terms, meaning)) => {
            let terms: Vec<_> = terms.into_iter().map(bold).collect();
            Some(format!(".TP\n{}\n{}\n", terms.join(", "), inline(meaning)?))
        }
        None => Some(format!(".IP \\(bu 2\n{}\n", inline(item)?)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn body(text: &str) -> String {
        sections(text).unwrap().pop().unwrap().body
    }

    #[test]
    fn text_becomes_roff() {
        let page =
            sections("# sftpjail x\n\nWhat it\nis.\n\n## Exit status\n\n- one\n- `a`, `b`: two\n  lines\n")
                .unwrap();
        assert_eq!(page[0].body, ".PP\nWhat it is.\n");
        assert_eq!(page[1].heading, "EXIT STATUS");
        assert_eq!(page[1].body, ".IP \\(bu 2\none\n.TP\n\\fBa\\fR, \\fBb\\fR\ntwo lines\n");
        // Code that is in the text, and not what it explains.
        assert_eq!(body("- `a` of `b`: c\n"), ".IP \\(bu 2\n\\fBa\\fR of \\fBb\\fR: c\n");
    }

    #[test]
    fn blocks_stay_as_they_are() {
        let shown = body("```console\n# a --b 'c'\n.x \\n\n\n- d\n```\nText\n");
        assert_eq!(
            shown,
            ".PP\n.RS 4\n.EX\n# a \\-\\-b \\(aqc\\(aq\n\\&.x \\en\n\n\\- d\n.EE\n.RE\n.PP\nText\n"
        );
    }

    #[test]
    fn what_it_does_not_know_is_an_error_with_its_line() {
        for (text, line) in
            [("a\n\n| b |\n", "line 3"), ("`a\n", "line 1"), ("[a](b\n", "line 1"), ("1. a\n", "line 1")]
        {
            assert!(sections(text).is_err_and(|error| error.starts_with(line)), "{text}");
        }
    }
}
