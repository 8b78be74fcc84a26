//! Grants for one key: sshd's word on the key counts, and nobody else's.

use super::{grant, granted, machine};
use crate::common::jailed::{left_nothing, names, sees_only};
use crate::pam_sftpjail::pam::stack::without_first_line;
use sandbox::{Namespace, Sandbox};

in_both_namespaces!(
    two_keys_of_one_account_have_two_jails,
    a_grant_for_a_key_needs_sshds_own_word,
    keys_of_four_types_and_a_certificate_are_recognised,
    keys_of_a_security_key_and_their_certificate_are_recognised,
    a_certificate_of_an_authority_that_root_keeps_counts_as_the_key_in_it,
);

/// Makes a key, which lets `user` in, and gives its fingerprint.
fn key(sb: &Sandbox, user: &str, name: &str, options: &str) -> String {
    sb.sh(&format!(
        "ssh-keygen -q -N '' {options} -f /root/.ssh/{name}; cat /root/.ssh/{name}.pub >>/home/{user}/.ssh/authorized_keys
         ssh-keygen -l -f /root/.ssh/{name}.pub | cut -d ' ' -f 2"
    ))
    .stdout
    .trim()
    .to_owned()
}

fn with(name: &str) -> String {
    format!("IdentityFile=/root/.ssh/{name}")
}

fn two_keys_of_one_account_have_two_jails(namespace: Namespace) {
    let sb = machine(namespace);
    sb.sh("install -d -m 777 /srv/a /srv/b; touch /srv/a/of-a /srv/b/of-b");
    let (a, b) = (key(&sb, "felix", "a", "-t ed25519"), key(&sb, "felix", "b", "-t ed25519"));
    key(&sb, "felix", "c", "-t ed25519");
    let only = |key: &str| format!("at = \"/work\"\nkey = \"{key}\"");
    grant(&sb, "felix", &(granted("/srv/a", &only(&a)) + &granted("/srv/b", &only(&b))));
    let before = sb.mounts();
    let mut first = sb.login("felix").option(&with("a")).live();
    assert_eq!(names(&mut first, "/work"), ["of-a"]);
    match namespace {
        Namespace::Private => {
            let mut second = sb.login("felix").option(&with("b")).live();
            assert_eq!(names(&mut second, "/work"), ["of-b"]);
            assert_eq!(names(&mut first, "/work"), ["of-a"]);
            assert_eq!(second.quit(), Some(0));
        }
        // One path of the host's cannot be two jails.
        Namespace::Host => {
            sb.login("felix").option(&with("b")).sftp("pwd\n").failed();
            sb.wait_for_log("the user's live sessions have another jail than a new one would get: theirs has [volume \"work\"");
            assert_eq!(names(&mut first, "/work"), ["of-a"]);
        }
    }
    assert_eq!(first.quit(), Some(0));
    sb.wait_for_logouts();
    let mut second = sb.login("felix").option(&with("b")).live();
    assert_eq!(names(&mut second, "/work"), ["of-b"]);
    assert_eq!(second.quit(), Some(0));
    // sshd says the key only after the account phase, so the session phase refuses another one.
    let refused = sb.login("felix").option(&with("c")).sftp("ls /\n").failed();
    assert!(!refused.stdout.contains("work"), "{refused}");
    sb.wait_for_log("pam_sftpjail(sshd:session): refused user felix rhost=127.0.0.1: the profile guest has neither home nor");
    left_nothing(&sb, &before);
}

/// Threats, row 24: as in stack.rs, with something to gain.
fn a_grant_for_a_key_needs_sshds_own_word(namespace: Namespace) {
    let sb = machine(namespace);
    let mine = sb.sh("ssh-keygen -l -f /root/.ssh/id_ed25519.pub | cut -d ' ' -f 2").stdout.trim().to_owned();
    let other = key(&sb, "joe", "other", "-t ed25519");
    let public = sb.read_text("/root/.ssh/other.pub");
    sb.write(
        "/home/mle/.pam_environment",
        format!("SSH_AUTH_INFO_0 OVERRIDE=\"publickey {}\"\n", public.trim()),
    );
    grant(&sb, "mle", &granted("/srv/site/media", &format!("key = \"{other}\"")));
    let mut live = sb.sftp_live("mle");
    sees_only(&mut live, "/home/mle");
    assert_eq!(live.quit(), Some(0));
    sb.wait_for_logouts();
    // Where nobody keeps sshd's word, nobody's counts: neither the forged key nor the true one.
    without_first_line(&sb);
    for key in [&other, &mine] {
        grant(&sb, "mle", &granted("/srv/site/media", &format!("key = \"{key}\"")));
        let mut live = sb.sftp_live("mle");
        sees_only(&mut live, "/home/mle");
        assert_eq!(live.quit(), Some(0));
        sb.wait_for_logouts();
    }
    grant(&sb, "felix", &granted("/srv/site/media", &format!("key = \"{mine}\"")));
    sb.sftp("felix", "pwd\n").failed();
    sb.wait_for_log("since PAM's first session line is not `pam_sftpjail.so close`");
}

fn keys_of_four_types_and_a_certificate_are_recognised(namespace: Namespace) {
    let sb = machine(namespace);
    let before = sb.mounts();
    let mut tried = Vec::new();
    for (name, options) in [
        ("rsa", "-t rsa -b 2048"),
        ("ecdsa256", "-t ecdsa -b 256"),
        ("ecdsa521", "-t ecdsa -b 521"),
        ("ed25519", "-t ed25519"),
    ] {
        tried.push((name.to_owned(), key(&sb, "felix", name, options)));
    }
    // A certificate for each of two keys that are in no authorized_keys.
    sb.sh("ssh-keygen -q -N '' -t ed25519 -f /root/ca; cp /root/ca.pub /etc/ssh/ca.pub");
    for (name, options) in
        [("of-ed25519", "-t ed25519"), ("of-rsa", "-t rsa -b 2048"), ("of-ecdsa", "-t ecdsa -b 384")]
    {
        let print = key(&sb, "joe", name, options);
        sb.sh(&format!("ssh-keygen -q -s /root/ca -I 'an id' -n felix /root/.ssh/{name}.pub"));
        tried.push((name.to_owned(), print));
    }
    sb.sshd_with("TrustedUserCAKeys /etc/ssh/ca.pub\n");
    for (name, print) in &tried {
        grant(&sb, "felix", &granted("/srv/site/media", &format!("key = \"{print}\"")));
        let mut live = sb.login("felix").option(&with(name)).live();
        assert_eq!(names(&mut live, "/srv/site/media"), ["old"], "{name}");
        let record = sb.sh("cat /run/sftpjail/felix/*").stdout;
        assert_eq!(record.contains("-cert-v01@openssh.com "), name.starts_with("of-"), "{record}");
        assert_eq!(live.quit(), Some(0));
        sb.wait_for_logouts();
        // With the sandbox's own key, there is nothing for felix.
        sb.sftp("felix", "pwd\n").failed();
    }
    left_nothing(&sb, &before);
}

/// Signs with a security key made of software: ssh-keygen and ssh ask the library in the place of a device.
fn keys_of_a_security_key_and_their_certificate_are_recognised(namespace: Namespace) {
    let sb = machine(namespace);
    sb.write("/root/security_key.c", include_str!("../../../fixtures/security_key.c"));
    sb.sh("cc -shared -fPIC -o /usr/local/lib/security_key.so /root/security_key.c -l:libcrypto.so.3
           ssh-keygen -q -N '' -t ed25519 -f /root/ca; cp /root/ca.pub /etc/ssh/ca.pub");
    let provider = "/usr/local/lib/security_key.so";
    let options = format!("-t ed25519-sk -w {provider}");
    let own = key(&sb, "felix", "sk", &options);
    let certified = key(&sb, "joe", "of-sk", &options);
    sb.sh("ssh-keygen -q -s /root/ca -I 'an id' -n felix /root/.ssh/of-sk.pub");
    sb.sshd_with("TrustedUserCAKeys /etc/ssh/ca.pub\n");
    let before = sb.mounts();
    for (name, print, kind) in [
        ("sk", &own, "publickey sk-ssh-ed25519@openssh.com "),
        ("of-sk", &certified, "publickey sk-ssh-ed25519-cert-v01@openssh.com "),
    ] {
        grant(&sb, "felix", &granted("/srv/site/media", &format!("key = \"{print}\"")));
        let with_key =
            sb.login("felix").option(&with(name)).option(&format!("SecurityKeyProvider={provider}"));
        let mut live = with_key.live();
        assert_eq!(names(&mut live, "/srv/site/media"), ["old"], "{name}");
        let record = sb.sh("cat /run/sftpjail/felix/*").stdout;
        assert!(record.contains(kind), "{record}");
        assert_eq!(live.quit(), Some(0));
        sb.wait_for_logouts();
        sb.sftp("felix", "pwd\n").failed();
    }
    left_nothing(&sb, &before);
}

fn a_certificate_of_an_authority_that_root_keeps_counts_as_the_key_in_it(namespace: Namespace) {
    let sb = machine(namespace);
    sb.sh("ssh-keygen -q -N '' -t ed25519 -f /root/ca; install -d -m 755 /etc/sftpjail/keys.d
           { printf 'cert-authority,restrict '; cat /root/ca.pub; } >/etc/sftpjail/keys.d/felix");
    sb.sshd_with("AuthorizedKeysFile /etc/sftpjail/keys.d/%u\n");
    let authority = sb.sh("ssh-keygen -l -f /root/ca.pub | cut -d ' ' -f 2").stdout.trim().to_owned();
    let [one, other] = ["one", "other"].map(|name| {
        let print = key(&sb, "joe", name, "-t ed25519");
        sb.sh(&format!("ssh-keygen -q -s /root/ca -I {name} -n felix /root/.ssh/{name}.pub"));
        print
    });
    let before = sb.mounts();
    for (granted_to, name, is_let_in) in [
        (&one, "one", true),
        (&other, "other", true),
        (&one, "other", false),
        // That of the authority is the key of nobody who logs in.
        (&authority, "one", false),
    ] {
        grant(&sb, "felix", &granted("/srv/site/media", &format!("key = \"{granted_to}\"")));
        let login = sb.login("felix").option(&with(name)).option("IdentitiesOnly=yes");
        if is_let_in {
            let mut live = login.live();
            assert_eq!(names(&mut live, "/srv/site/media"), ["old"], "{name}");
            let record = sb.sh("cat /run/sftpjail/felix/*").stdout;
            assert!(record.contains("publickey ssh-ed25519-cert-v01@openssh.com "), "{record}");
            assert_eq!(live.quit(), Some(0));
            sb.wait_for_logouts();
        } else {
            login.sftp("ls /srv/site/media\n").failed();
        }
    }
    left_nothing(&sb, &before);
}
