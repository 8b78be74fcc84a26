//! Clients that vanish, where other logins wait for their sessions to end.

use sandbox::{Namespace, Sandbox};

/// The lines about sshd's keepalive settings.
fn keepalive(sb: &Sandbox) -> Vec<String> {
    let found = sb.try_sh("sftpjail check mle").stdout;
    let is_about_it = |line: &&str| line.contains(" sshd keepalive ");
    found.lines().filter(is_about_it).map(str::to_owned).collect()
}

#[test]
fn a_vanished_client_is_noticed_where_its_session_counts() {
    let few = "[[profile]]\nname = \"few\"\ngroups = [\"sftp\"]\nmax_sessions = 2\n";
    for (namespace, config, counts) in
        [(Namespace::Private, "", false), (Namespace::Private, few, true), (Namespace::Host, "", true)]
    {
        let sb = Sandbox::in_namespace(namespace);
        sb.configure(config);
        sb.user("mle").group("sftp").add();
        let ok = "✓ sshd keepalive ClientAliveInterval 60, ClientAliveCountMax 3";
        assert_eq!(keepalive(&sb), if counts { vec![ok] } else { vec![] }, "{config}");
        sb.sh("sed -i '/ClientAlive/d' /etc/ssh/sshd_config");
        let found = keepalive(&sb);
        let expected = "! sshd keepalive ClientAliveInterval is 0, so a vanished client may count as";
        assert!(found.iter().all(|line| line.starts_with(expected)), "{found:?}");
        assert_eq!(found.len(), usize::from(counts), "{found:?}");
        if counts {
            let fix = sb.sh(
                "sftpjail check mle | grep -A4 'sshd keepalive' | sed -n 's/.*reload sshd after this and its other fixes: //p'",
            );
            sb.sh(&fix.stdout);
            assert_eq!(keepalive(&sb), [ok]);
            // sshd must give up at some time, too.
            sb.sh("sed -i 's/^ *Match Group sftp/&\\n    ClientAliveCountMax 0/' /etc/ssh/sshd_config");
            assert!(keepalive(&sb)[0].starts_with("! sshd keepalive ClientAliveCountMax is 0, so"));
        }
    }
}

/// `sshd -T` shows it also where sshd does not obey it.
#[test]
fn a_timeout_in_a_match_block_is_none_before_openssh_10_5() {
    let sb = Sandbox::new();
    sb.user("mle").group("sftp").add();
    let timeouts = || {
        let out = sb.try_sh("sftpjail check mle").stdout;
        let of_it = out.lines().find(|line| line.contains(" sshd timeouts "));
        (of_it.map(str::to_owned), out.replace("\n                 ", " "))
    };
    let file = "/etc/ssh/sshd_config.d/10-idle.conf";
    let line = "ChannelTimeout  session:subsystem:sftp=1s agent-connection=5m";
    for (text, is_obeyed) in [
        (format!("{line}\n"), true),
        (format!("Match all\n    {line}\n"), true),
        (format!("Match Group sftp\n    {line}\n"), false),
        (format!("Match User mle\n    {line}\n"), false),
        (format!("Match User joe\n    {line}\n"), true),
        ("Match Group sftp\n    ChannelTimeout none\n".to_owned(), true),
    ] {
        sb.write(file, &text);
        let (found, out) = timeouts();
        assert_eq!(found.is_none(), is_obeyed, "{text}{out}");
        if !is_obeyed {
            let expected = format!(
                "! sshd timeouts  ChannelTimeout is \"session:subsystem:sftp=1s agent-connection=5m\" ({file}:2), in a Match \
                 block: OpenSSH 9.2 shows it in sshd -T and does not obey it there"
            );
            assert!(out.contains(&expected), "{out}");
        }
    }
    sb.write(file, format!("Match Group sftp\n    {line}\n"));
    sb.restart_sshd();
    let mut live = sb.sftp_live("mle");
    sb.sh("sleep 2.5");
    live.send("ls");
    // A newer one obeys it.
    sb.sh("mv /usr/sbin/sshd /usr/sbin/sshd.real; sftpjail kick mle || true");
    sb.write_mode(
        "/usr/sbin/sshd",
        "#!/bin/sh\n[ \"$1\" != -V ] || { echo OpenSSH_10.5p1 >&2; exit; }\nexec /usr/sbin/sshd.real \"$@\"\n",
        0o755,
    );
    sb.stop_sshd();
    assert_eq!(timeouts().0, None);
}
