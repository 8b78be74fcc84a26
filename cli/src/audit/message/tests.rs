use super::*;
use crate::host::syslog::noise::noise;

fn operation(message: &str) -> Operation {
    match parse(message.as_bytes()) {
        (Message::Operation(operation), 1) => operation,
        other => panic!("{message}: {other:?}"),
    }
}

/// verb, path, target, detail
fn parts(message: &str) -> (Verb, String, Option<String>, String) {
    let Operation { verb, path, target, detail, .. } = operation(message);
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (verb, text(path), target.map(text), detail)
}

#[test]
fn every_message_about_a_file_is_parsed() {
    for (message, verb, path, target, detail) in [
        ("open \"/a\" flags READ mode 0666", Verb::Open, "/a", "", "READ"),
        ("open \"/a\" flags WRITE,CREATE,TRUNCATE mode 0644", Verb::Open, "/a", "", "WRITE,CREATE,TRUNCATE"),
        ("open \"/a\" flags  mode 0666", Verb::Open, "/a", "", ""),
        ("close \"/a\" bytes read 1 written 2", Verb::Close, "/a", "", ""),
        ("forced close \"/a\" bytes read 1 written 2", Verb::Close, "/a", "", "forced"),
        ("opendir \"/a\"", Verb::Opendir, "/a", "", ""),
        ("closedir \"/a\"", Verb::Closedir, "/a", "", ""),
        ("forced closedir \"/a\"", Verb::Closedir, "/a", "", "forced"),
        ("remove name \"/a\"", Verb::Remove, "/a", "", ""),
        ("mkdir name \"/a\" mode 0777", Verb::Mkdir, "/a", "", "mode 0777"),
        ("rmdir name \"/a\"", Verb::Rmdir, "/a", "", ""),
        ("rename old \"/a\" new \"/b\"", Verb::Rename, "/a", "/b", ""),
        ("posix-rename old \"/a\" new \"/b\"", Verb::Rename, "/a", "/b", ""),
        ("hardlink old \"/a\" new \"/b\"", Verb::Link, "/a", "/b", ""),
        ("symlink old \"where to\" new \"/b\"", Verb::Symlink, "/b", "where to", ""),
        ("set \"/a\" size 7", Verb::Set, "/a", "", "size 7"),
        ("set \"/a\" mode 0600", Verb::Set, "/a", "", "mode 0600"),
        ("set \"/a\" modtime 20241122-03:04:05", Verb::Set, "/a", "", "modtime 20241122-03:04:05"),
        ("set \"/a\" owner 1 group 2", Verb::Set, "/a", "", "owner 1 group 2"),
        ("statvfs \"/a\"", Verb::Statvfs, "/a", "", ""),
        ("stat name \"/a\"", Verb::Stat, "/a", "", ""),
        ("lstat name \"/a\"", Verb::Lstat, "/a", "", ""),
        ("realpath \"/a\"", Verb::Realpath, "/a", "", ""),
        ("expand \"/a\"", Verb::Realpath, "/a", "", ""),
        ("readlink \"/a\"", Verb::Readlink, "/a", "", ""),
        ("fsync \"/a\"", Verb::Fsync, "/a", "", ""),
    ] {
        let target = Some(target.to_owned()).filter(|target| !target.is_empty());
        assert_eq!(parts(message), (verb, path.into(), target, detail.into()), "{message}");
    }
    assert_eq!(operation("close \"/a\" bytes read 1 written 2").bytes, Some((1, 2)));
    let failed = operation("error: process_write: write \"/a\": No space left on device");
    assert_eq!((failed.verb, failed.path.as_slice()), (Verb::Write, b"/a".as_slice()));
    assert_eq!(failed.failure.as_deref(), Some("No space left on device"));
}

#[test]
fn sessions_and_answers_are_parsed() {
    let parsed = |message: &str| parse(message.as_bytes()).0;
    let (user, address) = ("mle".to_owned(), "::1".to_owned());
    let opened = Message::Opened { user: user.clone(), address: address.clone() };
    assert_eq!(parsed("session opened for local user mle from [::1]"), opened);
    assert_eq!(parsed("session closed for local user mle from [::1]"), Message::Closed { user, address });
    let odd = Message::Opened { user: "a from [b] \u{e9}".into(), address: "UNKNOWN".into() };
    assert_eq!(parsed("session opened for local user a from [b] \\303\\251 from [UNKNOWN]"), odd);
    assert_eq!(parsed("sent status No such file"), Message::Status("No such file"));
    assert_eq!(parsed("sent status Success"), Message::Status("Success"));
    assert_eq!(parsed("received client version 3"), Message::Verbose);
    for other in ["", "debug1: request 1: sent names count 1", "sent status what", "session", "read eof"] {
        assert_eq!(parsed(other), Message::Other, "{other}");
    }
    for broken in
        ["open", "open \"/a", "close \"/a\"", "mkdir \"/a\"", "rename old \"/a\"", "opendir \"/a\" x"]
    {
        assert_eq!(parsed(broken), Message::Unreadable, "{broken}");
    }
}

#[test]
fn a_name_cannot_imitate_the_rest_of_its_line() {
    let path = |message: &str| parts(message).1;
    assert_eq!(path("open \"a\" flags READ mode 0666\" flags WRITE mode 0644"), "a\" flags READ mode 0666");
    assert_eq!(
        path("close \"a\" bytes read 9 written 9\" bytes read 0 written 1"),
        "a\" bytes read 9 written 9"
    );
    assert_eq!(path("remove name \"a\"\""), "a\"");
    // A newline in a name is escaped, so it does not begin a line.
    assert_eq!(path(r#"remove name "a\nb\\n\033\303\244\"""#), "a\nb\\n\x1b\u{e4}\\\"");
    let both = operation("rename old \"a\" new \"b\" new \"c\"");
    assert!(both.ambiguous && both.target.is_none());
    assert_eq!(both.path, b"a\" new \"b\" new \"c");
}

#[test]
fn a_name_that_overlaps_the_text_between_two_names_makes_no_renaming_that_never_was() {
    // The file is called `invoice.pdf" new `.
    let both = operation("posix-rename old \"/invoice.pdf\" new \" new \"/b\"");
    assert!(both.ambiguous && both.target.is_none(), "{both:?}");
    assert_eq!(both.path, b"/invoice.pdf\" new \" new \"/b");
    // What is cut may hold another one.
    let line = format!("rename old \"/invoice.pdf\" new \"/{}", "x".repeat(600));
    let cut = operation(&line[..500]);
    assert!(cut.cut && cut.target.is_none(), "{cut:?}");
}

#[test]
fn every_failure_that_has_an_entry_of_its_own_is_parsed() {
    for (message, verb) in [
        ("error: process_write: seek \"/a\": Invalid argument", Verb::Write),
        ("error: process_read: seek \"/a\": Invalid argument", Verb::Read),
        ("error: process_read: read \"/a\": Is a directory", Verb::Read),
    ] {
        let failed = operation(message);
        assert_eq!((failed.verb, failed.path.as_slice()), (verb, b"/a".as_slice()), "{message}");
        assert!(failed.failure.is_some(), "{message}");
    }
}

#[test]
fn a_cut_line_is_marked_and_only_what_it_holds_is_used() {
    let name = "x".repeat(600);
    let cut = |message: String| operation(&message[..500]);
    let open = cut(format!("open \"/{name}\" flags READ mode 0666"));
    assert!(open.cut && open.detail.is_empty());
    assert_eq!(open.path.len(), 494);
    // Cut in what follows the name.
    for left in 1..40 {
        let name = "x".repeat(500 - 7 - left);
        let open = cut(format!("open \"/{name}\" flags WRITE,CREATE,TRUNCATE mode 0644"));
        assert_eq!(open.path, format!("/{name}").as_bytes());
    }
    let close = cut(format!("close \"/{name}\" bytes read 1 written 2"));
    assert!(close.cut && close.bytes.is_none());
    // A name can be chosen so that its cut line looks whole.
    let feint = format!("close \"/{}\" bytes read 9 written 9{name}", "x".repeat(468));
    assert!(feint[..500].ends_with("written 9"));
    let feint = cut(feint);
    assert!(feint.cut && feint.bytes.is_none());
    let rename = cut(format!("posix-rename old \"/{}\" new \"/{name}\"", "y".repeat(100)));
    assert!(rename.cut && rename.target.is_none() && rename.path.ends_with(b"xxx"));
    let rename = cut(format!("rename old \"/{name}\" new \"/b\""));
    assert!(rename.cut && rename.target.is_none() && !rename.ambiguous);
    // Cut in the middle of an escape.
    let name = "\\303\\244".repeat(80);
    for shift in ["", "x", "xx", "xxx", "xxxx", "xxxxx", "xxxxxx", "xxxxxxx"] {
        let open = cut(format!("open \"/{shift}{name}\" flags READ mode 0666"));
        let text = String::from_utf8_lossy(&open.path).into_owned();
        assert!(!text.contains('\\') && text.starts_with(&format!("/{shift}\u{e4}")), "{text}");
    }
}

#[test]
fn repeated_messages_of_rsyslog_are_counted() {
    let (message, times) = parse(b"message repeated 3 times: [ sent status No such file]");
    assert_eq!((message, times), (Message::Status("No such file"), 3));
    let (message, times) = parse(b"message repeated 3 times: [ opendir \"/a]\"]");
    assert!(matches!(message, Message::Operation(operation) if operation.path == b"/a]"));
    assert_eq!(times, 3);
    assert_eq!(parse(b"message repeated 99999999999 times: [ x]").1, u32::MAX);
}

#[test]
fn no_bytes_make_it_panic() {
    noise(|bytes| {
        parse(bytes);
        for keyword in
            ["open \"", "close \"", "rename old \"", "symlink old \"", "error: process_read: read \""]
        {
            parse(&[keyword.as_bytes(), bytes].concat());
            parse(&[keyword.as_bytes(), bytes, &[b'x'; 500], bytes].concat()[..500]);
        }
        unescaped(bytes);
    });
}
