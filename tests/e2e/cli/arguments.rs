//! What is typed wrongly, and how every verb behaves without root, in a pipe and on a narrow terminal.

use sandbox::{Output, Sandbox};

/// What the parser says on stderr, with exit status 2.
#[track_caller]
fn usage(out: &Output) -> String {
    assert_eq!((out.code, out.stdout.as_str()), (Some(2), ""), "{out}");
    out.stderr.lines().next().unwrap_or_default().to_owned()
}

#[test]
fn words_of_other_programs_are_answered_with_the_verb_that_was_meant() {
    let sb = Sandbox::new();
    for (typed, meant) in [
        ("status", "list"),
        ("who", "list"),
        ("doctor", "check"),
        ("version", "--version"),
        ("logs", "audit"),
        ("undo", "setup --undo"),
        ("chekc", "check"),
        ("adit", "audit"),
        // `probing` is a verb, but not for people.
        ("probin", "probe"),
        ("config show", "config check"),
    ] {
        let word = typed.split(' ').next_back().unwrap();
        let said = usage(&sb.try_sh(&format!("sftpjail {typed}")));
        assert_eq!(said, format!("error: there is no verb {word}; did you mean `sftpjail {meant}`?"));
    }
    assert_eq!(usage(&sb.try_sh("sftpjail 'x\x1b[2J'")), "error: there is no verb \"x\\x1b[2J\"");
}

/// A pipe that was closed is no error: `sftpjail check --all | head`.
#[test]
fn an_output_that_cannot_be_written_is_an_error_of_every_verb() {
    let sb = Sandbox::stock();
    sb.sh("sftpjail setup --yes");
    sb.user("anna").group("sftp").add();
    sb.sftp("anna", "mkdir d\n").ok();
    sb.wait_for_log("]: session closed for local user anna");
    sb.sh("mkdir /srv/given /srv/new; sftpjail grant anna /srv/given --until 1w --yes
           install -Dm 644 /root/.ssh/id_ed25519.pub /etc/sftpjail/keys.d/anna");
    for (typed, code) in [
        ("setup --yes", 1),
        ("setup --yes --json", 1),
        ("setup --dry-run", 1),
        ("setup --undo --dry-run", 1),
        ("check anna", 2),
        ("check --all --json", 2),
        ("list", 2),
        ("kick anna", 2),
        ("expire --json", 2),
        ("reap", 2),
        ("probe anna", 2),
        ("audit", 2),
        ("review", 2),
        ("review --csv", 2),
        ("review --json", 2),
        ("grants", 2),
        ("grants --json", 2),
        ("grant anna /srv/new --dry-run", 2),
        ("extend anna --until 2w --dry-run", 2),
        ("revoke anna --dry-run --json", 2),
        ("keys anna", 2),
        ("audit --json", 2),
        ("--help", 2),
        ("--version", 2),
        ("help check", 2),
    ] {
        let out = sb.try_sh(&format!("sftpjail {typed} >/dev/full"));
        let sentence = "the output could not be written: No space left on device; write it somewhere else\n";
        assert!(out.stderr.ends_with(sentence), "{typed}: {out}");
        assert_eq!(out.code, Some(code), "{typed}: {out}");
        let out = sb.sh(&format!("{{ sftpjail {typed} 2>/tmp/said || true; }} | true; cat /tmp/said"));
        assert!(!out.stdout.contains("could not be written"), "{typed}: {out}");
    }
}

#[test]
fn verbs_that_read_no_configuration_take_none() {
    let sb = Sandbox::new();
    for typed in [
        "list --config /etc/x.toml",
        "--config /etc/x.toml list",
        "kick anna --config /etc/x.toml",
        "expire --config /etc/x.toml",
        "revoke anna --config /etc/x.toml",
    ] {
        let said = usage(&sb.try_sh(&format!("sftpjail {typed}")));
        assert!(said.contains(", and no configuration"), "{said}");
    }
    for verb in ["list", "kick", "expire", "revoke"] {
        assert!(!sb.sh(&format!("sftpjail {verb} --help")).stdout.contains("--config"), "{verb}");
    }
}

#[test]
fn check_without_a_user_checks_everybody() {
    let sb = Sandbox::new();
    sb.user("anna").group("sftp").add();
    let all = sb.try_sh("sftpjail check --all");
    let (bare, code) = (sb.try_sh("sftpjail check"), all.code);
    assert_eq!((bare.stdout, bare.code), (all.stdout, code));
    assert!(sb.sh("sftpjail check --json").stdout.contains("\"users\": ["));
}

#[test]
fn without_root_every_verb_says_so_and_ends_with_2() {
    let sb = Sandbox::new();
    sb.user("anna").group("sftp").add();
    sb.user("joe").add();
    let _live = sb.sftp_live("anna");
    sb.configure("[[profile]]\nname = \"home\"\ngroups = [\"sftp\"]\n");
    sb.sh("chmod 600 /etc/sftpjail/config.toml");
    for (verb, as_root) in [
        ("check anna", "run this as root"),
        ("check", "run this as root"),
        ("probe anna", "run this as root"),
        ("list", "run this as root"),
        ("kick anna", "run this as root"),
        ("kick --pid 1", "run this as root"),
        ("expire", "run this as root"),
        ("reap", "run this as root"),
        ("setup --dry-run", "run this as root"),
        ("setup --yes", "run this as root"),
        ("setup --undo --yes", "run this as root"),
        ("audit", "run this as root"),
        ("audit --follow", "run this as root"),
        ("config check", "run this as root"),
        ("grant anna /srv", "run this as root"),
        ("grants", "run this as root"),
        ("extend anna --until 2w", "run this as root"),
        ("revoke anna", "run this as root"),
        ("review", "run this as root"),
    ] {
        let out = sb.try_sh(&format!("setpriv --reuid joe --regid joe --clear-groups sftpjail {verb}"));
        assert_eq!(out.code, Some(2), "{verb}: {out}");
        assert!(out.stdout.contains(as_root) || out.stderr.contains(as_root), "{verb}: {out}");
    }
}

#[test]
fn every_verb_works_from_a_pipe_and_in_40_columns() {
    let sb = Sandbox::new();
    sb.install_log_drop_in();
    sb.user("anna").group("sftp").add();
    sb.sftp("anna", "mkdir letters\n").ok();
    let _live = sb.sftp_live("anna");
    for (words, code) in [
        ("check anna", 0),
        ("check", 0),
        ("list", 0),
        ("audit anna", 0),
        ("probe anna", 0),
        ("reap", 0),
        ("expire", 0),
        ("config check", 0),
        ("kick nobody-of-that-name", 3),
        ("kick anna", 0),
        ("list --help", 0),
    ] {
        let piped = sb.try_sh(&format!(
            "{{ {{ yes | sftpjail {words}; }} && echo 0 >/tmp/code || echo $? >/tmp/code; }} | cat; exit $(cat /tmp/code)"
        ));
        assert_eq!((piped.code, piped.stderr.as_str()), (Some(code), ""), "{words}: {piped}");
        assert!(!piped.stdout.contains('\x1b'), "{words}: {piped}");
        let code = if words == "kick anna" { 3 } else { code };
        let narrow = sb.try_sh(&format!(
            "TERM=dumb script -q -e -E never -c 'stty cols 40 rows 50; exec sftpjail {words}' /dev/null </dev/null"
        ));
        assert_eq!(narrow.code, Some(code), "{words}: {narrow}");
        assert!(!narrow.stdout.contains("panicked"), "{words}: {narrow}");
        for line in narrow.stdout.lines().map(str::trim_end) {
            // A command stays on one line, so that it can be pasted, and so does a long word.
            let line = line.trim_start_matches([' ', '→']);
            let is_word = |text: &str| !text.contains(' ');
            let of_finding = line.char_indices().nth(17).map_or("", |(at, _)| &line[at..]);
            let is_whole = line.starts_with("chage ") || is_word(line) || is_word(of_finding);
            assert!(line.chars().count() <= 40 || is_whole, "{words}: {line}: {narrow}");
        }
    }
}
