//! Members whom sshd lets in by no key and by no password, and others of whom that cannot be known.

use super::faults::{Fault, Machine, failed};
use super::{check, checked, findings, json};
use sandbox::Sandbox;

mod refused_by_pam;

const NEITHER: &str = "mle is jailed but cannot log in: there is neither a password nor a key";

const NO_WAY: [Fault; 13] = [
    // As useradd makes an account, on Red Hat too; and as useradd -p '*' does.
    failed(
        "rm -r /home/mle/.ssh",
        "authentication",
        "there is neither a password nor a key, so mle cannot log in; sshd looks for keys in /home/mle/.ssh/authorized_keys, \
         /home/mle/.ssh/authorized_keys2",
    )
    .in_words(
        "give mle a password (passwd), or put a public key into /home/mle/.ssh/authorized_keys as mle (runuser -u); if nobody \
         should log in as mle, let the account expire (chage -E 0)",
    )
    .concludes(NEITHER),
    // A key in a file for all would let mle in as everybody, and one in a shared home as the other.
    failed("sed -i '1i AuthorizedKeysFile /etc/ssh/all' /etc/ssh/sshd_config", "authentication", "there is neither")
        .in_words("give mle a password (passwd), or let root keep a key for mle (AuthorizedKeysFile")
        .concludes(NEITHER),
    failed("rm -r /home/mle/.ssh; useradd -M -d /home/mle twin", "authentication", "there is neither")
        .in_words("give mle a password (passwd), or let root keep a key for mle (AuthorizedKeysFile")
        .concludes(NEITHER),
    failed("rm -r /home/mle/.ssh; usermod -p '!!' mle", "authentication", "there is neither").in_words("give mle").concludes(NEITHER),
    failed("rm -r /home/mle/.ssh; usermod -p '*' mle", "authentication", "there is neither").in_words("give mle").concludes(NEITHER),
    failed("echo '# none' >/home/mle/.ssh/authorized_keys", "authentication", "there is neither")
        .in_words("give mle")
        .concludes(NEITHER),
    failed("rm -r /home/mle/.ssh; passwd -qd mle", "authentication", "there is no key, and the password is empty")
        .in_words("give mle a password (passwd)")
        .concludes("mle is jailed but cannot log in: there is no key, and the password is empty"),
    failed("rm -r /home/mle/.ssh; usermod -p secret mle", "authentication", "what shadow has as the password is not a hash")
        .in_words("give mle a password (passwd)")
        .concludes("mle is jailed but cannot log in: there is no key, and what shadow has as the password is not a hash"),
    failed(
        "rm -r /home/mle/.ssh; echo mle:pw | chpasswd
         sed -i '1i PasswordAuthentication no\\nKbdInteractiveAuthentication no' /etc/ssh/sshd_config",
        "authentication",
        "there is no key, and sshd asks for no password",
    )
    .in_words("put a public key into /home/mle/.ssh/authorized_keys as mle (runuser -u); if nobody")
    .concludes("mle is jailed but cannot log in: there is no key, and sshd asks for no password"),
    failed("sed -i '1i PubkeyAuthentication no' /etc/ssh/sshd_config", "authentication", "sshd takes no keys")
        .in_words("give mle a password (passwd); if nobody")
        .concludes("mle is jailed but cannot log in: sshd takes no keys, and there is no password"),
    failed(
        "sed -i '1i PubkeyAuthentication no\\nPasswordAuthentication no\\nKbdInteractiveAuthentication no' /etc/ssh/sshd_config
         echo mle:pw | chpasswd",
        "authentication",
        "sshd takes no keys",
    )
    .in_words("let the Match block for mle say PubkeyAuthentication yes or PasswordAuthentication yes; if nobody")
    .concludes("mle is jailed but cannot log in: sshd takes no keys, and sshd asks for no password"),
    failed(
        "sed -i '1i AuthenticationMethods publickey,password publickey,keyboard-interactive:pam' /etc/ssh/sshd_config",
        "authentication",
        "; AuthenticationMethods is \"publickey,password publickey,keyboard-interactive:pam\"",
    )
    .in_words("give mle a password (passwd); if nobody")
    .concludes(
        "mle is jailed but cannot log in: a key is not enough (AuthenticationMethods), and there is no password",
    ),
    failed(
        "sed -i '1i AuthenticationMethods publickey,password' /etc/ssh/sshd_config; echo mle:pw | chpasswd
         rm -r /home/mle/.ssh",
        "authentication",
        "; AuthenticationMethods is \"publickey,password\"",
    )
    .in_words("put a public key into /home/mle/.ssh/authorized_keys")
    .concludes(
        "mle is jailed but cannot log in: there is no key, and a password is not enough (AuthenticationMethods)",
    ),
];

#[test]
fn each_member_with_neither_password_nor_key() {
    let machine = Machine::new();
    machine.each(&NO_WAY);
    // What check says is so.
    for fault in &NO_WAY {
        machine.sb.sh(fault.breaks);
        machine.sb.sftp("mle", "pwd\n").failed();
        for password in ["pw", "secret", ""] {
            machine.sb.login("mle").password(password).sftp("pwd\n").failed();
        }
        machine.sb.stop_sshd();
        machine.restore();
    }
}

/// usermod -L and passwd -l: the admin wants it so, and no monitoring complains.
#[test]
fn a_locked_password_without_a_key_is_meant() {
    let machine = Machine::new();
    let sb = &machine.sb;
    for lock in ["usermod -L mle", "passwd -ql mle"] {
        sb.sh(&format!("rm -r /home/mle/.ssh; echo mle:pw | chpasswd; {lock}"));
        let (found, code, sentence) = machine.concluded();
        let [[check, outcome, _, fix]] = &found[..] else { panic!("{found:#?}") };
        assert_eq!((check.as_str(), outcome.as_str(), code), ("authentication", "failed", 1));
        assert_eq!(sentence, "mle is jailed but cannot log in: there is no key, and the password is locked");
        assert_eq!(fix, "if the user should be able to log in again, then: usermod -U mle");
        let all = checked(sb.try_sh("sftpjail check --all"), 0).stdout;
        assert!(all.ends_with("1 user: 1 is kept out on purpose. The host is ok.\n"), "{all}");
        machine.paste(fix);
        assert_eq!(machine.found(), (vec![], 0));
        sb.login("mle").password("pw").sftp("pwd\n").ok();
        sb.stop_sshd();
        machine.restore();
    }
    // usermod -U takes away the one mark that usermod -L makes, and passwd of Fedora makes two.
    for mark in ["!!", "*"] {
        sb.sh("rm -r /home/mle/.ssh; echo mle:pw | chpasswd");
        sb.sh(&format!("usermod -p \"{mark}$(getent shadow mle | cut -d: -f2)\" mle"));
        let (found, _, sentence) = machine.concluded();
        let [[.., fix]] = &found[..] else { panic!("{found:#?}") };
        assert_eq!(sentence, "mle is jailed but cannot log in: there is no key, and the password is locked");
        let meant =
            "if the user should be able to log in again, unlock the password of mle, or give mle a key";
        assert_eq!(fix, meant, "{mark}");
        machine.restore();
    }
    // What the fix for an account without a password says ends the complaint as well.
    sb.sh("rm -r /home/mle/.ssh; chage -E 0 mle");
    let (found, _, sentence) = machine.concluded();
    assert_eq!(found.len(), 1, "{found:#?}");
    assert_eq!(sentence, "mle is jailed but cannot log in: the account has expired");
    checked(sb.try_sh("sftpjail check --all"), 0);
}

const WITHOUT: &str = "mle is jailed but cannot log in: sshd takes no key from /home/mle/.ssh/authorized_keys, and there is \
                       no password";

/// `$k` is the file.
const NO_KEYS: [Fault; 12] = [
    failed("cp /root/.ssh/id_ed25519 /home/mle/.ssh/authorized_keys", "keys", ": it has a private key")
        .in_words("let mle make a new pair of keys, since a private key is for nobody else to see")
        .concludes(WITHOUT),
    failed(
        "ssh-keygen -e -f /root/.ssh/id_ed25519.pub >/home/mle/.ssh/authorized_keys",
        "keys",
        ": its key is in the format of RFC 4716, which sshd does not read",
    )
    .in_words("put the key into /home/mle/.ssh/authorized_keys as mle (runuser -u), as one line, which ssh-keygen -i makes of that format")
    .concludes(WITHOUT),
    failed(
        "fold -w 40 /root/.ssh/id_ed25519.pub >/home/mle/.ssh/authorized_keys",
        "keys",
        ": no line of it is a whole public key; see line 1",
    )
    .in_words("put each public key into /home/mle/.ssh/authorized_keys as mle (runuser -u), each on a line of its own")
    .concludes(WITHOUT),
    failed(
        "(echo '# mine'; head -c 60 /root/.ssh/id_ed25519.pub) >/home/mle/.ssh/authorized_keys",
        "keys",
        ": no line of it is a whole public key; see line 2",
    )
    .in_words("each on a line of its own")
    .concludes(WITHOUT),
    failed(
        "sed -i '1i PubkeyAcceptedAlgorithms ecdsa-sha2-nistp256' /etc/ssh/sshd_config",
        "keys",
        ": its key has the type ssh-ed25519, which sshd does not accept (PubkeyAcceptedAlgorithms)",
    )
    .in_words("put a key of another type into /home/mle/.ssh/authorized_keys as mle (runuser -u), such as ssh-ed25519")
    .concludes(WITHOUT),
    failed(
        "sed -i 's|^|restrict,from=\"127.0.0.1/8\" |' /home/mle/.ssh/authorized_keys",
        "keys",
        ": sshd does not understand the options of the key in line 1: from=\"127.0.0.1/8\": 127.0.0.1/8 is one address of the \
         network 127.0.0.0/8",
    )
    .in_words(
        "in line 1 of /home/mle/.ssh/authorized_keys as mle (runuser -u), write \"127.0.0.0/8\" for the network, or \"127.0.0.1\" \
         for the address",
    )
    .concludes(WITHOUT),
    failed(
        "sed -i 's|^|restrict,until=\"20991231\" |' /home/mle/.ssh/authorized_keys",
        "keys",
        ": sshd does not understand the options of the key in line 1: until is unknown to sshd",
    )
    .in_words("in line 1 of /home/mle/.ssh/authorized_keys as mle (runuser -u), correct it: sshd(8) lists the options")
    .concludes(WITHOUT),
    failed(
        "sed -i 's|^|expiry-time=\"202001311200\",restrict |' /home/mle/.ssh/authorized_keys",
        "keys",
        ": the key in line 1 has ended, on 2020-01-31 12:00",
    )
    .in_words("if mle should be able to log in again, write a later expiry-time into /home/mle/.ssh/authorized_keys")
    .concludes(WITHOUT),
    failed(
        "rm /home/mle/.ssh/authorized_keys; mkdir /home/mle/.ssh/authorized_keys",
        "keys",
        "/home/mle/.ssh/authorized_keys is not a regular file, so sshd takes no key from it",
    )
    .in_words("find out who made it")
    .concludes(WITHOUT),
    failed(
        "rm /home/mle/.ssh/authorized_keys; mkfifo /home/mle/.ssh/authorized_keys",
        "keys",
        "/home/mle/.ssh/authorized_keys is not a regular file, so sshd takes no key from it",
    )
    .in_words("find out who made it")
    .concludes(WITHOUT),
    // The directory is at fault, not the file.
    failed(
        "chown root:root /home/mle/.ssh; chmod 700 /home/mle/.ssh",
        "keys",
        "mle may not enter /home/mle/.ssh (root:root, mode 0700), so sshd takes no key from a file below it",
    )
    .in_words("let mle own /home/mle/.ssh, or let mle enter it")
    .concludes(WITHOUT),
    failed("chmod 666 /home/mle/.ssh/authorized_keys", "keys", "(mle:mle, mode 0666) must be owned by mle or root")
        .in_words("let nobody but mle write /home/mle/.ssh/authorized_keys")
        .concludes(WITHOUT),
];

#[test]
fn each_file_without_a_key_that_sshd_takes() {
    let machine = Machine::new();
    machine.each(&NO_KEYS);
    for fault in &NO_KEYS {
        machine.sb.sh(fault.breaks);
        machine.sb.sftp("mle", "pwd\n").failed();
        machine.sb.stop_sshd();
        // With a password, it is worth a word.
        machine.sb.sh("echo mle:pw | chpasswd");
        let (found, code, sentence) = machine.concluded();
        assert_eq!((found.len(), code), (1, 0), "{}: {found:#?}", fault.breaks);
        assert_eq!(found[0][1], "warned", "{found:#?}");
        assert_eq!(sentence, "mle is jailed and can log in");
        machine.sb.login("mle").password("pw").sftp("pwd\n").ok();
        machine.sb.stop_sshd();
        machine.restore();
    }
}

/// sshd reads keys as the user, whatever the jail opens.
#[test]
fn keys_below_a_closed_home_of_a_main_account_let_nobody_in() {
    let machine = Machine::new();
    let sb = &machine.sb;
    sb.user("customer").add();
    sb.sh("install -d -o customer -g customer /home/customer/web
        mv /home/mle /home/customer/web/mle; usermod -d /home/customer/web/mle mle");
    for mode in ["700", "750"] {
        sb.sh(&format!("chmod {mode} /home/customer"));
        let (found, code, sentence) = machine.concluded();
        let [[check, outcome, evidence, fix]] = &found[..] else { panic!("{found:#?}") };
        assert_eq!((check.as_str(), outcome.as_str(), code), ("keys", "failed", 1));
        assert_eq!(
            *evidence,
            format!(
                "mle may not enter /home/customer (customer:customer, mode 0{mode}), so sshd takes no key from a file below it"
            )
        );
        assert_eq!(
            fix,
            "keep mle's keys elsewhere (AuthorizedKeysFile .ssh/authorized_keys /etc/sftpjail/keys.d/%u in the Match block, with files that root owns \
             and everybody may read), or let mle enter /home/customer"
        );
        assert_eq!(
            sentence,
            "mle is jailed but cannot log in: sshd takes no key from /home/customer/web/mle/.ssh/authorized_keys, and there is \
             no password"
        );
        sb.sftp("mle", "pwd\n").failed();
        sb.stop_sshd();
    }
    // Where there is no key, none is advised to be put where sshd cannot read it.
    sb.sh("rm -r /home/customer/web/mle/.ssh");
    let (found, _, sentence) = machine.concluded();
    let [[check, _, _, fix]] = &found[..] else { panic!("{found:#?}") };
    assert_eq!((check.as_str(), sentence.as_str()), ("authentication", NEITHER));
    assert!(
        fix.contains("or let root keep a key for mle (AuthorizedKeysFile .ssh/authorized_keys /etc/sftpjail/keys.d/%u in"),
        "{fix}"
    );
    // What is advised works.
    sb.sh("install -d /etc/sftpjail/keys.d; install -m 644 /root/.ssh/id_ed25519.pub /etc/sftpjail/keys.d/mle
        sed -i '/^Match Group sftp/a AuthorizedKeysFile .ssh/authorized_keys /etc/sftpjail/keys.d/%u' /etc/ssh/sshd_config");
    assert_eq!(machine.found(), (vec![], 0));
    sb.sftp("mle", "pwd\n").ok();
}

/// Each may let the user in, as far as can be known from here.
const MAYBE: [&str; 9] = [
    "sed -i '1i AuthorizedKeysCommand /bin/true\\nAuthorizedKeysCommandUser nobody' /etc/ssh/sshd_config",
    "cp /root/.ssh/id_ed25519.pub /etc/ssh/ca; sed -i '1i TrustedUserCAKeys /etc/ssh/ca' /etc/ssh/sshd_config",
    "sed -i '1i HostbasedAuthentication yes' /etc/ssh/sshd_config",
    "sed -i '1i GSSAPIAuthentication yes' /etc/ssh/sshd_config",
    "sed -i '1i KbdInteractiveAuthentication yes' /etc/ssh/sshd_config
     sed -i '1i auth sufficient pam_userdb.so db=/etc/users' /etc/pam.d/sshd",
    "sed -i '1i auth sufficient pam_userdb.so db=/etc/users' /etc/pam.d/sshd",
    // From some addresses only.
    "echo mle:pw | chpasswd; sed -i '1i PasswordAuthentication no\\nKbdInteractiveAuthentication no' /etc/ssh/sshd_config
     printf 'Match Address 10.0.0.0/8\\n    PasswordAuthentication yes\\n' >>/etc/ssh/sshd_config",
    "passwd -qd mle; sed -i '1i PermitEmptyPasswords yes' /etc/ssh/sshd_config",
    // Without an entry in shadow, as in a directory service.
    "sed -i '/^mle:/d' /etc/shadow",
];

#[test]
fn where_another_method_may_let_the_user_in_nothing_is_said() {
    let machine = Machine::new();
    for script in MAYBE {
        machine.sb.sh("rm -r /home/mle/.ssh");
        machine.sb.sh(script);
        let (found, code, sentence) = machine.concluded();
        assert_eq!((found, code), (vec![], 0), "{script}");
        assert_eq!(sentence, "mle is jailed and can log in", "{script}");
        machine.restore();
    }
}

/// A member could plant a symlink for root to write to.
#[test]
fn nobody_is_told_to_put_a_key_where_a_symlink_of_the_users_leads() {
    let machine = Machine::new();
    let sb = &machine.sb;
    sb.sh("rm /home/mle/.ssh/authorized_keys; install -d /etc/open
        : >/etc/open/empty; ln -s /etc/open/empty /home/mle/.ssh/authorized_keys; chown -h mle /home/mle/.ssh/authorized_keys");
    let (found, ..) = machine.concluded();
    let [[check, _, evidence, fix]] = &found[..] else { panic!("{found:#?}") };
    assert_eq!(check, "keys");
    assert_eq!(evidence, "/home/mle/.ssh/authorized_keys leads to /etc/open/empty, and no key is there");
    assert_eq!(fix, "find out who made the symlink, and replace it with a file or directory that mle owns");
    // Nor where other text than a key is.
    sb.sh("ln -sf /etc/passwd /home/mle/.ssh/authorized_keys; chown -h mle /home/mle/.ssh/authorized_keys");
    let (found, ..) = machine.concluded();
    let [[check, _, evidence, fix]] = &found[..] else { panic!("{found:#?}") };
    assert_eq!(check, "keys");
    assert!(evidence.contains("no line of it is a whole public key"), "{evidence}");
    assert_eq!(fix, "find out who made the symlink, and replace it with a file or directory that mle owns");
}

/// Members may have one home, and then one file of keys, which is given to none of them.
#[test]
fn a_file_of_keys_in_a_shared_home_is_for_nobody_alone() {
    let sb: Sandbox = super::machine();
    sb.sh("install -d -m 755 /srv/team /srv/team/.ssh; install -m 600 /root/.ssh/id_ed25519.pub /srv/team/.ssh/authorized_keys
        install -d -o mle /srv/team/uploads; usermod -d /srv/team mle; usermod -d /srv/team joe");
    let fix = |sb: &Sandbox| {
        let document = json(sb, "mle", "problems");
        findings(&document).into_iter().find(|f| f[0] == "keys").expect("a finding")[3].to_owned()
    };
    assert_eq!(fix(&sb), "let mle read it");
    sb.sh("usermod -d /home/joe joe");
    assert_eq!(fix(&sb), "chmod 0644 /srv/team/.ssh/authorized_keys");
    sb.sh("chmod 0644 /srv/team/.ssh/authorized_keys");
    check(&sb, "mle", 0);
    sb.sftp("mle", "pwd\n").ok();
}

#[test]
fn the_key_of_a_member_without_a_home_is_where_root_keeps_it() {
    let sb: Sandbox = super::machine();
    sb.configure(
        "[[profile]]\nname = \"home\"\ngroups = [\"sftp\"]\n[[profile]]\nname = \"portal\"\ngroups = [\"sftp-only\"]\n\
         home = \"none\"\n[[profile.volume]]\nsource = \"/srv/sftp/%u\"\ntarget = \"/uploads\"\n\
         create = { owner = \"%u\", group = \"%g\", mode = \"0750\" }\n",
    );
    sb.sh("groupadd --system sftp-only; mkdir -m 755 /srv/sftp
        sed -i 's/^Match Group sftp/Match Group sftp,sftp-only/' /etc/ssh/sshd_config
        sed -i 's/config.toml sftp/config.toml sftp sftp-only/' /etc/systemd/system/user@.service.d/50-sftpjail.conf
        useradd -g sftp-only -s /usr/sbin/nologin -d /upload/jack jack");
    let document = json(&sb, "jack", "problems");
    let found: Vec<_> = findings(&document).into_iter().filter(|f| f[1] == "failed").collect();
    let [[check, _, evidence, fix]] = &found[..] else { panic!("{found:#?}") };
    assert_eq!(*check, "authentication");
    assert!(
        evidence.starts_with("there is neither a password nor a key, so jack cannot log in"),
        "{evidence}"
    );
    assert!(fix.starts_with("give jack a password (passwd), or let root keep a key for jack (Auth"), "{fix}");
    sb.sh("sed -i '/^Match Group/a\\    AuthorizedKeysFile .ssh/authorized_keys /etc/sftpjail/keys.d/%u' /etc/ssh/sshd_config
        install -d -m 0755 /etc/sftpjail/keys.d; install -m 0644 /root/.ssh/id_ed25519.pub /etc/sftpjail/keys.d/jack");
    json(&sb, "jack", "ok");
    sb.sftp("jack", "put /etc/hostname /uploads/x\n").ok();
    // The others keep theirs.
    sb.sftp("mle", "pwd\n").ok();
}
