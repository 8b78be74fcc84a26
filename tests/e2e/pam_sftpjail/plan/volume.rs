//! What a jail holds besides the home, or instead of it.

mod gone;
mod refused;

use crate::common::config::upload_portal;
use crate::common::jailed::{has_only_its_home, left_nothing, left_nothing_below, names, sees_only};
use crate::common::mount_table::{of_jail, places};
use sandbox::{LiveSftp, Namespace, Sandbox};

in_both_namespaces!(
    the_upload_portal_has_one_writable_folder_and_no_home,
    a_team_folder_is_shared_and_a_document_folder_is_read_only_with_all_below_it,
    a_freelancers_site_is_beside_the_home_and_the_users_variables_are_put_in,
    a_volume_inside_the_home_is_mounted_only_where_the_home_has_a_directory_for_it,
    the_directories_above_a_volume_in_the_home_cannot_be_renamed_and_hold_what_they_held,
    in_a_read_only_home_the_directories_above_a_volume_are_as_they_were,
    a_missing_source_is_made_once_and_a_login_that_was_killed_half_way_is_made_good,
    a_source_is_made_below_a_setgid_directory_and_behind_a_symlink_of_roots,
    a_procfs_below_the_home_is_pointed_out,
    each_user_gets_the_first_profile_that_is_for_them,
);

/// A machine with this configuration, of which sshd knows the group and the jail root.
fn machine(namespace: Namespace, config: &str, group: &str, jail_root: &str) -> Sandbox {
    let sb = Sandbox::in_namespace(namespace);
    sb.write("/tmp/letter", "a letter\n");
    sb.group(group);
    sb.sh(&format!(
        "sed -i 's|^Match Group sftp|Match Group {group}|; s|ChrootDirectory .*|ChrootDirectory {jail_root}/%u|' \
         /etc/ssh/sshd_config; mkdir -p {jail_root}; chmod 700 {jail_root}"
    ));
    sb.configure(config);
    sb
}

/// One profile for the group sftp, with a home and these volumes.
fn with_volumes(namespace: Namespace, volumes: &str) -> Sandbox {
    with_profile(namespace, "", volumes)
}

/// The same, with further lines of the profile.
fn with_profile(namespace: Namespace, more: &str, volumes: &str) -> Sandbox {
    let config = format!("[[profile]]\nname = \"team\"\ngroups = [\"sftp\"]\n{more}\n{volumes}");
    let sb = machine(namespace, &config, "sftp", "/jail");
    sb.user("mle").group("sftp").password("pw").add();
    sb
}

fn volume(source: &str, target: &str, more: &str) -> String {
    format!("[[profile.volume]]\nsource = \"{source}\"\ntarget = \"{target}\"\n{more}\n")
}

#[track_caller]
fn put(live: &mut LiveSftp, to: &str) -> bool {
    live.send(&format!("put /tmp/letter {to}")).is_empty()
}

/// mle logs in, puts the letter there, and leaves.
#[track_caller]
fn leaves_letter(sb: &Sandbox, at: &str) -> bool {
    let mut live = sb.sftp_live("mle");
    let arrived = put(&mut live, at);
    assert_eq!(live.quit(), Some(0));
    sb.wait_for_logouts();
    arrived
}

fn the_upload_portal_has_one_writable_folder_and_no_home(namespace: Namespace) {
    let portal = format!("jail_root = \"/sftp/jail\"\n{}", upload_portal());
    let sb = machine(namespace, &portal, "sftp-only", "/sftp/jail");
    // The seed's own line; the home does not exist and need not.
    sb.sh("mkdir -p /srv/sftp; useradd -g sftp-only -s /usr/sbin/nologin -d /upload/jack jack; echo jack:pw | chpasswd");
    let before = sb.mounts();
    let mut live = sb.login("jack").password("pw").live();
    assert_eq!(live.send("pwd"), ["Remote working directory: /"]);
    assert_eq!(names(&mut live, "/"), ["dev", "etc", "uploads"]);
    assert!(!put(&mut live, "/x") && !put(&mut live, "/etc/x") && !put(&mut live, "/dev/x"));
    assert!(put(&mut live, "/uploads/letter"));
    assert!(live.send("mkdir /uploads/folder").is_empty());
    assert_eq!(live.quit(), Some(0));
    let stat = sb.sh("cd /srv/sftp; stat -c '%a %U %G %n' jack jack/letter jack/folder").stdout;
    // The profile's umask.
    assert_eq!(
        stat,
        "750 jack sftp-only jack\n640 jack sftp-only jack/letter\n750 jack sftp-only jack/folder\n"
    );
    sb.sh("test ! -e /upload");
    left_nothing_below(&sb, "/sftp/jail", &before);
    sb.name_in_drop_in("sftp-only");
    let check = sb.sh("sftpjail check jack").stdout;
    assert!(check.contains("✓ volume         /uploads from /srv/sftp/jack, writable\n"), "{check}");
    assert!(check.contains("/uploads  ← a volume, writable\n"), "{check}");
    assert!(!check.contains("home path"), "{check}");
    assert!(!sb.login("jack").password("pw").ssh(&["id"]).failed().stdout.contains("uid="));
}

fn a_team_folder_is_shared_and_a_document_folder_is_read_only_with_all_below_it(namespace: Namespace) {
    let sb = with_volumes(
        namespace,
        &(volume("/srv/team", "/team", "") + &volume("/srv/documents", "/documents", "read_only = true")),
    );
    sb.user("anna").group("sftp").add();
    sb.sh("groupadd team; gpasswd -a mle team; gpasswd -a anna team; install -d -m 2770 -g team /srv/team");
    sb.sh("mkdir -m 777 -p /srv/documents/mounted; mount -t tmpfs -o mode=777 tmpfs /srv/documents/mounted");
    sb.sh("chmod 777 /srv/documents; echo read me > /srv/documents/file; touch /srv/documents/mounted/deep");
    let before = sb.mounts();
    let (mut mle, mut anna) = (sb.sftp_live("mle"), sb.sftp_live("anna"));
    assert!(put(&mut mle, "/team/letter"));
    assert_eq!(names(&mut anna, "/team"), ["letter"]);
    assert!(anna.send("rename /team/letter /team/answer").is_empty());
    assert_eq!(names(&mut mle, "/team"), ["answer"]);
    assert_eq!(names(&mut mle, "/"), ["dev", "documents", "etc", "home", "team"]);
    assert_eq!(names(&mut mle, "/documents"), ["file", "mounted"]);
    assert_eq!(names(&mut mle, "/documents/mounted"), ["deep"]);
    for place in ["/documents/x", "/documents/mounted/x"] {
        assert!(!put(&mut mle, place), "{place}");
    }
    for mount in of_jail(&sb, "mle") {
        assert!(mount.flags.contains("nosuid,nodev,noexec"), "{mount:?}");
    }
    for live in [mle, anna] {
        assert_eq!(live.quit(), Some(0));
    }
    left_nothing(&sb, &before);
}

fn a_freelancers_site_is_beside_the_home_and_the_users_variables_are_put_in(namespace: Namespace) {
    let sb = with_volumes(namespace, &volume("/srv/www/%u-%U-%g%%", "/srv/www/%u", ""));
    let uid = sb.sh("id -u mle").stdout.trim().to_owned();
    sb.sh(&format!("install -d -o mle /srv/www/mle-{uid}-mle%"));
    let before = sb.mounts();
    let mut live = sb.sftp_live("mle");
    assert!(put(&mut live, "/srv/www/mle/index.html"));
    assert!(put(&mut live, "/home/mle/letter"));
    assert_eq!(names(&mut live, "/srv"), ["www"]);
    assert_eq!(live.quit(), Some(0));
    sb.sh(&format!("test -s /srv/www/mle-{uid}-mle%/index.html"));
    left_nothing(&sb, &before);
}

fn a_volume_inside_the_home_is_mounted_only_where_the_home_has_a_directory_for_it(namespace: Namespace) {
    let sb = with_volumes(namespace, &volume("/srv/shared", "%h/way/shared", ""));
    sb.sh("install -d -m 777 /srv/shared; touch /srv/shared/inside");
    let before = sb.mounts();
    // None, a symlink on the way that would lead out of the home, a file: left out each time.
    for script in [
        ":",
        "mkdir -p /home/mle/else/shared; ln -s else way",
        "rm way; ln -s /etc way",
        "rm way; mkdir way; touch way/shared",
        "rm way/shared; ln -s /etc way/shared",
    ] {
        sb.sh(&format!("cd /home/mle; {script}; chown -hR mle /home/mle"));
        let mut live = sb.sftp_live("mle");
        let seen = live.send("ls -R /").join("\n") + &live.send("ls way/shared").join("\n");
        assert!(!seen.contains("inside"), "{script}: {seen}");
        assert_eq!(places(&of_jail(&sb, "mle")), ["/", "/dev/log", "/home/mle"], "{script}");
        assert_eq!(live.quit(), Some(0));
        sb.wait_for_logouts();
    }
    sb.sh("cd /home/mle; rm way/shared; mkdir way/shared; touch way/shared/hidden; chown -R mle way");
    let mut live = sb.sftp_live("mle");
    assert_eq!(names(&mut live, "way/shared"), ["inside"]);
    assert_eq!(live.quit(), Some(0));
    assert_eq!(sb.sh("ls /home/mle/way/shared").stdout, "hidden\n");
    left_nothing(&sb, &before);
}

/// Otherwise `audit` takes what is at the path of the volume for its files.
fn the_directories_above_a_volume_in_the_home_cannot_be_renamed_and_hold_what_they_held(
    namespace: Namespace,
) {
    let volumes =
        volume("/srv/shared", "%h/.config/b/shared", "") + &volume("/srv/other", "%h/.config/other", "");
    // One of the directories is above a guarded name as well.
    let sb = with_profile(namespace, "guard = [\".config/systemd\"]", &volumes);
    sb.sh("install -d -m 777 /srv/shared /srv/other; touch /srv/shared/inside /srv/other/inside
           cd /home/mle; mkdir -p .config/b/shared .config/other; touch .config/mine .config/b/mine; chown -R mle .config");
    let before = sb.mounts();
    let mut live = sb.sftp_live("mle");
    assert_eq!(names(&mut live, ".config/b/shared"), ["inside"]);
    assert_eq!(names(&mut live, ".config/other"), ["inside"]);
    for command in [
        "rename .config c",
        "rename .config/b c",
        "rename .config/b .config/c",
        "rename .config/b/shared .config/b/c",
        "rename .config/other .config/c",
        "rmdir .config/b",
        "put /tmp/letter .config/systemd/letter",
    ] {
        assert!(!live.send(command).is_empty(), "{command}");
    }
    for command in [
        "put /tmp/letter .config/b/letter",
        "rename .config/mine .config/yours",
        "mkdir .config/b/d",
        "rm .config/b/mine",
        "chmod 700 .config/b",
        "put /tmp/letter .config/b/shared/letter",
    ] {
        assert_eq!(live.send(command), Vec::<String>::new(), "{command}");
    }
    // A second session has the same.
    let mut second = sb.sftp_live("mle");
    assert_eq!(names(&mut second, ".config/b/shared"), ["inside", "letter"]);
    assert!(!second.send("rename .config/b .config/c").is_empty());
    assert_eq!((live.quit(), second.quit()), (Some(0), Some(0)));
    sb.sh("test -s /srv/shared/letter; test -s /home/mle/.config/b/letter; test -e /home/mle/.config/yours
           test -z \"$(ls /home/mle/.config/b/shared)\"");
    left_nothing(&sb, &before);
}

fn in_a_read_only_home_the_directories_above_a_volume_are_as_they_were(namespace: Namespace) {
    let sb = with_profile(namespace, "home = \"read-only\"", &volume("/srv/shared", "%h/a/shared", ""));
    sb.sh("install -d -m 777 /srv/shared; install -d -o mle /home/mle/a /home/mle/a/shared");
    let before = sb.mounts();
    let mut live = sb.sftp_live("mle");
    assert!(put(&mut live, "a/shared/letter"));
    assert!(!put(&mut live, "a/letter") && !live.send("rename a b").is_empty());
    assert_eq!(live.quit(), Some(0));
    left_nothing(&sb, &before);
}

fn a_missing_source_is_made_once_and_a_login_that_was_killed_half_way_is_made_good(namespace: Namespace) {
    let create = "create = { owner = \"%u\", group = \"adm\", mode = \"2751\" }";
    let sb = with_volumes(namespace, &volume("/srv/made/%u", "/made", create));
    sb.sh("install -d /srv/made; sed -i '1i session optional pam_umask.so umask=077' /etc/pam.d/sshd");
    let mode = "stat -c '%a %U %G' /srv/made/mle";
    assert!(leaves_letter(&sb, "/made/letter"));
    assert_eq!(sb.sh(mode).stdout, "2751 mle adm\n");
    // What the admin makes of it stays.
    sb.sh("chmod 00700 /srv/made/mle");
    assert!(leaves_letter(&sb, "/made/letter"));
    assert_eq!(sb.sh(mode).stdout, "700 mle adm\n");
    // Closed with something in it, it was closed by somebody who meant it.
    sb.sh("chown root:root /srv/made/mle; chmod 00000 /srv/made/mle");
    assert!(!leaves_letter(&sb, "/made/letter"));
    assert_eq!(sb.sh(mode).stdout, "0 root root\n");
    sb.sh("rm /srv/made/mle/letter; chmod g+s /srv/made/mle");
    assert!(leaves_letter(&sb, "/made/letter"));
    assert_eq!(sb.sh(mode).stdout, "2751 mle adm\n");
}

fn a_source_is_made_below_a_setgid_directory_and_behind_a_symlink_of_roots(namespace: Namespace) {
    let create = "create = { owner = \"%u\", group = \"%g\", mode = \"0750\" }";
    let sb = with_volumes(namespace, &volume("/srv/way/%u", "/made", create));
    sb.sh("install -d -m 2755 -g staff /srv/real; ln -s /srv/real /srv/way");
    assert!(leaves_letter(&sb, "/made/letter"));
    assert_eq!(sb.sh("stat -c '%a %U %G' /srv/real/mle").stdout, "750 mle mle\n");
    sb.sh("rm /srv/way; ln -s /etc /srv/way");
    refused::refused(&sb, "the volume /made cannot be used: /etc/mle is in the system directory /etc");
    sb.sh("test ! -e /etc/mle");
}

fn a_procfs_below_the_home_is_pointed_out(namespace: Namespace) {
    let sb = with_volumes(namespace, "");
    assert!(!sb.sh("sftpjail check mle").stdout.contains("procfs"));
    sb.sh("mkdir -p /home/mle/chroot/proc; mount -t proc proc /home/mle/chroot/proc");
    let check = sb.sh("sftpjail check mle").stdout;
    assert!(
        check.contains("! rehearsal      a procfs is mounted at /home/mle/chroot/proc in the jail"),
        "{check}"
    );
}

fn each_user_gets_the_first_profile_that_is_for_them(namespace: Namespace) {
    let config = "[[profile]]\nname = \"readers\"\ngroups = [\"readers\", \"more\"]\nhome = \"read-only\"\n\
                  [[profile]]\nname = \"writers\"\ngroups = [\"sftp\"]\numask = \"077\"\n";
    let sb = machine(namespace, config, "sftp", "/jail");
    sb.user("reader").group("readers").group("sftp").add();
    sb.name_in_drop_in("readers more");
    sb.user("writer").group("sftp").add();
    let before = sb.mounts();
    for (user, profile) in [("reader", "readers"), ("writer", "writers")] {
        let mut live = sb.sftp_live(user);
        assert_eq!(put(&mut live, "letter"), user == "writer");
        sees_only(&mut live, format!("/home/{user}"));
        assert_eq!(live.quit(), Some(0));
        sb.wait_for_log(&format!("home=/home/{user} rhost=127.0.0.1 profile={profile} "));
        let check = sb.sh(&format!("sftpjail check {user}")).stdout;
        assert!(check.contains(&format!("✓ profile        {profile}, as a member of ")), "{check}");
    }
    assert_eq!(sb.sh("stat -c %a /home/writer/letter").stdout, "600\n");
    left_nothing(&sb, &before);
    let mut live = sb.sftp_live("writer");
    has_only_its_home(&sb, &mut live, "/home/writer");
}
