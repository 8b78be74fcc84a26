//! The picture of the page, as SVG: bars of what a session takes, and lines of how it grows. Both have scales of powers
//! of ten, since a script takes a hundred times as long as a system call.

use std::fmt::Write;

use crate::contest::Bars;
use crate::growth::Lines;
use crate::page::figure;
use crate::samples::{median, p99};

const WIDTH: f64 = 960.0;
const ROW: f64 = 26.0;
const LABELS: f64 = 330.0;
const TOP: f64 = 64.0;
const PLOT: f64 = 190.0;
/// Ours first; then what it is compared with. Told apart by brightness, too.
const COLOURS: [&str; 4] = ["#0b5cad", "#c2410c", "#6b7280", "#60a5fa"];

/// Both parts, one below the other.
pub fn draw(bars: &Bars, lines: &Lines) -> String {
    let mut body = String::new();
    let below = draw_bars(&mut body, bars);
    let height = draw_lines(&mut body, lines, below + 40.0);
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" font-family=\"sans-serif\" \
         font-size=\"13\">\n<rect width=\"{WIDTH}\" height=\"{height}\" fill=\"#ffffff\"/>\n{body}</svg>\n"
    )
}

/// A scale of powers of ten, from one below the least to one above the most.
struct Scale {
    from: f64,
    to: f64,
    start: f64,
    length: f64,
}

impl Scale {
    fn new(values: impl Iterator<Item = f64> + Clone, start: f64, length: f64) -> Self {
        let least = values.clone().fold(f64::INFINITY, f64::min);
        let most = values.fold(1.0, f64::max);
        Self { from: least.log10().floor(), to: most.log10().ceil(), start, length }
    }

    fn at(&self, value: f64) -> f64 {
        self.start + (value.log10() - self.from) / (self.to - self.from) * self.length
    }

    fn powers(&self) -> impl Iterator<Item = f64> + use<> {
        let (mut power, to) = (self.from, self.to);
        std::iter::from_fn(move || {
            let value = 10f64.powf(power);
            power += 1.0;
            (power - 1.0 <= to).then_some(value)
        })
    }
}

fn draw_bars(body: &mut String, bars: &Bars) -> f64 {
    text(body, 16.0, 26.0, "start", "Open and close of a session: the median, and a line to p99", true);
    let ends = bars.iter().flat_map(|(_, times)| [median(times), p99(times)]);
    let scale = Scale::new(ends, LABELS, WIDTH - LABELS - 90.0);
    let bottom = TOP + ROW * bars.len() as f64;
    for power in scale.powers() {
        let x = scale.at(power);
        rule(body, [x, TOP - 8.0, x, bottom], "#d1d5db", 1.0);
        text(body, x, TOP - 14.0, "middle", &of_scale(power), false);
    }
    for (i, (label, times)) in bars.iter().enumerate() {
        let (y, [median, p99]) = (TOP + ROW * i as f64, [median(times), p99(times)]);
        let colour = COLOURS[if label.contains("pam_sftpjail") { 0 } else { 2 }];
        text(body, LABELS - 10.0, y + 17.0, "end", &plain(label), label.starts_with("**"));
        let [start, end, worst] = [scale.start, scale.at(median), scale.at(p99)];
        let _ = writeln!(
            body,
            "<rect x=\"{start:.1}\" y=\"{:.1}\" width=\"{:.1}\" height=\"16\" fill=\"{colour}\"/>",
            y + 4.0,
            end - start
        );
        rule(body, [end, y + 12.0, worst, y + 12.0], colour, 2.0);
        text(body, worst + 8.0, y + 17.0, "start", &duration(median), false);
    }
    bottom
}

fn draw_lines(body: &mut String, lines: &Lines, top: f64) -> f64 {
    text(body, 16.0, top, "start", "Open and close of one session, beside so many", true);
    let width = (WIDTH - 40.0) / lines.len().max(1) as f64;
    let keys = lines.iter().map(|(_, lines)| lines.len()).max().unwrap_or_default() as f64;
    // One scale for all, so that they can be compared.
    let times =
        lines.iter().flat_map(|(_, lines)| lines).flat_map(|(_, points)| points).map(|(_, time)| *time);
    let scale = Scale::new(times, top + 30.0 + PLOT, -PLOT);
    for (i, (what, lines)) in lines.iter().enumerate() {
        let left = 70.0 + width * i as f64;
        draw_growth(body, what, lines, &scale, [left, width - 90.0]);
    }
    top + PLOT + 90.0 + 18.0 * keys
}

fn draw_growth(
    body: &mut String,
    what: &str,
    lines: &[(&str, Vec<(f64, f64)>)],
    scale: &Scale,
    [left, width]: [f64; 2],
) {
    let bottom = scale.start;
    let points = lines.iter().flat_map(|(_, points)| points);
    let most = points.fold(1.0, |most: f64, (count, _)| most.max(*count));
    let x = |count: f64| left + count / most * width;
    for power in scale.powers() {
        let y = scale.at(power);
        rule(body, [left, y, left + width, y], "#d1d5db", 1.0);
        text(body, left - 6.0, y + 4.0, "end", &of_scale(power), false);
    }
    for count in [0.0, most / 2.0, most] {
        text(body, x(count), bottom + 18.0, "middle", &format!("{count}"), false);
    }
    text(body, left + width / 2.0, bottom + 38.0, "middle", what, false);
    for (i, (label, points)) in lines.iter().enumerate() {
        let colour = COLOURS[i % COLOURS.len()];
        let path: Vec<_> =
            points.iter().map(|(count, time)| format!("{:.1},{:.1}", x(*count), scale.at(*time))).collect();
        let _ = writeln!(
            body,
            "<polyline points=\"{}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"2\"/>",
            path.join(" ")
        );
        for (count, time) in points {
            let _ = writeln!(
                body,
                "<circle cx=\"{:.1}\" cy=\"{:.1}\" r=\"3\" fill=\"{colour}\"/>",
                x(*count),
                scale.at(*time)
            );
        }
        let y = bottom + 60.0 + 18.0 * i as f64;
        rule(body, [left - 40.0, y - 4.0, left - 24.0, y - 4.0], colour, 3.0);
        text(body, left - 18.0, y, "start", &plain(label), false);
    }
}

fn rule(body: &mut String, [x1, y1, x2, y2]: [f64; 4], colour: &str, width: f64) {
    let _ = writeln!(
        body,
        "<line x1=\"{x1:.1}\" y1=\"{y1:.1}\" x2=\"{x2:.1}\" y2=\"{y2:.1}\" stroke=\"{colour}\" \
         stroke-width=\"{width}\"/>"
    );
}

fn text(body: &mut String, x: f64, y: f64, anchor: &str, text: &str, bold: bool) {
    let weight = if bold { " font-weight=\"bold\"" } else { "" };
    let text = text.replace('&', "&amp;").replace('<', "&lt;");
    let _ = writeln!(
        body,
        "<text x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"{anchor}\" fill=\"#111827\"{weight}>{text}</text>"
    );
}

/// Without the marks of Markdown.
fn plain(label: &str) -> String {
    label.replace(['*', '`'], "")
}

fn of_scale(micros: f64) -> String {
    if micros < 1000.0 { format!("{micros} µs") } else { format!("{} ms", micros / 1000.0) }
}

fn duration(micros: f64) -> String {
    if micros < 1000.0 {
        format!("{} µs", figure(micros))
    } else {
        format!("{} ms", figure(micros / 1000.0))
    }
}
