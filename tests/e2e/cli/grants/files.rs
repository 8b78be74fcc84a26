//! The files of grants: whole at every moment, and no change of somebody else's is lost.

use super::{site, undated};
use sandbox::{Namespace, Sandbox, one_moment_in};
use std::thread;
use std::time::{Duration, Instant};

const FILE: &str = "/etc/sftpjail/grants.d/felix.toml";

/// Each file of grants is as a login needs it.
fn is_whole(sb: &Sandbox) {
    let out = sb.try_sh("sftpjail grants");
    assert_eq!(out.code, Some(0), "{out}");
}

#[test]
fn whenever_it_is_killed_the_file_is_the_old_one_or_the_new_one() {
    let sb = site(Namespace::Private);
    sb.sh("install -d -m 777 /srv/a");
    for call in ["openat", "write", "fsync", "rename", "mkdir"] {
        let mut nth = 1;
        loop {
            sb.sh(&format!("rm -rf {FILE}; sftpjail grant felix /srv/www/staging/media --yes"));
            let old = sb.read_text(FILE);
            let strace =
                format!("strace -qqo /dev/null -e trace={call} -e inject={call}:signal=KILL:when={nth}");
            let out = sb.try_sh(&format!("{strace} sftpjail grant felix /srv/a --read-only --yes"));
            let new = sb.read_text(FILE);
            let added = "\n[[grant]]\nfolder = \"/srv/a\"\naccess = \"read-only\"\n";
            let is_new = undated(&new) == format!("{}{added}", undated(&old));
            assert!(new == old || is_new, "{call} {nth}: {new}");
            is_whole(&sb);
            if out.code == Some(0) {
                break;
            }
            assert_eq!(out.stderr.lines().last(), Some("Killed"), "{call} {nth}: {out}");
            // The next one is not hindered by what was left.
            if new == old {
                sb.sh("sftpjail grant felix /srv/a --read-only --yes");
            }
            sb.sh("sftpjail revoke felix --all --yes; not test -e /etc/sftpjail/grants.d");
            // It reads many files before it writes one.
            nth += if call == "openat" || call == "write" { 12 * one_moment_in() } else { 1 };
        }
    }
}

#[test]
fn of_two_at_the_same_time_none_is_lost() {
    let sb = site(Namespace::Private);
    let folders: Vec<_> = (0..6).map(|n| format!("/srv/f{n}")).collect();
    sb.sh(&format!("install -d -m 777 {}", folders.join(" ")));
    let given: Vec<_> = thread::scope(|scope| {
        let give = |folder: &String| sb.try_sh(&format!("sftpjail grant felix {folder} --yes"));
        let running: Vec<_> = folders.iter().map(|folder| scope.spawn(move || give(folder))).collect();
        running.into_iter().map(|one| one.join().expect("it ends")).collect()
    });
    let text = sb.read_text(FILE);
    for (folder, out) in folders.iter().zip(&given) {
        let is_there = text.contains(&format!("folder = \"{folder}\"\n"));
        match out.code {
            Some(0) => assert!(is_there, "{out}\n{text}"),
            _ => {
                assert!(
                    !is_there
                        && out
                            .stderr
                            .contains("has been changed by somebody else in the meantime; run this again"),
                    "{out}"
                );
            }
        }
    }
    assert!(given.iter().any(|out| out.code == Some(0)));
    is_whole(&sb);
}

#[test]
fn nobody_but_root_keeps_a_folder_from_being_revoked() {
    let sb = site(Namespace::Private);
    // As an admin makes it by hand: who can read a directory can lock it.
    sb.sh("chmod 755 /etc/sftpjail/grants.d; sftpjail grant felix /srv/www/staging/media --yes; mkfifo -m 666 /tmp/end
           ls -d /run/sftpjail* /etc/sftpjail /etc/sftpjail/*.d /etc/sftpjail/*.d/* >/tmp/all || true
           while read -r path; do
               setsid su -s /bin/sh joe -c \"flock $path cat /tmp/end\" >/dev/null 2>&1 </dev/null &
           done </tmp/all
           while flock -n /etc/sftpjail/grants.d true; do sleep 0.02; done");
    let begun = Instant::now();
    sb.sh("sftpjail revoke felix --yes");
    assert!(begun.elapsed() < Duration::from_secs(8), "it waited");
    sb.sh("not test -e /etc/sftpjail/grants.d/felix.toml; not test -e /run/sftpjail-grants");
}

#[test]
fn an_edit_made_while_the_question_waits_is_not_overwritten() {
    let sb = site(Namespace::Private);
    sb.sh("install -d -m 777 /srv/a; sftpjail grant felix /srv/www/staging/media --yes");
    let mine = format!("# mine\n{}", sb.read_text(FILE));
    sb.write("/root/mine", &mine);
    // The answer comes when the question has been asked and the editor has saved.
    let out = sb.sh(&format!(
        "(sleep 3; cp /root/mine {FILE}; echo y) | script -qe -E never -c 'sftpjail grant felix /srv/a' /dev/null || true"
    ));
    assert!(out.stdout.contains("Do this? [y/N]"), "{out}");
    assert!(
        out.stdout.contains("has been changed by somebody else in the meantime; run this again"),
        "{out}"
    );
    assert_eq!(sb.read_text(FILE), mine);
}

/// The command that adds gina, in a process group of its own.
const WITH_GINA: &str = "setsid -w sftpjail grant gina /srv/www/staging/media --create --yes";

/// The account is there with its grant, or neither is. Gives whether they are.
fn has_both_or_neither(sb: &Sandbox, after: &str) -> bool {
    let has = |script: &str| sb.try_sh(script).code == Some(0);
    let account = has("grep -q ^gina: /etc/passwd /etc/shadow /etc/group");
    assert_eq!(account, has("test -e /etc/sftpjail/grants.d/gina.toml"), "{after}");
    account
}

#[test]
fn an_account_for_which_the_grant_was_interrupted_does_not_stay() {
    let sb = site(Namespace::Private);
    sb.sh("mv /usr/sbin/useradd /usr/sbin/useradd.real");
    for signal in ["INT", "HUP", "TERM"] {
        // ctrl-C reaches the whole process group of the terminal, while useradd runs.
        let script = format!(
            "#!/bin/bash\nkill -{signal} -- \"-$(ps -o pgid= -p $PPID | tr -d ' ')\"\nexec useradd.real \"$@\"\n"
        );
        sb.write_mode("/usr/sbin/useradd", script, 0o755);
        let out = sb.try_sh(WITH_GINA);
        assert_eq!(out.code, Some(1), "{signal}: {out}");
        assert!(
            out.stderr.contains(
                "this was interrupted before anything was granted; run it again. The account gina is removed again"
            ),
            "{signal}: {out}"
        );
        assert!(!has_both_or_neither(&sb, signal));
        is_whole(&sb);
    }
}

#[test]
fn whenever_it_is_interrupted_there_is_an_account_with_its_grant_or_neither() {
    let sb = site(Namespace::Private);
    let mut seen = [false; 2];
    for call in ["wait4", "rename", "fsync"] {
        for nth in 1.. {
            let strace =
                format!("strace -qqo /dev/null -e trace={call} -e inject={call}:signal=INT:when={nth}");
            let out = sb.try_sh(&WITH_GINA.replace("sftpjail", &format!("{strace} sftpjail")));
            let has = has_both_or_neither(&sb, &format!("{call} {nth}: {out}"));
            assert_eq!(has, out.code == Some(0), "{call} {nth}: {out}");
            seen[usize::from(has)] = true;
            is_whole(&sb);
            if has {
                // No file had been written before the account was there, and after that nothing interrupts it.
                sb.sh("sftpjail revoke gina --yes; userdel gina");
                break;
            }
        }
    }
    assert_eq!(seen, [true; 2]);
}
