//! Writes a review as one file of HTML, without script and without anything from elsewhere: it can be mailed, printed
//! and kept. Every text from outside goes through [`escape`].

mod chart;
mod escape;
mod percent;
mod style;
mod timeline;

use super::member::{Folder, GrantStanding, Granted, Key, Member, Unused};
use super::{Review, text};
use crate::report::text::{counted, size};
use escape::{outside, sentence};
use std::fmt::Write;

/// Unused for longer than so many days is marked.
const STALE: i64 = 90;

/// The whole file.
pub(super) fn document(review: &Review) -> String {
    let mut html = String::from("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n");
    let title = format!("Access review of {}, {}", outside(&review.host), review.made.date());
    let _ = write!(
        html,
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n\
         <meta name=\"viewport\" content=\"width=device-width\">\n<title>{title}</title>\n<style>\n{}</style>\n\
         </head>\n<body>\n<h1>{title}</h1>\n",
        style::STYLE
    );
    let begin = match review.logs.begin {
        Some(begin) => format!("The logs of logins begin on {}.", begin.date()),
        None => "There are no logs of logins.".to_owned(),
    };
    let gaps = if review.logs.gaps > 0 {
        " The log of transfers has gaps, which sftpjail audit --summary names."
    } else {
        ""
    };
    let count = counted(review.members.len(), "member");
    let _ = writeln!(html, "<p class=\"grey\">{count}, read at {}. {begin}{gaps}</p>", review.made.minute());
    problems(&mut html, review);
    overview(&mut html, review);
    drawings(&mut html, review);
    html.push_str("<h2>Members</h2>\n");
    review.members.iter().enumerate().for_each(|(at, member)| section(&mut html, at, member));
    html.push_str("</body>\n</html>\n");
    html
}

fn problems(html: &mut String, review: &Review) {
    let all = review.problems.iter().chain(review.members.iter().flat_map(|member| &member.problems));
    let items: Vec<_> = all.map(|problem| format!("<li>{}</li>\n", sentence(problem))).collect();
    if !items.is_empty() {
        let _ =
            write!(html, "<h2 class=\"alarm\">What could not be read</h2>\n<ul>\n{}</ul>\n", items.concat());
    }
}

/// All members in a table.
fn overview(html: &mut String, review: &Review) {
    html.push_str(
        "<h2>Overview</h2>\n<table><thead><tr><th>Member</th><th>Profile</th><th>State</th>\
         <th class=\"number\">Keys</th><th class=\"number\">Grants</th><th>Last login</th><th>Unused</th></tr>\
         </thead><tbody>\n",
    );
    for (at, member) in review.members.iter().enumerate() {
        let last = member.last_login.map_or_else(|| "–".to_owned(), |last| last.date());
        let _ = writeln!(
            html,
            "<tr><td><a href=\"#m{at}\">{}</a></td><td>{}</td><td>{}</td><td class=\"number\">{}</td>\
             <td class=\"number\">{}</td><td class=\"date\">{last}</td><td>{}</td></tr>",
            outside(&member.user),
            outside(&member.profile),
            state(member),
            member.keys.len(),
            member.grants.len(),
            unused(member.unused),
        );
    }
    html.push_str("</tbody></table>\n");
}

fn drawings(html: &mut String, review: &Review) {
    let timeline = ("Grants", timeline::table(&review.members, review.made));
    let chart = ("Transfers", chart::table(&review.members));
    for (title, drawing) in [timeline, chart].iter().filter(|(_, drawing)| !drawing.is_empty()) {
        let _ = write!(html, "<h2>{title}</h2>\n{drawing}");
    }
}

/// The state in a badge.
fn state(member: &Member) -> String {
    format!("<span class=\"state {}\">{}</span>", member.state.kind.class(), member.state.kind.words())
}

fn unused(unused: Unused) -> String {
    let is_stale = unused.days.is_some_and(|days| days > STALE);
    format!("<span{}>{}</span>", if is_stale { " class=\"stale\"" } else { "" }, sentence(&unused.words()))
}

/// All of one member. The overview leads to it by its number.
fn section(html: &mut String, at: usize, member: &Member) {
    let _ = writeln!(
        html,
        "<section id=\"m{at}\"><h3><bdi>{}</bdi> {}</h3>",
        outside(&member.user),
        state(member)
    );
    if let Some(why) = &member.state.why {
        let _ = writeln!(html, "<p>{}</p>", sentence(why));
    }
    let password = if member.password == Some(true) { ", has a password" } else { "" };
    let _ = writeln!(
        html,
        "<p class=\"grey\">uid {}, profile <bdi>{}</bdi>{password}; last login: {}</p>",
        member.uid,
        outside(&member.profile),
        sentence(&text::last_login(member))
    );
    rows(html, &["Folder", "Rights", "Owner on disk"], member.folders.iter().map(folder));
    rows(
        html,
        &["Grant", "Rights", "Owner on disk", "Since", "Until", "Terms"],
        member.grants.iter().map(grant),
    );
    rows(html, &["Key", "Last used", "Expires"], member.keys.iter().map(key));
    if let Some(moved) = &member.transfers {
        let _ = writeln!(
            html,
            "<p>{} up ({}), {} down ({}) in {}</p>",
            many(moved.uploaded_files, "file"),
            size(moved.uploaded_bytes),
            many(moved.downloaded_files, "file"),
            size(moved.downloaded_bytes),
            many(moved.sessions, "session")
        );
    }
    let other = member.other_keys.iter().map(|keyword| format!("Keys also come by sshd's {keyword}."));
    let lines = member.unusable_lines.iter().map(|line| format!("sshd cannot use {line}."));
    let runs = member.runs.iter().map(|runs| format!("Also runs: {}.", text::of_runs(runs)));
    for line in lines.chain(other).chain(runs) {
        let _ = writeln!(html, "<p>{}</p>", sentence(&line));
    }
    html.push_str("</section>\n");
}

/// A table, if there are rows. Cells are HTML already.
fn rows(html: &mut String, header: &[&str], rows: impl Iterator<Item = Vec<String>>) {
    let cells = |tag: &str, cells: &mut dyn Iterator<Item = String>| {
        let cells: String = cells.map(|cell| format!("<{tag}>{cell}</{tag}>")).collect();
        format!("<tr>{cells}</tr>\n")
    };
    let rows: String = rows.map(|row| cells("td", &mut row.into_iter())).collect();
    if !rows.is_empty() {
        let header = cells("th", &mut header.iter().map(|name| (*name).to_owned()));
        let _ = write!(html, "<table><thead>{header}</thead><tbody>\n{rows}</tbody></table>\n");
    }
}

fn place(path: &str, source: &str) -> String {
    match path == source {
        true => format!("<code>{}</code>", outside(path)),
        false => format!("<code>{}</code> from <code>{}</code>", outside(path), outside(source)),
    }
}

fn owner(owner: Option<&str>) -> String {
    owner.map(|owner| outside(owner).to_string()).unwrap_or_default()
}

fn folder(folder: &Folder) -> Vec<String> {
    let Folder { path, source, access, .. } = folder;
    vec![place(path, source), whole(access.words()), owner(folder.owner.as_deref())]
}

fn grant(grant: &Granted) -> Vec<String> {
    let since = match (grant.since, grant.standing) {
        (Some(begin), GrantStanding::Later) => format!("begins {}", whole(&begin.minute())),
        (Some(begin), _) => whole(&begin.date()),
        (None, _) => "–".to_owned(),
    };
    let until = match (grant.until, grant.standing) {
        (Some(end), GrantStanding::Ended) => {
            format!("<span class=\"grey\">ended {}</span>", whole(&end.minute()))
        }
        (Some(end), _) => whole(&end.minute()),
        (None, _) => "no end".to_owned(),
    };
    let mut terms = Vec::new();
    if grant.standing == GrantStanding::Unusable {
        terms.push("<span class=\"alarm\">cannot be used</span>".to_owned());
    }
    if !grant.from.is_empty() {
        terms.push(format!("from {}", sentence(&grant.from.join(", "))));
    }
    terms.extend(grant.key.as_deref().map(|key| format!("key <code>{}</code>", sentence(key))));
    terms.extend(grant.note.as_deref().map(|note| format!("<bdi>{}</bdi>", sentence(note))));
    vec![
        place(&grant.at, &grant.folder),
        whole(grant.access.words()),
        owner(grant.owner.as_deref()),
        since,
        until,
        terms.join("; "),
    ]
}

fn key(key: &Key) -> Vec<String> {
    let bits = key.bits.map(|bits| format!(" {bits}")).unwrap_or_default();
    let whose = if key.authority { ", of an authority" } else { "" };
    let comment = if key.comment.is_empty() { String::new() } else { outside(&key.comment).to_string() };
    let fingerprint = key.fingerprint.as_deref().unwrap_or_default();
    let expires = match key.expires {
        Some(end) if key.expired => format!("<span class=\"alarm\">expired {}</span>", whole(&end.date())),
        Some(end) => whole(&end.date()),
        None => String::new(),
    };
    let last = key.last_used.map(|last| format!("{}, ", whole(&last.date()))).unwrap_or_default();
    let age = key.age().map(|age| format!(", {age}")).unwrap_or_default();
    vec![
        format!(
            "{}{bits}{whose} <bdi>{}</bdi><br><code class=\"whole\">{}</code><br><span class=\"grey\">in \
             <code>{}:{}</code>{age}</span>",
            outside(&key.key_type),
            comment,
            sentence(fingerprint),
            outside(&key.file),
            key.line
        ),
        format!("{last}{}", unused(key.unused)),
        expires,
    ]
}

/// Words of this program's that stay on one line.
fn whole(words: &str) -> String {
    format!("<span class=\"whole\">{words}</span>")
}

fn many(count: u64, what: &str) -> String {
    counted(usize::try_from(count).unwrap_or(usize::MAX), what)
}

#[cfg(test)]
mod tests;
