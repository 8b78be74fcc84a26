//! Whether systemd may run a user manager for a uid: what the drop-in of user@.service asks, and what it does when
//! nobody answers. That systemd obeys is tried in machines/.

use sandbox::Sandbox;

/// The members anna (by list) and mia (by primary group), and the stranger joe.
fn machine() -> Sandbox {
    let sb = Sandbox::new();
    sb.user("anna").group("sftp").add();
    sb.user("joe").add();
    sb.sh("useradd -M -g sftp mia");
    // As systemd reads it: quotes, continuation lines, and doubled signs.
    sb.sh("sed -n \"/^ExecCondition=/,\\$p\" /etc/systemd/system/user@.service.d/50-sftpjail.conf |
        sed 's/^ExecCondition=+//; s/%i/\"$1\"/; s/%%/%/g; s/\\$\\$/$/g' >/root/condition");
    sb
}

/// The exit status for the uid of a user, or what else stands after the @ of user@.service.
fn status(sb: &Sandbox, whom: &str) -> Option<i32> {
    sb.try_sh(&format!("uid=$(id -u {whom} 2>/dev/null) || uid={whom}; sh /root/condition $uid")).code
}

const RUNS: Option<i32> = Some(0);
const SKIPPED: Option<i32> = Some(254);

#[track_caller]
fn only_members_are_skipped(sb: &Sandbox) {
    for (whom, expected) in
        [("root", RUNS), ("joe", RUNS), ("anna", SKIPPED), ("mia", SKIPPED), ("4711", SKIPPED)]
    {
        assert_eq!(status(sb, whom), expected, "{whom}");
    }
}

#[test]
fn members_are_skipped_and_nobody_else() {
    let sb = machine();
    only_members_are_skipped(&sb);
    assert_eq!(sb.try_sh("sh /root/condition anna").code, SKIPPED, "an instance that is a name");
    assert_eq!(sb.try_sh("sh /root/condition root").code, RUNS, "an instance that is root's name");
    // A second name of a member's account, and one of a stranger's that is a member.
    sb.sh("useradd -M -o -u $(id -u anna) -g joe twin; useradd -M -o -u $(id -u joe) -g joe -G sftp jim");
    assert_eq!((status(&sb, "anna"), status(&sb, "joe")), (SKIPPED, SKIPPED));
    sb.sh("gpasswd -d jim sftp");
    assert_eq!(status(&sb, "joe"), RUNS);
}

#[test]
fn with_a_broken_configuration_the_groups_of_the_set_up_count() {
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
        "members are those of the groups that user@.service names, until this is fixed: /etc/sftpjail",
    );
}

#[test]
fn the_groups_of_the_drop_in_count_beside_those_of_the_configuration_it_names() {
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
    for (whom, expected) in expected {
        assert_eq!(status(&sb, whom), expected, "{whom}");
    }
    // A file that is named may not be missing.
    sb.sh("rm /etc/other.toml");
    for (whom, expected) in [("anna", SKIPPED), ("joe", RUNS), ("0", RUNS)] {
        assert_eq!(status(&sb, whom), expected, "{whom}, without the file");
    }

    // The usual one was moved away, and the built-in default knows only sftp.
    sb.sh("sed -i 's,/etc/other.toml sftp,/etc/sftpjail/config.toml vips,' /root/condition");
    for (whom, expected) in [("vip", SKIPPED), ("anna", SKIPPED), ("joe", RUNS)] {
        assert_eq!(status(&sb, whom), expected, "{whom}, by default");
    }
    // Whoever was in the group may be in it still, by another name.
    sb.sh("groupmod -n members vips");
    for (whom, expected) in [("vip", SKIPPED), ("joe", SKIPPED), ("0", RUNS)] {
        assert_eq!(status(&sb, whom), expected, "{whom}, after the group was renamed");
    }
}

#[test]
fn a_name_that_is_listed_and_not_known_is_no_strangers() {
    let sb = machine();
    sb.sh("printf 'b\\303\\050d:x:4712:'$(getent group sftp | cut -d: -f3)'::/:/bin/sh\\n' >>/etc/passwd");
    assert_eq!(status(&sb, "4712"), SKIPPED);
    // Beside one that is.
    sb.sh("printf 'b\\303\\050d:x:'$(id -u joe)':'$(getent group sftp | cut -d: -f3)'::/:/bin/sh\\n' >>/etc/passwd");
    assert_eq!(status(&sb, "joe"), SKIPPED);
}

#[test]
fn nothing_of_the_users_is_around_the_program() {
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
fn without_an_answer_from_nss_there_is_no_manager_but_roots() {
    let sb = machine();
    sb.sh("mv /etc/group /etc/group.away");
    for whom in ["anna", "joe"] {
        assert_eq!(status(&sb, whom), SKIPPED, "{whom}");
    }
    assert_eq!(status(&sb, "0"), RUNS);
    sb.wait_for_log("no user manager for user ");
}

#[test]
fn a_program_that_is_gone_or_cannot_run_takes_it_from_members_only() {
    let sb = machine();
    let program = "/usr/local/sbin/sftpjail";
    sb.sh(&format!("cp {program} /root/sftpjail"));
    for gone in [
        "rm $P",
        "rm $P; mkdir $P",
        "chmod 644 $P",
        // Half of it, another system's, and one of before this verb.
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
    // And nothing can be looked up.
    sb.sh(&format!("rm {program}; sed -i /^sftp:/d /etc/group"));
    assert_eq!((status(&sb, "anna"), status(&sb, "joe"), status(&sb, "0")), (SKIPPED, SKIPPED, RUNS));
}
