//! The files of grants: whole at every moment, and no change of somebody else's is lost.

use super::site;
use sandbox::{Namespace, Sandbox, one_moment_in};
use std::thread;

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
            assert!(new == old || new == format!("{old}{added}"), "{call} {nth}: {new}");
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
