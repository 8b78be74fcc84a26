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
