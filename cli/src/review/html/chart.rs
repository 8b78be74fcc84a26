//! What each user moved, as bars in SVG: up and down, the most first.

use super::escape::outside;
use super::timeline::cut;
use crate::report::text::size;
use crate::review::member::{Member, Transfers};
use std::fmt::Write;

/// The most users that are drawn. The table has all of them.
const MAX_USERS: usize = 40;

/// In pixels, as the parts below.
const WIDTH: u64 = 900;
const LABEL: u64 = 200;
const VALUE: u64 = 110;
const ROW: u64 = 30;

/// The drawing, and how many users it leaves out; empty where nobody has moved anything.
pub(super) fn svg(members: &[Member]) -> (String, usize) {
    let moved = |member| Member::moved(member).map(|transfers| (member, transfers));
    let mut users: Vec<_> = members.iter().filter_map(moved).collect();
    users.sort_by_key(|(_, transfers)| std::cmp::Reverse(total(transfers)));
    let left_out = users.len().saturating_sub(MAX_USERS);
    users.truncate(MAX_USERS);
    let most = users.iter().flat_map(|(_, moved)| [moved.uploaded_bytes, moved.downloaded_bytes]).max();
    let Some(most) = most.filter(|most| *most > 0) else { return (String::new(), 0) };
    let height = ROW * users.len() as u64;
    let mut svg = format!(
        "<svg viewBox=\"0 0 {WIDTH} {height}\" width=\"{WIDTH}\" role=\"img\" \
         aria-label=\"Uploads and downloads of users\">\n"
    );
    for (y, (member, transfers)) in (0..).map(|row| row * ROW).zip(&users) {
        let name = outside(&cut(&member.user, 26)).to_string();
        let _ = write!(
            svg,
            "<g><title>{}</title><text x=\"0\" y=\"{}\">{name}</text>",
            outside(&member.user),
            y + 17
        );
        for (class, bytes, y) in
            [("up", transfers.uploaded_bytes, y + 2), ("down", transfers.downloaded_bytes, y + 14)]
        {
            let width = bar(bytes, most);
            let _ = write!(
                svg,
                "<rect class=\"{class}\" x=\"{LABEL}\" y=\"{y}\" width=\"{width}\" height=\"11\"/>\
                 <text class=\"value\" x=\"{}\" y=\"{}\">{}</text>",
                LABEL + width + 6,
                y + 10,
                size(bytes)
            );
        }
        svg.push_str("</g>\n");
    }
    svg.push_str("</svg>\n");
    (svg, left_out)
}

fn total(transfers: &Transfers) -> u64 {
    transfers.uploaded_bytes.saturating_add(transfers.downloaded_bytes)
}

/// How long a bar is; one that stands for anything is seen.
fn bar(bytes: u64, most: u64) -> u64 {
    let room = u128::from(WIDTH - LABEL - VALUE);
    let width = u128::from(bytes) * room / u128::from(most.max(1));
    u64::try_from(width).unwrap_or(WIDTH).max(u64::from(bytes > 0))
}

#[cfg(test)]
mod tests {
    use super::bar;

    #[test]
    fn bars_are_as_long_as_what_they_stand_for() {
        assert_eq!([bar(0, 7), bar(1, u64::MAX), bar(u64::MAX, u64::MAX), bar(1, 2)], [0, 1, 590, 295]);
    }
}
