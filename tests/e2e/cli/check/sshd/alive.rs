//! Clients that vanish, where somebody waits for their place.

use sandbox::{Namespace, Sandbox};

/// What `check` says of the lines in which sshd asks whether a client is still there.
fn alive(sb: &Sandbox) -> Vec<String> {
    let found = sb.try_sh("sftpjail check mle").stdout;
    let is_of_it = |line: &&str| line.contains(" sshd alive ");
    found.lines().filter(is_of_it).map(str::to_owned).collect()
}

#[test]
fn a_vanished_client_is_noticed_where_its_place_counts() {
    let few = "[[profile]]\nname = \"few\"\ngroups = [\"sftp\"]\nmax_sessions = 2\n";
    for (namespace, config, counts) in
        [(Namespace::Private, "", false), (Namespace::Private, few, true), (Namespace::Host, "", true)]
    {
        let sb = Sandbox::in_namespace(namespace);
        sb.configure(config);
        sb.user("mle").group("sftp").add();
        let sound = "✓ sshd alive     ClientAliveInterval 60, ClientAliveCountMax 3";
        assert_eq!(alive(&sb), if counts { vec![sound] } else { vec![] }, "{config}");
        sb.sh("sed -i '/ClientAlive/d' /etc/ssh/sshd_config");
        let found = alive(&sb);
        let told = "! sshd alive     ClientAliveInterval is 0, so a client that has vanished may be";
        assert!(found.iter().all(|line| line.starts_with(told)), "{found:?}");
        assert_eq!(found.len(), usize::from(counts), "{found:?}");
        if counts {
            let fix = sb
                .sh("sftpjail check mle | grep -A4 'sshd alive' | sed -n 's/.*reload sshd after this: //p'");
            sb.sh(&fix.stdout);
            assert_eq!(alive(&sb), [sound]);
            // Asking without ever giving up is no better.
            sb.sh("sed -i 's/^ *Match Group sftp/&\\n    ClientAliveCountMax 0/' /etc/ssh/sshd_config");
            assert!(alive(&sb)[0].starts_with("! sshd alive     ClientAliveCountMax is 0, so"));
        }
    }
}
