//! What went wrong elsewhere. Each test names its row in the project's table of threats.

mod etc;
mod killed;
mod propagation;
mod races;
mod records;
mod renames;
mod shells;

use crate::common::libpam::install_alone;
use crate::common::mount_table::{of_jail, places};
use sandbox::{Namespace, Sandbox};
use std::path::{Path, PathBuf};

in_both_namespaces!(
    row_2_a_fifo_on_the_way_is_refused_at_once,
    row_3_symlinks_planted_in_home_and_jail_are_not_followed_at_close,
    row_7_tear_down_never_costs_a_file_though_home_and_jail_share_a_filesystem,
    rows_9_10_and_19_the_jail_is_roots_read_only_and_without_proc,
    row_18_a_home_swapped_between_and_during_sessions_never_serves_the_secret,
);

/// The main account and its sub-account, and pam-driver.
fn shared_host(namespace: Namespace) -> Sandbox {
    let sb = Sandbox::in_namespace(namespace);
    sb.user("mle").mode(0o755).add();
    sb.user("mle-sub").home("/home/mle/sub").primary("mle").group("sftp").mode(0o755).add();
    install_alone(&sb, "");
    sb
}

fn row_2_a_fifo_on_the_way_is_refused_at_once(namespace: Namespace) {
    let sb = shared_host(namespace);
    sb.sh("mkfifo /home/fifo");
    for home in ["/home/fifo", "/home/fifo/sub", "/home/fifo/a/b"] {
        sb.sh(&format!("usermod -d {home} mle-sub"));
        // A second is long for a refusal and short for an open(2) that waits for a writer.
        let out = sb.try_sh("timeout 1 pam-driver --confdir /etc/alone mle-sub account open");
        assert!(out.stdout.contains("account 6\n") && out.stdout.contains("open 14\n"), "{home}: {out}");
    }
}

fn row_3_symlinks_planted_in_home_and_jail_are_not_followed_at_close(namespace: Namespace) {
    let sb = shared_host(namespace);
    sb.sh("install -d -m 777 /victim; touch /victim/file; ln -s /victim /home/mle/sub/link; chown -h mle-sub /home/mle/sub/link");
    let mut live = sb.sftp_live("mle-sub");
    live.send("symlink /victim /home/mle/sub/link2");
    live.send("symlink ../../../../victim link3");
    assert!(
        live.send("ls link/").iter().any(|line| line.contains("not found")),
        "the link leads nowhere inside"
    );
    // Where only root can, too.
    sb.sh("ln -s /victim /jail/planted; test ! -d /run/sftpjail/mle-sub || ln -s /victim /run/sftpjail/mle-sub/planted");
    live.quit();
    sb.wait_for_log("session closed for user mle-sub(uid=");
    assert_eq!(sb.sh("ls /victim; ls -l /home/mle/sub | wc -l").stdout, "file\n4\n");
}

#[test]
fn row_3_the_sources_contain_no_recursive_delete_and_no_child_process() {
    fn sources(directory: &Path, found: &mut Vec<(PathBuf, String)>) {
        for entry in directory.read_dir().expect("the sources are there").flatten() {
            if entry.path().is_dir() {
                sources(&entry.path(), found);
            } else if entry.file_name() != "tests.rs" {
                let text = std::fs::read_to_string(entry.path()).expect("UTF-8");
                // Other unit tests stand at the end of a file.
                let (text, _) = text.split_once("\n#[cfg(test)]\nmod tests {").unwrap_or((&text, ""));
                found.push((entry.path(), text.to_owned()));
            }
        }
    }
    let mut found = Vec::new();
    sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../pam_sftpjail/src"), &mut found);
    assert!(found.len() > 15);
    for word in
        ["remove_dir", "remove_file", "unlink", "process::Command", "fork(", "SYS_clone", "thread::spawn"]
    {
        for (path, text) in &found {
            // Where one entry, and one empty directory, can be removed.
            let allowed = match word {
                "unlink" => path.ends_with("sys/directory.rs"),
                // For the CLI.
                "fork(" => path.ends_with("sys/fork.rs"),
                // It executes nothing, and has ended before the hook returns: see plan/owner.rs of the tests.
                "SYS_clone" => path.ends_with("sys/idmap.rs"),
                // A test.
                "process::Command" => path.ends_with("escape/shells.rs"),
                _ => false,
            };
            assert!(allowed || !text.contains(word), "{word} in {}", path.display());
        }
    }
    // Only the CLI forks: no stage of the module names what does.
    for (path, text) in &found {
        let allowed = ["src/forked.rs", "sys/fork.rs"].iter().any(|file| path.ends_with(file));
        assert!(allowed || !text.contains("sys::fork") && !text.contains("forked::"), "{}", path.display());
    }
}

fn row_7_tear_down_never_costs_a_file_though_home_and_jail_share_a_filesystem(namespace: Namespace) {
    let sb = shared_host(namespace);
    sb.sh("mkdir -m 700 /home/jail");
    sb.configure("jail_root = \"/home/jail\"\n");
    sb.sh("sed -i 's|ChrootDirectory .*|ChrootDirectory /home/jail/%u|' /etc/ssh/sshd_config");
    sb.sh("cd /home/mle/sub; for i in $(seq 100); do echo $i > file$i; done; chown mle-sub *");
    let sum = "cd /home/mle/sub; cat file* | sha256sum; ls | wc -l";
    let before = sb.sh(sum).stdout;
    // What a careless script would do, in mid-session and afterwards.
    let plain = "rmdir /home/jail/mle-sub /home/jail; umount /home/jail/mle-sub; umount /home/jail";
    let lazy = "umount -l /home/jail/mle-sub; umount -l /home/jail; rmdir /home/jail/mle-sub /home/jail";
    for careless in [plain, "sftpjail reap", lazy] {
        let mut live = sb.sftp_live("mle-sub");
        live.send("ls");
        sb.try_sh(&format!("set +e; {careless}"));
        let listed = live.send("ls").iter().any(|line| line.contains("file99"));
        assert!(listed || careless == lazy, "{careless}");
        live.quit();
        sb.wait_for_logouts();
        sb.try_sh(&format!("set +e; {careless}"));
        assert_eq!(sb.sh(sum).stdout, before, "{careless}");
    }
    assert!(sb.sftp("mle-sub", "ls\n").ok().stdout.contains("file99"));
}

fn rows_9_10_and_19_the_jail_is_roots_read_only_and_without_proc(namespace: Namespace) {
    let sb = shared_host(namespace);
    let mut live = sb.sftp_live("mle-sub");
    let monitor = sb.session_monitor("mle-sub");
    let mounts = of_jail(&sb, "mle-sub");
    assert_eq!(places(&mounts), ["/", "/dev/log", "/home/mle/sub"]);
    for mount in &mounts {
        assert!(mount.flags.contains("nosuid,nodev,noexec"), "{mount:?}");
        assert!(!mount.propagation.contains("shared:"), "{mount:?}");
        assert_ne!(mount.kind, "proc");
    }
    assert!(mounts[0].flags.starts_with("ro,") && mounts[0].kind == "tmpfs", "{mounts:?}");
    for (path, mode) in [("/jail", "700"), ("/jail/mle-sub", "755"), ("/jail/mle-sub/home", "755")] {
        let stat = sb.sh(&format!("stat -c '%u %g %a %F' /proc/{monitor}/root{path}")).stdout;
        assert_eq!(stat, format!("0 0 {mode} directory\n"), "{path}");
    }
    for command in [
        "mkdir /x",
        "mkdir /home/x",
        "mkdir /home/mle/x",
        "put /etc/hostname /etc/passwd",
        "rm /etc/group",
        "rmdir /home/mle/sub",
        "rename /home /h",
        "chmod 777 /",
    ] {
        assert!(!live.send(command).is_empty(), "{command} is refused");
    }
    assert!(live.send("ls /proc").iter().any(|line| line.contains("not found")));
    // A hard link to what is outside of the home cannot even be named; one across the mounts fails.
    assert!(!live.send("ln /etc/passwd link").is_empty());
    assert_eq!(sb.sh("stat -c '%u %a' /jail").stdout, "0 700\n");
}

fn row_18_a_home_swapped_between_and_during_sessions_never_serves_the_secret(namespace: Namespace) {
    let sb = shared_host(namespace);
    // sshd reads the key through the symlink, so that it is the jail that refuses.
    sb.sh("touch /home/mle/sub/mine; install -d -o mle-sub /secret; touch /secret/secret");
    sb.sh("cp -a /home/mle/sub/.ssh /secret/");
    let refused = || {
        let out = sb.sftp("mle-sub", "ls\n").failed();
        assert!(!out.stdout.contains("secret") && out.stderr.contains("home directory"), "{out}");
    };
    let mut live = sb.sftp_live("mle-sub");
    sb.sh("mv /home/mle/sub /home/mle/away; ln -s /secret /home/mle/sub");
    let during = live.send("ls").join("\n");
    assert!(during.contains("mine") && !during.contains("secret"), "{during}");
    refused();
    live.quit();
    sb.wait_for_logouts();
    refused();
    sb.sh("rm /home/mle/sub; mv /home/mle/away /home/mle/sub");
    assert!(sb.sftp("mle-sub", "ls\n").ok().stdout.contains("mine"));
}
