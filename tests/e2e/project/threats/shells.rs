//! Row 12: filtered commands became shells (rssh and scponly, CVE-2012-3478 and others).

use super::shared_host;
use sandbox::{Namespace, end};
use std::process::{Child, Command, Stdio};

in_both_namespaces!(row_12_nothing_but_sftp_is_served);

/// ssh makes what it prints to non-blocking. If that is the stdout of the tests, they end where its reader is slow.
fn in_silence(command: &mut Command) -> Child {
    command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("sandbox-enter runs")
}

fn row_12_nothing_but_sftp_is_served(namespace: Namespace) {
    let sb = shared_host(namespace);
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
        client.args(["-N", forward[0], forward[1], "127.0.0.1"]);
        let mut tunnel = in_silence(&mut client);
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
    let mut agent = in_silence(sb.command("ssh-agent").args(["-D", "-a", "/tmp/agent"]));
    sb.sh("for i in $(seq 500); do test -S /tmp/agent && exit 0; sleep 0.01; done; exit 1");
    let mut client = sb.login("mle-sub").client("ssh");
    client.env("DISPLAY", "127.0.0.1:0").env("SSH_AUTH_SOCK", "/tmp/agent");
    let asked = client
        .args(["-vYAs", "127.0.0.1", "sftp"])
        .stdin(Stdio::null())
        .output()
        .expect("sandbox-enter runs");
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
