//! `sftpjail user-manager`, and the condition of the drop-in, which asks it: who gets a user manager, also when NSS or
//! the program does not answer. machines/ tests that systemd obeys.

use sandbox::Sandbox;

/// The members anna (by member list) and mia (by primary group), and joe, who is in no profile.
fn machine() -> Sandbox {
    let sb = Sandbox::new();
    sb.user("anna").group("sftp").add();
    sb.user("joe").add();
    sb.sh("useradd -M -g sftp mia");
    // The condition as systemd reads it, which joins lines and halves doubled signs.
    sb.sh("sed -n \"/^ExecCondition=/,\\$p\" /etc/systemd/system/user@.service.d/50-sftpjail.conf |
        sed 's/^ExecCondition=+//; s/%i/\"$1\"/; s/%%/%/g; s/\\$\\$/$/g' >/root/condition");
    sb
}

/// The exit status for the uid of a user, or for another instance of user@.service.
fn status(sb: &Sandbox, user: &str) -> Option<i32> {
    sb.try_sh(&format!("uid=$(id -u {user} 2>/dev/null) || uid={user}; sh /root/condition $uid")).code
}

const RUNS: Option<i32> = Some(0);
const SKIPPED: Option<i32> = Some(254);

#[track_caller]
fn only_members_are_skipped(sb: &Sandbox) {
    for (user, expected) in
        [("root", RUNS), ("joe", RUNS), ("anna", SKIPPED), ("mia", SKIPPED), ("4711", SKIPPED)]
    {
        assert_eq!(status(sb, user), expected, "{user}");
    }
}

#[test]
fn members_are_skipped_and_nobody_else() {
    let sb = machine();
    only_members_are_skipped(&sb);
    assert_eq!(sb.try_sh("sh /root/condition anna").code, SKIPPED, "an instance that is a name");
    assert_eq!(sb.try_sh("sh /root/condition root").code, RUNS, "an instance that is root's name");
    // A second name with a member's uid, and a member's name with the uid of a user in no profile.
    sb.sh("useradd -M -o -u $(id -u anna) -g joe twin; useradd -M -o -u $(id -u joe) -g joe -G sftp jim");
    assert_eq!((status(&sb, "anna"), status(&sb, "joe")), (SKIPPED, SKIPPED));
    sb.sh("gpasswd -d jim sftp");
    assert_eq!(status(&sb, "joe"), RUNS);
}

#[test]
fn with_a_broken_configuration_the_groups_of_the_drop_in_count() {
    let sb = machine();
    sb.sh("mkdir /etc/sftpjail");
    sb.write(
        "/etc/sftpjail/config.toml",
        "[[profile]]\nname = \"x\"\ngroups = [\"joe\"]\nhome = \"read-write\"\n",
    );
    assert_eq!(
        (status(&sb, "anna"), status(&sb, "joe")),
        (SKIPPED, SKIPPED),
        "the configuration counts, too"
    );
    sb.write("/etc/sftpjail/config.toml", "jail_root = 1\n");
    only_members_are_skipped(&sb);
    sb.wait_for_log(
        "until this is fixed, members are the users in the groups that user@.service names: /etc/sftpjail",
    );
}

#[test]
fn the_groups_of_the_drop_in_count_as_well_as_those_of_its_configuration() {
    let sb = machine();
    let profile = |group: &str| {
        format!(
            "exempt_groups = [\"admins\"]\n[[profile]]\nname = \"x\"\ngroups = [\"{group}\"]\nhome = \"read-write\"\n"
        )
    };
    sb.sh("groupadd vips; groupadd admins; useradd -M -G vips vip; useradd -M -G sftp,admins eve");
    sb.write("/etc/other.toml", profile("vips"));
    sb.sh("sed -i s,/etc/sftpjail/config.toml,/etc/other.toml, /root/condition");
    let expected =
        [("vip", SKIPPED), ("anna", SKIPPED), ("mia", SKIPPED), ("joe", RUNS), ("eve", RUNS), ("0", RUNS)];
    for (user, expected) in expected {
        assert_eq!(status(&sb, user), expected, "{user}");
    }
    // A configuration that the drop-in names must not be missing.
    sb.sh("rm /etc/other.toml");
    for (user, expected) in [("anna", SKIPPED), ("joe", RUNS), ("0", RUNS)] {
        assert_eq!(status(&sb, user), expected, "{user}, without the file");
    }

    // The usual configuration is missing, and the built-in default knows sftp only.
    sb.sh("sed -i 's,/etc/other.toml sftp,/etc/sftpjail/config.toml vips,' /root/condition");
    for (user, expected) in [("vip", SKIPPED), ("anna", SKIPPED), ("joe", RUNS)] {
        assert_eq!(status(&sb, user), expected, "{user}, by default");
    }
    // The members of the group may still be in it, under another name.
    sb.sh("groupmod -n members vips");
    for (user, expected) in [("vip", SKIPPED), ("joe", SKIPPED), ("0", RUNS)] {
        assert_eq!(status(&sb, user), expected, "{user}, after the group was renamed");
    }
}

#[test]
fn an_account_whose_name_nss_lists_and_does_not_know_gets_no_manager() {
    let sb = machine();
    sb.sh("printf 'b\\303\\050d:x:4712:'$(getent group sftp | cut -d: -f3)'::/:/bin/sh\\n' >>/etc/passwd");
    assert_eq!(status(&sb, "4712"), SKIPPED);
    // With the uid of a known account.
    sb.sh("printf 'b\\303\\050d:x:'$(id -u joe)':'$(getent group sftp | cut -d: -f3)'::/:/bin/sh\\n' >>/etc/passwd");
    assert_eq!(status(&sb, "joe"), SKIPPED);
}

#[test]
fn the_program_gets_none_of_the_users_groups_and_environment() {
    let sb = machine();
    let trace = "strace -e trace=setgroups sftpjail user-manager $(id -u joe) 2>&1";
    assert!(sb.sh(trace).stdout.contains("setgroups(0, "), "{}", sb.sh(trace));
    sb.sh("rm /usr/local/sbin/sftpjail");
    sb.write_mode("/usr/local/sbin/sftpjail", "#!/bin/sh\nenv >/run/environment\n", 0o755);
    let around = "HOME=/home/joe USER=joe SHELL=/bin/bash GCONV_PATH=/home/joe PATH=/home/joe:$PATH";
    assert_eq!(sb.try_sh(&format!("{around} /bin/sh /root/condition $(id -u joe)")).code, RUNS);
    let seen = sb.read_text("/run/environment");
    let mut names: Vec<_> = seen.lines().filter(|line| !line.starts_with("PWD=")).collect();
    names.retain(|line| !line.starts_with("_=") && !line.starts_with("SHLVL="));
    assert_eq!(names, ["PATH=/usr/sbin:/usr/bin:/sbin:/bin"]);
}

#[test]
fn without_an_answer_from_nss_only_root_gets_a_manager() {
    let sb = machine();
    sb.sh("mv /etc/group /etc/group.away");
    for user in ["anna", "joe"] {
        assert_eq!(status(&sb, user), SKIPPED, "{user}");
    }
    assert_eq!(status(&sb, "0"), RUNS);
    sb.wait_for_log("no user manager for user ");
}

#[test]
fn without_a_program_that_runs_only_members_get_no_manager() {
    let sb = machine();
    let program = "/usr/local/sbin/sftpjail";
    sb.sh(&format!("cp {program} /root/sftpjail"));
    for gone in [
        "rm $P",
        "rm $P; mkdir $P",
        "chmod 644 $P",
        // Half of it, another system's, one from before this verb, and one that crashes.
        "rm $P; head -c 4096 /root/sftpjail >$P; chmod 755 $P",
        "rm $P; printf '\\177ELF' >$P; chmod 755 $P",
        "rm $P; printf '#!/bin/sh\\nexit 2\\n' >$P; chmod 755 $P",
        "rm $P; printf '#!/bin/sh\\nkill -SEGV $$\\n' >$P; chmod 755 $P",
    ] {
        sb.sh(&format!("P={program}; {gone}"));
        only_members_are_skipped(&sb);
        assert_eq!(status(&sb, "nobody-at-all"), SKIPPED, "{gone}");
        assert_eq!(
            sb.try_sh("sh /root/condition root").code,
            RUNS,
            "{gone}: an instance that is root's name"
        );
        sb.sh(&format!("rm -rf {program}; install -m 755 /root/sftpjail {program}"));
    }
    // Without the group, nobody can be looked up.
    sb.sh(&format!("rm {program}; sed -i /^sftp:/d /etc/group"));
    assert_eq!((status(&sb, "anna"), status(&sb, "joe"), status(&sb, "0")), (SKIPPED, SKIPPED, RUNS));
}
