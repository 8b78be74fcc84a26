//! Members who can log in and cannot write: `sftpjail check` says so, and `probe` agrees.

use super::faults::{Fault, Machine, failed};
use sandbox::Sandbox;

const CANNOT: &str = "mle is jailed and can log in, but cannot write /home/mle";

const HOME: [Fault; 6] = [
    // The most common complaint of all.
    failed(
        "chown root:root /home/mle; chmod 755 /home/mle",
        "write",
        "mle cannot write /home/mle (root:root, mode 0755), nor a directory in it (hidden ones aside)",
    )
    .concludes(CANNOT),
    failed(
        "chown root:root /home/mle; chmod 755 /home/mle; mkdir -m 755 /home/mle/www",
        "write",
        "nor a directory in it (hidden ones aside)",
    )
    .concludes(CANNOT),
    failed(
        "chmod 555 /home/mle",
        "write",
        "mle cannot write /home/mle (mle:mle, mode 0555), nor a directory in it (hidden ones aside)",
    )
    .concludes(CANNOT),
    failed("chown root:joe /home/mle; chmod 755 /home/mle", "write", "(root:joe, mode 0755), nor")
        .concludes(CANNOT)
        .in_words(
            "let mle write /home/mle on the host, or a directory in it; if it is meant to be so, say home = \
             \"read-only\" in the profile home",
        ),
    // Nobody but the user can have made what the symlink leads to, and it is not in the home.
    failed(
        "mkdir /srv/own; chown mle /srv/own; ln -s /srv/own /home/mle/link; chown root:root /home/mle
         chmod 755 /home/mle",
        "write",
        "nor a directory in it (hidden ones aside)",
    )
    .concludes(CANNOT),
    failed(
        "chown root /home/mle",
        "write",
        "mle cannot write /home/mle (root:mle, mode 0750), nor a directory in it (hidden ones aside)",
    )
    .concludes(CANNOT),
];

#[test]
fn a_home_that_its_modes_do_not_let_the_user_write() {
    let machine = Machine::new();
    machine.each(&HOME);
    machine.sb.sh("chown root:root /home/mle; chmod 755 /home/mle");
    let out = machine.sb.try_sh("sftpjail check mle").stdout;
    assert!(out.contains("  /home/mle  ← the home, which the user cannot write\n"), "{out}");
    assert!(out.ends_with("\nmle is jailed and can log in, but cannot write /home/mle.\n"), "{out}");
    let all = machine.sb.try_sh("sftpjail check --all");
    assert!(
        all.stdout.ends_with("\n1 user: 1 is jailed and can log in, but not work. The host is ok.\n"),
        "{all}"
    );
    assert_eq!(all.code, Some(1));
    let probe = machine.sb.try_sh("sftpjail probe mle").stdout;
    let fix =
        |out: &str| out.lines().skip_while(|line| !line.starts_with("✗ write ")).nth(1).map(str::to_owned);
    assert_eq!(fix(&probe), fix(&out), "{probe}");
    assert!(
        fix(&out).is_some_and(|fix| fix.ends_with("→ chown -h mle /home/mle && chmod u+rwx /home/mle")),
        "{out}"
    );
}

/// The line of `check` about writing.
fn line(sb: &Sandbox) -> Option<String> {
    let out = sb.try_sh("sftpjail check mle").stdout;
    out.lines().find(|line| line[line.len().min(4)..].starts_with("write  ")).map(str::to_owned)
}

/// As ChrootDirectory wants a home, and as many hosts have it since.
#[test]
fn a_home_of_roots_with_a_directory_that_the_user_can_write_is_a_portal() {
    let machine = Machine::new();
    let sb = &machine.sb;
    sb.sh(
        "install -d -o mle /home/mle/uploads /home/mle/.cache; chown root /home/mle; mkdir /home/mle/archive",
    );
    // Also where the user cannot list the home, of which clients complain.
    for (mode, is_listed) in [("755", true), ("711", false)] {
        sb.sh(&format!("chmod {mode} /home/mle"));
        assert_eq!(
            line(sb).as_deref(),
            Some("✓ write          mle cannot write /home/mle, but can write uploads in it")
        );
        let out = sb.try_sh("sftpjail check mle").stdout;
        let probe = sb.try_sh("sftpjail probe mle").stdout;
        assert!(
            probe.contains("✓ write          /home/mle/uploads: a file is written, read and removed\n"),
            "{probe}"
        );
        let last = |what: &str| format!("\nmle is jailed and can log in{what}.\n");
        if is_listed {
            assert_eq!(machine.found(), (vec![], 0));
            assert!(
                out.ends_with(&last("")) && probe.contains("\nmle is jailed and can log in.\n"),
                "{out}{probe}"
            );
        } else {
            assert!(out.ends_with(&last(", but cannot list /home/mle")), "{out}");
            assert!(probe.ends_with(&last(", but cannot list the directory")), "{probe}");
            let (found, status) = machine.found();
            let [[check, _, evidence, fix]] = &found[..] else { panic!("{found:#?}") };
            assert_eq!((check.as_str(), status), ("list", 1));
            assert_eq!(
                evidence,
                "mle cannot list /home/mle (root:mle, mode 0711), in which the session begins: Permission denied"
            );
            sb.sh(fix);
            assert_eq!(machine.found(), (vec![], 0));
        }
    }
    // What a program has made is no place for uploads.
    sb.sh("rmdir /home/mle/uploads");
    assert!(line(sb).is_some_and(|line| line.starts_with('✗')));
    // Nor are so many entries looked at that one has to wait for them.
    sb.sh("cd /home/mle; seq 2000 | xargs touch");
    assert!(
        line(sb).is_some_and(|line| line.ends_with("nor any of the first directories in it")),
        "{:?}",
        line(sb)
    );
    // One of the others may be meant for uploads, so no command makes the user the owner.
    let (found, _) = machine.found();
    let [[.., fix]] = &found[..] else { panic!("{found:#?}") };
    assert!(fix.starts_with("let mle write /home/mle on the host, or a directory in it; "), "{fix}");
    let probe = sb.try_sh("sftpjail probe mle").stdout;
    assert!(probe.contains("→ let the user write /home/mle on the host, or a directory in it\n"), "{probe}");
    sb.configure("[[profile]]\nname = \"home\"\ngroups = [\"sftp\"]\nhome = \"read-only\"\n");
    assert_eq!((line(sb), machine.found()), (None, (vec![], 0)));
}

/// A portal has no files of the user's beside its directories: the user could make none there.
#[test]
fn a_home_that_root_has_taken_with_files_of_the_users_is_given_back() {
    let machine = Machine::new();
    let sb = &machine.sb;
    let setup =
        "install -d -o mle /home/mle/docs /home/mle/a /home/mle/b /home/mle/c; echo x >/home/mle/notes.txt
                 chown mle /home/mle/notes.txt";
    for root in ["root", "root:root"] {
        sb.sh(&format!("{setup}; chown {root} /home/mle; chmod 755 /home/mle"));
        let (found, status) = machine.found();
        let [[check, outcome, evidence, fix]] = &found[..] else { panic!("{found:#?}") };
        assert_eq!((check.as_str(), outcome.as_str(), status), ("write", "warned", 0));
        let group = if root == "root" { "mle" } else { "root" };
        let end = format!(
            " in /home/mle, and not /home/mle itself (root:{group}, mode 0755), though notes.txt there is a file of mle's"
        );
        assert!(evidence.starts_with("mle can write ") && evidence.ends_with(&end), "{evidence}");
        let command = fix.strip_prefix("unless root is meant to own the home: ").expect("words");
        assert_eq!(command, "chown -h mle /home/mle && chmod u+rwx /home/mle");
        sb.sh(command);
        assert_eq!(machine.found(), (vec![], 0));
    }
    // Files of root's, hidden ones, and those of a web server are as in a portal or a web root.
    sb.sh("chown root:root /home/mle; chmod 755 /home/mle; chown root /home/mle/notes.txt; touch /home/mle/.seen
           chown mle /home/mle/.seen; touch /home/mle/index.html; chown nobody /home/mle/index.html");
    assert_eq!(machine.found(), (vec![], 0));
    // Another group has been given it: the home is of a team or of a web server.
    sb.sh("chown mle /home/mle/notes.txt; chgrp joe /home/mle");
    assert_eq!(machine.found(), (vec![], 0));
}

#[test]
fn a_home_on_a_filesystem_that_is_read_only_and_one_with_an_attribute() {
    let machine = Machine::new();
    let sb = &machine.sb;
    let found = || {
        let (found, status) = machine.found();
        let [[check, outcome, evidence, fix]] = &found[..] else { panic!("{found:#?}") };
        assert_eq!((check.as_str(), outcome.as_str(), status), ("write", "failed", 1));
        (evidence.clone(), fix.clone())
    };
    sb.sh("mount -t tmpfs none /mnt; mkdir /mnt/mle; cp -a /home/mle/. /mnt/mle
           chown mle:mle /mnt/mle; chmod 750 /mnt/mle
           usermod -d /mnt/mle mle; mount -o remount,ro /mnt");
    let (evidence, fix) = found();
    assert_eq!(evidence, "mle cannot write /mnt/mle: the mount at /mnt is read-only");
    assert!(
        fix.starts_with("make the mount at /mnt writable; where it has become read-only by itself"),
        "{fix}"
    );
    sb.sh("mount -o remount,rw /mnt; chattr +i /mnt/mle");
    let (evidence, fix) = found();
    assert_eq!(
        evidence,
        "mle cannot write /mnt/mle: an attribute of /mnt/mle forbids it, whatever its modes are"
    );
    assert!(fix.contains("lsattr -d /mnt/mle"), "{fix}");
    sb.sh("chattr -i /mnt/mle");
    assert_eq!(machine.found(), (vec![], 0));
}

#[test]
fn a_volume_that_the_user_cannot_write_unless_it_is_meant_to_be_read() {
    let machine = Machine::new();
    let sb = &machine.sb;
    let configure = |volume: &str| {
        sb.configure(&format!(
            "[[profile]]\nname = \"home\"\ngroups = [\"sftp\"]\n[[profile.volume]]\nsource = \"/srv/up\"\n{volume}\n"
        ));
    };
    let fix = "let mle write /srv/up on the host, or a directory in it; if it is meant to be so, say read_only = \
               true for the volume";
    let evidence = |modes: &str, at: &str| {
        format!(
            "mle cannot write the volume {at}, which is /srv/up on the host ({modes}), nor a directory in it (hidden ones aside)"
        )
    };
    // Below the home, a volume appears where the home has a directory.
    sb.sh("install -d -o mle /home/mle/deep /home/mle/deep/up");
    for at in ["/up", "/home/mle/deep/up"] {
        configure(&format!("target = \"{at}\""));
        for (made, modes) in [
            ("install -d -m 755 /srv/up", "root:root, mode 0755"),
            ("install -d -o joe -m 755 /srv/up", "joe:root, mode 0755"),
            ("install -d -g mle -m 725 /srv/up", "root:mle, mode 0725"),
        ] {
            sb.sh(made);
            let expected = ["write", "failed", &evidence(modes, at), fix].map(str::to_owned);
            assert_eq!(machine.found(), (vec![expected], 1), "{made}");
            let out = sb.try_sh("sftpjail check mle").stdout;
            assert!(
                out.ends_with(&format!("\nmle is jailed and can log in, but cannot write {at}.\n")),
                "{out}"
            );
            sb.sh("rmdir /srv/up");
        }
        sb.sh("install -d -m 755 /srv/up; install -d -o mle /srv/up/mle /srv/up/joe");
        assert_eq!(machine.found(), (vec![], 0));
        assert!(
            line(sb).is_some_and(|line| line.ends_with(&format!(
                "the volume {at}, which is /srv/up on the host, but can write joe, mle in it"
            ))),
            "{:?}",
            line(sb)
        );
        sb.sh("rmdir /srv/up/* /srv/up; install -d -m 755 /srv/up");
        configure(&format!("target = \"{at}\"\nread_only = true"));
        assert_eq!((line(sb), machine.found()), (None, (vec![], 0)));
        sb.sh("rmdir /srv/up");
    }
    // What the rehearsal has in the place of a missing one has its owner and mode.
    configure("target = \"/up\"\ncreate = { owner = \"root\", group = \"root\", mode = \"0755\" }");
    let evidence = "mle cannot write the volume /up, which the first login makes as /srv/up on the host, nor a \
                    directory in it (hidden ones aside)";
    let fix = "give its `create` in the configuration an owner, a group or a mode that lets the user write it; if it is \
               meant to be so, say read_only = true for the volume";
    assert_eq!(machine.found(), (vec![["write", "failed", evidence, fix].map(str::to_owned)], 1));
    // Closed by an admin, with something in it, it stays as it is.
    sb.sh("mkdir -m 0 /srv/up; touch /srv/up/x");
    assert_eq!(
        machine.found().0[0][2],
        "mle cannot write the volume /up, which is /srv/up on the host (root:root, mode 0000), nor \
                                         a directory in it (hidden ones aside)"
    );
    sb.sh("rm -r /srv/up");
    configure(
        "target = \"/up\"\nread_only = true\ncreate = { owner = \"root\", group = \"root\", mode = \"0700\" }",
    );
    let evidence = "mle cannot list the volume /up, which the first login makes as /srv/up on the host: Permission \
                    denied";
    let fix = "give its `create` in the configuration an owner, a group or a mode that lets the user enter and list it";
    assert_eq!(machine.found(), (vec![["list", "failed", evidence, fix].map(str::to_owned)], 1));
    sb.sh("not test -e /srv/up");
}

/// An auditor, whose only directory it is, has nothing to read then.
#[test]
fn a_volume_for_reading_that_the_user_cannot_read() {
    let machine = Machine::new();
    let sb = &machine.sb;
    sb.configure(
        "[[profile]]\nname = \"auditors\"\ngroups = [\"sftp\"]\nhome = \"none\"\n[[profile.volume]]\n\
         source = \"/srv/all\"\ntarget = \"/all\"\nread_only = true\n",
    );
    sb.sh("mkdir -m 755 /srv/all; echo mle:pw | chpasswd");
    let list = |sb: &Sandbox| sb.login("mle").password("pw").sftp("ls /all\n");
    assert_eq!(machine.found(), (vec![], 0));
    list(sb).ok();
    for (mode, outcome, last) in [
        (700, "failed", "mle is jailed and can log in, but cannot enter /all"),
        (711, "warned", "mle is jailed and can log in"),
    ] {
        sb.sh(&format!("chmod {mode} /srv/all"));
        list(sb).failed();
        let (found, _, said) = machine.concluded();
        let [[check, is, evidence, fix]] = &found[..] else { panic!("{found:#?}") };
        assert_eq!((check.as_str(), is.as_str(), said.as_str()), ("list", outcome, last));
        assert_eq!(
            *evidence,
            format!(
                "mle cannot list the volume /all, which is /srv/all on the host (root:root, mode 0{mode}): Permission denied"
            )
        );
        assert!(fix.ends_with("let mle enter and list /srv/all on the host"), "{fix}");
    }
}

/// To give mle the home that is web's on disk would have the next login refused.
#[test]
fn a_home_of_another_account_that_it_may_not_write() {
    let machine = Machine::new();
    let sb = &machine.sb;
    sb.sh("useradd -r -s /usr/sbin/nologin web; chown web: /home/mle");
    sb.configure(
        "[[profile]]\nname = \"home\"\ngroups = [\"sftp\"]\nhome = \"read-write\"\nhome_owner = \"web\"\nlog = true\n",
    );
    let ways = [
        ("chown root:root /home/mle; chmod 755 /home/mle", "write"),
        ("chown root:root /home/mle; chmod 700 /home/mle", "rehearsal"),
        ("chown web: /home/mle; chmod 0 /home/mle", "rehearsal"),
    ];
    for (way, check) in ways {
        sb.sh(way);
        let fix = "let web write /home/mle on the host, since mle has the rights of web there";
        for verb in ["check", "probe"] {
            let out = sb.try_sh(&format!("sftpjail {verb} mle --json")).stdout;
            assert!(!out.contains("chown"), "{way}: {out}");
        }
        let (found, _) = machine.found();
        let found = found.iter().find(|[found, ..]| found == check);
        assert_eq!(found.map(|[.., fix]| fix.as_str()), Some(fix), "{way}");
    }
}

/// What a grant says of a folder that its modes close to the user: it knows no `read_only`.
#[test]
fn a_granted_folder_that_its_modes_do_not_let_the_user_write() {
    let machine = Machine::new();
    let sb = &machine.sb;
    sb.sh("useradd -r -s /usr/sbin/nologin web; install -d -o web -g web /srv/media; mkdir -p /etc/sftpjail/grants.d");
    let grant = |more: &str| {
        let grant = format!("[[grant]]\nfolder = \"/srv/media\"\naccess = \"read-write\"\n{more}");
        sb.write("/etc/sftpjail/grants.d/mle.toml", &grant);
    };
    let said = || {
        let (found, _) = machine.found();
        let found = found.into_iter().find(|[check, ..]| check == "write");
        let [_, _, evidence, fix] = found.expect("a finding about writing");
        (evidence, fix)
    };
    let cannot = "mle cannot write the volume /srv/media, which is /srv/media on the host";
    grant("");
    let (evidence, fix) = said();
    assert_eq!(evidence, format!("{cannot} (web:web, mode 0755), nor a directory in it (hidden ones aside)"));
    assert_eq!(
        fix,
        "let mle write /srv/media on the host, or a directory in it, or name the account as owner that it belongs to; if \
         it is meant to be so, say access = \"read-only\" in the grant"
    );
    grant("owner = \"web\"\n");
    assert_eq!(machine.found(), (vec![], 0));
    // mle's own are shown as web's.
    sb.sh("chown mle: /srv/media");
    let (evidence, fix) = said();
    assert_eq!(
        evidence,
        format!(
            "{cannot} (mle:mle, mode 0755), where mle has the rights of web, nor a directory in it (hidden ones aside)"
        )
    );
    assert_eq!(
        fix,
        "name the account as owner that /srv/media belongs to, or let web write it on the host; if it is meant to be so, \
         say access = \"read-only\" in the grant"
    );
}

/// An access control list on a directory of the sandbox, with what it says of mle, and of others, as acl(5) has it in
/// an attribute.
fn set_acl(sb: &Sandbox, directory: &str, of_mle: u16, of_others: u16) {
    let none = u32::MAX;
    let mle = sb.sh("id -u mle").stdout.trim().parse().expect("a uid");
    // The owner, mle, the group, the mask, and others.
    let entries = [(1, 7, none), (2, of_mle, mle), (4, 5, none), (0x10, 7, none), (0x20, of_others, none)];
    let mut acl = 2_u32.to_le_bytes().to_vec();
    for (tag, permissions, id) in entries {
        acl.extend(
            u16::to_le_bytes(tag).iter().chain(&u16::to_le_bytes(permissions)).chain(&u32::to_le_bytes(id)),
        );
    }
    let inside = format!("/proc/{}/root{directory}", sb.outer_pid());
    rustix::fs::setxattr(inside, "system.posix_acl_access", &acl, rustix::fs::XattrFlags::empty())
        .expect("the filesystem has access control lists");
}

#[test]
fn access_control_lists_count() {
    let machine = Machine::new();
    let sb = &machine.sb;
    sb.configure(
        "[[profile]]\nname = \"home\"\ngroups = [\"sftp\"]\n\
         [[profile.volume]]\nsource = \"/srv/up\"\ntarget = \"/up\"\n",
    );
    sb.sh("mkdir -m 755 /srv/up");
    assert_eq!(machine.found().1, 1);
    set_acl(sb, "/srv/up", 7, 5);
    assert_eq!(machine.found(), (vec![], 0));
    set_acl(sb, "/srv/up", 5, 7);
    let (found, _) = machine.found();
    let [[check, _, evidence, _]] = &found[..] else { panic!("{found:#?}") };
    assert_eq!(check, "write");
    assert_eq!(
        evidence,
        "mle cannot write the volume /up, which is /srv/up on the host (root:root, mode 0777); its modes allow it, so an \
         access control list or a security module does not"
    );
}
