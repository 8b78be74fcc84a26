//! What a jail holds besides the home, or instead of it.

use crate::jailed::{has_only_its_home, left_nothing, names, sees_only};
use crate::readme::block;
use sandbox::{LiveSftp, Sandbox};

/// A machine with this configuration, of which sshd knows the group and the jail root.
fn machine(config: &str, group: &str, jail_root: &str) -> Sandbox {
    let sb = Sandbox::new();
    sb.write("/tmp/letter", "a letter\n");
    sb.group(group);
    sb.sh(&format!(
        "sed -i 's|^Match Group sftp|Match Group {group}|; s|ChrootDirectory .*|ChrootDirectory {jail_root}/%u|' \
         /etc/ssh/sshd_config; mkdir -p /etc/sftpjail {jail_root}"
    ));
    sb.write("/etc/sftpjail/config.toml", config);
    sb
}

/// One profile for the group sftp, with a home and these volumes.
fn with_volumes(volumes: &str) -> Sandbox {
    let config = format!("[[profile]]\nname = \"team\"\ngroups = [\"sftp\"]\n{volumes}");
    let sb = machine(&config, "sftp", "/jail");
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

/// mle is refused with this reason, in the log and by `check`, and the user is told no path.
#[track_caller]
fn refused(sb: &Sandbox, reason: &str) {
    let out = sb.login("mle").password("pw").sftp("pwd\n").failed();
    assert!(out.stderr.starts_with("SFTP is not possible because of a problem on this server. "), "{out}");
    let line = sb.wait_for_log("refused user mle");
    assert!(line.contains(reason) && line.contains("; cure: "), "{line}");
    let check = sb.try_sh("sftpjail check mle");
    assert_eq!(check.code, Some(1), "{check}");
    assert!(check.stdout.contains("✗ volume") && check.stdout.contains(reason), "{check}");
    assert_eq!(sb.sh("ls -A /jail").stdout, "");
}

#[test]
fn the_upload_portal_has_one_writable_folder_and_no_home() {
    let portal = format!("jail_root = \"/sftp/jail\"\n{}", block("upload-portal"));
    let sb = machine(&portal, "sftp-only", "/sftp/jail");
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
    assert_eq!(sb.sh("ls -A /sftp/jail; ls -d /upload 2>/dev/null || true").stdout, "");
    assert_eq!(sb.mounts(), before);
    let check = sb.sh("sftpjail check jack").stdout;
    assert!(check.contains("✓ volume         /uploads from /srv/sftp/jack, writable\n"), "{check}");
    assert!(check.contains("/uploads  ← a volume, writable\n"), "{check}");
    assert!(!check.contains("home path"), "{check}");
    assert!(!sb.login("jack").password("pw").ssh(&["id"]).failed().stdout.contains("uid="));
}

#[test]
fn a_team_folder_is_shared_and_a_document_folder_is_read_only_with_all_below_it() {
    let sb = with_volumes(
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
    for line in sb.mounts_of(sb.session_child("mle")) {
        assert!(line.contains("nosuid,nodev,noexec"), "{line}");
    }
    for live in [mle, anna] {
        assert_eq!(live.quit(), Some(0));
    }
    left_nothing(&sb, &before);
}

#[test]
fn a_freelancers_site_is_beside_the_home_and_the_users_variables_are_put_in() {
    let sb = with_volumes(&volume("/srv/www/%u-%U-%g%%", "/srv/www/%u", ""));
    let uid = sb.sh("id -u mle").stdout.trim().to_owned();
    sb.sh(&format!("install -d -o mle /srv/www/mle-{uid}-mle%"));
    let before = sb.mounts();
    let mut live = sb.sftp_live("mle");
    assert!(put(&mut live, "/srv/www/mle/index.html"));
    assert!(put(&mut live, "/home/mle/letter"));
    assert_eq!(names(&mut live, "/srv"), ["www"]);
    live.quit();
    sb.sh(&format!("test -s /srv/www/mle-{uid}-mle%/index.html"));
    left_nothing(&sb, &before);
}

#[test]
fn a_volume_inside_the_home_is_mounted_only_where_the_home_has_a_directory_for_it() {
    let sb = with_volumes(&volume("/srv/shared", "%h/way/shared", ""));
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
        assert_eq!(sb.mounts_of(sb.session_child("mle")).len(), 2, "{script}: home and log only");
        live.quit();
    }
    sb.sh("cd /home/mle; rm way/shared; mkdir way/shared; touch way/shared/hidden; chown -R mle way");
    let mut live = sb.sftp_live("mle");
    assert_eq!(names(&mut live, "way/shared"), ["inside"]);
    live.quit();
    assert_eq!(sb.sh("ls /home/mle/way/shared").stdout, "hidden\n");
    left_nothing(&sb, &before);
}

#[test]
fn a_missing_source_is_made_once_and_a_login_that_was_killed_half_way_is_made_good() {
    let create = "create = { owner = \"%u\", group = \"adm\", mode = \"2751\" }";
    let sb = with_volumes(&volume("/srv/made/%u", "/made", create));
    sb.sh("install -d /srv/made; sed -i '1i session optional pam_umask.so umask=077' /etc/pam.d/sshd");
    let mode = "stat -c '%a %U %G' /srv/made/mle";
    assert!(put(&mut sb.sftp_live("mle"), "/made/letter"));
    assert_eq!(sb.sh(mode).stdout, "2751 mle adm\n");
    // What the admin makes of it stays.
    sb.sh("chmod 00700 /srv/made/mle");
    assert!(put(&mut sb.sftp_live("mle"), "/made/letter"));
    assert_eq!(sb.sh(mode).stdout, "700 mle adm\n");
    // Closed with something in it, it was closed by somebody who meant it.
    sb.sh("chown root:root /srv/made/mle; chmod 00000 /srv/made/mle");
    assert!(!put(&mut sb.sftp_live("mle"), "/made/letter"));
    assert_eq!(sb.sh(mode).stdout, "0 root root\n");
    sb.sh("rm /srv/made/mle/letter; chmod g+s /srv/made/mle");
    assert!(put(&mut sb.sftp_live("mle"), "/made/letter"));
    assert_eq!(sb.sh(mode).stdout, "2751 mle adm\n");
}

#[test]
fn a_source_is_made_below_a_setgid_directory_and_behind_a_symlink_of_roots() {
    let create = "create = { owner = \"%u\", group = \"%g\", mode = \"0750\" }";
    let sb = with_volumes(&volume("/srv/way/%u", "/made", create));
    sb.sh("install -d -m 2755 -g staff /srv/real; ln -s /srv/real /srv/way");
    assert!(put(&mut sb.sftp_live("mle"), "/made/letter"));
    assert_eq!(sb.sh("stat -c '%a %U %G' /srv/real/mle").stdout, "750 mle mle\n");
    sb.sh("rm /srv/way; ln -s /etc /srv/way");
    refused(&sb, "the volume /made cannot be used: /etc/mle lies in the system directory /etc");
    sb.sh("test ! -e /etc/mle");
}

#[test]
fn a_procfs_below_the_home_is_pointed_out() {
    let sb = with_volumes("");
    assert!(!sb.sh("sftpjail check mle").stdout.contains("procfs"));
    sb.sh("mkdir -p /home/mle/chroot/proc; mount -t proc proc /home/mle/chroot/proc");
    let check = sb.sh("sftpjail check mle").stdout;
    assert!(
        check.contains("! rehearsal      a procfs is mounted at /home/mle/chroot/proc in the jail"),
        "{check}"
    );
}

#[test]
fn a_source_that_is_to_belong_to_nobody_refuses_the_member() {
    let create = "create = { owner = \"%u\", group = \"stfp\", mode = \"0750\" }";
    let sb = with_volumes(&volume("/srv/%u", "/made", create));
    refused(&sb, "/srv/mle is to belong to the group stfp, which does not exist");
    assert_eq!(sb.sh("ls -A /srv").stdout, "");
}

#[test]
fn nothing_is_made_where_others_than_root_could_interfere() {
    let create = "create = { owner = \"%u\", group = \"%g\", mode = \"0750\" }";
    for parent in
        ["install -d -m 1777 /srv/made", "install -d -o mle /srv/made", "install -d -m 775 -g mle /srv/made"]
    {
        let sb = with_volumes(&volume("/srv/made/%u", "/made", create));
        sb.sh(parent);
        // The one that is to blame, not the one in which the source is to be made.
        sb.sh("mkdir /srv/made/deep; sed -i 's|/srv/made/%u|/srv/made/deep/%u|' /etc/sftpjail/config.toml");
        refused(&sb, "the volume /made cannot be used: /srv/made does not belong to root alone");
        let check = sb.try_sh("sftpjail check mle").stdout;
        assert!(check.contains("→ make the source yourself"), "{check}");
        assert_eq!(sb.sh("ls -A /srv/made/deep").stdout, "", "{parent}");
    }
}

#[test]
fn a_volume_whose_source_or_target_is_not_sound_refuses_the_member() {
    for (volumes, setup, reason) in [
        (volume("/srv/none", "/x", ""), "", "the volume /x cannot be used: /srv/none does not exist"),
        (volume("/srv/file", "/x", ""), "touch /srv/file", "/srv/file is not a directory"),
        (volume("/srv/fifo/x", "/x", ""), "mkfifo /srv/fifo", "/srv/fifo is not a directory"),
        (volume("/srv/link", "/x", ""), "ln -s /home /srv/link", "/srv/link is a symlink"),
        (
            volume("/srv/mle/link/x", "/x", ""),
            "install -d -o mle /srv/mle; ln -s /srv /srv/mle/link",
            "/srv/mle/link is a symlink that others than root could replace",
        ),
        (
            volume("/srv/way/x", "/x", ""),
            "ln -s /etc /srv/way; mkdir /etc/x",
            "/etc/x lies in the system directory /etc",
        ),
        (volume("/proc", "/x", ""), "", "cannot come from /proc: it lies in the system directory /proc"),
        (volume("/jail/mle", "/x", ""), "", "cannot come from /jail/mle: it overlaps the jail root /jail"),
        (volume("srv", "/x", ""), "", "the volume srv is relative, so it cannot be the source"),
        (volume("/srv/../etc", "/x", ""), "", "holds a '..', so it cannot be the source"),
        (volume("/srv", "/x/../y", ""), "", "holds a '..', so it cannot be the target"),
        (volume("/srv", "/", ""), "", "is the root directory, so it cannot be the target"),
        (volume("/srv", "/etc", ""), "", "would hide the jail's own /dev or /etc"),
        (volume("/srv", "/dev/log", ""), "", "would hide the jail's own /dev or /etc"),
        (volume("/srv", "/home", ""), "", "would hide the home /home/mle"),
        (volume("/srv", "%h", ""), "", "would hide the home /home/mle"),
        (
            volume("/srv", "/a", "") + &volume("/srv", "//a/", ""),
            "",
            "and the volume /a lie one in the other",
        ),
        (
            volume("/srv", "/a/b", "") + &volume("/srv", "/a", ""),
            "",
            "and the volume /a/b lie one in the other",
        ),
    ] {
        let sb = with_volumes(&volumes);
        sb.sh(setup);
        refused(&sb, reason);
    }
}

#[test]
fn each_user_gets_the_first_profile_that_is_for_them() {
    let config = "[[profile]]\nname = \"readers\"\ngroups = [\"readers\", \"more\"]\nhome = \"read-only\"\n\
                  [[profile]]\nname = \"writers\"\ngroups = [\"sftp\"]\numask = \"077\"\n";
    let sb = machine(config, "sftp", "/jail");
    sb.user("reader").group("readers").group("sftp").add();
    sb.user("writer").group("sftp").add();
    let before = sb.mounts();
    for (user, profile) in [("reader", "readers"), ("writer", "writers")] {
        let mut live = sb.sftp_live(user);
        assert_eq!(put(&mut live, "letter"), user == "writer");
        sees_only(&mut live, format!("/home/{user}"));
        live.quit();
        sb.wait_for_log(&format!("home=/home/{user} rhost=127.0.0.1 profile={profile} "));
        let check = sb.sh(&format!("sftpjail check {user}")).stdout;
        assert!(check.contains(&format!("✓ profile        {profile}, as a member of ")), "{check}");
    }
    assert_eq!(sb.sh("stat -c %a /home/writer/letter").stdout, "600\n");
    left_nothing(&sb, &before);
    let mut live = sb.sftp_live("writer");
    has_only_its_home(&sb, &mut live, "/home/writer");
}
