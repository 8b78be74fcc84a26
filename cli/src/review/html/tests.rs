use super::*;
use crate::report::Status;
use crate::review::Logs;
use crate::review::member::{Access, FolderKind, Runs, State, StateKind, Transfers};
use crate::review::moment::Moment;

/// What would be markup, end an attribute or an element, or be obeyed by a terminal.
const HOSTILE: &str =
    "</title></style><script>alert(1)</script>\"' onload=x <img src=//x>\u{202e}\u{1b}[2J&amp;";

fn at(text: &str) -> Option<Moment> {
    Some(text.to_owned().try_into().unwrap())
}

fn granted(since: Option<&str>, until: Option<&str>, standing: GrantStanding) -> Granted {
    Granted {
        folder: HOSTILE.into(),
        at: HOSTILE.into(),
        access: Access::ReadWrite,
        owner: Some(HOSTILE.into()),
        since: since.and_then(at),
        until: until.and_then(at),
        standing,
        from: vec!["192.0.2.0/24".into()],
        key: Some("SHA256:abc".into()),
        note: Some(HOSTILE.into()),
    }
}

fn review() -> Review {
    let unused = Unused { days: Some(92), at_least: true };
    let member = Member {
        user: HOSTILE.into(),
        uid: 7,
        profile: HOSTILE.into(),
        state: State { kind: StateKind::Refused, why: Some(HOSTILE.into()) },
        password: Some(true),
        folders: vec![Folder {
            kind: FolderKind::Home,
            path: HOSTILE.into(),
            source: HOSTILE.into(),
            source_bytes: None,
            access: Access::ReadOnly,
            owner: Some(HOSTILE.into()),
        }],
        grants: vec![
            granted(Some("2026-11-26T09:00:00Z"), Some("2026-12-10T18:00:00Z"), GrantStanding::Holds),
            granted(Some("1970-01-01T00:00:00Z"), Some("2026-11-01T00:00:00Z"), GrantStanding::Ended),
            granted(None, Some("9999-12-30T00:00:00Z"), GrantStanding::Depends),
            granted(Some("2026-12-01T00:00:00Z"), Some("2026-12-02T00:00:00Z"), GrantStanding::Later),
            granted(None, None, GrantStanding::Unusable),
        ],
        keys: vec![Key {
            file: HOSTILE.into(),
            line: 1,
            key_type: HOSTILE.into(),
            bits: Some(256),
            fingerprint: Some(HOSTILE.into()),
            comment: HOSTILE.into(),
            authority: false,
            changed: at("2026-01-02T00:00:00Z"),
            age_days: Some(330),
            last_used: None,
            unused,
            expires: at("2026-01-03T00:00:00Z"),
            expired: true,
        }],
        unusable_lines: vec![HOSTILE.into()],
        other_keys: vec!["AuthorizedKeysCommand".into()],
        last_login: None,
        unused,
        live_sessions: 0,
        transfers: Some(Transfers { uploaded_bytes: 5, uploaded_files: 1, ..Transfers::default() }),
        runs: vec![Runs::Crontab { file: HOSTILE.into() }, Runs::Process { pid: 7, program: HOSTILE.into() }],
        problems: vec![HOSTILE.into()],
    };
    Review {
        version: 3,
        status: Status::Problems,
        host: HOSTILE.into(),
        made: at("2026-11-28T12:00:00Z").unwrap(),
        logs: Logs { begin: at("2026-08-28T00:00:00Z"), gaps: 1 },
        members: vec![member],
        problems: vec![HOSTILE.into()],
    }
}

/// The tags of a text, without their attributes; panics where one is not closed or is no tag of ours.
fn tags(html: &str) -> Vec<&str> {
    html.split('<').skip(1).map(|rest| rest.split_once('>').expect("a tag ends").0).collect()
}

#[test]
fn no_text_from_outside_becomes_markup() {
    let html = document(&review());
    for tag in tags(&html) {
        let name = tag.trim_start_matches('/').split([' ', '\n']).next().unwrap();
        let ours = "!DOCTYPE html head meta title style body h1 h2 h3 p ul li table thead tbody tr th td a section \
                    span code bdi br svg text rect path line";
        assert!(ours.split(' ').any(|known| known == name), "{tag}");
        assert!(!tag.contains("onload") && !tag.contains("src="), "{tag}");
        // Quotes in a tag are those of its attributes.
        assert!(tag.matches('"').count() % 2 == 0, "{tag}");
    }
    assert!(html.contains("&lt;script&gt;"), "it is shown");
    assert!(!html.contains(['\u{202e}', '\u{1b}']));
    // Each that was opened is closed, in its order.
    let mut open = Vec::new();
    for tag in tags(&html) {
        let name = tag.split([' ', '\n']).next().unwrap();
        match name.strip_prefix('/') {
            Some(name) => assert_eq!(open.pop(), Some(name)),
            None if ["!DOCTYPE", "meta", "br"].contains(&name) || tag.ends_with('/') => {}
            None => open.push(name),
        }
    }
    assert_eq!(open, Vec::<&str>::new());
}

#[test]
fn nothing_comes_from_elsewhere_and_nothing_runs() {
    let html = document(&review());
    for word in
        ["http://", "https://", "url(", "@import", "<script", "<iframe", "<img", "<link", "javascript:"]
    {
        assert!(!html.to_lowercase().contains(word), "{word}");
    }
    assert!(html.contains("default-src 'none'"));
    assert!(html.contains("@media print"));
}

#[test]
fn the_drawings_show_each_grant_and_today() {
    let html = document(&review());
    for (part, count) in [
        ("<rect class=\"holds\" x=", 2),
        ("<rect class=\"ended\" x=", 1),
        ("<rect class=\"later\" x=", 1),
        // Without beginning and without end, an arrow.
        ("<path class=\"holds\"", 1),
        ("<path class=\"unusable\"", 2),
        ("<line class=\"today\"", 5),
        (">today<", 1),
        ("<rect class=\"up\" x=", 1),
        ("<rect class=\"down\" x=", 1),
    ] {
        assert_eq!(html.matches(part).count(), count, "{part}");
    }
    for said in [
        "begins <span class=\"whole\">2026-12-01 ",
        "at least 330 days old (2026-01-02)",
        "unused for more than 92 days",
    ] {
        assert!(html.contains(said), "{said}");
    }
    assert_eq!((timeline::table(&[], review().made), chart::table(&[])), (String::new(), String::new()));
}

/// `x` and `width` of each bar in hundredths of a percent.
fn bars(html: &str) -> Vec<(i64, i64)> {
    let number = |rest: &str, name: &str| {
        let value = rest.split_once(&format!(" {name}=\""))?.1.split_once("%\"")?.0;
        value.replace('.', "").parse::<i64>().ok()
    };
    let bars = html.split("<rect ").skip(1).filter_map(|rest| {
        let tag = rest.split('>').next()?;
        Some((number(tag, "x").unwrap_or(0), number(tag, "width")?))
    });
    bars.collect()
}

/// Whatever the moments are, all is within the drawing.
#[test]
fn a_bar_is_as_long_as_its_grant_and_within_the_drawing() {
    let mut review = review();
    for (begin, end) in bars(&timeline::table(&review.members, review.made)) {
        assert!(begin >= 0 && end > 0 && begin + end <= percent::WHOLE, "{begin} {end}");
    }
    // Ten days are half of twenty, wherever they are.
    review.members[0].grants = ["2026-12-01T00:00:00Z", "2026-12-11T00:00:00Z"]
        .iter()
        .zip(["2026-12-21T00:00:00Z", "2026-12-21T00:00:00Z"])
        .map(|(since, until)| granted(Some(since), Some(until), GrantStanding::Later))
        .collect();
    let [(one, long), (other, short)] = bars(&timeline::table(&review.members, review.made))[..] else {
        panic!()
    };
    assert!((long - 2 * short).abs() <= 2 && (one + long - other - short).abs() <= 2, "{long} {short}");
}

/// A drawing of thousands is none, so it says what it shows.
#[test]
fn of_many_those_are_drawn_whose_end_is_nearest() {
    let mut review = review();
    let moment = |day: i64| Moment::of_epoch(review.made.epoch() + day * 86_400);
    let grants = (1..=300)
        .rev()
        .map(|day| Granted { until: moment(day), ..granted(None, None, GrantStanding::Holds) });
    review.members[0].grants = grants.collect();
    let html = document(&review);
    assert!(
        html.contains("These are the 100 of 300 whose end is nearest to today; the other 200 are in"),
        "{html}"
    );
    let drawn = timeline::table(&review.members, review.made);
    assert_eq!(drawn.matches("class=\"today\" x1=").count(), 100);
    let [in_time, too_late] =
        [100, 101].map(|day| format!("<td class=\"date\">{}</td>", moment(day).unwrap().date()));
    assert!(drawn.contains(&in_time) && !drawn.contains(&too_late));
}
