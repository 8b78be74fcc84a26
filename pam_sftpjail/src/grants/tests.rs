use super::*;
use std::ffi::OsStr;
use std::net::IpAddr;

const FILE: &str = r#"
# who: felix
[[grant]]
folder = "/srv/www//staging/media/"
access = "read-write"
at     = "/media"
owner  = "web"
since  = 2026-11-26T09:00:00+01:00
until  = 2026-12-10T18:00:00+01:00
from   = ["192.0.2.0/24", "2001:db8::1"]
key    = "SHA256:pBmmIa5fGQUCnIm+qEkYB/5mVxYXEJz6xKq6hXf1Vek"
note   = "contract 4711"

[[grant]]
folder = "/srv/documents"
access = "read-only"
"#;

fn parsed(text: &str) -> Vec<Grant> {
    of_text(text, Path::new("/x")).unwrap()
}

/// What is so, and what to write.
fn problem(text: &str) -> (String, String) {
    let error = of_text(text, Path::new("/x")).unwrap_err();
    (error.to_string().strip_prefix("/x: ").unwrap().to_owned(), error.fix().to_string())
}

#[test]
fn every_key_is_read() {
    let [media, documents] = &parsed(FILE)[..] else { panic!() };
    assert_eq!(media.folder.absolute(), Path::new("/srv/www/staging/media"));
    assert_eq!(media.at.absolute(), Path::new("/media"));
    assert!(!media.read_only);
    assert_eq!((media.owner.as_deref(), media.note.as_deref()), (Some("web"), Some("contract 4711")));
    assert_eq!(media.until.unwrap().epoch(), 1_796_922_000);
    assert_eq!(media.since.unwrap().epoch(), 1_795_680_000);
    assert_eq!(media.networks(), "192.0.2.0/24, 2001:db8::1");
    let key = media.key.unwrap().to_string();
    assert_eq!(key, "SHA256:pBmmIa5fGQUCnIm+qEkYB/5mVxYXEJz6xKq6hXf1Vek");
    assert_eq!((documents.line, &documents.at), (14, &documents.folder));
    assert!(
        documents.read_only
            && documents.since.is_none()
            && documents.until.is_none()
            && documents.from.is_empty()
    );
    assert_eq!(parsed("# nothing is granted\n"), []);
}

#[test]
fn a_header_without_its_end_is_shown_as_it_was_meant() {
    assert_eq!(problem("[[grant]\nfolder = \"/srv/x\"\n").1, "write [[grant]]");
}

#[test]
fn what_is_wrong_is_said_with_the_line_and_what_to_write() {
    let begin = "[[grant]]\nfolder = \"/srv/x\"\naccess = \"read-write\"\n";
    for (text, what, fix) in [
        (
            "".to_owned(),
            "is empty, as a full disk leaves a file behind",
            "write it again, or remove it where no grants are meant",
        ),
        (
            "[[grant]]\naccess = \"read-only\"\n".into(),
            "line 1: a grant has no folder",
            "add a line such as folder = \"/srv/www/media\"",
        ),
        (
            "[[grant]]\nfolder = \"/srv/x\"\n".into(),
            "line 1: a grant has no access",
            "add a line such as access = \"read-write\"",
        ),
        (format!("{begin}untill = 1\n"), "line 4: there is no key untill", "write until"),
        (
            format!("{begin}groups = []\n"),
            "line 4: there is no key groups",
            "the keys of a grant are folder, at, access, owner, since, until, from, key, note",
        ),
        (
            "folder = \"/srv/x\"\n".into(),
            "line 1: folder is no key of the file",
            "write it below a [[grant]]",
        ),
        ("[grant]\nfolder = \"/srv/x\"\n".into(), "line 1: grant is a table", "write [[grant]]"),
        (format!("{begin}[[grants]]\n"), "line 4: there is no key grants", "write grant"),
        (
            format!("{begin}until = 2026-12-10\n"),
            "line 4: until 2026-12-10 has no time, so that nobody knows whether the day itself counts",
            "write date, time and zone, such as until = 2026-12-10T18:00:00+01:00",
        ),
        (
            format!("{begin}since = 2026-12-10\n"),
            "line 4: since 2026-12-10 has no time, so that nobody knows whether the day itself counts",
            "write date, time and zone, such as since = 2026-11-26T09:00:00+01:00",
        ),
        (
            format!("{begin}until = 2026-12-10T18:00:00\n"),
            "line 4: until 2026-12-10T18:00:00 has no zone, so that nobody knows which moment it is",
            "add the offset from UTC, such as +01:00, or Z for UTC itself",
        ),
        (
            format!("{begin}until = \"2026-12-10\"\n"),
            "line 4: until is a text",
            "write until = 2026-12-10T18:00:00+01:00",
        ),
        (
            format!("{begin}from = []\n"),
            "line 4: from is empty, so that no login could use the grant",
            "remove it",
        ),
        (
            format!("{begin}from = \"192.0.2.0/24\"\n"),
            "line 4: from is a text",
            "write from = [\"192.0.2.0/24\"]",
        ),
        (
            format!("{begin}from = [\"192.0.2.7/24\"]\n"),
            "line 4: from: 192.0.2.7/24 is one address of the network 192.0.2.0/24",
            "write \"192.0.2.0/24\" for the network, or \"192.0.2.7\" for the address",
        ),
        (
            format!("{begin}key = \"MD5:00\"\n"),
            "line 4: key \"MD5:00\" does not begin with SHA256:",
            "write the word with SHA256: of what `ssh-keygen -l -f FILE` prints for the public key, and nothing else",
        ),
        (
            format!("{begin}note = \"a\\nb\"\n"),
            "line 4: note has a line break or another control character",
            "write it in one line",
        ),
        (
            format!("{begin}at = \"media\"\n"),
            "line 4: at media is relative",
            "give the absolute path, such as at = \"/srv/www/media\"",
        ),
        (
            begin.replace("/srv/x", "/srv/../etc"),
            "line 2: folder /srv/../etc contains '..'",
            "give the absolute path, such as folder = \"/srv/www/media\"",
        ),
        (
            begin.replace("read-write", "rw"),
            "line 3: access rw is none of read-write, read-only",
            "write access = \"read-write\"",
        ),
        (format!("{begin}owner = \"\"\n"), "line 4: owner: \"\" is not a valid name", "correct it"),
    ] {
        assert_eq!(problem(&text), (what.to_owned(), fix.to_owned()), "{text}");
    }
}

fn login<'a>(now: i64, host: Option<&'a str>, keys: Keys) -> Circumstances<'a> {
    Circumstances { now, address: Address::Of(host.map(OsStr::new)), keys }
}

fn barred(grant: &Grant, login: &Circumstances<'_>) -> String {
    match grant.standing(login) {
        Standing::Barred(why) => why,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_grant_holds_until_its_end_from_its_networks_and_with_its_key() {
    let [grant, _] = &parsed(FILE)[..] else { panic!() };
    let key = grant.key.unwrap();
    let with = || Keys::Of(vec![key]);
    let end = grant.until.unwrap().epoch();
    let begin = grant.since.unwrap().epoch();
    for host in ["192.0.2.7", "::ffff:192.0.2.7", "2001:db8::1", "2001:db8::1%eth0"] {
        for now in [begin, end - 1] {
            assert_eq!(grant.standing(&login(now, Some(host), with())), Standing::Holds, "{host}");
        }
    }
    assert_eq!(grant.standing(&login(end, Some("192.0.2.7"), with())), Standing::Ended(grant.until.unwrap()));
    // Whatever is not known yet, an end is an end.
    assert_eq!(
        grant.standing(&Circumstances { now: end, ..Circumstances::of_no_login() }),
        Standing::Ended(grant.until.unwrap())
    );
    // And what has not begun has not, such as while the clock has not been set since the boot.
    for login in [
        Circumstances { now: begin - 1, ..Circumstances::of_no_login() },
        login(begin - 1, Some("192.0.2.7"), with()),
        login(0, Some("192.0.3.7"), with()),
    ] {
        let why = barred(grant, &login);
        assert_eq!(why, "is not granted yet: that begins on 2026-11-26 09:00 (UTC+01:00)");
    }
    assert_eq!(grant.standing(&login(begin, Some("192.0.2.7"), Keys::Unknown)), Standing::Depends);
    let of_none = Circumstances { now: begin, ..Circumstances::of_no_login() };
    assert_eq!(grant.standing(&of_none), Standing::Depends);
    let only = "can be used from 192.0.2.0/24, 2001:db8::1 only, and";
    for (host, why) in [
        (Some("192.0.3.7"), "this login is from 192.0.3.7"),
        (None, "this login has no address"),
        (Some("UNKNOWN"), "this login has no address"),
        (
            Some("192.0.2.7%eth0"),
            "sshd gives the name \"192.0.2.7%eth0\" in place of the address of this login, as UseDNS says",
        ),
        (
            Some("client.example"),
            "sshd gives the name client.example in place of the address of this login, as UseDNS says",
        ),
    ] {
        // Also where the key is not known yet.
        for keys in [with(), Keys::Unknown] {
            assert_eq!(barred(grant, &login(begin, host, keys)), format!("{only} {why}"));
        }
    }
    let other = Fingerprint::of_login(
        "publickey ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIPtTq6o8XKVOPzGvYhZ1Z0o4pTq0m1Qy4m4n0oJf8ZcT\n",
    );
    assert_eq!(other.len(), 1);
    let only = format!("can be used with the key {key} only, and");
    for (keys, why) in [
        (Keys::Of(vec![]), "this login is without a key".to_owned()),
        (Keys::Of(other.clone()), format!("this login is with {}", other[0])),
        (
            Keys::Doubtful,
            "other modules could have changed what sshd says of the key, since PAM's first session line is not \
             `pam_sftpjail.so close`"
                .into(),
        ),
    ] {
        assert_eq!(barred(grant, &login(begin, Some("192.0.2.7"), keys)), format!("{only} {why}"));
    }
    assert!("192.0.2.7".parse::<IpAddr>().is_ok());
}

#[test]
fn a_grant_without_terms_holds_in_every_login() {
    let [_, grant] = &parsed(FILE)[..] else { panic!() };
    for login in
        [Circumstances::of_no_login(), Circumstances::of_bare_login(), login(i64::MAX, None, Keys::Doubtful)]
    {
        assert_eq!(grant.standing(&login), Standing::Holds);
    }
}

#[test]
fn only_the_key_of_publickey_counts_and_broken_ones_do_not() {
    let key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIPtTq6o8XKVOPzGvYhZ1Z0o4pTq0m1Qy4m4n0oJf8ZcT";
    let count = |text: &str| Fingerprint::of_login(text).len();
    assert_eq!(count(&format!("publickey {key}\nkeyboard-interactive/pam\n")), 1);
    assert_eq!(count(&format!("publickey {key} more of it\npublickey {key}\n")), 2);
    for text in [
        format!("hostbased {key}"),
        format!("password publickey {key}"),
        format!(" publickey {key}"),
        format!("publickey  {key}"),
        format!("publickey {}", key.replace("ed25519 ", "rsa ")),
        "publickey ssh-ed25519".into(),
        "publickey ssh-ed25519 AAAA".into(),
        "publickey ssh-ed25519 ====".into(),
        "publickey ssh-ed25519-cert-v01@openssh.com AAAAIHNzaC1lZDI1NTE5LWNlcnQtdjAxQG9wZW5zc2guY29t".into(),
        "none".into(),
        String::new(),
    ] {
        assert_eq!(count(&text), 0, "{text}");
    }
}
