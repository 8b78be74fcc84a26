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

fn granted(until: Option<&str>, standing: GrantStanding) -> Granted {
    Granted {
        folder: HOSTILE.into(),
        at: HOSTILE.into(),
        access: Access::ReadWrite,
        owner: Some(HOSTILE.into()),
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
            granted(Some("2026-12-10T18:00:00Z"), GrantStanding::Holds),
            granted(Some("2026-11-01T00:00:00Z"), GrantStanding::Ended),
            granted(Some("9999-12-30T00:00:00Z"), GrantStanding::Depends),
            granted(None, GrantStanding::Unusable),
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
                    span code br svg g text rect path line";
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
        ("<rect class=\"holds\"", 2),
        ("<rect class=\"ended\"", 1),
        // Without end, an arrow.
        ("<path class=\"unusable\"", 1),
        ("<line class=\"today\"", 1),
        ("today, 2026-11-28", 1),
        ("<rect class=\"up\"", 1),
        ("<rect class=\"down\"", 1),
    ] {
        assert_eq!(html.matches(part).count(), count, "{part}");
    }
    // Whatever the ends are, all is within the drawing.
    for x in html.split("width=\"").skip(1).filter_map(|rest| rest.split('"').next()?.parse::<i64>().ok()) {
        assert!((0..=900).contains(&x), "{x}");
    }
    assert!(html.contains("unused for more than 92 days"));
    assert_eq!(timeline::svg(&[], review().made), "");
}
