//! The grants on a line of time, as SVG: each until its end, with today marked. A grant has no beginning on record, so
//! that all bars begin on the left.

use super::escape::outside;
use crate::review::member::{GrantStanding, Granted, Member};
use crate::review::moment::Moment;
use std::fmt::Write;

const DAY: i64 = 86_400;

/// In pixels, as the parts below.
const WIDTH: i64 = 900;
const LABEL: i64 = 330;
const ROW: i64 = 22;
const TOP: i64 = 24;
/// What the arrow of a grant without end takes.
const ARROW: i64 = 10;

/// The time that is shown.
struct Scale {
    begin: i64,
    end: i64,
}

impl Scale {
    /// A month before now, and all ends; at least a month after now, and at most some years.
    fn of(grants: &[(&Member, &Granted)], now: Moment) -> Self {
        let ends = || grants.iter().filter_map(|(_, grant)| grant.until.map(Moment::epoch));
        let most = now.epoch() + 3 * 366 * DAY;
        let least = now.epoch() - 366 * DAY;
        Self {
            begin: ends().min().unwrap_or(i64::MAX).min(now.epoch()).max(least) - 30 * DAY,
            end: ends().max().unwrap_or(i64::MIN).max(now.epoch()).min(most) + 30 * DAY,
        }
    }

    fn x(&self, epoch: i64) -> i64 {
        let part = (epoch.clamp(self.begin, self.end) - self.begin) * (WIDTH - LABEL - ARROW);
        LABEL + part / (self.end - self.begin).max(1)
    }
}

/// The drawing; empty where nothing is granted.
pub(super) fn svg(members: &[Member], now: Moment) -> String {
    let grants: Vec<_> =
        members.iter().flat_map(|member| member.grants.iter().map(move |grant| (member, grant))).collect();
    let mut svg = String::new();
    if grants.is_empty() {
        return svg;
    }
    let scale = Scale::of(&grants, now);
    let rows = i64::try_from(grants.len()).unwrap_or(i64::MAX / ROW / 2);
    let height = TOP + rows * ROW + 4;
    let today = scale.x(now.epoch());
    let _ = writeln!(
        svg,
        "<svg viewBox=\"0 0 {WIDTH} {height}\" width=\"{WIDTH}\" role=\"img\" \
         aria-label=\"The ends of grants on a line of time\">"
    );
    for (y, (member, grant)) in (0..).map(|row| TOP + row * ROW).zip(&grants) {
        let [user, folder] = [&member.user, &grant.folder];
        let _ = write!(
            svg,
            "<g><title>{} {}</title><text x=\"0\" y=\"{}\">{} {}</text>",
            outside(user),
            outside(folder),
            y + 14,
            outside(&cut(user, 16)),
            outside(&cut(folder, 36))
        );
        bar(&mut svg, &scale, grant, y + 4);
        svg.push_str("</g>\n");
    }
    let _ = write!(
        svg,
        "<line class=\"today\" x1=\"{today}\" y1=\"{}\" x2=\"{today}\" y2=\"{height}\"/>\
         <text class=\"today\" x=\"{today}\" y=\"12\" text-anchor=\"middle\">today, {}</text>\n</svg>\n",
        TOP - 6,
        now.date()
    );
    svg
}

fn bar(svg: &mut String, scale: &Scale, grant: &Granted, y: i64) {
    let ended = grant.standing == GrantStanding::Ended;
    let class = match grant.standing {
        GrantStanding::Ended => "ended",
        GrantStanding::Unusable => "unusable",
        GrantStanding::Holds | GrantStanding::Depends => "holds",
    };
    match grant.until {
        Some(end) => {
            let width = (scale.x(end.epoch()) - LABEL).max(2);
            let _ = write!(
                svg,
                "<rect class=\"{class}\" x=\"{LABEL}\" y=\"{y}\" width=\"{width}\" height=\"14\" rx=\"2\"/>"
            );
            // Beside the bar where there is room.
            let (x, anchor) =
                if width > 300 { (LABEL + width - 6, "end") } else { (LABEL + width + 6, "start") };
            let inside = if width > 300 && !ended { " class=\"inside\"" } else { "" };
            let _ = write!(
                svg,
                "<text{inside} x=\"{x}\" y=\"{}\" text-anchor=\"{anchor}\">{}</text>",
                y + 11,
                end.date()
            );
        }
        None => {
            let (right, tip) = (WIDTH - ARROW, WIDTH);
            let (top, middle, bottom) = (y, y + 7, y + 14);
            let _ = write!(
                svg,
                "<path class=\"{class}\" d=\"M{LABEL} {top}H{right}L{tip} {middle}L{right} {bottom}H{LABEL}Z\"/>\
                 <text class=\"inside\" x=\"{}\" y=\"{}\" text-anchor=\"end\">no end</text>",
                right - 4,
                y + 11
            );
        }
    }
}

/// The first characters of a text, as many as fit.
pub(super) fn cut(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}
