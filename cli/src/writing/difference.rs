//! Shows how a file differs before and after a change.

use anstyle::{AnsiColor, Style};
use pam_sftpjail::escape::{escaped, one_line};
use similar::TextDiff;
use std::fmt;
use std::path::Path;

/// Writes the difference of a file before and after, as `diff -u` prints it. `None`: there is no file.
pub(crate) fn write(
    f: &mut fmt::Formatter<'_>,
    path: &Path,
    before: Option<&[u8]>,
    after: Option<&[u8]>,
) -> fmt::Result {
    let Some(diff) = text(path, before, after) else {
        let what = match (before, after) {
            (None, _) => "new",
            (_, None) => "removed",
            _ => "replaced",
        };
        let size = after.or(before).unwrap_or_default().len();
        return writeln!(f, "{}: {what}, binary, {size} bytes", escaped(path));
    };
    diff.lines().try_for_each(|line| {
        let style = style(line);
        writeln!(f, "{style}{}{style:#}", one_line(&line.replace('\t', "        ")))
    })
}

/// The difference as `diff -u` prints it, without colours; `None` if it is not text.
pub(crate) fn text(path: &Path, before: Option<&[u8]>, after: Option<&[u8]>) -> Option<String> {
    let shown = escaped(path).to_string();
    let content =
        |bytes: Option<&[u8]>| std::str::from_utf8(bytes.unwrap_or_default()).ok().map(str::to_owned);
    let name = |bytes: Option<&[u8]>| if bytes.is_some() { shown.as_str() } else { "/dev/null" };
    let (old, new) = (content(before)?, content(after)?);
    let diff = TextDiff::from_lines(&old, &new);
    Some(diff.unified_diff().context_radius(3).header(name(before), name(after)).to_string())
}

/// The colours of `diff --color`.
fn style(line: &str) -> Style {
    let colour = match line.as_bytes().first() {
        Some(b'+') => AnsiColor::Green,
        Some(b'-') => AnsiColor::Red,
        Some(b'@') => AnsiColor::Cyan,
        _ => return Style::new(),
    };
    Style::new().fg_color(Some(colour.into()))
}
