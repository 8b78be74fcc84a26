//! `grant`, `grants`, `extend` and `revoke`: one command lets a user into one folder, and one takes it back.

mod files;
mod keys;
mod refused;
mod story;
mod times;

use crate::common::jailed::{left_nothing, names};
use crate::pam_sftpjail::grants::machine;
use sandbox::{Namespace, Sandbox, wait_until};
use serde_json::Value;
use std::process::Stdio;
use std::thread;
use std::time::Duration;

in_both_namespaces!(
    one_command_lets_a_guest_work_in_one_folder_of_a_site,
    revoke_ends_the_transfer_under_way_and_no_other_session,
    a_login_that_waits_while_its_folder_is_revoked_does_not_get_it,
);

/// The site of the account web, of which felix is to see one folder.
pub(super) fn site(namespace: Namespace) -> Sandbox {
    let sb = machine(namespace);
    sb.name_in_drop_in("sftp,sftp-guest");
    sb.sh("useradd --system --no-create-home --shell /usr/sbin/nologin web
           install -d -o web -g web /srv/www/staging /srv/www/staging/media
           cd /srv/www/staging; echo secret >config; echo old >media/index.html
           chown web:web config media/index.html; chmod 600 config; chmod 644 media/index.html");
    sb
}

/// Lets sshd read keys there, and not in homes.
pub(super) fn keys_in(sb: &Sandbox, files: &str) {
    sb.sh(&format!("sed -i '1i AuthorizedKeysFile {files}' /etc/ssh/sshd_config"));
    sb.restart_sshd();
}

/// All of /etc but for accounts, with owners, modes and contents.
pub(super) fn etc(sb: &Sandbox) -> String {
    sb.sh("cd /etc; find . -regextype posix-extended -regex './(passwd|shadow|group|gshadow|subuid|subgid)-?' -prune \
           -o -name .pwd.lock -prune -o -path . -prune -o ! -path . -printf '%p %m %U %G ' -a '(' -type f -exec sha256sum {} ';' \
           -o -printf '\\n' ')' | sort")
        .stdout
}

/// The text of a file of grants without the moments at which they were given.
pub(super) fn undated(text: &str) -> String {
    text.split_inclusive('\n').filter(|line| !line.starts_with("since = ")).collect()
}

pub(super) fn json(sb: &Sandbox, command: &str) -> Value {
    let out = sb.try_sh(command);
    serde_json::from_str(&out.stdout).unwrap_or_else(|error| panic!("{command}: {error}: {out}"))
}

const MEDIA: &str = "/srv/www/staging/media";

fn one_command_lets_a_guest_work_in_one_folder_of_a_site(namespace: Namespace) {
    let sb = site(namespace);
    // Where keys are the admin's.
    keys_in(&sb, "/etc/ssh/keys/%u");
    sb.sh("install -d /etc/ssh/keys; install -m 644 /root/.ssh/id_ed25519.pub /etc/ssh/keys/gina");
    let (before, mounts) = (etc(&sb), sb.mounts());
    let terms = "--as web --until 2099-12-10 --note 'contract 4711'";
    let out = sb.sh(&format!("sftpjail grant gina {MEDIA} {terms} --create --yes")).stdout;
    for part in [
        "+folder = \"/srv/www/staging/media\"\n",
        "+until = 2099-12-10T23:59:59",
        "It ends on Thursday 2099-12-10 23:59:59 ",
        "The account gina is added, without shell and home, in the group sftp-guest",
        "✓ /srv/www/staging/media is granted to gina\nSend this to gina:\n  host      ",
        "\n  port      22\n  user      gina\n  host key  SHA256:",
        "(ssh-ed25519)\n",
        "\n  folder    /srv/www/staging/media\n  until     Thursday 2099-12-10 23:59:59 ",
        "Next: give gina a password (passwd gina) or a key, then sftpjail check gina\n",
    ] {
        assert!(out.contains(part), "{part}\n{out}");
    }
    sb.sh("getent passwd gina | grep -q ':/nonexistent:/usr/sbin/nologin$'; not test -e /nonexistent
           test \"$(id -Gn gina)\" = sftp-guest
           test \"$(stat -c '%U %a' /etc/sftpjail/grants.d/gina.toml)\" = 'root 600'");
    let entry = sb.wait_for_log(
        "]: grant: root has granted /srv/www/staging/media, read-write, as web, until 2099-12-10T",
    );
    assert!(entry.ends_with(", note \"contract 4711\" to gina"), "{entry}");
    // She sees her folder and works in it, and it stays the site's.
    let mut live = sb.sftp_live("gina");
    assert_eq!(names(&mut live, "/srv/www/staging"), ["media"]);
    assert!(live.send(&format!("put /tmp/letter {MEDIA}/letter")).is_empty());
    assert!(live.send(&format!("put /tmp/letter {MEDIA}/index.html")).is_empty());
    assert!(live.send(&format!("chmod 640 {MEDIA}/index.html")).is_empty());
    for secret in ["/srv/www/staging/config", "/srv/www/staging/media/../config"] {
        assert!(!live.send(&format!("get {secret} /tmp/stolen")).is_empty(), "{secret}");
    }
    assert_eq!(live.quit(), Some(0));
    let owners = sb
        .sh(&format!("stat -c '%U:%G %a' {MEDIA}/letter {MEDIA}/index.html; cat {MEDIA}/index.html"))
        .stdout;
    assert!(owners.starts_with("web:web ") && owners.ends_with("\nweb:web 640\na letter\n"), "{owners}");
    let listed = json(&sb, "sftpjail grants gina --json");
    let grant = &listed["grants"][0];
    let expected =
        [("user", "gina"), ("folder", MEDIA), ("at", MEDIA), ("access", "read-write"), ("owner", "web")];
    for (key, value) in expected.into_iter().chain([("state", "usable"), ("note", "contract 4711")]) {
        assert_eq!(grant[key], value, "{listed}");
    }
    let table = sb.sh("sftpjail grants").stdout;
    assert!(
        table.starts_with("USER  FOLDER ")
            && table.contains("gina  /srv/www/staging/media  read-write  2099-12-"),
        "{table}"
    );
    // What was given is taken back, and /etc is as it was.
    sb.wait_for_logouts();
    let out = sb.sh("sftpjail revoke gina --yes").stdout;
    let stays = "The account gina stays, and its logins are refused: nothing is granted to it\n";
    assert!(
        out.contains(&format!("\n✓ /srv/www/staging/media is no longer granted to gina\n{stays}")),
        "{out}"
    );
    sb.wait_for_log("]: revoke: root has revoked /srv/www/staging/media of gina");
    assert_eq!(etc(&sb), before);
    let refused = sb.sftp("gina", "pwd\n").failed();
    assert!(refused.stderr.contains("no folder of this server is open to you now"), "{refused}");
    assert_eq!(sb.sh("sftpjail grants").stdout, "Nothing is granted.\n");
    left_nothing(&sb, &mounts);
}

fn revoke_ends_the_transfer_under_way_and_no_other_session(namespace: Namespace) {
    let sb = site(namespace);
    sb.sh("install -d -m 777 /srv/other; truncate -s 500M /tmp/large; chmod 777 /srv/www/staging/media
           sftpjail grant felix /srv/www/staging/media --yes; sftpjail grant mle /srv/other --yes");
    let mut other = sb.sftp_live("mle");
    // A megabyte a second.
    sb.write("/tmp/batch", format!("put /tmp/large {MEDIA}/large\n"));
    let mut command = sb.login("felix").client("sftp");
    command.args(["-l", "8000", "-b", "/tmp/batch", "127.0.0.1"]);
    let mut upload = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("sftp");
    sb.sh(&format!("for n in $(seq 600); do test -s {MEDIA}/large && exit; sleep 0.1; done; exit 1"));
    // What is said names who is concerned.
    let dry = sb.sh("sftpjail revoke felix --dry-run").stdout;
    assert!(dry.contains("-folder = \"/srv/www/staging/media\""), "{dry}");
    assert!(upload.try_wait().expect("it is ours").is_none());
    let report = json(&sb, "sftpjail revoke felix /srv/www/staging/media --yes --json");
    assert_eq!(
        (&report["written"], &report["sessions"][0]["ended"]),
        (&true.into(), &true.into()),
        "{report}"
    );
    assert_eq!(report["sessions"].as_array().map(Vec::len), Some(1), "{report}");
    assert!(!upload.wait().expect("it is ours").success());
    sb.sftp("felix", "pwd\n").failed();
    sb.sh(&format!("test $(stat -c %s {MEDIA}/large) -lt 400000000"));
    assert_eq!(names(&mut other, "/srv/other"), [""; 0]);
    assert_eq!(other.quit(), Some(0));
}

fn a_login_that_waits_while_its_folder_is_revoked_does_not_get_it(namespace: Namespace) {
    let sb = site(namespace);
    sb.sh(&format!(
        "sftpjail grant felix {MEDIA} --as web --yes; sftpjail grant mle {MEDIA} --as web --at /media --yes"
    ));
    for user in ["felix", "mle"] {
        let before = sb.mounts();
        // As other logins of the user do, each for a moment: with many of them at once, this one waits for long.
        sb.sh(&format!(
            "install -d -m 700 /run/sftpjail /run/sftpjail/{user}; mkfifo /tmp/{user}
                        setsid flock /run/sftpjail/{user} cat /tmp/{user} >/dev/null 2>&1 </dev/null &"
        ));
        sb.sh(&format!("while flock -n /run/sftpjail/{user} true; do sleep 0.02; done"));
        thread::scope(|scope| {
            let login = scope.spawn(|| sb.sftp(user, "pwd\nls /\n"));
            let is_waiting = || sb.log_lines(&format!("Accepted publickey for {user} ")).first().map(drop);
            wait_until(Duration::from_secs(20), is_waiting).expect("it is let in by sshd");
            // It is in the session hook then, and has read the file.
            thread::sleep(Duration::from_secs(1));
            let out = sb.sh(&format!("sftpjail revoke {user} --yes")).stdout;
            assert!(out.contains("is no longer granted"), "{out}");
            sb.sh(&format!("echo >/tmp/{user}"));
            let login = login.join().expect("it ends");
            match user {
                "felix" => drop(login.failed()),
                _ => {
                    let login = login.ok();
                    assert!(!login.stdout.contains("/media"), "{login}");
                }
            }
        });
        sb.wait_for_logouts();
        left_nothing(&sb, &before);
    }
    let entry = sb.wait_for_log("refused user felix");
    assert!(entry.contains("and no grant: there is none"), "{entry}");
}
