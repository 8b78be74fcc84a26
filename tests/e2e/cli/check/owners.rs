//! No pasted fix takes something from its owner, opens a directory to others, or lets in whom the admin has kept out.

use super::faults::Machine;
use super::{findings, json, machine};
use sandbox::Sandbox;

/// The fix of the finding of `check` that has not passed.
#[track_caller]
fn fix(sb: &Sandbox, status: &str, check: &str) -> String {
    let document = json(sb, "mle", status);
    let found = findings(&document);
    let found = found.iter().find(|f| f[0] == check && f[1] != "passed");
    found.unwrap_or_else(|| panic!("no {check}: {document:#}"))[3].to_owned()
}

/// A web root, a directory that another user's name stands for, and a home whose group is everybody's.
#[test]
fn a_home_that_root_owns_is_opened_only_if_it_is_plainly_the_users() {
    let machine = Machine::new();
    let enter = "let mle enter it";
    let own = "chown -h mle /home/mle && chmod u+rwx /home/mle";
    for (script, opened, advice) in [
        ("install -d -m 700 /srv/www; usermod -d /srv/www mle", "/srv/www", enter),
        ("install -d -g www-data -m 2770 /srv/mle; usermod -d /srv/mle mle", "/srv/mle", enter),
        ("usermod -g users mle; chown root:root /home/mle; chmod 700 /home/mle", "/home/mle", own),
        ("usermod -aG mle joe; chown root:root /home/mle; chmod 700 /home/mle", "/home/mle", own),
        (
            "chown root:root /home/mle; chmod 700 /home/mle; usermod -d /home/mle/joe joe; mkdir /home/mle/joe",
            "/home/mle",
            "see that joe is a sub-account of mle's, then: chown -h mle /home/mle && chmod u+rwx /home/mle",
        ),
    ] {
        let state = format!("stat -c '%U:%G %a' {opened}");
        machine.sb.sh(script);
        let before = machine.sb.sh(&state).stdout;
        assert_eq!(fix(&machine.sb, "problems", "rehearsal"), advice, "{script}");
        assert_eq!(machine.sb.sh(&state).stdout, before, "{script}");
        machine.restore();
    }
}

/// In a read-only profile, a user has to enter the home only: root stays its owner, and its group must be nobody
/// else's.
#[test]
fn a_home_to_be_read_is_opened_to_a_group_only_if_that_is_the_users_alone() {
    let machine = Machine::new();
    let sb = &machine.sb;
    sb.configure("[[profile]]\nname = \"home\"\ngroups = [\"sftp\"]\nhome = \"read-only\"\n");
    let gid = sb.sh("id -g mle").stdout.trim().to_owned();
    let own = format!("chgrp {gid} /home/mle && chmod g+rx /home/mle");
    let closed = "chown root:root /home/mle; chmod 700 /home/mle";
    for (script, advice) in [
        ("true", own.as_str()),
        ("usermod -g users mle", "let mle enter it"),
        ("usermod -aG mle joe", "let mle enter it"),
        // NSS may have members of the group that it does not list.
        ("sed -i 's/^group:.*/group: files sss/' /etc/nsswitch.conf", "let mle enter it"),
    ] {
        sb.sh(&format!("{script}; {closed}"));
        assert_eq!(fix(sb, "problems", "rehearsal"), advice, "{script}");
        machine.restore();
        sb.configure("[[profile]]\nname = \"home\"\ngroups = [\"sftp\"]\nhome = \"read-only\"\n");
    }
    sb.sh(&format!("{closed}; {own}"));
    assert_eq!(machine.found(), (vec![], 0));
    assert_eq!(sb.sh("stat -c '%U:%G %a' /home/mle").stdout, "root:mle 750\n");
}

#[test]
fn a_home_that_holds_the_homes_of_others_is_a_warning_unless_the_user_owns_it() {
    let machine = Machine::new();
    let sb = &machine.sb;
    for user in ["web", "shop"] {
        sb.user(user).add();
    }
    sb.sh("usermod -d /home mle; echo mle:pw | chpasswd");
    let (found, code) = machine.found();
    let [[check, outcome, evidence, fix]] = &found[..] else { panic!("{found:#?}") };
    assert_eq!([check.as_str(), outcome], ["other homes", "warned"]);
    assert_eq!(code, 0);
    assert_eq!(
        evidence,
        "/home (root:root, mode 0755) holds the homes of joe, shop, web: the jail has all of it, and mle can do \
         there what the modes allow"
    );
    assert_eq!(fix, "unless mle is meant to reach all of that, give mle a home of its own (usermod -d)");
    let all = sb.try_sh("sftpjail check --all").stdout;
    assert!(all.contains("! other homes    /home (root:root, mode 0755) holds the homes of "), "{all}");
    // The main account of a hosting customer, and a home that several members share.
    for quiet in [
        "usermod -d /home/mle mle; usermod -d /home/mle/web web; install -d -o web /home/mle/web",
        "usermod -d /srv/team mle; usermod -d /srv/team joe; install -d -g sftp -m 2775 /srv/team",
    ] {
        sb.sh(quiet);
        assert_eq!(machine.found(), (vec![], 0), "{quiet}");
    }
}

#[test]
fn a_file_of_keys_that_all_users_share_is_given_to_nobody() {
    let machine = Machine::new();
    let sb = &machine.sb;
    // As a component, and as the name of the file.
    for shared in ["/etc/ssh/mle/all", "/etc/ssh/keys/mle", "/etc/ssh/%%u/mle"] {
        sb.sh(&format!("sed -i '1i AuthorizedKeysFile {shared}' /etc/ssh/sshd_config"));
        let file = shared.replace("%%", "%");
        sb.sh(&format!("mkdir -p $(dirname {file}); install -m 600 /root/.ssh/id_ed25519.pub {file}"));
        assert_eq!(fix(sb, "problems", "keys"), "let mle read it", "{shared}");
        machine.restore();
    }
}

/// A key of a stranger's may be in the file: sshd would take it.
#[test]
fn a_file_of_keys_that_somebody_else_owns_is_looked_at_first() {
    let machine = Machine::new();
    let sb = &machine.sb;
    sb.sh("mkdir /etc/ssh/keys; cp /home/mle/.ssh/authorized_keys /etc/ssh/keys/mle
        sed -i '1i AuthorizedKeysFile /etc/ssh/keys/%u' /etc/ssh/sshd_config");
    let look = |who: &str| format!("look at what is in it, because {who} could have put keys there");
    let own = "chown root /etc/ssh/keys/mle && chmod 0644 /etc/ssh/keys/mle";
    for (modes, who, command) in [
        ("chown joe $1; chmod 644 $1", "joe", own),
        ("chown joe $1; chmod 600 $1", "joe", own),
        ("chown root:joe $1; chmod 664 $1", "others", "chmod go-w /etc/ssh/keys/mle"),
        ("chown root $1; chmod 600 $1", "", "chmod 0644 /etc/ssh/keys/mle"),
        ("chown mle $1; chmod 200 $1", "", "chmod u+r /etc/ssh/keys/mle"),
    ] {
        sb.script(modes, &["/etc/ssh/keys/mle"], b"").ok();
        let shown = fix(sb, "problems", "keys");
        match who {
            "" => assert_eq!(shown, command, "{modes}"),
            who => assert_eq!(shown, format!("{}, then: {command}", look(who)), "{modes}"),
        }
        sb.sh(command);
        assert_eq!(machine.found(), (vec![], 0), "{modes}");
    }
    // Who can write the directory can replace the file.
    sb.sh("chmod 1777 /etc/ssh/keys");
    let shown = fix(sb, "problems", "keys");
    let words =
        format!("if nobody else is meant to write there, {}, then: chmod go-w /etc/ssh/keys", look("others"));
    assert_eq!(shown, words);
    // In the home, where a user could have put a symlink meanwhile.
    machine.restore();
    sb.sh("chown joe /home/mle/.ssh/authorized_keys; chmod 644 /home/mle/.ssh/authorized_keys");
    let shown = fix(sb, "problems", "keys");
    assert!(shown.starts_with(&format!("{}, then let mle own ", look("joe"))), "{shown}");
}

#[test]
fn an_account_that_was_closed_is_reopened_by_no_bare_command() {
    let machine = Machine::new();
    let sb = &machine.sb;
    let first = "if the user should be able to log in again, then: ";
    for (closes, evidence, command) in [
        ("chage -E 0 mle", "the account was closed (its expiry date is 1970-01-01)", "chage -E -1 mle"),
        ("usermod -e 1 mle", "the account was closed (its expiry date is 1970-01-02)", "chage -E -1 mle"),
        (
            "chage -d 0 mle",
            "the password must be changed at the next login, which SFTP cannot do",
            "chage -d \"$(date +%F)\" mle",
        ),
    ] {
        sb.sh(closes);
        let (found, _) = machine.found();
        let [[_, _, shown, fix]] = &found[..] else { panic!("{found:#?}") };
        assert_eq!((shown.as_str(), fix), (evidence, &format!("{first}{command}")), "{closes}");
        machine.restore();
    }
}

/// The setting for which sshd looks at the password at all has a finding of its own.
#[test]
fn a_locked_password_is_unlocked_by_no_command() {
    let machine = Machine::new();
    for locked in ["usermod -p '!' mle", "echo mle:pw | chpasswd; usermod -L mle"] {
        machine.sb.sh(&format!("sed -i 's/^UsePAM yes/UsePAM no/' /etc/ssh/sshd_config; {locked}"));
        assert_eq!(
            fix(&machine.sb, "problems", "shadow"),
            "let sshd_config say UsePAM yes, as members need it: then the password may stay locked, and a key can log in"
        );
        machine.paste(&fix(&machine.sb, "problems", "sshd pam"));
        assert_eq!(machine.found(), (vec![], 0), "{locked}");
        machine.restore();
    }
}

#[test]
fn a_shell_is_not_added_to_those_of_all_services_without_a_word() {
    let machine = Machine::new();
    machine.sb.sh("sed -i '1i auth required pam_shells.so' /etc/pam.d/sshd; sed -i '/nologin/d' /etc/shells");
    let shown = fix(&machine.sb, "problems", "shell");
    let (words, command) = shown.split_once(": ").expect("words before the command");
    assert_eq!(
        words,
        "if every account with this shell may also use the other services that ask pam_shells, such as FTP"
    );
    machine.sb.sh(command);
    assert_eq!(machine.found(), (vec![], 0));
}

#[test]
fn a_home_that_another_account_owns_may_be_meant_for_that_account() {
    let sb = machine();
    sb.sh("chown joe /home/mle");
    assert_eq!(
        fix(&sb, "problems", "home owner"),
        "if it is not meant to be joe's, then: chown -h mle /home/mle"
    );
    // Nobody has that uid.
    sb.sh("chown 4711 /home/mle");
    assert_eq!(fix(&sb, "problems", "home owner"), "chown -h mle /home/mle");
}

/// Who made a symlink chose where it leads.
#[test]
fn the_target_of_a_symlink_is_advised_as_the_home_only_if_root_made_it() {
    let sb = machine();
    sb.sh("mv /home/mle /srv/mle; mkdir -m 777 /home/open");
    let who = "find out who made the symlink, and replace it with a directory that mle owns";
    let roots = "give the account the link's target as its home (usermod -d)";
    for (link, made, advice) in [
        ("/home/mle", "ln -s /srv/mle /home/mle", roots),
        ("/home/mle", "chown -h joe /home/mle", who),
        ("/home/open/mle", "ln -s /srv/mle /home/open/mle; usermod -d /home/open/mle mle", who),
    ] {
        sb.sh(made);
        assert_eq!(fix(&sb, "problems", "home path"), advice, "{link}: {made}");
    }
}

/// Whoever owns or writes the directory may have it for something else, if jail_root names it by mistake.
#[test]
fn a_jail_root_is_taken_from_nobody_without_a_word() {
    let sb = machine();
    sb.configure("jail_root = \"/srv/customers\"\n");
    sb.sh("sed -i 's,/jail/%u,/srv/customers/%u,' /etc/ssh/sshd_config");
    for (made, command) in [
        ("install -d -o joe /srv/customers", "chown root /srv/customers"),
        ("chown root:joe /srv/customers; chmod 2775 /srv/customers", "chmod go-w /srv/customers"),
    ] {
        sb.sh(made);
        let shown = fix(&sb, "problems", "jail root");
        assert_eq!(shown, format!("if it is only for jails, then: {command}"), "{made}");
    }
}

/// A session of another time may need it: somebody mounted it on purpose.
#[test]
fn an_entry_of_fstab_is_commented_out_only_if_nobody_needs_it() {
    let machine = Machine::new();
    machine.sb.sh("echo /srv/files /jail/mle/files none bind 0 0 >>/etc/fstab");
    assert_eq!(
        fix(&machine.sb, "problems", "fstab"),
        "if nobody needs that mount: sed -i '/^\\/srv\\/files \\/jail\\/mle\\/files none bind 0 0$/s/^/#/' /etc/fstab"
    );
}

#[test]
fn a_user_whom_sshd_is_told_to_refuse_is_let_in_only_if_the_admin_wants_it() {
    let machine = Machine::new();
    for (line, what) in [
        ("DenyUsers mle", "remove from DenyUsers what matches the user"),
        ("DenyGroups sftp", "remove from DenyGroups what matches the user"),
        ("AllowUsers joe", "add the user to AllowUsers"),
        ("AllowUsers root joe", "add the user to AllowUsers"),
        ("AllowGroups joe", "add a group of the user's to AllowGroups"),
    ] {
        machine.sb.sh(&format!("sed -i '1i {line}' /etc/ssh/sshd_config"));
        let (found, _) = machine.found();
        let [[check, _, evidence, shown]] = &found[..] else { panic!("{line}: {found:#?}") };
        assert_eq!(check, "sshd access");
        let (keyword, patterns) = line.split_once(' ').unwrap();
        let patterns = patterns.replace(' ', ", ");
        assert_eq!(
            *evidence,
            format!("{keyword} is {patterns}, which keeps the user out (/etc/ssh/sshd_config:1)")
        );
        assert_eq!(
            *shown,
            format!(
                "if the user should be able to log in: {what}; reload sshd after this and its other fixes"
            )
        );
        machine.restore();
    }
}

/// What a customer's home holds is the customer's, and so are the homes of the sub-accounts in it.
#[test]
fn a_main_accounts_home_that_root_owns_is_given_back_and_the_account_stays_in_it() {
    let machine = Machine::new();
    let sb = &machine.sb;
    sb.user("mle-sub").group("sftp").home("/home/mle/sub").add();
    sb.sh("chown mle:mle /home/mle; chmod 711 /home/mle; echo mle:pw | chpasswd");
    assert_eq!(machine.found(), (vec![], 0));
    for (taken, modes) in [("chmod 700", "700"), ("chmod 755", "755"), ("chmod 500", "700")] {
        sb.sh(&format!("chown root:root /home/mle; {taken} /home/mle"));
        let back = "see that mle-sub is a sub-account of mle's, then: chown -h mle /home/mle && chmod u+rwx /home/mle";
        if taken != "chmod 755" {
            let (found, _) = machine.found();
            let [[check, _, _, shown]] = &found[..] else { panic!("{found:#?}") };
            assert_eq!((check.as_str(), shown.as_str()), ("rehearsal", back), "{taken}");
        }
        let probe = sb.try_sh("sftpjail probe mle").stdout;
        assert!(!probe.contains("usermod"), "{probe}");
        sb.sh(back.split_once(": ").expect("words").1);
        assert_eq!(machine.found(), (vec![], 0), "{taken}");
        assert_eq!(sb.sh("stat -c '%U:%G %a' /home/mle").stdout, format!("mle:root {modes}\n"));
        sb.sh("chown mle:mle /home/mle; chmod 711 /home/mle");
    }
    // The homes of others in it say by their names whose it is.
    sb.sh("usermod -d /srv/hosting/k17 mle; usermod -d /srv/hosting/k17/sub mle-sub
        mkdir -p /srv/hosting; mv /home/mle /srv/hosting/k17; chown root:root /srv/hosting/k17; chmod 700 /srv/hosting/k17");
    let shown = fix(sb, "problems", "rehearsal");
    assert!(
        shown.ends_with("then: chown -h mle /srv/hosting/k17 && chmod u+rwx /srv/hosting/k17"),
        "{shown}"
    );
}

/// The entries of sub-accounts may spell the directory in another way than the disk.
#[test]
fn the_homes_of_others_are_seen_by_both_spellings_of_the_directory_above() {
    let machine = Machine::new();
    let sb = &machine.sb;
    sb.user("mle-sub").group("sftp").home("/home/mle/sub").add();
    sb.sh("mkdir /srv/real; ln -s /srv/real /srv/hosting; mv /home/mle /srv/real/mle; usermod -d /srv/hosting/mle mle
        chown root:root /srv/real/mle; chmod 755 /srv/real/mle");
    let first = "see that mle-sub is a sub-account of mle's, then: ";
    for above in ["/srv/hosting", "/srv/real"] {
        sb.sh(&format!("usermod -d {above}/mle/sub mle-sub"));
        let shown = fix(sb, "problems", "write");
        assert!(shown.starts_with(first), "{above}: {shown}");
        let probe = sb.try_sh("sftpjail probe mle").stdout;
        assert!(probe.contains(&format!("→ {first}chown -h mle ")), "{above}: {probe}");
    }
}
