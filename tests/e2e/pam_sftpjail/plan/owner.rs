//! Folders, volumes and homes that belong to another account on disk.

use crate::common::jailed::{left_no_jail, left_nothing, names, works_in};
use crate::common::libpam::{answers, install_alone, states};
use crate::pam_sftpjail::grants::{grant, granted, machine};
use sandbox::{LiveSftp, Namespace, Sandbox};

in_both_namespaces!(
    what_a_member_makes_is_the_sites_and_the_sites_files_are_the_members,
    other_owners_stay_what_they_are_and_mounts_below_are_mapped_as_well,
    a_read_only_folder_of_another_owner_stays_read_only,
    a_volume_and_a_home_can_have_another_owner_and_keep_their_guard,
    root_a_missing_account_and_a_filesystem_that_cannot_are_refused,
    a_filesystem_of_a_program_that_cannot_is_refused_with_the_reason,
    an_owner_that_is_the_member_changes_nothing,
    sessions_share_a_jail_only_with_the_same_owner,
    proc_of_another_pid_namespace_names_the_right_process,
    the_process_is_as_it_was_and_no_child_is_left,
    where_no_user_namespace_can_be_made_the_member_is_refused_and_the_process_is_as_it_was,
);

/// The machine of the grants, with the account web, whose is the site.
fn site(namespace: Namespace) -> Sandbox {
    let sb = machine(namespace);
    sb.sh("useradd -r -m -d /var/web -s /usr/sbin/nologin web; chown -R web: /srv/site; chmod 755 /srv/site/media
           chmod 644 /srv/site/media/old; install -o joe -g joe -m 644 /dev/null /srv/site/media/of-joe
           install -o root -g root -m 600 /dev/null /srv/site/media/of-root");
    sb
}

/// Owner, group and mode of each, on the host.
fn stat(sb: &Sandbox, paths: &str) -> String {
    sb.sh(&format!("stat -c '%U:%G %a %n' {paths}")).stdout
}

/// What `ls -l` says of a name: owner and group. The jail knows the names of the member only.
#[track_caller]
fn ids(live: &mut LiveSftp, directory: &str, name: &str) -> String {
    let lines = live.send(&format!("ls -l {directory}"));
    let line =
        lines.iter().find(|line| line.ends_with(&format!("/{name}")) || line.ends_with(&format!(" {name}")));
    let fields: Vec<_> = line.unwrap_or_else(|| panic!("{lines:?}")).split_whitespace().collect();
    let [_, _, owner, group, ..] = fields[..] else { panic!("{fields:?}") };
    format!("{owner}:{group}")
}

fn id(sb: &Sandbox, user: &str) -> String {
    sb.sh(&format!("echo $(id -u {user}):$(id -g {user})")).stdout.trim().to_owned()
}

fn what_a_member_makes_is_the_sites_and_the_sites_files_are_the_members(namespace: Namespace) {
    let sb = site(namespace);
    grant(&sb, "felix", &granted("/srv/site/media", "at = \"/media\"\nowner = \"web\""));
    let before = sb.mounts();
    let felix = "felix:felix";
    let mut live = sb.sftp_live("felix");
    assert_eq!(ids(&mut live, "/media", "old"), felix);
    for command in [
        "put /tmp/letter /media/new",
        "mkdir /media/folder",
        "put /tmp/letter /media/folder/below",
        "put /tmp/letter /media/old",
        "chmod 640 /media/old",
        "rename /media/new /media/newer",
        "symlink newer /media/link",
    ] {
        assert!(live.send(command).is_empty(), "{command}");
    }
    assert_eq!(ids(&mut live, "/media", "newer"), felix);
    // What is root's stays so.
    assert!(!live.send("get /media/of-root /tmp/stolen").is_empty());
    assert!(!live.send("chmod 666 /media/of-root").is_empty());
    assert!(!live.send("chmod 666 /media/of-joe").is_empty());
    assert_eq!(live.quit(), Some(0));
    let on_disk = "web:web 755 folder\nweb:web 644 folder/below\nweb:web 777 link\nweb:web 644 newer\n\
                   joe:joe 644 of-joe\nroot:root 600 of-root\nweb:web 640 old\n";
    assert_eq!(sb.sh("cd /srv/site/media; stat -c '%U:%G %a %n' * folder/*").stdout.lines().count(), 7);
    assert_eq!(
        sb.sh("cd /srv/site/media; stat -c '%U:%G %a %n' $(find . -mindepth 1 | cut -c 3- | LC_ALL=C sort)")
            .stdout,
        on_disk
    );
    assert_eq!(sb.sh("cat /srv/site/media/old").stdout, "a letter\n");
    left_nothing(&sb, &before);
}

fn other_owners_stay_what_they_are_and_mounts_below_are_mapped_as_well(namespace: Namespace) {
    let sb = site(namespace);
    sb.sh("mkdir /srv/site/media/disk; mount -t tmpfs -o mode=755 tmpfs /srv/site/media/disk; chown web: /srv/site/media/disk
           chown felix /srv/site/media/of-joe; chgrp joe /srv/site/media/old");
    grant(&sb, "felix", &granted("/srv/site/media", "at = \"/media\"\nowner = \"web\""));
    let before = sb.mounts();
    let (web, joe) = (id(&sb, "web"), id(&sb, "joe"));
    let mut live = sb.sftp_live("felix");
    // What belongs to the member on disk is shown as the site's.
    assert_eq!(
        ids(&mut live, "/media", "of-joe"),
        format!("{}:{}", web.split_once(':').unwrap().0, joe.split_once(':').unwrap().1)
    );
    assert_eq!(ids(&mut live, "/media", "old"), format!("felix:{}", joe.split_once(':').unwrap().1));
    assert_eq!(ids(&mut live, "/media", "disk"), "felix:felix");
    assert!(live.send("put /tmp/letter /media/disk/letter").is_empty());
    assert_eq!(live.quit(), Some(0));
    assert_eq!(stat(&sb, "/srv/site/media/disk/letter"), "web:web 644 /srv/site/media/disk/letter\n");
    left_nothing(&sb, &before);
    // Accounts with one group have different uids only.
    sb.sh("usermod -g web felix; gpasswd -a felix sftp-guest");
    let mut live = sb.sftp_live("felix");
    assert!(live.send("put /tmp/letter /media/second").is_empty());
    assert_eq!(live.quit(), Some(0));
    assert_eq!(stat(&sb, "/srv/site/media/second"), "web:web 644 /srv/site/media/second\n");
    left_nothing(&sb, &before);
}

fn a_read_only_folder_of_another_owner_stays_read_only(namespace: Namespace) {
    let sb = site(namespace);
    let text =
        granted("/srv/site/media", "at = \"/media\"\nowner = \"web\"").replace("read-write", "read-only");
    sb.sh("chmod 600 /srv/site/media/old");
    grant(&sb, "felix", &text);
    let before = sb.mounts();
    let mut live = sb.sftp_live("felix");
    assert!(live.send("get /media/old /tmp/old").is_empty());
    for command in ["put /tmp/letter /media/old", "rm /media/old", "chmod 666 /media/old", "mkdir /media/x"] {
        assert!(!live.send(command).is_empty(), "{command}");
    }
    assert_eq!(live.quit(), Some(0));
    left_nothing(&sb, &before);
}

fn a_volume_and_a_home_can_have_another_owner_and_keep_their_guard(namespace: Namespace) {
    let sb = site(namespace);
    sb.configure(
        "[[profile]]\nname = \"site\"\ngroups = [\"sftp\"]\nhome_owner = \"web\"\nguard = [\".config/systemd\", \".forward\"]\n\
         [[profile.volume]]\nsource = \"/srv/site/media\"\ntarget = \"/media\"\nowner = \"web\"\n",
    );
    let before = sb.mounts();
    // sshd reads the keys of the host's home, as the member.
    let refused = sb.sftp("mle", "pwd\n").failed();
    assert!(refused.stderr.contains("your home directory is missing or not safe to use"), "{refused}");
    let line = sb.wait_for_log("the home directory /home/mle belongs to uid");
    assert!(line.contains("not to web (uid "), "{line}");
    sb.sh("sed -i 's|^AuthorizedKeysFile.*||; 1i AuthorizedKeysFile /etc/ssh/keys/%u' /etc/ssh/sshd_config
           install -d /etc/ssh/keys; install -m 644 /home/mle/.ssh/authorized_keys /etc/ssh/keys/mle
           rm -r /home/mle; install -d -o web -g web /home/mle");
    sb.restart_sshd();
    let mut live = sb.sftp_live("mle");
    works_in(&sb, &mut live, "/home/mle");
    assert!(live.send("put /tmp/letter /media/letter").is_empty());
    for command in
        ["put /tmp/letter .forward", "mkdir .config/systemd/user", "rename .config other", "rm .forward"]
    {
        assert!(!live.send(command).is_empty(), "{command}");
    }
    assert!(live.send("put /tmp/letter .config/other").is_empty(), "beside what is guarded");
    assert_eq!(live.quit(), Some(0));
    assert_eq!(
        stat(
            &sb,
            "/home/mle/letter /home/mle/.forward /home/mle/.config/systemd /home/mle/.config/other /srv/site/media/letter"
        ),
        "web:web 644 /home/mle/letter\nweb:web 600 /home/mle/.forward\nweb:web 700 /home/mle/.config/systemd\n\
         web:web 644 /home/mle/.config/other\nweb:web 644 /srv/site/media/letter\n"
    );
    left_nothing(&sb, &before);
}

fn root_a_missing_account_and_a_filesystem_that_cannot_are_refused(namespace: Namespace) {
    let sb = site(namespace);
    sb.sh("useradd -o -u 0 -g web toor; useradd -g root almost; mkdir /srv/lower /srv/over
           mount -t tmpfs tmpfs /srv/lower; mkdir /srv/lower/a /srv/lower/b /srv/lower/c
           mount -t overlay -o lowerdir=/srv/lower/a,upperdir=/srv/lower/b,workdir=/srv/lower/c overlay /srv/over
           mkdir /srv/above /srv/above/over; mount --bind /srv/over /srv/above/over");
    let before = sb.mounts();
    for (folder, owner, why) in [
        ("/srv/site/media", "root", "what is in /x cannot belong to root, who is root or has root's group"),
        ("/srv/site/media", "toor", "what is in /x cannot belong to toor, who is root or has root's group"),
        (
            "/srv/site/media",
            "almost",
            "what is in /x cannot belong to almost, who is root or has root's group",
        ),
        (
            "/srv/site/media",
            "nobody-here",
            "what is in /x cannot belong to nobody-here, an account that does not exist",
        ),
        (
            "/srv/over",
            "web",
            "what is in /x cannot belong to another account: its filesystem, or one that is mounted in it, cannot show",
        ),
        (
            "/srv/above",
            "web",
            "what is in /x cannot belong to another account: its filesystem, or one that is mounted in it, cannot show",
        ),
    ] {
        grant(&sb, "felix", &granted(folder, &format!("at = \"/x\"\nowner = \"{owner}\"")));
        let out = sb.sftp("felix", "pwd\n").failed();
        // In the account phase, where the user gets a message.
        assert!(out.stderr.contains("a problem on this server"), "{out}");
        let line = sb.wait_for_log(why);
        assert!(line.contains("pam_sftpjail(sshd:account): refused user felix"), "{line}");
    }
    left_nothing(&sb, &before);
}

fn a_filesystem_of_a_program_that_cannot_is_refused_with_the_reason(namespace: Namespace) {
    let sb = site(namespace);
    sb.sh("test -e /dev/fuse || mknod -m 666 /dev/fuse c 10 229
           cd /srv; mkdir cipher fuse
           gocryptfs -q -init -scryptn 10 -extpass 'echo pw' cipher </dev/null
           gocryptfs -q -extpass 'echo pw' -allow_other cipher fuse </dev/null
           grep -q ' /srv/fuse .* fuse.gocryptfs ' /proc/self/mountinfo
           install -d -m 777 fuse/media");
    let before = sb.mounts();
    let at = "at = \"/x\"";
    // As a plain folder it can be granted.
    grant(&sb, "felix", &granted("/srv/fuse/media", at));
    let mut live = sb.sftp_live("felix");
    assert!(live.send("put /tmp/letter /x/letter").is_empty());
    assert_eq!(live.quit(), Some(0));
    sb.wait_for_logouts();
    grant(&sb, "felix", &granted("/srv/fuse/media", &format!("{at}\nowner = \"web\"")));
    let out = sb.sftp("felix", "pwd\n").failed();
    assert!(out.stderr.contains("a problem on this server"), "{out}");
    let line = sb.wait_for_log("what is in /x cannot belong to another account: its filesystem, or one that is mounted in it, cannot show");
    assert!(line.contains("pam_sftpjail(sshd:account): refused user felix"), "{line}");
    assert!(line.contains("ext4, XFS, Btrfs since Linux 5.15, or tmpfs since Linux 6.3"), "{line}");
    left_nothing(&sb, &before);
}

fn an_owner_that_is_the_member_changes_nothing(namespace: Namespace) {
    let sb = site(namespace);
    grant(&sb, "felix", &granted("/srv/site/media", "at = \"/media\"\nowner = \"felix\""));
    let mut live = sb.sftp_live("felix");
    assert_eq!(ids(&mut live, "/media", "old"), id(&sb, "web"));
    assert!(!live.send("put /tmp/letter /media/old").is_empty());
    assert_eq!(live.quit(), Some(0));
}

fn sessions_share_a_jail_only_with_the_same_owner(namespace: Namespace) {
    let sb = site(namespace);
    let of = |owner: &str| granted("/srv/site/media", &format!("at = \"/media\"\n{owner}"));
    grant(&sb, "felix", &of("owner = \"web\""));
    let before = sb.mounts();
    let mut first = sb.sftp_live("felix");
    let second = sb.sftp_live("felix");
    assert_eq!(second.quit(), Some(0));
    grant(&sb, "felix", &of(""));
    match namespace {
        Namespace::Private => {
            let mut second = sb.sftp_live("felix");
            assert!(!second.send("put /tmp/letter /media/second").is_empty());
            assert_eq!(second.quit(), Some(0));
        }
        Namespace::Host => {
            sb.sftp("felix", "pwd\n").failed();
            sb.wait_for_log("the user's live sessions have another jail than a new one would get");
        }
    }
    assert!(first.send("put /tmp/letter /media/first").is_empty());
    assert_eq!(first.quit(), Some(0));
    sb.wait_for_logouts();
    let mut last = sb.sftp_live("felix");
    assert_eq!(names(&mut last, "/media"), ["first", "of-joe", "of-root", "old"]);
    assert_eq!(last.quit(), Some(0));
    left_no_jail(&sb, &before);
}

/// As in a container that has the host's: a number there is another process's.
fn proc_of_another_pid_namespace_names_the_right_process(namespace: Namespace) {
    let sb = site(namespace);
    grant(&sb, "felix", &granted("/srv/site/media", "owner = \"web\""));
    install_alone(&sb, "");
    let before = sb.mounts();
    let out = sb.sh("unshare --pid --fork pam-driver --confdir /etc/alone felix account open close");
    assert_eq!((answers(&out, "open"), answers(&out, "close")), (vec!["0"], vec!["0"]), "{out}");
    left_nothing(&sb, &before);
}

fn the_process_is_as_it_was_and_no_child_is_left(namespace: Namespace) {
    let sb = site(namespace);
    grant(&sb, "felix", &granted("/srv/site/media", "owner = \"web\""));
    install_alone(&sb, "");
    let before = sb.mounts();
    let drive = |words: &str| {
        sb.sh(&format!(
            "{words} pam-driver --confdir /etc/alone felix account open close state account open close state"
        ))
    };
    let out = drive("");
    assert_eq!((answers(&out, "open"), answers(&out, "close")), (vec!["0", "0"], vec!["0", "0"]), "{out}");
    let [first, second] = &states(&out)[..] else { panic!("{out}") };
    assert_eq!(first, second);
    // One child each time that a namespace is needed, which executes nothing, whose end nobody is told, and which is
    // waited for.
    drive("strace -f -o /root/trace");
    let trace = sb.read_text("/root/trace");
    let clones: Vec<_> =
        trace.lines().filter(|line| line.contains(" clone(") && !line.contains("resumed")).collect();
    assert_eq!(clones.len(), 4, "{clones:#?}");
    assert!(
        clones.iter().all(|line| line.contains("CLONE_NEWUSER") && !line.contains("SIGCHLD")),
        "{clones:#?}"
    );
    assert_eq!(trace.matches("execve(").count(), 1, "{trace}");
    assert!(!trace.contains("SIGCHLD {"), "{trace}");
    let waited = trace.lines().filter(|line| line.contains("waitid") && line.ends_with(" = 0"));
    assert_eq!(waited.count(), 4, "{trace}");
    left_nothing(&sb, &before);
}

fn where_no_user_namespace_can_be_made_the_member_is_refused_and_the_process_is_as_it_was(
    namespace: Namespace,
) {
    let sb = site(namespace);
    grant(&sb, "felix", &granted("/srv/site/media", "owner = \"web\""));
    install_alone(&sb, "");
    let before = sb.mounts();
    let refusal = "what is in /srv/site/media cannot belong to another account: ";
    for (call, errno, why) in [
        // As with user.max_user_namespaces = 0, and with RestrictNamespaces=.
        ("clone", "ENOSPC", "no further user namespace may be made, which an idmapped mount needs"),
        ("clone", "EPERM", "this process may not make a user namespace, which an idmapped mount needs"),
        ("pipe2", "EMFILE", "the user namespace could not be made, which an idmapped mount needs"),
        ("waitid", "EINVAL", "the user namespace could not be made, which an idmapped mount needs"),
    ] {
        let out = sb.sh(&format!(
            "strace -f -o /dev/null -e inject={call}:error={errno} pam-driver --confdir /etc/alone felix state account open state"
        ));
        assert_eq!(
            (answers(&out, "account"), answers(&out, "open")),
            (vec!["6"], vec!["14"]),
            "{call} {errno}: {out}"
        );
        let [first, second] = &states(&out)[..] else { panic!("{out}") };
        assert_eq!(first, second, "{call} {errno}");
        let line = sb.wait_for_log(&format!("{refusal}{why} ({call}("));
        assert!(line.contains("; fix: "), "{line}");
        left_nothing(&sb, &before);
    }
}
