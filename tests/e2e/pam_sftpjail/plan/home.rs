//! Where a home may be, and how it may be spelt.

mod fuse;
mod read_only;
mod refused;
mod spellings;

use std::os::unix::ffi::OsStrExt;
use std::{ffi::OsStr, iter};

use sandbox::{Namespace, Sandbox};

use crate::common::jailed::{has_only_its_home, left_nothing, names, sees_only};

in_both_namespaces!(
    a_main_account_shares_its_sub_accounts_files_and_not_the_reverse,
    a_home_may_hold_any_byte_and_be_as_long_as_linux_allows,
    a_home_keeps_its_mode_and_its_group,
    the_jail_can_be_walked_whatever_umask_another_module_sets,
    a_home_below_a_symlink_of_roots_is_at_the_spelt_path,
    slashes_and_dots_in_passwd_do_not_matter,
    a_home_changed_by_usermod_is_the_one_of_the_next_login,
);

/// Gives every login the umask with which accounts of one group share files. pam_umask's own
/// `usergroups` would not: it is for those whose group has their own name.
fn share_by_group(sb: &Sandbox) {
    sb.sh("sed -i '/pam_sftpjail.so open/i session optional pam_umask.so umask=002' /etc/pam.d/sshd");
}

fn a_main_account_shares_its_sub_accounts_files_and_not_the_reverse(namespace: Namespace) {
    let sb = Sandbox::in_namespace(namespace);
    share_by_group(&sb);
    sb.user("mle").password("main").add();
    let sub = sb.user("mle-sub").home("/home/mle/sub").primary("mle").group("sftp");
    // A password, since sshd takes no key from a home that its group can write.
    sub.mode(0o2770).password("sub").add();
    sb.sh("cd /home/mle; echo main >private.txt; chown mle:mle private.txt; chmod 640 private.txt");
    // The mode would let it in: what keeps it out is the jail.
    sb.sh("setpriv --reuid mle-sub --regid mle --clear-groups cat /home/mle/private.txt");
    let before = sb.mounts();

    let mut live = sb.login("mle-sub").password("sub").live();
    has_only_its_home(&sb, &mut live, "/home/mle/sub");
    let said = live.send("get /home/mle/private.txt /tmp/private.txt").concat();
    assert!(said.contains("not found"), "{said}");
    sb.sh("echo sub >/tmp/shared.txt; chmod 666 /tmp/shared.txt");
    live.send("put /tmp/shared.txt");
    live.send("mkdir folder");
    let modes = sb.sh("cd /home/mle/sub; stat -c '%A %U %G %n' shared.txt folder").stdout;
    assert_eq!(modes, "-rw-rw-r-- mle-sub mle shared.txt\ndrwxrwsr-x mle-sub mle folder\n");

    // The main account with a shell, not jailed.
    let main = sb.login("mle").password("main");
    main.ssh(&["cd sub && grep -q sub shared.txt && echo main >>shared.txt && echo new >folder/new.txt"])
        .ok();
    live.send("get shared.txt /tmp/back.txt");
    assert_eq!(sb.read_text("/tmp/back.txt"), "sub\nmain\n");
    // And the sub-account may change what the main account made there.
    live.send("put /tmp/shared.txt folder/new.txt");
    assert_eq!(sb.read_text("/home/mle/sub/folder/new.txt"), "sub\n");

    // The main account as a member too: its jail holds the home of the other, whose session is open.
    sb.sh("gpasswd -a mle sftp");
    let mut main = main.live();
    has_only_its_home(&sb, &mut main, "/home/mle");
    main.send("put /etc/hosts sub/shared.txt");
    main.send("rm sub/folder/new.txt");
    assert_eq!(names(&mut live, "folder"), [""; 0]);
    assert_eq!(sb.read("/home/mle/sub/shared.txt"), sb.read("/etc/hosts"));
    sees_only(&mut live, "/home/mle/sub");
    assert_eq!([live.quit(), main.quit()], [Some(0); 2]);
    left_nothing(&sb, &before);
}

fn a_home_may_hold_any_byte_and_be_as_long_as_linux_allows(namespace: Namespace) {
    let longest = format!("/home/{}/{}", "\u{e9}".repeat(127) + "e", "x".repeat(255));
    // With `/.ssh/authorized_keys`, which sshd adds, just below 4096 bytes.
    let deepest = iter::repeat_n(format!("/{}", "deep ".repeat(20)), 40).collect::<String>();
    assert_eq!(deepest.len(), 4040);
    let homes = [
        "/home/two words",
        "/home/ blanks around ",
        "/home/it's \"quoted\"",
        "/home/*/[a-z]?{b,c}*",
        "/home/back\\slash\\",
        "/home/\\134x\\n%u%%h",
        "/home/$(id)`id`;id&|<>#~",
        "/home/-rf/--",
        "/home/Gr\u{fc}\u{df}e/\u{65e5}\u{672c}\u{8a9e}/\u{1f427}",
        "/home/.../.hidden",
        "/one",
        &longest,
        &deepest,
    ];
    let homes = homes.iter().map(OsStr::new).chain([OsStr::from_bytes(b"/home/\xff/\xfe\xc3")]);

    let sb = Sandbox::in_namespace(namespace);
    let before = sb.mounts();
    for (number, home) in homes.enumerate() {
        let name = format!("user{number}");
        // useradd would refuse some.
        sb.user(&name).home(home).group("sftp").raw().add();
        let mut live = sb.sftp_live(&name);
        has_only_its_home(&sb, &mut live, home);
        assert_eq!(live.quit(), Some(0), "{home:?}");
    }
    left_nothing(&sb, &before);
}

fn a_home_keeps_its_mode_and_its_group(namespace: Namespace) {
    let sb = Sandbox::in_namespace(namespace);
    sb.group("team");
    let before = sb.mounts();
    for (mode, group) in [(0o700, "u700"), (0o711, "u711"), (0o2770, "team")] {
        let (name, home) = (format!("u{mode:o}"), format!("/home/u{mode:o}"));
        sb.user(&name).mode(mode).group("sftp").password("pw").add();
        // chgrp takes the setgid bit away.
        sb.sh(&format!("chgrp {group} {home}; chmod {mode:o} {home}"));
        let mut live = sb.login(&name).password("pw").live();
        has_only_its_home(&sb, &mut live, &home);
        assert_eq!(live.quit(), Some(0));
        let stat = sb.sh(&format!("stat -c '%a %U %G' {home} {home}/letter")).stdout;
        assert_eq!(stat, format!("{mode:o} {name} {group}\n644 {name} {group}\n"));
    }
    left_nothing(&sb, &before);
}

fn the_jail_can_be_walked_whatever_umask_another_module_sets(namespace: Namespace) {
    let sb = Sandbox::in_namespace(namespace);
    sb.sh("sed -i '1i session optional pam_umask.so umask=077' /etc/pam.d/sshd");
    sb.user("mle-sub").home("/home/mle/deep/sub").group("sftp").add();
    let before = sb.mounts();
    let mut live = sb.sftp_live("mle-sub");
    has_only_its_home(&sb, &mut live, "/home/mle/deep/sub");
    assert!(live.send("ls -la /etc").iter().any(|l| l.starts_with("-rw-r--r--") && l.ends_with("passwd")));
    assert_eq!(live.quit(), Some(0));
    // The umask is still the user's.
    assert_eq!(sb.sh("stat -c %a /home/mle/deep/sub/letter").stdout, "600\n");
    left_nothing(&sb, &before);
}

fn a_home_below_a_symlink_of_roots_is_at_the_spelt_path(namespace: Namespace) {
    let sb = Sandbox::in_namespace(namespace);
    sb.sh("mkdir -p /var/homes/more; ln -s /var/homes /people; ln -s more /var/homes/others");
    sb.sh("ln -s ../../people /var/homes/again");
    let before = sb.mounts();
    for (name, home, real) in [
        ("absolute", "/people/absolute", "/var/homes/absolute"),
        ("relative", "/var/homes/others/relative", "/var/homes/more/relative"),
        ("chained", "/var/homes/again/others/chained", "/var/homes/more/chained"),
    ] {
        sb.user(name).home(home).group("sftp").add();
        let mut live = sb.sftp_live(name);
        has_only_its_home(&sb, &mut live, home);
        assert_eq!(live.quit(), Some(0));
        sb.sh(&format!("test -f {real}/letter"));
    }
    left_nothing(&sb, &before);
}

fn slashes_and_dots_in_passwd_do_not_matter(namespace: Namespace) {
    let sb = Sandbox::in_namespace(namespace);
    let before = sb.mounts();
    for (number, spelling) in
        ["/home/mle#/", "//home///mle#", "/home/./mle#/.", "/./home/mle#//sub/./"].into_iter().enumerate()
    {
        let name = format!("user{number}");
        let spelt = spelling.replace('#', &number.to_string());
        let plain = spelt.replace("/.", "").replace("///", "/").replace("//", "/");
        let plain = plain.trim_end_matches('/');
        sb.user(&name).home(&spelt).group("sftp").raw().add();
        assert!(sb.sh(&format!("getent passwd {name}")).stdout.contains(&format!(":{spelt}:")));
        let mut live = sb.sftp_live(&name);
        has_only_its_home(&sb, &mut live, plain);
        assert_eq!(live.quit(), Some(0), "{spelt}");
    }
    left_nothing(&sb, &before);
}

fn a_home_changed_by_usermod_is_the_one_of_the_next_login(namespace: Namespace) {
    let sb = Sandbox::in_namespace(namespace);
    sb.user("mle").group("sftp").add();
    let before = sb.mounts();
    let mut live = sb.sftp_live("mle");
    has_only_its_home(&sb, &mut live, "/home/mle");
    assert_eq!(live.quit(), Some(0));
    left_nothing(&sb, &before);

    sb.sh("mkdir /srv/people; usermod --move-home --home /srv/people/mle mle; test ! -e /home/mle");
    let mut live = sb.sftp_live("mle");
    sees_only(&mut live, "/srv/people/mle");
    assert_eq!(names(&mut live, ""), [".ssh", "letter"], "the old files have moved along");
    has_only_its_home(&sb, &mut live, "/srv/people/mle");
    assert_eq!(live.quit(), Some(0));
    left_nothing(&sb, &before);
}
