//! The grants on a line of time: a table with a bar for each, so that a page break cuts none and repeats the header.

use super::escape::outside;
use super::percent::{WHOLE, percent};
use crate::review::member::{GrantStanding, Granted, Member};
use crate::review::moment::Moment;
use std::fmt::Write;

/// The most grants that are drawn. The members below have all of them.
const MAX_GRANTS: usize = 100;

const DAY: i64 = 86_400;

/// What the arrow of a grant without end takes, and that of one without beginning: a part of [`WHOLE`].
const ARROW: i64 = WHOLE / 40;

/// The least room that a label needs beside another.
const LABEL: i64 = WHOLE * 3 / 10;

const LEGEND: &str = "<p class=\"grey\"><svg class=\"key\"><rect class=\"holds\"/></svg>granted \
    <svg class=\"key\"><rect class=\"later\"/></svg>begins later <svg class=\"key\"><rect class=\"ended\"/></svg>ended \
    <svg class=\"key\"><rect class=\"unusable\"/></svg>cannot be used. An arrow to the left: when it was given is not on \
    record. An arrow to the right: it has no end.";

/// The time that is shown.
struct Scale {
    begin: i64,
    end: i64,
}

impl Scale {
    /// All that begins and ends, and a month around now, but not more than a year back and three years ahead.
    fn of(grants: &[(&Member, &Granted)], now: Moment) -> Self {
        let now = now.epoch();
        let moments = grants.iter().flat_map(|(_, grant)| [grant.since, grant.until]).flatten();
        let moments: Vec<_> = moments.map(Moment::epoch).collect();
        let (first, last) = (moments.iter().min().copied(), moments.iter().max().copied());
        Self {
            begin: (first.unwrap_or(now) - 7 * DAY).clamp(now - 366 * DAY, now - 30 * DAY),
            end: (last.unwrap_or(now) + 7 * DAY).clamp(now + 30 * DAY, now + 3 * 366 * DAY),
        }
    }

    fn x(&self, moment: Moment) -> i64 {
        let part = (moment.epoch().clamp(self.begin, self.end) - self.begin) * (WHOLE - 2 * ARROW);
        ARROW + part / (self.end - self.begin).max(1)
    }
}

/// The table; empty where nothing is granted.
pub(super) fn table(members: &[Member], now: Moment) -> String {
    let mut grants: Vec<_> =
        members.iter().flat_map(|member| member.grants.iter().map(move |grant| (member, grant))).collect();
    let all = grants.len();
    let mut html = String::new();
    if all == 0 {
        return html;
    }
    if all > MAX_GRANTS {
        // What ends next, and what has ended last, is what somebody may have to act on.
        grants.sort_by_key(|(_, grant)| {
            grant
                .until
                .map_or(i64::MAX, |until| until.epoch().abs_diff(now.epoch()).try_into().unwrap_or(i64::MAX))
        });
        grants.truncate(MAX_GRANTS);
        grants.sort_by(|(one, _), (other, _)| one.user.cmp(&other.user));
    }
    let more = match all - grants.len() {
        0 => String::new(),
        left_out => format!(
            " These are the {MAX_GRANTS} of {all} whose end is nearest to today; the other {left_out} are in the \
             sections of their members."
        ),
    };
    let scale = Scale::of(&grants, now);
    let _ = write!(
        html,
        "{LEGEND}{more}</p>\n<table class=\"time\"><thead><tr><th>Member</th><th>Folder</th><th>Since</th>\
         <th>Until</th><th class=\"line\">{}</th></tr></thead><tbody>\n",
        axis(&scale, now)
    );
    for (member, grant) in grants {
        let date = |moment: Option<Moment>, none: &str| moment.map_or_else(|| none.to_owned(), Moment::date);
        let _ = writeln!(
            html,
            "<tr><td>{}</td><td><code>{}</code></td><td class=\"date\">{}</td><td class=\"date\">{}</td>\
             <td class=\"line\">{}</td></tr>",
            outside(&member.user),
            outside(&grant.folder),
            date(grant.since, "–"),
            date(grant.until, "no end"),
            bar(&scale, grant, now)
        );
    }
    html.push_str("</tbody></table>\n");
    html
}

/// Where the line begins and ends, and where today is.
fn axis(scale: &Scale, now: Moment) -> String {
    let today = scale.x(now);
    let label = |class: &str, x: i64, anchor: &str, text: &str| {
        let x = percent(x);
        format!("<text class=\"{class}\" x=\"{x}\" y=\"14\" text-anchor=\"{anchor}\">{text}</text>")
    };
    let date = |epoch: i64| Moment::of_epoch(epoch).map(Moment::date).unwrap_or_default();
    let mut svg = String::from("<svg>");
    if today > LABEL {
        svg += &label("value", 0, "start", &date(scale.begin));
    }
    svg += &label("today", today, "middle", "today");
    if today < WHOLE - LABEL {
        svg += &label("value", WHOLE, "end", &date(scale.end));
    }
    svg + "</svg>"
}

/// The bar of one grant, and today.
fn bar(scale: &Scale, grant: &Granted, now: Moment) -> String {
    let class = match grant.standing {
        GrantStanding::Depends => GrantStanding::Holds.word(),
        standing => standing.word(),
    };
    let begin = grant.since.map_or(ARROW, |since| scale.x(since));
    let end = grant.until.map_or(WHOLE - ARROW, |until| scale.x(until)).max(begin);
    let mut svg = format!(
        "<svg><rect class=\"{class}\" x=\"{}\" y=\"5\" width=\"{}\" height=\"13\"/>",
        percent(begin),
        percent((end - begin).max(WHOLE / 200))
    );
    let mut arrow = |x: i64, shape: &str| {
        let x = percent(x);
        let _ = write!(svg, "<svg class=\"arrow\" x=\"{x}\"><path class=\"{class}\" d=\"{shape}\"/></svg>");
    };
    if grant.since.is_none() {
        arrow(begin, "M0 5l-7 6.5l7 6.5z");
    }
    if grant.until.is_none() {
        arrow(end, "M0 5l7 6.5l-7 6.5z");
    }
    let today = percent(scale.x(now));
    svg + &format!("<line class=\"today\" x1=\"{today}\" y1=\"0\" x2=\"{today}\" y2=\"100%\"/></svg>")
}
