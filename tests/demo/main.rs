//! `make demo`: a real login in a sandbox, with every line that a user and an admin would see. Its exit status is 0
//! only if all of it is as it should be.

use sandbox::{LiveSftp, Output, Sandbox};

fn main() {
    let sb = Sandbox::new();
    title("A shared host: main account mle, its sub-account mle-sub (home inside mle's), and joe");
    for line in [
        "useradd --create-home mle",
        "useradd --create-home --home-dir /home/mle/sub --gid mle --groups sftp mle-sub",
        "useradd --create-home joe",
        "chmod 750 /home/mle",
        "echo mle-sub:secret | chpasswd",
        "echo 'of the main account' > /home/mle/private.txt",
        "echo 'hello from the host' > /home/mle/sub/hello.txt && chown mle-sub:mle /home/mle/sub/hello.txt",
    ] {
        println!("# {line}");
        sb.sh(line);
    }
    for (user, home) in [("mle-sub", "/home/mle/sub"), ("joe", "/home/joe")] {
        sb.sh(&format!(
            "install -d -m 700 -o {user} {home}/.ssh && \
             install -m 600 -o {user} /root/.ssh/id_ed25519.pub {home}/.ssh/authorized_keys"
        ));
    }
    sb.sshd();

    title("Before the first login: can mle-sub log in?");
    show("# sftpjail check mle-sub", &sb.sh("sftpjail check mle-sub"));

    title("The host's mount table, before");
    let before = sb.mounts();
    println!("{}", before.join("\n"));

    title("mle-sub logs in");
    println!("$ sftp mle-sub@127.0.0.1");
    let mut live = sb.sftp_live("mle-sub");
    expect(&mut live, "pwd", "Remote working directory: /home/mle/sub");
    expect(&mut live, "ls -l", "hello.txt");
    expect(&mut live, "cd ..", "");
    expect(&mut live, "pwd", "Remote working directory: /home/mle");
    expect(&mut live, "ls", "sub");
    expect(&mut live, "ls -l /", "home");
    sb.write("/tmp/letter.txt", "a letter\n");
    expect(&mut live, "cd sub", "");
    expect(&mut live, "put /tmp/letter.txt", "");
    expect(&mut live, "get hello.txt /tmp/hello.txt", "");
    expect(&mut live, "chmod 700 .", "");
    expect(&mut live, "ls -la", "drwx------");
    expect(&mut live, "get /etc/shadow /tmp/shadow", "not found");
    expect(&mut live, "get /home/mle/private.txt /tmp/private.txt", "not found");
    expect(&mut live, "put /tmp/letter.txt /etc/letter.txt", "Failure");

    title("Meanwhile, the host's mount table");
    let during = sb.mounts();
    println!("{}", compared(&before, &during));
    title("... and what mle-sub's own process has mounted in its jail");
    let child = sb.session_child("mle-sub");
    for line in sb.mounts_of(child) {
        println!("{line}");
    }
    assert_eq!(live.quit(), Some(0), "the session ends well");
    assert_eq!(sb.read_text("/home/mle/sub/letter.txt"), "a letter\n");
    assert_eq!(sb.read_text("/tmp/hello.txt"), "hello from the host\n");

    title("The same member is refused a shell, a command and a port forward");
    refused(&sb, "mle-sub", &["id"]);
    refused(&sb, "mle-sub", &["-tt"]);
    refused(&sb, "mle-sub", &["-o", "ExitOnForwardFailure=yes", "-N", "-R", "8080:127.0.0.1:22"]);

    title("joe is in no profile: he logs in as usual");
    let joe = sb.ssh("joe", &["id; pwd; ls -d /etc/ssh"]).ok();
    show("$ ssh joe@127.0.0.1 'id; pwd; ls -d /etc/ssh'", &joe);
    assert!(joe.stdout.contains("/etc/ssh"), "a user in no profile sees the host");

    title("A home that another user owns");
    sb.sh("chown joe /home/mle/sub");
    // With a password, because sshd itself refuses a key in a home that another user owns.
    let refused = sb.login("mle-sub").password("secret").sftp("pwd\n").failed();
    show("$ sftp mle-sub@127.0.0.1", &refused);
    assert!(refused.stderr.contains("home directory"), "the user reads the reason");
    sb.sh("chown mle-sub /home/mle/sub");

    title("What the admin finds in the log");
    sb.wait_for_log("session closed for user mle-sub");
    sb.wait_for_log("refused user mle-sub");
    for line in sb.log().lines().filter(|l| l.contains("pam_sftpjail") || l.contains("internal-sftp")) {
        println!("{line}");
    }

    title("The host's mount table, after");
    let after = sb.mounts();
    println!("{}", compared(&before, &after));
    assert_eq!(sb.sh("ls -A /jail").stdout, "", "nothing is left in the jail root");
    println!("# ls -A /jail\n(nothing)");
}

fn title(text: &str) {
    println!("\n== {text}");
}

fn show(command: &str, output: &Output) {
    println!("{command}");
    print!("{}{}", output.stdout, output.stderr);
}

/// Sends a command, and shows it and its output. Panics if no line of the output contains `expected`.
fn expect(live: &mut LiveSftp, command: &str, expected: &str) {
    println!("sftp> {command}");
    let lines = live.send(command);
    for line in &lines {
        println!("{line}");
    }
    assert!(
        lines.iter().any(|line| line.contains(expected)) || expected.is_empty(),
        "{command}: no {expected:?}"
    );
}

fn refused(sb: &Sandbox, user: &str, args: &[&str]) {
    let output = sb.ssh(user, args).failed();
    show(&format!("$ ssh {user}@127.0.0.1 {}", args.join(" ")), &output);
    println!("(exit status {})", output.code.unwrap_or(-1));
    assert!(!output.stdout.contains("uid="), "no command is run");
}

fn compared(before: &[String], now: &[String]) -> String {
    assert_eq!(before, now, "the host's mount table is as it was");
    format!("identical: the same {} lines", now.len())
}
