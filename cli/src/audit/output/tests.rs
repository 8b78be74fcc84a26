use super::*;
use crate::audit::operation::{Operation, Verb};
use crate::audit::queue::Outcome;
use crate::audit::who::{Client, Who};
use pam_sftpjail::escape::is_plain;
use std::rc::Rc;

fn row(path: &[u8], verb: Verb) -> Row {
    let client = Client { user: "mle".into(), address: "192.0.2.7".into() };
    row_of("sandbox", Some(client), path, verb)
}

fn row_of(host: &str, client: Option<Client>, path: &[u8], verb: Verb) -> Row {
    let time = "2024-11-22T03:04:05.25Z".parse().unwrap();
    let operation = Operation { verb, path: path.to_vec(), ..Operation::default() };
    let event = Event {
        time,
        who: Rc::new(Who::new((host.into(), 0), 67, client, time)),
        operation,
        outcome: Outcome::Ok,
        was_written: None,
    };
    Row { event, path: None, target: None }
}

fn written(style: Style, rows: &[Row]) -> String {
    let mut out = Vec::new();
    let mut output = Output::new(&mut out, style, TimeZone::fixed(jiff::tz::offset(1)), false).unwrap();
    for row in rows {
        output.row(row).unwrap();
    }
    output.flush().unwrap();
    drop(output);
    String::from_utf8(out).unwrap()
}

fn rows() -> Vec<Row> {
    let mut close = row(b"/home/mle/a b", Verb::Close);
    close.event.operation.bytes = Some((0, 8));
    let mut open = row(b"/uploads/x", Verb::Open);
    open.path = Some(b"/srv/x".to_vec());
    open.event.operation.detail = "READ".into();
    open.event.outcome = Outcome::Failed("Permission denied".into());
    let mut rename = row_of("sandbox", None, b"/home/mle/a", Verb::Rename);
    rename.event.operation.target = Some(b"/home/mle/b".to_vec());
    rename.event.outcome = Outcome::Unclear("No such file");
    vec![close, open, rename]
}

#[test]
fn the_table_fits_its_columns_and_the_terminal() {
    let expected = "\
TIME                 USER  ADDRESS    OPERATION  RESULT             BYTES      PATH
2024-11-22 04:04:05  mle   192.0.2.7  close      ok                 8 written  \"/home/mle/a b\"
2024-11-22 04:04:05  mle   192.0.2.7  open       Permission denied             /srv/x (READ)
2024-11-22 04:04:05  ?     ?          rename     No such file?                 /home/mle/a -> /home/mle/b
";
    assert_eq!(written(Style::Table(None), &rows()), expected);
    let long = format!("/home/mle/{}/end", "x".repeat(300));
    let narrow = written(Style::Table(Some(100)), &[row(long.as_bytes(), Verb::Remove)]);
    assert!(narrow.lines().all(|line| line.chars().count() <= 100), "{narrow}");
    assert!(narrow.contains("/home/mle/x…") && narrow.ends_with("xxx/end\n"), "{narrow}");
    let narrower = written(Style::Table(Some(70)), &rows());
    let expected = "\
2024-11-22 04:04:05  mle   192.0.2.7  open       Permission denied
    /srv/x (READ)
2024-11-22 04:04:05  ?     ?          rename     No such file?
    /home/mle/a -> /home/mle/b
";
    assert!(narrower.ends_with(expected), "{narrower}");
    let narrowest = written(Style::Table(Some(40)), &rows());
    let expected = "\
2024-11-22 04:04:05  mle   192.0.2.7
    close      ok
    8 written
    \"/home/mle/a b\"
";
    assert!(narrowest.contains(expected), "{narrowest}");
    // Without a terminal, nothing is shortened.
    assert!(written(Style::Table(None), &[row(long.as_bytes(), Verb::Remove)]).contains(&long));
}

#[test]
fn csv_has_a_header_and_every_field() {
    let expected = "\
time,user,address,operation,path,read,written,result,status,target,detail,jail_path,host,pid
2024-11-22T04:04:05.25+01:00,mle,192.0.2.7,close,/home/mle/a b,0,8,ok,,,,,sandbox,67
2024-11-22T04:04:05.25+01:00,mle,192.0.2.7,open,/srv/x,,,failed,Permission denied,,READ,/uploads/x,sandbox,67
2024-11-22T04:04:05.25+01:00,,,rename,/home/mle/a,,,unclear,No such file,/home/mle/b,,,sandbox,67
";
    assert_eq!(written(Style::Csv, &rows()), expected);
    let odd = written(Style::Csv, &[row(b"/a,\"b\"\\\x1b\n\xff", Verb::Remove)]);
    assert!(odd.contains("remove,\"/a,\"\"b\"\"\\\\\\x1b\\x0a\\xff\",,"), "{odd}");
    // A spreadsheet must not take it for a formula.
    let odd = written(Style::Csv, &[row(b"=1+1", Verb::Remove), row(b"a=1", Verb::Remove)]);
    assert!(odd.contains("remove,\\x3d1+1,,") && odd.contains("remove,a=1,,"), "{odd}");
}

#[test]
fn json_has_a_version_and_is_exact() {
    let lines: Vec<serde_json::Value> =
        written(Style::Json, &rows()).lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let common = |operation: &str, path: &str, result: &str| {
        serde_json::json!({
            "version": 3, "kind": "operation", "time": "2024-11-22T04:04:05.25+01:00", "host": "sandbox",
            "pid": 67, "user": "mle", "address": "192.0.2.7", "operation": operation, "path": path,
            "result": result,
        })
    };
    let mut expected = [
        common("close", "/home/mle/a b", "ok"),
        common("open", "/srv/x", "failed"),
        common("rename", "/home/mle/a", "unclear"),
    ];
    expected[0]["read"] = 0.into();
    expected[0]["written"] = 8.into();
    expected[1]["status"] = "Permission denied".into();
    expected[1]["detail"] = "READ".into();
    expected[1]["jail_path"] = "/uploads/x".into();
    expected[2]["status"] = "No such file".into();
    expected[2]["target"] = "/home/mle/b".into();
    expected[2]["user"] = serde_json::Value::Null;
    expected[2]["address"] = serde_json::Value::Null;
    assert_eq!(lines, expected);
}

#[test]
fn control_characters_never_reach_a_terminal() {
    let path = "/a\x1b[2J\u{9b}2J\u{202e}\x7f\r\n\u{e9}\u{1f600}";
    for style in [Style::Table(None), Style::Table(Some(80)), Style::Csv, Style::Json] {
        let client = Client { user: path.into(), address: path.into() };
        let mut row = row_of(path, Some(client), path.as_bytes(), Verb::Rename);
        row.event.operation.target = Some(path.as_bytes().to_vec());
        row.event.operation.detail = path.into();
        row.event.outcome = Outcome::Failed(path.into());
        let text = written(style, &[row]);
        assert!(text.lines().all(is_plain), "{style:?}: {text:?}");
        if style == Style::Json {
            let json: serde_json::Value = serde_json::from_str(&text).unwrap();
            assert_eq!(json["path"], path);
            assert_eq!(json["path_bytes"], serde_json::Value::Null);
        }
    }
    let json: serde_json::Value =
        serde_json::from_str(&written(Style::Json, &[row(b"/\xff", Verb::Open)])).unwrap();
    assert_eq!((&json["path"], &json["path_bytes"]), (&"/\u{fffd}".into(), &"2fff".into()));
}

#[test]
fn a_summary_has_a_line_for_each_user_in_every_style() {
    let mut summary = Summary::default();
    for (user, bytes) in [(Some("anna"), (0, 12_345)), (Some("=x"), (7, 0)), (None, (0, 0))] {
        let client = user.map(|user| Client { user: user.into(), address: "::1".into() });
        let mut event = row_of("sandbox", client, b"/a", Verb::Close).event;
        event.operation.bytes = Some(bytes);
        assert!(summary.operation(&event));
    }
    let client = Client { user: "anna".into(), address: "::1".into() };
    let mut deletion = row_of("sandbox", Some(client), b"/b", Verb::Remove).event;
    deletion.outcome = Outcome::Unclear("Failure");
    assert!(summary.operation(&deletion));
    let written = |style| {
        let mut out = Vec::new();
        let mut output = Output::new(&mut out, style, TimeZone::UTC, true).unwrap();
        output.summary(&summary).unwrap();
        output.flush().unwrap();
        drop(output);
        String::from_utf8(out).unwrap()
    };
    let expected = "\
USER  SESSIONS  UPLOADED    DOWNLOADED  DELETED  FAILED  FIRST                LAST
?     1         -           -           -        -       2024-11-22 03:04:05  2024-11-22 03:04:05
\"=x\"  1         -           1 (7 B)     -        -       2024-11-22 03:04:05  2024-11-22 03:04:05
anna  2         1 (12 KiB)  -           0 (+1?)  -       2024-11-22 03:04:05  2024-11-22 03:04:05
";
    assert_eq!(written(Style::Table(None)), expected);
    for columns in [40, 80] {
        let narrow = written(Style::Table(Some(columns)));
        assert!(narrow.lines().all(|line| line.len() <= columns), "{narrow}");
        assert_eq!(narrow.matches("2024-11-22 03:04:05").count(), 6, "{narrow}");
    }
    let expected = "\
user,sessions,uploaded_files,uploaded_bytes,downloaded_files,downloaded_bytes,deletions,unclear_deletions,failed,unclear,first,last
,1,0,0,0,0,0,0,0,0,2024-11-22T03:04:05.25+00:00,2024-11-22T03:04:05.25+00:00
\\x3dx,1,0,0,1,7,0,0,0,0,2024-11-22T03:04:05.25+00:00,2024-11-22T03:04:05.25+00:00
anna,2,1,12345,0,0,0,1,0,1,2024-11-22T03:04:05.25+00:00,2024-11-22T03:04:05.25+00:00
";
    assert_eq!(written(Style::Csv), expected);
    let lines = written(Style::Json);
    let last: serde_json::Value = serde_json::from_str(lines.lines().last().unwrap()).unwrap();
    assert_eq!(
        (&last["version"], &last["kind"], &last["user"]),
        (&3.into(), &"summary".into(), &"anna".into())
    );
    assert_eq!((&last["uploaded_files"], &last["uploaded_bytes"]), (&1.into(), &12_345.into()));
}
