//! `sftpjail keys`: the keys that root keeps for a user, as sshd asks for them.

use sandbox::Sandbox;

/// As `ssh-keygen -t ed25519-sk` writes one, which needs a device.
const SECURITY_KEY: &str = "sk-ssh-ed25519@openssh.com AAAAGnNrLXNzaC1lZDI1NTE5QG9wZW5zc2guY29tAAAAIOaJsFoFNJIYWWiyJ2xbIC7hk6ZsTBfu8s0fWoJKjHmjAAAABHNzaDo= felix@token";

/// A member mle, who has a key in the home, and what sshd has to say to ask for others.
fn machine() -> Sandbox {
    let sb = Sandbox::new();
    sb.sh("install -d -m 755 /etc/sftpjail /etc/sftpjail/keys.d");
    sb.user("mle").group("sftp").add();
    sb
}

/// What sshd_config says where sshd is to ask.
const COMMAND: &str = "AuthorizedKeysCommand /usr/local/sbin/sftpjail keys %u %t %k\nAuthorizedKeysCommandUser nobody\nAuthorizedKeysFile none\n";

/// Makes a key of root's client, and gives the public one.
fn key(sb: &Sandbox, name: &str, options: &str) -> String {
    sb.sh(&format!("ssh-keygen -q -N '' {options} -f /root/{name}; cat /root/{name}.pub"))
        .stdout
        .trim()
        .to_owned()
}

fn keep(sb: &Sandbox, lines: &[String]) {
    sb.write("/etc/sftpjail/keys.d/mle", lines.join("\n") + "\n");
}

/// Whether sshd lets mle in with this key, or with this key and its certificate.
#[track_caller]
fn is_let_in(sb: &Sandbox, name: &str) -> bool {
    let login = sb.login("mle").option(&format!("IdentityFile=/root/{name}")).option("IdentitiesOnly=yes");
    let out = login.sftp("pwd\n");
    assert_eq!(out.code == Some(0), !out.stderr.contains("Permission denied (publickey"), "{out}");
    out.code == Some(0)
}

/// Where sshd knows mle's keys from keys.d: those of the home let nobody in, and the options of a key count.
#[track_caller]
pub(super) fn only_keys_of_root_let_in(sb: &Sandbox) {
    sb.sh("cp /root/.ssh/id_ed25519 /root/of-home; cp /root/.ssh/id_ed25519.pub /root/of-home.pub
           grep -qF \"$(cut -d ' ' -f 2 /root/of-home.pub)\" /home/mle/.ssh/authorized_keys");
    assert!(!is_let_in(sb, "of-home"), "nothing is kept for mle");
    let types = [
        ("ed25519", "-t ed25519"),
        ("rsa", "-t rsa -b 2048"),
        ("ecdsa", "-t ecdsa -b 384"),
        ("other", "-t ed25519"),
    ];
    let keys = types.map(|(name, options)| key(sb, name, options));
    let [ed25519, rsa, ecdsa, other] = &keys;
    keep(
        sb,
        &[
            "# of mle".to_owned(),
            SECURITY_KEY.to_owned(),
            format!("restrict,from=\"192.0.2.0/24,127.0.0.0/8\" {ed25519}"),
            format!("expiry-time=\"20991231\" {rsa}"),
            format!("\t{ecdsa} with a comment"),
        ],
    );
    for (name, expected) in
        [("ed25519", true), ("rsa", true), ("ecdsa", true), ("other", false), ("of-home", false)]
    {
        assert_eq!(is_let_in(sb, name), expected, "{name}");
    }
    for (options, expected) in [
        ("from=\"192.0.2.0/24\"", false),
        ("from=\"127.0.0.1/8\"", false),
        ("from=\"127.0.0.0/8\"", true),
        ("expiry-time=\"20200101\"", false),
        ("expiry-time=\"202001011200\",restrict", false),
        ("restrict,no-such-option", false),
    ] {
        keep(sb, &[format!("{options} {other}")]);
        assert_eq!(is_let_in(sb, "other"), expected, "{options}");
    }
    // The key of an authority is none of mle's, and lets in whom it has signed for mle.
    let authority = key(sb, "authority", "-t ed25519");
    key(sb, "signed", "-t ed25519");
    key(sb, "of-joe", "-t ed25519");
    sb.sh("ssh-keygen -q -s /root/authority -I one -n mle /root/signed.pub
           ssh-keygen -q -s /root/authority -I two -n joe /root/of-joe.pub");
    keep(sb, &[format!("cert-authority,restrict {authority}")]);
    for (name, expected) in [("signed", true), ("of-joe", false), ("authority", false), ("other", false)] {
        assert_eq!(is_let_in(sb, name), expected, "{name}");
    }
    // A certificate in the file lets nobody in, with or without its authority's option.
    let certificate = sb.read_text("/root/signed-cert.pub").trim().to_owned();
    for line in [certificate.clone(), format!("cert-authority {certificate}")] {
        keep(sb, &[line]);
        assert!(!is_let_in(sb, "signed"));
    }
    sb.sh("rm /etc/sftpjail/keys.d/mle; rm /root/ed25519* /root/rsa* /root/ecdsa* /root/other* /root/authority* /root/of-*");
}

#[test]
fn sshd_lets_in_with_what_it_is_answered_and_with_nothing_else() {
    let sb = machine();
    sb.sshd_with(COMMAND);
    only_keys_of_root_let_in(&sb);
}

/// What a user without rights gets.
fn asked(sb: &Sandbox, arguments: &str) -> sandbox::Output {
    sb.try_sh(&format!("runuser -u nobody -- sftpjail keys {arguments}"))
}

#[test]
fn what_sshd_can_use_is_printed_as_it_is_written() {
    let sb = machine();
    let (one, two) = (key(&sb, "one", "-t ed25519"), key(&sb, "two", "-t rsa -b 2048"));
    let private = sb.read_text("/root/one");
    let good = [
        format!("restrict,from=\"192.0.2.0/24\" {one}"),
        format!("  {two} with a comment"),
        SECURITY_KEY.to_owned(),
        format!("cert-authority,principals=\"a,b\" {one}"),
        // sshd knows what is over.
        format!("expiry-time=\"20200101\" {one}"),
    ];
    let bad = [
        (
            format!("from=\"10.0.0.1/8\" {one}"),
            "from=\"10.0.0.1/8\": 10.0.0.1/8 is one address of the network 10.0.0.0/8; fix: write \"10.0.0.0/8\" for the network, or \"10.0.0.1\" for the address",
        ),
        (format!("until=\"20300101\" {one}"), "until is unknown to sshd; fix: correct it"),
        (one[..60].to_owned(), "it is not a whole public key"),
    ];
    let mut lines = vec!["# of mle".to_owned(), String::new()];
    for (i, line) in good.iter().enumerate() {
        lines.push(line.clone());
        lines.extend(bad.get(i).map(|(line, _)| line.clone()));
    }
    keep(&sb, &lines);
    let all = asked(&sb, "mle").ok();
    assert_eq!(all.stdout, good.join("\n") + "\n");
    for (i, (_, why)) in bad.iter().enumerate() {
        let line = 4 + 2 * i;
        sb.wait_for_log(&format!("]: keys: line {line} of the keys of user mle is left out: {why}"));
    }
    let blob = |key: &str| key.split(' ').take(2).collect::<Vec<_>>().join(" ");
    assert_eq!(asked(&sb, &format!("mle {}", blob(&two))).ok().stdout, format!("{}\n", good[1]));
    let of_one = format!("{}\n{}\n", good[0], good[4]);
    assert_eq!(asked(&sb, &format!("mle {}", blob(&one))).ok().stdout, of_one);
    assert_eq!(asked(&sb, &format!("mle {}", blob(SECURITY_KEY))).ok().stdout, format!("{SECURITY_KEY}\n"));
    let certificate = asked(&sb, "mle ssh-ed25519-cert-v01@openssh.com AAAA").ok();
    assert_eq!(certificate.stdout, format!("{}\n", good[3]));
    // A private key is printed nowhere.
    keep(&sb, std::slice::from_ref(&private));
    assert_eq!(asked(&sb, "mle").ok().stdout, "");
    sb.wait_for_log("line 1 of the keys of user mle is left out: it is not a whole public key");
    assert!(!sb.log().contains(private.lines().nth(1).unwrap()));
    // sshd asks about everybody.
    for stranger in ["joe", "root", "..", "../keys.d/mle", "''", "'a b'", "\"$(printf 'a\\377')\""] {
        let out = asked(&sb, stranger).ok();
        assert_eq!((out.stdout.as_str(), out.stderr.as_str()), ("", ""), "{stranger}");
    }
    assert_eq!(asked(&sb, "mle ssh-ed25519").code, Some(2));
    sb.sh("rm -r /etc/sftpjail");
    assert_eq!(asked(&sb, "mle").ok().stdout, "");
}

#[test]
fn what_others_than_root_could_have_written_lets_nobody_in() {
    let sb = machine();
    sb.sshd_with(COMMAND);
    sb.user("joe").add();
    let one = key(&sb, "one", "-t ed25519");
    for (breaks, why) in [
        ("chown joe keys.d/mle", "/etc/sftpjail/keys.d/mle: is not owned by root"),
        ("chmod 664 keys.d/mle", "/etc/sftpjail/keys.d/mle: can be written by others than root"),
        ("mv keys.d/mle /root/x; ln -s /root/x keys.d/mle", "/etc/sftpjail/keys.d/mle: is a symlink"),
        ("rm keys.d/mle; mkfifo keys.d/mle", "/etc/sftpjail/keys.d/mle: is not a regular file"),
        ("rm keys.d/mle; mkdir keys.d/mle", "/etc/sftpjail/keys.d/mle: is not a regular file"),
        (
            "chmod 1777 keys.d",
            "/etc/sftpjail/keys.d: is not owned by root, or can be written by others than root",
        ),
        ("mv keys.d other; ln -s other keys.d", "/etc/sftpjail/keys.d: is not a directory"),
        ("chmod 600 keys.d/mle", "/etc/sftpjail/keys.d/mle: cannot be read: Permission denied"),
    ] {
        sb.sh("rm -rf /etc/sftpjail; install -d -m 755 /etc/sftpjail /etc/sftpjail/keys.d");
        keep(&sb, std::slice::from_ref(&one));
        assert!(is_let_in(&sb, "one"), "{breaks}");
        sb.sh(&format!("cd /etc/sftpjail; {breaks}"));
        let out = asked(&sb, "mle");
        assert_eq!((out.code, out.stdout.as_str()), (Some(2), ""), "{breaks}: {out}");
        assert!(out.stderr.contains(why), "{breaks}: {out}");
        assert!(!is_let_in(&sb, "one"), "{breaks}");
        sb.wait_for_log(&format!("]: keys: no key of user mle can be used: {why}"));
    }
}
