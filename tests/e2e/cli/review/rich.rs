//! A review of members in every state, with names, notes and comments that do harm where they are not escaped.

use super::{HOSTILE, PROFILES, SK, key, member, review};
use sandbox::Sandbox;
use serde_json::Value;

/// Names that a directory service may give, one of 60 characters.
const NAMES: [&str; 4] =
    ["=cmd|calc", "דנה", "zoë-🦀", "a-very-long-name-that-a-directory-service-has-given-to-somebody"];

const FUTURE: &str = "2099-12-10T18:00:00+01:00";

/// Eleven members: who can log in, is closed in four ways, refused in three, and whose keys are of each kind.
fn machine() -> Sandbox {
    let sb = Sandbox::new();
    sb.install_log_drop_in();
    sb.group("sftp-guest");
    sb.sh(
        "sed -i 's|^Match Group sftp$|Match Group sftp,sftp-guest|; 1i DenyUsers ivan' /etc/ssh/sshd_config",
    );
    sb.configure(PROFILES);
    sb.restart_sshd();
    for name in ["anna", "bert", "dora", "hugo", "ivan"] {
        sb.user(name).group("sftp").add();
    }
    for name in NAMES {
        sb.user(name).raw().group("sftp").add();
    }
    for name in ["anna", "bert", "hugo", "ivan"].iter().chain(&NAMES) {
        sb.script("install -d \"/srv/shared/$1\"", &[name], b"").ok();
    }
    for name in ["felix", "gina"] {
        sb.user(name).group("sftp-guest").add();
    }
    sb.sh("useradd --system web; install -d -o web /srv/site/media /srv/later /srv/old; install -d /etc/sftpjail/grants.d
        chage -E 0 bert; rm -rf /home/dora; echo 'anna:secret' | chpasswd
        cd /root; ssh-keygen -qt rsa -b 3072 -N '' -C rsa -f rsa; ssh-keygen -qt ecdsa -b 521 -N '' -C curve -f ecdsa
        ssh-keygen -qt ed25519 -N '' -C ca -f ca; ssh-keygen -qt ed25519 -N '' -C signed -f signed
        ssh-keygen -qs ca -I id -n anna signed.pub");
    sb.script(
        &format!(
            "cd /home/anna/.ssh; sk=$({SK}); pub=$(cut -d' ' -f1,2 /root/rsa.pub)
            {{ cat /root/ecdsa.pub; echo \"from=\\\"192.0.2.0/24\\\",expiry-time=\\\"20200101\\\" $pub ended\"
              echo \"restrict $pub $1\"; echo \"sk-ssh-ed25519@openssh.com $sk token\"
              echo \"cert-authority,principals=\\\"anna\\\" $(cat /root/ca.pub)\"; cat /root/signed-cert.pub
              echo 'expiry-time=\"soon\" '\"$pub\"; echo 'no key'; }} >> authorized_keys
            touch -d '40 days ago' authorized_keys"
        ),
        &[HOSTILE],
        b"",
    )
    .ok();
    let grant = |folder: &str, more: &str| {
        format!("[[grant]]\nfolder = \"{folder}\"\naccess = \"read-write\"\n{more}\n")
    };
    let note = HOSTILE.replace('"', "\\\"");
    let felix = [
        grant(
            "/srv/site/media",
            &format!("owner = \"web\"\nsince = 2026-01-02T03:04:05Z\nuntil = {FUTURE}\nnote = \"{note}\""),
        ),
        grant("/srv/later", "since = 2099-01-01T00:00:00Z\nfrom = [\"192.0.2.0/24\"]\nnote = \"=2+5\""),
        grant("/srv/old", "until = 2020-12-10T18:00:00Z"),
        grant("/srv/gone", ""),
    ];
    sb.write("/etc/sftpjail/grants.d/gina.toml", grant("/srv/old", "until = 2020-12-10T18:00:00Z"));
    sb.write("/etc/sftpjail/grants.d/anna.toml", grant("/srv/site", "from = [\"192.0.2.0/24\"]"));
    sb.write("/etc/sftpjail/grants.d/hugo.toml", "[[grant]]\nfolder = 7\n");
    sb.write("/etc/sftpjail/grants.d/felix.toml", felix.concat());
    sb.login("anna")
        .option("IdentityFile=/root/ecdsa")
        .option("IdentitiesOnly=yes")
        .sftp("put /etc/hostname x\n")
        .ok();
    sb.wait_for_log("]: session closed for local user anna");
    sb
}

#[test]
fn every_state_and_every_kind_of_key_is_in_every_form() {
    let sb = machine();
    let (document, code) = review(&sb, "");
    assert_eq!(code, Some(1), "the file of hugo cannot be used");
    let states = document["members"].as_array().expect("members").iter();
    let states: Vec<_> =
        states.map(|m| [&m["user"], &m["state"]["kind"]].map(|v| v.as_str().unwrap())).collect();
    let [formula, hebrew, crab, long] = NAMES;
    let expected = [
        [formula, "can-log-in"],
        [long, "can-log-in"],
        ["anna", "can-log-in"],
        ["bert", "closed"],
        ["dora", "refused"],
        ["felix", "refused"],
        ["gina", "closed"],
        ["hugo", "refused"],
        ["ivan", "closed"],
        [crab, "can-log-in"],
        [hebrew, "can-log-in"],
    ];
    assert_eq!(states, expected);

    let anna = member(&document, "anna");
    for (comment, bits, authority, expired) in [
        ("curve", 521, false, false),
        ("ended", 3072, false, true),
        (HOSTILE, 3072, false, false),
        ("token", 256, false, false),
        ("ca", 256, true, false),
    ] {
        let key = key(anna, comment);
        assert_eq!(
            (&key["bits"], &key["authority"], &key["expired"]),
            (&bits.into(), &authority.into(), &expired.into())
        );
        assert_eq!(
            (&key["age_days"], key["last_used"].is_string()),
            (&40.into(), comment == "curve"),
            "{key:#}"
        );
    }
    let unusable: Vec<_> =
        anna["unusable_lines"].as_array().unwrap().iter().map(|line| line.as_str().unwrap()).collect();
    for (line, why) in [
        (7, "it is a certificate"),
        (8, "expiry-time=\"soon\" is no time"),
        (9, "it is not a whole public key"),
    ] {
        assert!(
            unusable.iter().any(|said| said.contains(&format!("authorized_keys:{line}: {why}"))),
            "{unusable:?}"
        );
    }
    let grants = member(&document, "felix")["grants"].as_array().unwrap();
    let standings: Vec<_> = grants.iter().map(|grant| grant["standing"].as_str().unwrap()).collect();
    // The login is refused for the last one, and state says so; nothing is wrong with the first.
    assert_eq!(standings, ["holds", "later", "ended", "holds"], "{document:#}");
    assert_eq!(member(&document, "anna")["grants"][0]["standing"], "depends");

    // Text: a comment cannot pass for what is said of the key.
    let text = sb.try_sh("sftpjail review").stdout;
    for said in [
        "\n              \"</td><script>alert(1)</script>\\\"' onload=x =1+1 <img src=//x>\", not used since",
        "\n  unusable    /home/anna/.ssh/authorized_keys:7: it is a certificate",
        "in /home/anna/.ssh/authorized_keys:2, at least 40 days old (",
        "/srv/site/media, read-write, of web, since 2026-01-02, until 2099-12-10 17:00 (",
        "/srv/later, read-write, BEGINS 2099-01-01 00:00, without end, only from 192.0.2.0/24 (=2+5)",
        "✗ hugo: profile home, refused: ",
    ] {
        assert!(text.contains(said), "{said}: {text}");
    }

    // CSV: one row for each, also for what cannot be used or read.
    let csv = sb.try_sh("sftpjail review --csv").stdout;
    for line in csv.lines() {
        assert!(
            !line.split(',').any(|field| field.trim_matches('"').starts_with(['=', '+', '-', '@'])),
            "{line}"
        );
    }
    let rows = |user: &str, access: &str| {
        let begin = format!("{user},");
        csv.lines().filter(|line| line.starts_with(&begin) && line.split(',').nth(8) == Some(access)).count()
    };
    assert_eq!(
        (rows("anna", "key"), rows("anna", "authority"), rows("anna", "unusable-key")),
        (5, 1, 3),
        "{csv}"
    );
    assert_eq!(csv.lines().filter(|line| line.contains(",problem,")).count(), 1, "{csv}");
    assert!(csv.contains(",later,") && csv.contains("\\x3d2+5"), "{csv}");

    // HTML: all of it, and no more markup than ours.
    sb.try_sh("sftpjail review --html /root/review.html");
    let html = sb.read_text("/root/review.html");
    for (part, count) in
        [("<section ", 11), ("<script", 0), ("<img", 0), ("class=\"today\" x1=", 6), ("alert(1)", 2)]
    {
        assert_eq!(html.matches(part).count(), count, "{part}");
    }
}

/// What cannot be known is said, and never a zero.
#[test]
fn without_logs_nothing_is_said_of_uses() {
    let sb = machine();
    sb.stop_syslog();
    sb.sh("rm -f /var/log/*.log* /var/log/syslog*");
    let (document, code) = review(&sb, "anna");
    assert_eq!(code, Some(1), "{document:#}");
    let anna = member(&document, "anna");
    assert_eq!(
        (&document["logs"]["begin"], &anna["last_login"]),
        (&Value::Null, &Value::Null),
        "{document:#}"
    );
    assert_eq!(
        (&anna["unused"]["days"], &key(anna, "curve")["unused"]["days"]),
        (&Value::Null, &Value::Null)
    );
    assert_eq!(
        (&anna["transfers"], document["logs"]["gaps"].as_u64() > Some(0)),
        (&Value::Null, true),
        "{document:#}"
    );
    let text = sb.try_sh("sftpjail review anna").stdout;
    for said in [
        "last login  no log says when it was used",
        "There are no logs of logins. The log of transfers has gaps, which `sftpjail audit",
        "! there is no log of logins: neither auth.log, secure nor a journal",
    ] {
        assert!(text.contains(said), "{said}: {text}");
    }
    let csv = sb.try_sh("sftpjail review --csv").stdout;
    assert!(
        csv.lines()
            .any(|line| line.starts_with(",,,,,,,,problem,") && line.contains("there is no log of logins"))
    );
}
