//! Text from outside, in every verb and every form of output: a terminal obeys nothing in it, a spreadsheet runs
//! nothing of it, and JSON has the plain value.

use std::process::Command;

use sandbox::Sandbox;
use serde_json::Value;

/// Names that can be those of members. Users of a directory service have such.
const MEMBERS: [&str; 4] = ["=cmd", "@sum", "bi\u{202e}di", "carl m\u{fc}ller"];

/// Names that cannot.
const REFUSED: [&str; 2] = ["ev\u{1b}[2Jil", "c1\u{9b}2J"];

/// ESC, C1, an override of the direction, a bell, DEL, a carriage return, and bytes that are not UTF-8.
const HOSTILE: &[u8] = b"\x1b]0;pwned\x07\xc2\x9b2J\xe2\x80\xae\x7f\r\xff\x1b[8m";

/// Whether a terminal shows every character in its place.
fn is_harmless(text: &str) -> bool {
    let is_obeyed = |c: char| {
        c.is_control() && c != '\n' && c != '\t'
            || matches!(c, '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    !text.contains(is_obeyed)
}

/// What a verb writes: stdout and stderr.
fn written(mut command: Command, what: &[&str]) -> (String, String) {
    let output = command.args(what).output().expect("it runs");
    let text = |bytes: Vec<u8>| {
        let text = String::from_utf8(bytes).unwrap_or_else(|error| panic!("{what:?}: {error}"));
        assert!(is_harmless(&text), "{what:?}: {text:?}");
        text
    };
    assert!(output.status.code().is_some(), "{what:?}: {output:?}");
    (text(output.stdout), text(output.stderr))
}

fn sftpjail(sb: &Sandbox, words: &[&str]) -> String {
    written(sb.command("sftpjail"), words).0
}

fn json(sb: &Sandbox, words: &[&str]) -> Value {
    let text = sftpjail(sb, words);
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{words:?}: {error}: {text}"))
}

/// The values of a key, however deep, as text.
fn values<'v>(value: &'v Value, key: &str) -> Vec<&'v str> {
    match value {
        Value::Object(map) => {
            let own = map.get(key).and_then(Value::as_str);
            own.into_iter().chain(map.values().flat_map(|value| values(value, key))).collect()
        }
        Value::Array(list) => list.iter().flat_map(|value| values(value, key)).collect(),
        _ => Vec::new(),
    }
}

/// A Debian in which whatever users and others choose is hostile.
fn hostile() -> Sandbox {
    let sb = Sandbox::new();
    sb.install_log_drop_in();
    for name in MEMBERS.iter().chain(&REFUSED) {
        sb.user(name).raw().group("sftp").add();
    }
    // A home that does not exist, a shell, and what chfn(1) wrote into the entry.
    let text = |bytes: &[u8]| bytes.iter().copied().filter(|byte| *byte != b'\r').collect::<Vec<_>>();
    let gecos_and_home = [
        b"mallory:x:3000:3000:".as_slice(),
        &text(HOSTILE),
        b":/home/",
        &text(HOSTILE),
        b":/bin/",
        &text(HOSTILE),
        b"\n",
    ];
    sb.append("/etc/passwd", gecos_and_home.concat());
    sb.append("/etc/group", "mallory:x:3000:\nodd\u{202e}:x:3001:mallory\n");
    sb.append("/etc/shadow", "mallory:!:19000:0:99999:7:::\n");
    sb.sh("sed -i 's/^sftp:.*/&,mallory/' /etc/group");
    sb.configure(
        "[[profile]]\nname = \"p\\u202e\"\ngroups = [\"sftp\", \"none\\u202esuch\", \"odd\\u202e\"]\n\
         [[profile.volume]]\nsource = \"/srv/\\u202e\"\ntarget = \"/up\\u202e\"\n",
    );
    sb.sh("mkdir /srv/\u{202e}");
    sb
}

#[test]
fn no_verb_writes_anything_from_outside_as_it_is() {
    let sb = hostile();
    let live: Vec<_> = MEMBERS.iter().map(|name| sb.sftp_live(name)).collect();
    let users = || MEMBERS.iter().chain(&REFUSED).chain(&["mallory"]);
    for user in users() {
        for verb in ["check", "probe"] {
            sftpjail(&sb, &[verb, user]);
            assert_eq!(json(&sb, &[verb, user, "--json"])["user"], **user);
        }
    }
    let all = json(&sb, &["check", "--all", "--json"]);
    let named: Vec<_> =
        all["users"].as_array().unwrap().iter().map(|user| user["user"].as_str().unwrap()).collect();
    users().for_each(|user| assert!(named.contains(user), "{user}: {named:?}"));
    sftpjail(&sb, &["check", "--all"]);
    sftpjail(&sb, &["list"]);
    let listed = json(&sb, &["list", "--json"]);
    for user in MEMBERS {
        assert!(values(&listed, "user").contains(&user), "{listed}");
        let home = format!("/home/{user}");
        assert!(values(&listed, "home").contains(&home.as_str()), "{listed}");
        sftpjail(&sb, &["kick", user]);
    }
    for user in users() {
        sftpjail(&sb, &["kick", user]);
        json(&sb, &["kick", user, "--json"]);
    }
    let review = json(&sb, &["review", "--json"]);
    users().for_each(|user| assert!(values(&review, "user").contains(user), "{user}: {review}"));
    for words in [&["review"][..], &["review", "--csv"], &["review", "--html", "/root/review.html"]] {
        sftpjail(&sb, words);
    }
    assert!(is_harmless(&sb.read_text("/root/review.html")));
    drop(live);
    sftpjail(&sb, &["reap"]);
    json(&sb, &["reap", "--json"]);
    let config = "/root/draft\u{202e}\u{1b}[2J.toml";
    sb.write(config, "[[profile]]\nname = \"\u{1b}[2J\u{9b}\"\nodd\u{202e} = 1\n");
    for file in [config, "/etc/sftpjail/config.toml", "/root/none\u{1b}[2J"] {
        sftpjail(&sb, &["config", "check", file]);
    }
    for words in [
        &["setup", "--dry-run"][..],
        &["setup", "--dry-run", "--json"],
        &["setup", "--dry-run", "--group", "odd\u{1b}[2Jgroup\u{202e}"],
        &["setup", "--dry-run", "--jail-root", "/jail\u{1b}[2J\u{202e}"],
        &["setup", "--undo", "--dry-run"],
        &["setup", "--undo", "--dry-run", "--json"],
        // What is typed can come from a script.
        &["check\u{1b}[2J"],
        &["list", "--\u{1b}[2J\u{202e}"],
        &["audit", "--since", "\u{1b}[2J\u{202e}"],
        &["audit", "--op", "\u{1b}[2J\u{202e}"],
        &["audit", "--path", "[\u{1b}[2J\u{202e}"],
        &["audit", "--file", "/root/none\u{1b}[2J"],
        &["kick", "--pid", "\u{1b}[2J\u{202e}"],
        &["check", "--config", "/root/none\u{1b}[2J", "\u{9b}"],
    ] {
        sftpjail(&sb, words);
    }
}

/// What somebody has typed, in the options and the files of grants and keys.
const TYPED: &str = "\u{1b}]0;pwned\u{7}\u{9b}2J\u{202e}";

#[test]
fn nothing_of_grants_and_keys_is_written_as_it_is() {
    let sb = hostile();
    // A control character in a folder is an error.
    let folder = "/srv/given \u{202e}=1".to_owned();
    sb.sh("install -d /etc/sftpjail/grants.d /etc/sftpjail/keys.d");
    for path in [folder.as_str(), "/srv/new\u{202e}"] {
        sb.script("install -d \"$1\"", &[path], b"").ok();
    }
    let quoted = serde_json::to_string(&folder).expect("JSON");
    for user in MEMBERS {
        let grant = format!(
            "[[grant]]\nfolder = {quoted}\nat = \"/given\\u202e\"\naccess = \"read-write\"\nuntil = 2099-01-01T00:00:00Z\n\
             note = \"\u{202e}=1+1\"\n"
        );
        sb.write(format!("/etc/sftpjail/grants.d/{user}.toml"), grant);
        let key = sb.read("/root/.ssh/id_ed25519.pub");
        sb.write(format!("/etc/sftpjail/keys.d/{user}"), [b"odd ", HOSTILE, b"\n", &key].concat());
    }
    // Files that no login reads, or that cannot be used.
    sb.write(format!("/etc/sftpjail/grants.d/{TYPED}"), "x");
    sb.write("/etc/sftpjail/grants.d/mallory.toml", format!("{TYPED} = 1\n"));
    sb.write("/root/key\u{202e}", [HOSTILE, b"\n"].concat());

    let listed = json(&sb, &["grants", "--json"]);
    let review = json(&sb, &["review", "--json"]);
    for (what, document) in [("grants", &listed), ("review", &review)] {
        let folders = values(document, "folder");
        assert_eq!(
            folders.iter().filter(|found| **found == folder).count(),
            MEMBERS.len(),
            "{what}: {document:#}"
        );
    }
    for words in [
        &["grants"][..],
        &["review"],
        &["review", "--csv"],
        &["review", "--html", "/root/review.html"],
        &["expire"],
        &["expire", "--json"],
        &["grants", TYPED],
        &["grants", "mallory"],
        &["grant", "mallory", "/srv", "--dry-run"],
        &["extend", "mallory", "--until", "2w", "--dry-run"],
        &["revoke", "mallory", "--dry-run"],
        &["keys", TYPED],
    ] {
        sftpjail(&sb, words);
    }
    let html = sb.read_text("/root/review.html");
    assert!(is_harmless(&html) && html.contains("given "));
    let new = "/srv/new\u{202e}";
    for user in MEMBERS {
        for words in [
            &["grants", user][..],
            &["keys", user],
            &["grant", user, new, "--note", "\u{202e}", "--dry-run"],
            &["grant", user, new, "--dry-run", "--json"],
            &["grant", user, TYPED, "--dry-run"],
            &["grant", user, &folder, "--dry-run"],
            &["grant", user, new, "--as", TYPED, "--dry-run"],
            &["grant", user, new, "--at", TYPED, "--dry-run"],
            &["grant", user, new, "--until", TYPED, "--dry-run"],
            &["grant", user, new, "--from", TYPED, "--dry-run"],
            &["grant", user, new, "--key", "/root/key\u{202e}", "--dry-run"],
            &["grant", user, new, "--key", TYPED, "--dry-run"],
            &["grant", user, new, "--note", TYPED, "--dry-run"],
            &["extend", user, "--until", "2w", "--dry-run"],
            &["extend", user, TYPED, "--until", TYPED],
            &["revoke", user, TYPED, "--dry-run"],
            &["revoke", user, "--dry-run", "--json"],
            // Now they are carried out.
            &["grant", user, new, "--note", "\u{202e}", "--yes"],
            &["extend", user, new, "--until", "2w", "--yes"],
            &["revoke", user, "--all", "--yes"],
        ] {
            sftpjail(&sb, words);
        }
        sb.sh("not test -e \"/etc/sftpjail/grants.d/$1.toml\"".replace("$1", user).as_str());
    }
    for entry in sb.log_lines("]: revoke: ").into_iter().chain(sb.log_lines("]: grant: ")) {
        assert!(is_harmless(&entry), "{entry:?}");
    }
}

#[test]
fn what_other_programs_say_is_shown_harmless() {
    let sb = hostile();
    let broken = |file: &str, line: &[u8]| {
        let before = sb.read(file);
        sb.append(file, [line, HOSTILE, b"\n"].concat());
        let mut shown = String::new();
        for words in [
            &["check", "=cmd"][..],
            &["check", "--all"],
            &["check", "--all", "--json"],
            &["probe", "=cmd"],
            &["probe", "=cmd", "--json"],
            &["setup", "--dry-run"],
            &["setup", "--yes"],
            &["setup", "--dry-run", "--json"],
        ] {
            shown += &sftpjail(&sb, words);
        }
        sb.write(file, before);
        shown
    };
    // sshd quotes the line in its error. It ends with an error, so it is the last of these that a daemon reads.
    for (file, line) in [
        ("/etc/ssh/sshd_config", b"NoSuchKeyword".as_slice()),
        ("/etc/ssh/sshd_config", b"Match Group sftp,"),
        ("/etc/ssh/sshd_config", b"Include /etc/ssh/"),
        ("/etc/pam.d/sshd", b"session required pam_"),
        ("/etc/pam.d/sshd", b"session odd "),
        ("/etc/nsswitch.conf", b"group: files "),
        ("/etc/fstab", b"none /jail/"),
        ("/etc/shells", b"/bin/"),
        ("/home/=cmd/.forward", b"|"),
        ("/etc/security/limits.conf", b"* hard "),
    ] {
        sb.sh("touch /etc/fstab /etc/security/limits.conf '/home/=cmd/.forward'");
        let shown = broken(file, line);
        // What is not shown at all would be harmless, too.
        if line == b"NoSuchKeyword" {
            assert!(shown.contains("NoSuchKeyword") && shown.contains("pwned"), "{shown}");
        }
    }
}

#[test]
fn no_form_of_audit_writes_a_line_of_the_log_as_it_is() {
    let sb = hostile();
    let stamp = "2026-11-22T10:12:20.000000+00:00 h";
    let mut log = Vec::new();
    for (pid, user) in MEMBERS.iter().chain(&REFUSED).enumerate() {
        let mut line = |message: &[u8]| {
            log.extend_from_slice(format!("{stamp} internal-sftp[{pid}]: ").as_bytes());
            log.extend_from_slice(message);
            log.push(b'\n');
        };
        line(format!("session opened for local user {user} from [{user}]").as_bytes());
        for verb in ["mkdir name \"", "remove name \"", "rmdir name \""] {
            for begin in ["", "=1+1;", "@", "+", "-", "\t="] {
                line(&[verb.as_bytes(), begin.as_bytes(), HOSTILE, b"\" mode 0777"].concat());
            }
        }
        line(&[b"open \"/a".as_slice(), HOSTILE, b"\" flags READ mode 0644"].concat());
        line(&[b"sent status ".as_slice(), HOSTILE].concat());
        line(&[b"odd ".as_slice(), HOSTILE].concat());
        line(&[b"rename old \"/a".as_slice(), HOSTILE, b"\" new \"=b", HOSTILE, b"\""].concat());
        log.extend_from_slice(
            &[
                format!("{stamp} rsyslogd: ").as_bytes(),
                b"5 messages lost due to rate-limiting ",
                HOSTILE,
                b"\n",
            ]
            .concat(),
        );
    }
    log.extend_from_slice(&[b"internal-sftp".as_slice(), HOSTILE, b"\n"].concat());
    sb.write("/root/sftp.log", log);
    let audit =
        |words: &[&str]| sftpjail(&sb, &[&["audit", "--probe", "--file", "/root/sftp.log"], words].concat());
    for form in
        [&[][..], &["--summary"], &["--csv"], &["--csv", "--summary"], &["--json"], &["--json", "--summary"]]
    {
        let text = audit(form);
        assert!(text.lines().count() > 4, "{form:?}: {text}");
        if form.contains(&"--csv") {
            for field in text.lines().skip(1).flat_map(|line| line.split(',')) {
                let field = field.trim_start_matches([' ', '"']);
                assert!(
                    !field.starts_with(['=', '+', '-', '@']) && !field.contains([';', '\t']),
                    "{field:?}"
                );
            }
        }
        if form.contains(&"--json") {
            let rows: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
            for user in MEMBERS.iter().chain(&REFUSED) {
                assert!(rows.iter().any(|row| row["user"] == **user), "{user}: {text}");
            }
        }
    }
    for user in MEMBERS.iter().chain(&REFUSED) {
        audit(&[user]);
    }
}
