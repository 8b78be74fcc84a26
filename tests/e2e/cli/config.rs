//! `sftpjail config check`: silent where the configuration can be used, and what is wrong with it where not.

use sandbox::{Output, Sandbox};

const CONFIG: &str = "/etc/sftpjail/config.toml";

#[track_caller]
fn says(out: &Output, code: i32, stderr: &str) {
    assert_eq!((out.code, out.stdout.as_str(), out.stderr.as_str()), (Some(code), "", stderr), "{out}");
}

#[test]
fn a_configuration_that_can_be_used_is_passed_in_silence() {
    let sb = Sandbox::new();
    says(&sb.try_sh("sftpjail config check"), 0, "");
    sb.sh("mkdir -p /etc/sftpjail");
    sb.write(CONFIG, crate::common::config::upload_portal());
    says(&sb.try_sh("sftpjail config check"), 0, "");
    says(&sb.try_sh(&format!("sftpjail config check {CONFIG}")), 0, "");
}

#[test]
fn a_slip_is_named_with_its_line_and_what_was_meant() {
    let sb = Sandbox::new();
    sb.sh("mkdir -p /etc/sftpjail");
    sb.write(CONFIG, "[[profile]]\nname = \"a\"\ngroups = [\"sftp\"]\numask = 22\n");
    let said = format!("{CONFIG}: line 4: umask is a number\n→ write umask = \"022\"\n");
    says(&sb.try_sh("sftpjail config check"), 1, &said);
    sb.write("/root/other.toml", "max_session = 4\n");
    let said =
        "/root/other.toml: line 1: there is no key max_session\n→ write max_sessions below a [[profile]]\n";
    says(&sb.try_sh("sftpjail config check --config /root/other.toml"), 1, said);
    // A relative path is one of a draft.
    says(
        &sb.try_sh("cd /root; sftpjail config check other.toml"),
        1,
        &said.replace("/root/other.toml", "other.toml"),
    );
}

/// A login says the first in the log, and everybody else all of it.
#[test]
fn several_slips_are_all_named_at_once() {
    let sb = Sandbox::new();
    sb.user("anna").group("sftp").add();
    sb.sh("mkdir -p /etc/sftpjail");
    sb.write(CONFIG, "namespace = hots\n[[profile]]\nname = \"a\"\ngroup = [\"sftp\"]\numask = 22\n");
    let slips = [
        ("line 1: the value of namespace is not written as TOML wants it", "write namespace = \"host\""),
        ("line 4: there is no key group", "write groups"),
        ("line 5: umask is a number", "write umask = \"022\""),
    ];
    let said: Vec<_> = slips.iter().map(|(what, fix)| format!("{CONFIG}: {what}\n→ {fix}\n")).collect();
    says(&sb.try_sh("sftpjail config check"), 1, &said.concat());
    sb.write("/root/draft.toml", sb.read_text(CONFIG));
    says(
        &sb.try_sh("sftpjail config check /root/draft.toml"),
        1,
        &said.concat().replace(CONFIG, "/root/draft.toml"),
    );
    let check = sb.try_sh("sftpjail check anna --json");
    let all = sb.try_sh("sftpjail check --json");
    let others = ["setup --dry-run", "grants", "review", "reap", "probe anna"]
        .map(|verb| sb.try_sh(&format!("sftpjail {verb}")));
    for (what, fix) in slips {
        assert_eq!([check.code, all.code], [Some(1); 2]);
        for out in [&check, &all] {
            assert!(out.stdout.contains(what) && out.stdout.contains(&format!("{fix:?}")), "{out}");
        }
        for out in &others {
            let said =
                format!("{}{}", out.stdout, out.stderr).split_whitespace().collect::<Vec<_>>().join(" ");
            assert!(out.code != Some(0) && said.contains(what) && said.contains(fix), "{out}");
        }
    }
    sb.sftp("anna", "pwd\n").failed();
    let entry = sb.wait_for_log("until this is fixed");
    assert!(entry.contains(slips[0].0) && !entry.contains(slips[1].0), "{entry}");
}

#[test]
fn a_draft_may_be_anybodys_and_the_file_in_use_may_not() {
    let sb = Sandbox::new();
    sb.user("joe").add();
    sb.sh(&format!(
        "mkdir -p /etc/sftpjail; echo 'namespace = \"host\"' | tee {CONFIG} >/home/joe/draft.toml; chown joe {CONFIG} /home/joe/draft.toml"
    ));
    says(&sb.try_sh("sftpjail config check /home/joe/draft.toml"), 0, "");
    let said = format!(
        "{CONFIG}: is not owned by root\n→ look at what is in it, because others could change it, then: chown root \
         {CONFIG} && chmod go-w {CONFIG}\n"
    );
    says(&sb.try_sh("sftpjail config check"), 1, &said);
    says(&sb.try_sh(&format!("sftpjail config check {CONFIG}")), 1, &said);
}

#[test]
fn what_cannot_be_read_is_neither_good_nor_bad() {
    let sb = Sandbox::new();
    sb.user("joe").add();
    sb.sh(&format!("mkdir -p /etc/sftpjail; echo 'namespace = \"host\"' >{CONFIG}; chmod 600 {CONFIG}"));
    let as_joe = "setpriv --reuid joe --regid joe --clear-groups sftpjail config check";
    let said = format!("{CONFIG}: cannot be read: Permission denied\n→ run this as root\n");
    says(&sb.try_sh(as_joe), 2, &said);
    let said =
        "/nowhere.toml: cannot be read: No such file or directory\n→ write the file, or correct its path\n";
    says(&sb.try_sh("sftpjail config check /nowhere.toml"), 2, said);
}

/// The module refuses them all at the login, with the same sentence.
#[test]
fn a_volume_that_refuses_everybody_is_named_with_its_line() {
    for (source, target, line, what, fix) in [
        (
            "srv",
            "/x",
            6,
            "the volume srv is relative, so it cannot be the source",
            "give an absolute path of the host, such as source = \"/srv/sftp/%u\"",
        ),
        (
            "/etc/ssh",
            "/x",
            6,
            "the volume /x cannot come from /etc/ssh: it is in the system directory /etc",
            "give it another source, such as source = \"/srv/sftp/%u\"",
        ),
        (
            "/srv",
            "x",
            7,
            "the volume x is relative, so it cannot be the target",
            "give an absolute path of the jail, such as target = \"/uploads\"",
        ),
        (
            "/srv",
            "/usr/lib",
            7,
            "the volume /usr/lib would be in /usr, where sshd's process in the jail looks for code and settings of \
             the system",
            "give it another target, such as target = \"/uploads\"",
        ),
    ] {
        let sb = Sandbox::new();
        sb.user("anna").group("sftp").add();
        sb.configure(&format!(
            "[[profile]]\nname = \"p\"\ngroups = [\"sftp\"]\n[[profile.volume]]\nsource = \"{source}\"\n\
             target = \"{target}\"\n"
        ));
        let said =
            format!("{CONFIG}: line {line}: the profile p refuses all of its members: {what}\n→ {fix}\n");
        says(&sb.try_sh("sftpjail config check"), 1, &said);
        let check = sb.try_sh("sftpjail check anna --json");
        assert!(
            check.code == Some(1) && check.stdout.contains(&format!("\"evidence\": {what:?}")),
            "{check}"
        );
        sb.sftp("anna", "pwd\n").failed();
        let entry = sb.wait_for_log("refused user anna");
        assert!(entry.contains(&format!("{what}; fix: {fix}")), "{entry}");
    }
}

#[test]
fn a_quote_that_is_not_closed_is_named_with_its_own_line() {
    let sb = Sandbox::new();
    sb.write("/root/c.toml", "[[profile]]\nname = \"p\"\ngroups = [\"sftp]\nhome = \"none\"\n");
    let said =
        "/root/c.toml: line 3: a quote in the value of groups is not closed\n→ write groups = [\"sftp\"]\n";
    says(&sb.try_sh("sftpjail config check /root/c.toml"), 1, said);
    sb.write(
        "/root/c.toml",
        "[[profile]]\nname = \"p\"\ngroups = [\"g\"]\n[[profile.volume]]\nsource = \"/s\"\ntarget = \"/t\"\nhome = \"none\"\n",
    );
    let said = "/root/c.toml: line 7: home is no key of a volume\n→ write it above [[profile.volume]]\n";
    says(&sb.try_sh("sftpjail config check /root/c.toml"), 1, said);
}

/// The logins work, so it is a warning.
#[test]
fn a_umask_that_takes_from_the_user_is_named_with_what_to_write() {
    let sb = Sandbox::new();
    sb.user("anna").group("sftp").add();
    sb.configure("[[profile]]\nname = \"p\"\ngroups = [\"sftp\"]\numask = \"777\"\n");
    let what = "umask 777 of the profile p takes away what a session needs in what it makes: it cannot read its files, \
                nor write its files, nor enter its directories";
    let said = format!("{CONFIG}: line 2: {what}\n→ write umask = \"077\"\n");
    says(&sb.try_sh("sftpjail config check"), 0, &said);
    let all = sb.try_sh("sftpjail check --all --json");
    assert!(all.stdout.contains(&format!("{CONFIG}:2: {what}")), "{all}");
    sb.sh("sed -i s/777/077/ /etc/sftpjail/config.toml");
    says(&sb.try_sh("sftpjail config check"), 0, "");
}
