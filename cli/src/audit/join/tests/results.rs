//! The result of each operation, by the other entries of its session.

use super::session;

#[test]
fn a_failure_is_distinguished_from_that_of_a_look_up_where_the_log_allows_it() {
    const MISSING: &str = "sent status No such file";
    // Nothing failed.
    assert_eq!(session(&["remove name \"/a\"", "rmdir name \"/b\""]), ["remove /a: ok", "rmdir /b: ok"]);
    // At the level INFO this may be the failure of anything.
    assert_eq!(session(&["remove name \"/a\"", MISSING]), ["remove /a: No such file?"]);
    // One request has one answer.
    let twice = ["remove name \"/a\"", MISSING, MISSING, "rmdir name \"/b\""];
    assert_eq!(session(&twice), ["remove /a: No such file?", "rmdir /b: ok"]);
    // A file that is closed was opened, and a file that is not closed by the end was not.
    let open = "open \"/a\" flags READ mode 0666";
    let close = "close \"/a\" bytes read 1 written 0";
    assert_eq!(session(&[open, MISSING, close]), ["open /a: ok", "close /a: ok"]);
    assert_eq!(session(&[open, MISSING]), ["open /a: No such file"]);
    let forced = "forced close \"/a\" bytes read 1 written 0";
    assert_eq!(session(&[open, "sent status Failure", forced]), ["open /a: ok", "close /a: ok"]);
    assert_eq!(session(&[open, open, MISSING, close])[..2], ["open /a: ok", "open /a: No such file"]);
    assert_eq!(session(&[open, open, MISSING, close, close])[..2], ["open /a: ok", "open /a: ok"]);
    // A directory of that name is something else.
    let both = [open, "sent status Permission denied", "opendir \"/a\"", "closedir \"/a\""];
    assert_eq!(session(&both)[..2], ["open /a: Permission denied", "opendir /a: ok"]);
    // close(2) does not fail like that.
    assert_eq!(session(&[open, close, MISSING]), ["open /a: ok", "close /a: ok"]);
    assert_eq!(session(&["closedir \"(null)\"", MISSING]), ["closedir (null): No such file?"]);
    assert_eq!(session(&[close, "sent status Failure"]), ["close /a: Failure?"]);
}

#[test]
fn a_cut_name_leads_to_no_wrong_result() {
    let name = "x".repeat(470);
    let open = format!("open \"/{name}\" flags READ mode 0666");
    let cut = |line: &str| line.get(..500).unwrap().to_owned();
    let close = cut(&format!("close \"/{name}\" bytes read 1 written 0"));
    let status = "sent status No such file";
    // In the close entry only the bytes are missing.
    let results = session(&[&open, status, &close]);
    assert!(results[0].ends_with(": ok"), "{results:?}");
    // In the close entry the end of the name is missing, so what was closed is unknown.
    let name = "x".repeat(485);
    let (long, short) = (format!("opendir \"/{name}\""), "opendir \"/a\"");
    let close = cut(&format!("forced closedir \"/{name}\""));
    let results = session(&[&long, status, short, status, &close]);
    assert!(results[0].ends_with(": No such file?"), "{results:?}");
    assert_eq!(results[1], "opendir /a: No such file?");
}

#[test]
fn what_is_done_in_a_directory_proves_that_it_was_made() {
    const MISSING: &str = "sent status No such file";
    let mkdir = "mkdir name \"/d\" mode 0777";
    let in_it = "open \"/d/x\" flags WRITE mode 0644";
    let closed = "close \"/d/x\" bytes read 0 written 1";
    assert_eq!(session(&[mkdir, MISSING, in_it, closed])[0], "mkdir /d: ok");
    assert_eq!(session(&[mkdir, MISSING, in_it, MISSING, closed])[0], "mkdir /d: ok");
    assert_eq!(session(&[mkdir, MISSING, "rmdir name \"/d\""])[0], "mkdir /d: ok");
    assert_eq!(session(&[mkdir, MISSING, "rename old \"/a\" new \"/d/x\""])[0], "mkdir /d: ok");
    for other in [
        "remove name \"/dx\"",
        "remove name \"/e/d/x\"",
        "mkdir name \"/d\" mode 0777",
        "symlink old \"/d/x\" new \"/e\"",
    ] {
        assert_eq!(session(&[mkdir, MISSING, other])[0], "mkdir /d: No such file?", "{other}");
    }
    assert_eq!(session(&[mkdir, MISSING, in_it, MISSING])[0], "mkdir /d: No such file?");
    // A client that makes the missing directory above, and then tries again.
    let deep = "open \"/d/e/x\" flags WRITE mode 0644";
    let again = ["mkdir name \"/d/e\" mode 0777", MISSING, mkdir, "mkdir name \"/d/e\" mode 0777", deep];
    let expected = ["mkdir /d/e: No such file?", "mkdir /d: ok", "mkdir /d/e: ok", "open /d/e/x: ok"];
    assert_eq!(session(&again), expected);
    assert_eq!(
        session(&[mkdir, MISSING, "rename old \"/a\" new \"/d\"", in_it])[0],
        "mkdir /d: No such file?"
    );
    // The directory may have existed before.
    assert_eq!(session(&[mkdir, "sent status Failure", in_it, closed])[0], "mkdir /d: Failure?");
}

#[test]
fn a_higher_level_makes_every_result_known() {
    let verbose = ["received client version 3", "remove name \"/a\"", "sent status No such file"];
    assert_eq!(session(&verbose), ["remove /a: No such file"]);
    let with_look_up = [
        "remove name \"/a\"",
        "lstat name \"/b\"",
        "sent status No such file",
        "rmdir name \"/a\"",
        "sent status Permission denied",
    ];
    assert_eq!(
        session(&with_look_up),
        ["remove /a: ok", "lstat /b: No such file", "rmdir /a: Permission denied"]
    );
    // A request with an invalid handle has no entry even then.
    let invalid = ["received client version 3", "remove name \"/a\"", "sent status Failure"];
    assert_eq!(session(&invalid), ["remove /a: Failure?"]);
    let debug = ["sent status Success", "remove name \"/a\"", "sent status Success", "sent status Failure"];
    assert_eq!(session(&debug), ["remove /a: ok"]);
    let debug = ["sent status Success", "remove name \"/a\"", "sent status Failure"];
    assert_eq!(session(&debug), ["remove /a: Failure"]);
}

#[test]
fn a_failed_write_has_a_row_of_its_own() {
    let lines = [
        "open \"/a\" flags WRITE mode 0644",
        "error: process_write: write \"/a\": No space left on device",
        "sent status Failure",
        "close \"/a\" bytes read 0 written 7",
    ];
    assert_eq!(session(&lines), ["open /a: ok", "write /a: No space left on device", "close /a: ok"]);
}

#[test]
fn a_write_that_was_cut_short_is_shown_with_the_close() {
    let open = "open \"/a\" flags WRITE,CREATE,TRUNCATE mode 0644";
    let close = "close \"/a\" bytes read 0 written 7";
    let failure = "sent status Failure";
    // sftp-server.c, process_write: a short write has no entry but this.
    assert_eq!(session(&[open, failure, close]), ["open /a: ok", "close /a: Failure?"]);
    assert_eq!(session(&[open, failure, failure, close]), ["open /a: ok", "close /a: Failure?"]);
    // No file was closed, so none was opened.
    assert_eq!(session(&[open, failure]), ["open /a: Failure"]);
    // It may have been that of either file.
    let (other, closed) = ("open \"/b\" flags WRITE mode 0644", "close \"/b\" bytes read 0 written 7");
    let both = ["open /a: ok", "open /b: ok", "close /a: Failure?", "close /b: Failure?"];
    assert_eq!(session(&[open, other, failure, close, closed]), both);
    // A file that is only read is not written; and another operation may have failed itself.
    let (read, done) = ("open \"/b\" flags READ mode 0666", "close \"/b\" bytes read 7 written 0");
    assert_eq!(session(&[read, failure, done]), ["open /b: ok", "close /b: ok"]);
    let between = [open, "mkdir name \"/d\" mode 0777", failure, close];
    assert_eq!(session(&between), ["open /a: ok", "mkdir /d: Failure?", "close /a: ok"]);
    // A look-up after the close does not make it certain.
    assert_eq!(session(&[open, failure, close, "sent status No such file"])[1], "close /a: Failure?");
    // At the level VERBOSE as well.
    let verbose = ["received client version 3", open, failure, close];
    assert_eq!(session(&verbose), ["open /a: ok", "close /a: Failure?"]);
}

#[test]
fn a_repeated_message_is_shown_as_often_as_it_happened() {
    let lines = ["statvfs \"/a\"", "message repeated 2 times: [ statvfs \"/a\"]"];
    assert_eq!(session(&lines), ["statvfs /a: ok"; 3]);
}
