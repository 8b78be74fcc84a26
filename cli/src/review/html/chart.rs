//! What each user moved: a table with bars for uploads and downloads, the most first.

use super::escape::outside;
use super::percent::{WHOLE, percent};
use crate::report::text::{counted, size};
use crate::review::member::{Member, Transfers};
use std::cmp::Reverse;
use std::fmt::Write;

/// The most users that are drawn. The members below have all of them.
const MAX_USERS: usize = 40;

/// The table; empty where nobody has moved anything.
pub(super) fn table(members: &[Member]) -> String {
    let moved = |member| Member::moved(member).map(|transfers| (member, transfers));
    let mut users: Vec<_> = members.iter().filter_map(moved).collect();
    users.sort_by_key(|(_, transfers)| Reverse(total(transfers)));
    let left_out = users.split_off(users.len().min(MAX_USERS)).len();
    let most = users.iter().flat_map(|(_, moved)| [moved.uploaded_bytes, moved.downloaded_bytes]).max();
    let Some(most) = most else { return String::new() };
    let more = match left_out {
        0 => String::new(),
        left_out => {
            format!(" {} moved less, and are in the sections of the members.", counted(left_out, "user"))
        }
    };
    let mut html = format!(
        "<p class=\"grey\"><svg class=\"key\"><rect class=\"up\"/></svg>uploads <svg class=\"key\"><rect \
         class=\"down\"/></svg>downloads, as far back as the log goes.{more}</p>\n<table class=\"sums\"><thead><tr>\
         <th>Member</th><th class=\"number\">Uploads</th><th class=\"number\">Downloads</th><th class=\"line\"></th>\
         </tr></thead><tbody>\n"
    );
    for (member, transfers) in users {
        let (up, down) = (transfers.uploaded_bytes, transfers.downloaded_bytes);
        let _ = writeln!(
            html,
            "<tr><td>{}</td><td class=\"number\">{}</td><td class=\"number\">{}</td><td class=\"line\"><svg>\
             <rect class=\"up\" x=\"0\" y=\"3\" width=\"{}\" height=\"8\"/>\
             <rect class=\"down\" x=\"0\" y=\"13\" width=\"{}\" height=\"8\"/></svg></td></tr>",
            outside(&member.user),
            size(up),
            size(down),
            percent(bar(up, most)),
            percent(bar(down, most))
        );
    }
    html.push_str("</tbody></table>\n");
    html
}

fn total(transfers: &Transfers) -> u64 {
    transfers.uploaded_bytes.saturating_add(transfers.downloaded_bytes)
}

/// How long a bar is; one that stands for anything is seen.
fn bar(bytes: u64, most: u64) -> i64 {
    let width = u128::from(bytes) * u128::from(WHOLE.unsigned_abs()) / u128::from(most.max(1));
    i64::try_from(width).unwrap_or(WHOLE).max(if bytes > 0 { WHOLE / 200 } else { 0 })
}

#[cfg(test)]
mod tests {
    use super::bar;

    #[test]
    fn bars_are_as_long_as_what_they_stand_for() {
        assert_eq!([bar(0, 7), bar(1, u64::MAX), bar(u64::MAX, u64::MAX), bar(1, 2)], [0, 50, 10_000, 5_000]);
    }
}
