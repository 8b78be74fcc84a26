//! What must hold of every file of sshd's configuration: what is called plain is read as each version of sshd reads it,
//! and what setup puts below a file is for nobody else.

use super::line::{arguments, criteria, is_plain, words};
use super::{BEGIN, END, SshdConfig};
use pam_sftpjail::escape::one_line;
use std::path::Path;

const FILE: &str = "/etc/ssh/a file that is not there";

pub fn sshd_config(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    for line in text.lines() {
        as_sshd_reads_it(line);
    }
    // Reading what a pattern matches is no matter of parsing.
    if !text.to_ascii_lowercase().contains("include") {
        a_block_below_it(&text);
    }
}

/// A line that is plain and has `Match` or `Include`: its words are those of sshd, before and since OpenSSH 8.7.
fn as_sshd_reads_it(line: &str) {
    // sshd's lines have no NUL: getline(3) and C.
    if !is_plain(line) || line.contains('\0') {
        return;
    }
    let begun = line.trim_end_matches([' ', '\t', '\r', '\n', '\u{c}']);
    let mut rest = Some(begun.to_owned());
    let first = strdelim(&mut rest);
    let keyword = if first.as_deref() == Some("") { strdelim(&mut rest) } else { first };
    let keyword = keyword.unwrap_or_default().to_ascii_lowercase();
    if keyword != "match" && keyword != "include" {
        return;
    }
    let own = arguments(line);
    assert_eq!(own, argv_split(rest.as_deref().unwrap_or_default()), "since 8.7: {line:?}");
    let mut old = Vec::new();
    while let Some(word) = strdelim(&mut rest).filter(|word| !word.is_empty() && !word.starts_with('#')) {
        old.push(word);
    }
    assert_eq!(own, Some(old), "before 8.7: {line:?}");
    let all = words(line);
    assert_eq!(own.as_deref(), all.get(1..), "here: {line:?}");
    assert!(
        keyword == "include" || criteria(all.get(1..).unwrap_or_default()).len() <= all.len(),
        "{line:?}"
    );
}

/// strdelim of OpenSSH's misc.c: the next word.
fn strdelim(rest: &mut Option<String>) -> Option<String> {
    const BLANKS: [char; 4] = [' ', '\t', '\r', '\n'];
    let text = rest.take()?;
    let Some(at) = text.find([' ', '\t', '\r', '\n', '"', '=']) else { return Some(text) };
    let (before, from) = text.split_at_checked(at)?;
    if let Some(quoted) = from.strip_prefix('"') {
        let (within, after) = quoted.split_once('"')?;
        *rest = Some(after.trim_start_matches(BLANKS).to_owned());
        return Some(before.to_owned() + within);
    }
    let after = from.get(1..)?.trim_start_matches(BLANKS);
    let second = after.strip_prefix('=').filter(|_| !from.starts_with('='));
    *rest = Some(second.map_or(after, |after| after.trim_start_matches(BLANKS)).to_owned());
    Some(before.to_owned())
}

/// argv_split of the same file, which ends at a comment. `None`: a quote is not closed.
fn argv_split(text: &str) -> Option<Vec<String>> {
    let mut all = Vec::new();
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next_if(|c| !matches!(c, '#')) {
        if matches!(c, ' ' | '\t') {
            continue;
        }
        let (mut word, mut quote, mut next) = (String::new(), None, Some(c));
        while let Some(c) = next {
            match (c, quote) {
                ('\\', _) => {
                    let escaped =
                        chars.next_if(|c| matches!(c, '\'' | '"' | '\\') || (quote.is_none() && *c == ' '));
                    word.push(escaped.unwrap_or('\\'));
                }
                (' ' | '\t', None) => break,
                ('"' | '\'', None) => quote = Some(c),
                (c, Some(quote_of_it)) if c == quote_of_it => quote = None,
                (c, _) => word.push(c),
            }
            next = chars.next();
        }
        if quote.is_some() {
            return None;
        }
        all.push(word);
    }
    Some(all)
}

/// As setup adds it to the main file: nothing above it changes its meaning, and all of it is in the block.
fn a_block_below_it(text: &str) {
    let read = |text: &str| SshdConfig::read_with(Path::new(FILE), Some((Path::new(FILE), text))).ok();
    let end = if text.is_empty() || text.ends_with('\n') { "" } else { "\n" };
    let own = format!("{text}{end}{BEGIN}Match Group sftp\n    ChrootDirectory /jail/%u\n{END}");
    let read = read(text).zip(read(&own));
    assert!(read.is_some(), "{text:?}");
    let Some((before, after)) = read else { return };
    let shown = |config: &SshdConfig| -> Vec<_> {
        let line = |setting: &super::Setting| (setting.keyword.clone(), setting.value.clone(), setting.block);
        config.settings.iter().map(line).collect()
    };
    let (old, new) = (shown(&before), shown(&after));
    assert_eq!(new.get(..old.len()), Some(&*old), "{text:?}");
    let block = Some(before.blocks.len());
    let added = [("chrootdirectory".to_owned(), "/jail/%u".to_owned(), block)];
    assert_eq!(new.get(old.len()..), Some(&added[..]), "{text:?}");
    let last = after.blocks.last().map(|block| (block.names("group", "sftp"), block.is_marked));
    assert_eq!((last, after.blocks.len()), (Some((true, true)), before.blocks.len() + 1), "{text:?}");
    for setting in &before.settings {
        assert!(
            !one_line(&setting.value).contains('\n') && !setting.keyword.is_empty()
                || setting.written.is_empty()
        );
        assert!(setting.block.is_none_or(|block| block < before.blocks.len()), "{text:?}");
    }
}
