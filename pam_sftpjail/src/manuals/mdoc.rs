//! Reads what mdoc(7) pages say: sections, lists and displays.

/// How mdoc writes what has a meaning there.
const ESCAPES: [(&str, &str); 7] =
    [("\\e", "\\"), ("\\(aq", "'"), ("\\(ti", "~"), ("\\(dq", "\""), ("\\-", "-"), ("\\&", ""), ("\\ ", " ")];

/// An item of a list.
pub(super) struct Item<'p> {
    /// Its line, with the macros in it.
    pub(super) head: String,
    pub(super) body: Vec<&'p str>,
}

impl Item<'_> {
    /// The lines of text, joined.
    pub(super) fn text(&self) -> String {
        let lines = self.body.iter().filter(|line| !line.starts_with('.'));
        plain(&lines.copied().collect::<Vec<_>>().join(" "))
    }
}

/// A line as the reader sees it.
fn plain(line: &str) -> String {
    ESCAPES.iter().fold(line.to_owned(), |line, (written, meant)| line.replace(written, meant))
}

/// The lines below a heading, up to the next one that is not below it.
pub(super) fn section<'p>(page: &'p str, title: &str) -> Vec<&'p str> {
    let is_it = |line: &str| line == format!(".Sh {title}") || line == format!(".Ss {title}");
    let mut lines = page.lines().skip_while(|line| !is_it(line));
    let heading = lines.next().unwrap_or_else(|| panic!("there is no section {title}"));
    let is_end =
        |line: &&str| line.starts_with(".Sh ") || line.starts_with(".Ss ") && heading.starts_with(".Ss ");
    lines.take_while(|line| !is_end(line)).collect()
}

/// The items of all lists that are in no other list.
pub(super) fn items<'p>(lines: &[&'p str]) -> Vec<Item<'p>> {
    let (mut found, mut depth): (Vec<Item<'_>>, _) = (Vec::new(), 0);
    for line in lines {
        let was_in = depth;
        depth += i32::from(line.starts_with(".Bl ")) - i32::from(*line == ".El");
        match (line.strip_prefix(".It"), found.last_mut()) {
            (Some(head), _) if depth == 1 => found.push(Item { head: plain(head.trim()), body: Vec::new() }),
            (_, Some(item)) if depth > 0 && was_in > 0 => item.body.push(line),
            _ => {}
        }
    }
    found
}

/// The texts between `.Bd -literal` and `.Ed`.
pub(super) fn displays(lines: &[&str]) -> Vec<String> {
    let mut found = Vec::new();
    let mut open = None;
    for line in lines {
        match (line.starts_with(".Bd -literal"), *line == ".Ed", &mut open) {
            (true, ..) => open = Some(String::new()),
            (_, true, _) => found.extend(open.take()),
            (.., Some(text)) => *text += &(plain(line) + "\n"),
            _ => {}
        }
    }
    found
}
