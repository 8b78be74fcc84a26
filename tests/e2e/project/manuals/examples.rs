//! What the pages of the program show is what comes out.

use crate::common::page::Page;
use sandbox::Sandbox;

/// A set-up machine with the members anna and kim, and joe, who is none.
fn machine() -> Sandbox {
    let sb = Page::machine(&["felix"]);
    for name in ["anna", "kim"] {
        sb.user(name).group("sftp").shell("/usr/sbin/nologin").add();
    }
    sb.user("joe").add();
    sb
}

/// The same, on which folders can be granted to guests.
fn with_guests() -> Sandbox {
    let sb = machine();
    sb.sh("sed -i '/^# \\[\\[profile\\]\\]/,$ s/^# //' /etc/sftpjail/config.toml
        sftpjail setup --managed-keys --accept-refused --yes
        useradd -m web; install -d -o web -g web /srv/www/staging/media; install -d -m 777 /srv/documents");
    sb
}

/// The same, and what felix and anna were given.
fn with_grants() -> Sandbox {
    let sb = with_guests();
    sb.sh("cd /root; sftpjail grant felix /srv/www/staging/media --as web --create --yes \\
            --until '2099-12-10 18:00' --key felix.pub
        sftpjail grant anna /srv/documents --read-only --note 'contract 4711' --yes");
    sb
}

/// The commands under `Examples:` in a help, without what is said of them.
fn of_help(help: &str) -> Vec<String> {
    let (_, list) = help.split_once("\nExamples:\n").unwrap_or_default();
    let list = list.lines().take_while(|line| !line.is_empty());
    let mut commands: Vec<String> = Vec::new();
    for line in list.filter_map(|line| line.strip_prefix("  ")) {
        let (indent, text) = line.split_at(line.len() - line.trim_start().len());
        let command = text.split("  ").next().unwrap_or_default();
        match commands.last_mut() {
            Some(before) if !indent.is_empty() => *before += &format!(" {command}"),
            _ => commands.push(command.to_owned()),
        }
    }
    commands
}

/// They may fail here, where there is nobody to kick, but not by how they are written.
#[test]
fn of_every_help_are_commands_that_the_program_understands() {
    let sb = with_grants();
    let mut seen = 0;
    for verb in super::verbs(&sb) {
        let words = if verb == "config" { "config check" } else { verb.as_str() };
        let commands = of_help(&sb.sh(&format!("sftpjail {words} --help")).stdout);
        assert!(!commands.is_empty(), "{verb} has no examples");
        for command in commands.iter().filter(|command| command.contains("sftpjail ")) {
            sb.write("/root/example", command);
            let out = sb.try_sh("cd /root; timeout -s INT 5 bash example </dev/null");
            assert!(!out.stderr.contains("For more information, try '--help'"), "{command}: {out}");
            assert!(!out.stderr.contains("syntax error"), "{command}: {out}");
            seen += 1;
        }
    }
    assert!(seen > 25, "only {seen}");
}

#[test]
fn of_the_program() {
    Page::read("manuals/sftpjail.md").run(&Page::stock_machine(&[]));
}

#[test]
fn of_check() {
    Page::read("manuals/sftpjail-check.md").run(&machine());
}

#[test]
fn of_list_and_kick() {
    let sb = machine();
    let _live = [sb.sftp_live("anna"), sb.sftp_live("kim")];
    Page::read("manuals/sftpjail-list.md").run(&sb);
    Page::read("manuals/sftpjail-kick.md").run(&sb);
}

#[test]
fn of_expire_reap_and_config() {
    let sb = machine();
    sb.sh("sed 's,\"/jail\",\"/former\",' /etc/sftpjail/config.toml >/root/former.toml");
    for page in ["manuals/sftpjail-expire.md", "manuals/sftpjail-reap.md", "manuals/sftpjail-config.md"] {
        Page::read(page).run(&sb);
    }
}

#[test]
fn of_grant() {
    Page::read("manuals/sftpjail-grant.md").run(&with_guests());
}

#[test]
fn of_grants_extend_and_revoke() {
    let sb = with_grants();
    for page in ["manuals/sftpjail-grants.md", "manuals/sftpjail-extend.md", "manuals/sftpjail-revoke.md"] {
        Page::read(page).run(&sb);
    }
}

#[test]
fn of_keys() {
    let sb = with_guests();
    Page::read("manuals/sftpjail-keys.md").run(&sb);
}

#[test]
fn of_audit_and_review() {
    let sb = machine();
    sb.sftp(
        "anna",
        "mkdir letters\nput /etc/hostname letters/one\nrename letters/one letters/two\nrm letters/two\n",
    )
    .ok();
    sb.wait_for_log("]: session closed for local user anna");
    sb.sh("gzip -c /var/log/sftp.log >/root/sftp.log.2.gz");
    Page::read("manuals/sftpjail-audit.md").run(&sb);
    Page::read("manuals/sftpjail-review.md").run(&sb);
}

#[test]
fn of_probe() {
    Page::read("manuals/sftpjail-probe.md").run(&machine());
}

#[test]
fn of_setup() {
    let sb = Page::stock_machine(&["felix"]);
    Page::read("manuals/sftpjail-setup.md").run(&sb);
}
