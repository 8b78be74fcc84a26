//! What went wrong elsewhere. Each test names its row in the project's table of threats.

mod races;

use crate::driven::install_alone;
use sandbox::{Machine, Sandbox, end};
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::Stdio;

/// The main account and its sub-account, and pam-driver.
fn shared_host() -> Sandbox {
    let sb = Sandbox::new();
    sb.user("mle").mode(0o755).add();
    sb.user("mle-sub").home("/home/mle/sub").primary("mle").group("sftp").mode(0o755).add();
    install_alone(&sb, "");
    sb
}

#[test]
fn row_2_a_fifo_on_the_way_is_refused_at_once() {
    let sb = shared_host();
    sb.sh("mkfifo /home/fifo");
    for home in ["/home/fifo", "/home/fifo/sub", "/home/fifo/a/b"] {
        sb.sh(&format!("usermod -d {home} mle-sub"));
        // A second is long for a refusal and short for an open(2) that waits for a writer.
        let out = sb.try_sh("timeout 1 pam-driver --confdir /etc/alone mle-sub account open");
        assert!(out.stdout.contains("account 6\n") && out.stdout.contains("open 14\n"), "{home}: {out}");
    }
}

#[test]
fn row_3_symlinks_planted_in_home_and_jail_are_not_followed_at_close() {
    let sb = shared_host();
    sb.sh("install -d -m 777 /victim; touch /victim/file; ln -s /victim /home/mle/sub/link; chown -h mle-sub /home/mle/sub/link");
    let mut live = sb.sftp_live("mle-sub");
    live.send("symlink /victim /home/mle/sub/link2");
    live.send("symlink ../../../../victim link3");
    assert!(
        live.send("ls link/").iter().any(|line| line.contains("not found")),
        "the link leads nowhere inside"
    );
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
            } else {
                found.push((entry.path(), std::fs::read_to_string(entry.path()).expect("UTF-8")));
            }
        }
    }
    let mut found = Vec::new();
    sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../pam_sftpjail/src"), &mut found);
    assert!(found.len() > 15);
    for word in ["remove_dir", "remove_file", "unlink", "process::Command", "fork(", "thread::spawn"] {
        for (path, text) in &found {
            // Where one entry, and one empty directory, can be removed.
            let allowed = word == "unlink" && path.ends_with("sys/directory.rs");
            assert!(allowed || !text.contains(word), "{word} in {}", path.display());
        }
    }
}

#[test]
fn row_7_tear_down_never_costs_a_file_though_home_and_jail_share_a_filesystem() {
    let sb = shared_host();
    sb.sh("mkdir /home/jail; mkdir -p /etc/sftpjail; echo 'jail_root = \"/home/jail\"' > /etc/sftpjail/config.toml");
    sb.sh("sed -i 's|ChrootDirectory .*|ChrootDirectory /home/jail/%u|' /etc/ssh/sshd_config");
    sb.sh("cd /home/mle/sub; for i in $(seq 100); do echo $i > file$i; done; chown mle-sub *");
    let sum = "cd /home/mle/sub; cat file* | sha256sum; ls | wc -l";
    let before = sb.sh(sum).stdout;
    let mut live = sb.sftp_live("mle-sub");
    live.send("ls");
    // In mid-session: what a careless script would do.
    let jail = "rmdir /home/jail/mle-sub /home/jail; umount /home/jail";
    sb.try_sh(jail);
    assert!(live.send("ls").iter().any(|line| line.contains("file99")));
    live.quit();
    sb.wait_for_log("session closed for user mle-sub(uid=");
    sb.try_sh(jail);
    assert_eq!(sb.sh(sum).stdout, before);
}

#[test]
fn row_8_a_directory_renamed_out_of_the_home_leads_nowhere_else() {
    let sb = shared_host();
    sb.sh(
        "install -d -o mle-sub /home/mle/sub/dir /home/mle/sub/dir/deep; touch /home/mle/of-the-main-account",
    );
    let mut driver = sb
        .command("pam-driver")
        .args(["--confdir", "/etc/alone", "mle-sub", "open", "cd=/jail/mle-sub", "chroot=."])
        // As internal-sftp would be after a chdir; then it waits for the renames.
        .args(["cd=/home/mle/sub/dir/deep", "ls=..", "wait"])
        .args(["ls=..", "ls=../..", "ls=../../..", "ls=../../../..", "ls=/", "ls=/home/mle"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("nsenter runs");
    let mut lines = BufReader::new(driver.stdout.take().expect("piped")).lines().map_while(Result::ok);
    assert_eq!(lines.next().as_deref(), Some("open 0"));
    assert_eq!(lines.next().as_deref(), Some("ls \"..\" [\"deep\"]"));
    sb.sh("mv /home/mle/sub/dir /home/mle/out; mv /home/mle/sub /home/mle/moved");
    drop(driver.stdin.take());
    let seen: Vec<_> = lines.collect();
    end(&mut driver);
    let last = &seen[seen.len() - 2..];
    assert_eq!(last[0], "ls \"/\" [\"dev\", \"etc\", \"home\"]", "{seen:#?}");
    assert_eq!(last[1], "ls \"/home/mle\" [\"sub\"]", "{seen:#?}");
    assert_eq!(seen.len(), 6, "{seen:#?}");
    assert!(seen.iter().all(|line| !line.contains("of-the-main-account")), "{seen:#?}");
}

#[test]
fn row_8_through_sftp_the_same_renames_show_nothing_more() {
    let sb = shared_host();
    sb.sh("install -d -o mle-sub /home/mle/sub/dir; touch /home/mle/of-the-main-account /home/mle/sub/mine");
    let mut live = sb.sftp_live("mle-sub");
    live.send("cd dir");
    sb.sh("mv /home/mle/sub/dir /home/mle/out; mv /home/mle/sub /home/mle/moved");
    for command in ["ls", "ls ..", "ls ../..", "ls /home/mle", "ls /home", "ls /"] {
        let said = live.send(command).join("\n");
        assert!(!said.contains("of-the-main-account") && !said.contains("moved"), "{command}: {said}");
    }
    assert!(
        live.send("ls /home/mle/sub").iter().any(|line| line.contains("mine")),
        "the home itself is still there"
    );
}

#[test]
fn rows_9_10_and_19_the_jail_is_roots_read_only_and_without_proc() {
    let sb = shared_host();
    let mut live = sb.sftp_live("mle-sub");
    let (monitor, child) = (sb.session_monitor("mle-sub"), sb.session_child("mle-sub"));
    let mounts = sb.mounts_of(child);
    assert_eq!(mounts.len(), 2, "the home and the log: {mounts:#?}");
    for mount in &mounts {
        assert!(mount.contains("nosuid,nodev,noexec"), "{mount}");
        assert!(!mount.contains(" - proc "), "{mount}");
    }
    let tmpfs = sb.mounts_of(monitor).into_iter().find(|line| line.contains(" /jail ")).expect("a jail");
    assert!(tmpfs.contains(" ro,nosuid,nodev,noexec"), "{tmpfs}");
    assert!(!tmpfs.contains("shared:"), "{tmpfs}");
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

#[test]
fn row_12_nothing_but_sftp_is_served() {
    let sb = shared_host();
    let run = |args: &[&str]| sb.ssh("mle-sub", args).failed();
    for args in [
        &["id"][..],
        &["-tt"],
        &["-tt", "id"],
        &["rsync", "--server", "-e.iLsfxC", ".", "."],
        &["scp", "-t", "/home/mle/sub"],
        &["-s", "netconf"],
        &["-o", "ExitOnForwardFailure=yes", "-N", "-R", "8080:127.0.0.1:22"],
        &["-o", "ExitOnForwardFailure=yes", "-N", "-R", "/tmp/socket:127.0.0.1:22"],
        &["-W", "127.0.0.1:22"],
        &["-o", "Tunnel=point-to-point", "-o", "ExitOnForwardFailure=yes", "-N", "-w", "0:0"],
    ] {
        let out = run(args);
        assert!(!out.stdout.contains("uid=") && !out.stdout.contains("SSH-2.0"), "{out}");
    }
    // -L and -D listen on the client's side; what comes through them must go nowhere.
    for forward in [["-L", "8022:127.0.0.1:22"], ["-D", "8022"]] {
        let mut client = sb.login("mle-sub").client("ssh");
        let mut tunnel =
            client.args(["-N", forward[0], forward[1], "127.0.0.1"]).spawn().expect("nsenter runs");
        sb.sh(
            "for i in $(seq 500); do ss -Hltn sport = :8022 | grep -q . && exit 0; sleep 0.01; done; exit 1",
        );
        let through = if forward[0] == "-L" {
            sb.try_sh("timeout 5 bash -c 'exec 3<>/dev/tcp/127.0.0.1/8022; cat <&3'")
        } else {
            // SOCKS 5 without authentication, CONNECT 127.0.0.1:22.
            sb.try_sh(
                "timeout 5 bash -c 'exec 3<>/dev/tcp/127.0.0.1/8022; \
                 printf \"\\5\\1\\0\\5\\1\\0\\1\\177\\0\\0\\1\\0\\26\" >&3; cat <&3'",
            )
        };
        assert!(!through.stdout.contains("SSH-2.0"), "{forward:?}: {through}");
        end(&mut tunnel);
    }
    // X11 and the agent are asked for beside an SFTP session that works.
    let mut agent = sb.command("ssh-agent").args(["-D", "-a", "/tmp/agent"]).spawn().expect("nsenter runs");
    sb.sh("for i in $(seq 500); do test -S /tmp/agent && exit 0; sleep 0.01; done; exit 1");
    let mut client = sb.login("mle-sub").client("ssh");
    client.env("DISPLAY", "127.0.0.1:0").env("SSH_AUTH_SOCK", "/tmp/agent");
    let asked =
        client.args(["-vYAs", "127.0.0.1", "sftp"]).stdin(Stdio::null()).output().expect("nsenter runs");
    let said = String::from_utf8_lossy(&asked.stderr);
    assert!(
        said.contains("Requesting X11 forwarding") && said.contains("Requesting authentication agent"),
        "{said}"
    );
    assert!(said.contains("X11 forwarding request failed"), "{said}");
    assert_eq!(sb.sh("ls -d /tmp/ssh-* /jail/*/tmp 2>/dev/null || true").stdout, "", "no agent's socket");
    end(&mut agent);

    sb.sh("echo hello > /tmp/file");
    sb.scp("mle-sub", &["-O", "/tmp/file", "127.0.0.1:old"]).failed();
    sb.scp("mle-sub", &["/tmp/file", "127.0.0.1:new"]).ok();
    assert_eq!(sb.sh("ls /home/mle/sub").stdout, "new\n");
}

#[test]
fn row_17_killed_at_any_moment_a_private_session_leaves_nothing() {
    let machine = Machine::snapshot();
    let sb = shared_host();
    sb.sh("head -c 30000000 /dev/zero > /tmp/large; echo precious > /home/mle/sub/file; chown mle-sub /home/mle/sub/file");
    let before = sb.mounts();
    for round in 0..12 {
        let mut live = sb.sftp_live("mle-sub");
        let (monitor, child) = (sb.session_monitor("mle-sub"), sb.session_child("mle-sub"));
        if round % 2 == 0 {
            live.write("put /tmp/large large");
        }
        for pid in [[monitor, 0], [child, 0], [monitor, child]][round % 3] {
            if pid != 0 {
                sb.try_sh(&format!("kill -9 {pid}"));
            }
        }
        drop(live);
        sb.wait_gone(monitor);
        sb.wait_gone(child);
        assert_eq!(sb.mounts(), before);
        assert_eq!(sb.sh("ls -A /jail").stdout, "");
        assert_eq!(sb.read_text("/home/mle/sub/file"), "precious\n");
    }
    sb.sftp("mle-sub", "ls\n").ok();
    drop(sb);
    assert_eq!(Machine::snapshot(), machine);
}

#[test]
fn row_18_a_home_swapped_between_and_during_sessions_never_serves_the_secret() {
    let sb = shared_host();
    sb.sh("touch /home/mle/sub/mine; install -d -o mle-sub /secret; touch /secret/secret");
    let mut live = sb.sftp_live("mle-sub");
    sb.sh("mv /home/mle/sub /home/mle/away; ln -s /secret /home/mle/sub");
    let during = live.send("ls").join("\n");
    assert!(during.contains("mine") && !during.contains("secret"), "{during}");
    live.quit();
    // sshd reads the key through the symlink, so that it is the jail that refuses.
    sb.sh("cp -a /home/mle/away/.ssh /secret/");
    let out = sb.sftp("mle-sub", "ls\n").failed();
    assert!(!out.stdout.contains("secret"), "{out}");
    assert!(out.stderr.contains("home directory"), "{out}");
    sb.sh("rm /home/mle/sub; mv /home/mle/away /home/mle/sub");
    assert!(sb.sftp("mle-sub", "ls\n").ok().stdout.contains("mine"));
}
