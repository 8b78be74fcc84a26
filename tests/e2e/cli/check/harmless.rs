//! No fix hurts anybody: none is a command on a path that a member chose, none takes a directory from its owner, and
//! none changes what its program does not hold.

use super::faults::Machine;
use super::{check, findings, json, machine};
use sandbox::Sandbox;

/// The fixes for what has not passed, in text and in JSON, which must be the same.
#[track_caller]
fn fixes(sb: &Sandbox, user: &str, status: &str) -> Vec<String> {
    let document = json(sb, user, status);
    let fixes: Vec<_> =
        findings(&document).iter().map(|f| f[3].to_owned()).filter(|f| !f.is_empty()).collect();
    let shown = sb.script("sftpjail check -- \"$1\"", &[user], b"").stdout;
    for fix in &fixes {
        assert!(shown.contains(&format!("→ {fix}\n")), "{fix}: {shown}");
    }
    fixes
}

/// Words that begin commands which root would paste.
const COMMANDS: [&str; 6] = ["chown ", "chmod ", "chgrp ", "rm ", "install -d", "sed -i"];

#[test]
fn no_fix_names_a_file_to_which_a_member_planted_a_symlink() {
    let sb = machine();
    sb.sh("install -d -o mle -g mle /home/mle/.ssh; mkdir -m 755 /srv/bob; chown joe /srv/bob
        install -o joe -m 600 /root/.ssh/id_ed25519.pub /srv/bob/keys");
    let shadow = sb.sh("stat -c %U:%G:%a /etc/shadow").stdout;
    let as_mle =
        |script: &str| sb.sh(&format!("setpriv --reuid mle --regid mle --clear-groups sh -c '{script}'"));
    for (plants, leads_to) in [
        ("ln -sf /etc/shadow /home/mle/.ssh/authorized_keys", "/etc/shadow"),
        ("ln -sf /srv/bob/keys /home/mle/.ssh/authorized_keys", "/srv/bob/keys"),
        ("ln -sf ../../../etc/shadow /home/mle/.ssh/authorized_keys", "/etc/shadow"),
        ("rm -r /home/mle/.ssh; ln -s /srv/bob /home/mle/.ssh; ", "/srv/bob"),
    ] {
        as_mle(plants);
        if leads_to == "/srv/bob" {
            sb.sh("install -o mle -m 644 /root/.ssh/id_ed25519.pub /srv/bob/authorized_keys");
        }
        let found = fixes(&sb, "mle", "problems");
        let words = "find out who made the symlink, and replace it with a file or directory that mle owns";
        assert!(found.iter().any(|fix| fix == words), "{plants}: {found:#?}");
        for fix in &found {
            assert!(!fix.contains(leads_to), "{plants}: {fix}");
            assert!(!COMMANDS.iter().any(|command| fix.contains(command)), "{plants}: {fix}");
        }
    }
    assert_eq!(sb.sh("stat -c %U:%G:%a /etc/shadow").stdout, shadow);
}

/// The same for a path that root configured and a member's symlink behind it.
#[test]
fn a_symlink_of_roots_that_leads_into_a_home_makes_no_command() {
    let machine = Machine::new();
    let sb = &machine.sb;
    sb.sh("sed -i '1i AuthorizedKeysFile /etc/ssh/keys/%u' /etc/ssh/sshd_config; mkdir /etc/ssh/keys
        ln -s /home/mle/.ssh/authorized_keys /etc/ssh/keys/mle; ln -sf /etc/shadow /home/mle/.ssh/authorized_keys");
    let (found, _) = machine.found();
    let [[check, outcome, _, fix]] = &found[..] else { panic!("{found:#?}") };
    assert_eq!([check.as_str(), outcome], ["keys", "failed"]);
    assert_eq!(fix, "find out who made the symlink, and replace it with a file or directory that mle owns");
    // A file that is theirs, and to which only root leads.
    sb.sh("rm /etc/ssh/keys/mle; install -m 600 /root/.ssh/id_ed25519.pub /etc/ssh/keys/mle");
    let (found, _) = machine.found();
    assert_eq!(found[0][3], "chmod 0644 /etc/ssh/keys/mle");
    machine.paste(&found[0][3]);
    assert_eq!(machine.found(), (vec![], 0));
    // One that everybody shares is not given to one of them.
    sb.sh("sed -i 's,/etc/ssh/keys/%u,/etc/ssh/all_keys,' /etc/ssh/sshd_config; install -m 600 /root/.ssh/id_ed25519.pub /etc/ssh/all_keys");
    assert_eq!(machine.found().0[0][3], "let mle read it");
}

#[test]
fn the_home_of_a_customer_and_a_web_root_stay_with_their_owner_and_a_volume_is_advised() {
    let sb = machine();
    sb.user("customer").add();
    sb.sh("mkdir -p /var/www/site; chown www-data:www-data /var/www/site");
    sb.sh("echo mle:pw | chpasswd");
    for (home, owner, target) in
        [("/home/customer", "customer", "/customer"), ("/var/www/site", "www-data", "/site")]
    {
        sb.sh(&format!("usermod -d {home} mle"));
        let found: Vec<_> =
            fixes(&sb, "mle", "problems").into_iter().filter(|fix| fix.contains(home)).collect();
        let [fix] = &found[..] else { panic!("not one fix for {home}: {found:#?}") };
        assert!(fix.starts_with(&format!("leave it to {owner}; give mle a home of its own")), "{fix}");
        assert!(fix.contains(&format!("source = \"{home}\" and target = \"{target}\"")), "{fix}");
        assert!(!COMMANDS.iter().any(|command| fix.contains(command)), "{fix}");
    }
    // What is advised works.
    sb.sh("usermod -d /home/mle mle; usermod -aG customer mle; chmod 2770 /home/customer");
    sb.configure(
        "[[profile]]\nname = \"home\"\ngroups = [\"sftp\"]\n\
         [[profile.volume]]\nsource = \"/home/customer\"\ntarget = \"/customer\"\n",
    );
    check(&sb, "mle", 0);
    sb.sftp("mle", "cd /customer\nmkdir made\n").ok();
    assert_eq!(sb.sh("stat -c %U /home/customer; stat -c %U /home/customer/made").stdout, "customer\nmle\n");
}

/// A sub-account's home below another account's home is what the program is for.
#[test]
fn a_home_below_that_of_a_main_account_is_no_warning() {
    let machine = Machine::new();
    let sb = &machine.sb;
    sb.user("customer").add();
    sb.sh("chmod 700 /home/customer; install -d -o customer -g customer /home/customer/web
        mv /home/mle /home/customer/web/mle; usermod -d /home/customer/web/mle mle; echo mle:pw | chpasswd");
    assert_eq!(machine.found(), (vec![], 0));
    let out = check(sb, "mle", 0).stdout;
    for quiet in [
        "✓ home parents   below /home/customer, the home of customer, who can replace it\n",
        "✓ home access    the jail shows /home/customer/web/mle; mle may not enter /home/customer, the home of customer, above it",
    ] {
        assert!(out.contains(quiet), "{out}");
    }
    // Everybody is not the customer.
    sb.sh("chmod 707 /home/customer/web");
    let (found, _) = machine.found();
    let [[_, outcome, evidence, fix]] = &found[..] else { panic!("{found:#?}") };
    assert_eq!(outcome, "warned");
    assert!(
        evidence.ends_with("everybody can replace the home with another directory that mle or root owns"),
        "{evidence}"
    );
    assert!(!COMMANDS.iter().any(|command| fix.contains(command)), "{fix}");
}

#[test]
fn a_missing_source_is_made_as_the_configuration_says() {
    let sb = machine();
    sb.configure(
        "[[profile]]\nname = \"home\"\ngroups = [\"sftp\"]\n[[profile.volume]]\nsource = \"/srv/a/b/%u\"\n\
         target = \"/up\"\ncreate = { owner = \"%u\", group = \"www-data\", mode = \"2750\" }\n",
    );
    let found = fixes(&sb, "mle", "problems");
    let command = "install -d -o mle -g www-data -m 2750 /srv/a/b/mle";
    assert!(found.iter().any(|fix| fix == command), "{found:#?}");
    sb.sh(command);
    let made = sb.sh("stat -c '%U:%G %a' /srv/a /srv/a/b /srv/a/b/mle").stdout;
    assert_eq!(made, "root:root 755\nroot:root 755\nmle:www-data 2750\n");
    check(&sb, "mle", 0);
    sb.sftp("mle", "put /etc/hostname /up/x\n").ok();
}

#[test]
fn a_missing_home_that_others_may_use_is_not_made_by_a_command() {
    let sb = machine();
    sb.sh("usermod -d /srv/team mle");
    let found = fixes(&sb, "mle", "problems");
    let words = "restore it from a backup, or make it with the owner, the group and the mode that it had";
    assert!(found.iter().any(|fix| fix == words), "{found:#?}");
}

#[test]
fn a_group_is_changed_by_a_command_only_where_etc_group_has_it() {
    let machine = Machine::new();
    let sb = &machine.sb;
    sb.sh("mkdir -p /var/lib/extrausers /etc/sftpjail; touch /var/lib/extrausers/passwd
        sed -i 's/^group:.*/group: files extrausers/' /etc/nsswitch.conf
        echo remote:x:7001:mle,ghost >/var/lib/extrausers/group; gpasswd -d mle sftp
        printf '[[profile]]\\nname = \"home\"\\ngroups = [\"remote\"]\\n' >/etc/sftpjail/config.toml
        sed -i 's/^Match Group sftp/Match Group remote,joe/' /etc/ssh/sshd_config");
    let service = "in the service that has it (`group: files extrausers` in /etc/nsswitch.conf)";
    let out = sb.try_sh("sftpjail check --all").stdout;
    assert!(out.contains(&format!("→ remove ghost from the group remote {service}\n")), "{out}");
    assert!(out.contains(&format!("to jail joe: put joe into the group remote {service}\n")), "{out}");
    assert!(!out.contains("gpasswd") && !out.contains("usermod"), "{out}");
}

/// The line is changed where it stands, and nothing else.
#[test]
fn a_wrong_line_of_the_members_block_is_changed_and_not_overruled() {
    let machine = Machine::new();
    let sb = &machine.sb;
    let good = sb.read("/etc/ssh/sshd_config");
    for broken in [
        "s/^    PermitTTY no/    PermitTTY yes/",
        "s/^    ForceCommand .*/    ForceCommand none/",
        "s,/jail/%u,/srv/%u,",
        "s/^UsePAM yes/UsePAM no/",
    ] {
        sb.sh(&format!("sed -i '{broken}' /etc/ssh/sshd_config"));
        let (found, _) = machine.found();
        let fix = &found.iter().find(|f| f[0].starts_with("sshd ")).expect("a finding of sshd's")[3];
        let words = match broken.contains("UsePAM") {
            true => {
                "reload sshd after this and its other fixes, and see that KbdInteractiveAuthentication is no unless PAM may ask for passwords"
            }
            false => "reload sshd after this and its other fixes",
        };
        assert!(fix.starts_with(&format!("{words}: sed -i ")), "{fix}");
        machine.paste(fix);
        assert_eq!(sb.read("/etc/ssh/sshd_config"), good, "{broken}: {fix}");
    }
    // internal-sftp keeps the admin's other options.
    sb.sh("sed -i 's/ internal-sftp.*/ internal-sftp -u 0002 -l QUIET/' /etc/ssh/sshd_config");
    machine.paste(&machine.found().0[0][3]);
    sb.sh("grep -qx '    ForceCommand internal-sftp -u 0002 -l INFO' /etc/ssh/sshd_config");
}

#[test]
fn a_directory_above_the_jail_root_stays_with_its_owner() {
    let sb = machine();
    sb.sh("install -d -o joe /srv/web; install -d -m 700 /srv/web/jail");
    sb.configure("jail_root = \"/srv/web/jail\"\n");
    sb.sh("sed -i 's,/jail/%u,/srv/web/jail/%u,' /etc/ssh/sshd_config");
    let found = fixes(&sb, "mle", "problems");
    assert!(found.iter().any(|fix| fix == "choose another jail_root, or let only root own it"), "{found:#?}");
    assert!(!found.iter().any(|fix| fix.contains("chown")), "{found:#?}");
}
