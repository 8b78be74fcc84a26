//! What every test of a jailed login asks: what the user sees, and what is left afterwards.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use sandbox::{LiveSftp, Namespace, Sandbox};

use crate::common::mount_table::Mount;

/// The session is in `home`, in which it can work, and sees nothing else.
#[track_caller]
pub(crate) fn has_only_its_home(sb: &Sandbox, live: &mut LiveSftp, home: impl AsRef<OsStr>) {
    works_in(sb, live, home.as_ref());
    sees_only(live, home.as_ref());
}

/// What is uploaded to the working directory is in `home` on the host, and comes back.
#[track_caller]
pub(crate) fn works_in(sb: &Sandbox, live: &mut LiveSftp, home: impl AsRef<OsStr>) {
    let home = Path::new(home.as_ref());
    assert_eq!(live.send("pwd"), [working_directory(home)]);
    // Different for each home, so that nobody's letter is taken for another's.
    let letter = [home.as_os_str().as_bytes(), b" is where I live\n"].concat();
    sb.write("/tmp/letter", &letter);
    let said = live.send("put /tmp/letter");
    let arrived = sb.try_read(home.join("letter"));
    assert_eq!(arrived.ok().as_ref(), Some(&letter), "nothing arrived in {}: {said:?}", home.display());
    sb.sh("rm -f /tmp/returned");
    let said = live.send("get letter /tmp/returned");
    assert_eq!(sb.try_read("/tmp/returned").ok(), Some(letter), "{said:?}");
}

/// From the working directory, `home`, up to `/` there is nothing but the path itself, and of the
/// system nothing but what serves logs and listings. Leaves the session in `home`.
#[track_caller]
pub(crate) fn sees_only(live: &mut LiveSftp, home: impl AsRef<OsStr>) {
    let home = Path::new(home.as_ref());
    assert_eq!(live.send("pwd"), [working_directory(home)]);
    for (above, below) in home.ancestors().skip(1).zip(home.ancestors()) {
        assert_eq!(live.send("cd .."), [""; 0]);
        assert_eq!(live.send("pwd"), [working_directory(above)]);
        let mut seen = names(live, "");
        if above == Path::new("/") {
            seen.retain(|name| name != "dev" && name != "etc");
        }
        let way = shown(below.file_name().expect("below has one above it"));
        assert_eq!(seen, [way], "in {}", above.display());
    }
    assert_eq!(live.send("cd .."), [""; 0]);
    assert_eq!(live.send("pwd"), ["Remote working directory: /"], "nothing is above the root");

    for (directory, known) in [("/dev", &["log"][..]), ("/etc", &["group", "localtime", "passwd"])] {
        let seen = names(live, directory);
        let none = seen.iter().any(|name| name.starts_with("Can't ls: "));
        let only_known = seen.iter().all(|name| known.contains(&name.as_str()));
        assert!(none || only_known, "{directory} holds {seen:?}");
    }
    for secret in ["/etc/shadow", "../../etc/shadow", "/root/.ssh/id_ed25519", "/proc/1/environ"] {
        let said = live.send(&format!("get {secret} /tmp/stolen")).concat();
        assert!(said.contains("not found"), "{secret}: {said}");
    }
    // Without an argument: to where the session began.
    assert_eq!(live.send("cd"), [""; 0]);
    assert_eq!(live.send("pwd"), [working_directory(home)]);
}

/// Sorted names in a directory, hidden ones too; `""` is the working directory. Where there is no
/// such directory, what sftp says of that.
#[track_caller]
pub(crate) fn names(live: &mut LiveSftp, directory: &str) -> Vec<String> {
    let mut names = live.send(&format!("ls -1a {directory}"));
    let prefix = format!("{}/", directory.trim_end_matches('/'));
    for name in &mut names {
        if let Some(bare) = name.strip_prefix(&prefix) {
            *name = bare.to_owned();
        }
    }
    names.retain(|name| name != "." && name != "..");
    names.sort();
    names
}

/// Once every session has ended, the machine is as it was: jail root empty, no record of a session,
/// the host's mounts those of `before`, and no mount namespace but the host's. Waits for sshd, not
/// for us.
#[track_caller]
pub(crate) fn left_nothing(sb: &Sandbox, before: &[String]) {
    left_nothing_below(sb, "/jail", before);
}

/// The same for another jail root.
#[track_caller]
pub(crate) fn left_nothing_below(sb: &Sandbox, jail_root: &str, before: &[String]) {
    left_no_jail_below(sb, jail_root, before);
    left_no_record(sb);
}

/// Like [`left_nothing`], but a record may be left.
#[track_caller]
pub(crate) fn left_no_jail(sb: &Sandbox, before: &[String]) {
    left_no_jail_below(sb, "/jail", before);
}

#[track_caller]
fn left_no_jail_below(sb: &Sandbox, jail_root: &str, before: &[String]) {
    sb.wait_for_logouts();
    assert_eq!(
        sb.sh(&format!("test ! -e {jail_root} || ls -A {jail_root}")).stdout,
        "",
        "the jail root is not empty"
    );
    left_no_mount(sb, jail_root, before);
    let namespaces = sb.sh("readlink /proc/[0-9]*/ns/mnt | sort -u").stdout;
    assert_eq!(namespaces.lines().count(), 1, "a mount namespace is left: {:#?}", sb.processes());
}

/// The host's mounts are those of `before`. With jails in its namespace the jail root may have become
/// a private mount of itself, whether before or since, and stays one.
#[track_caller]
fn left_no_mount(sb: &Sandbox, jail_root: &str, before: &[String]) {
    let (own, others) = without_jail_root(sb.mounts(), jail_root);
    assert_eq!(others, without_jail_root(before.to_vec(), jail_root).1, "the host's mounts");
    match (sb.namespace(), &own[..]) {
        (_, []) => {}
        (Namespace::Host, [own]) => {
            let own = Mount::parse(own);
            assert!(jail_root.ends_with(&own.root), "not a mount of itself: {own:?}");
            assert_eq!(own.propagation, "", "not private: {own:?}");
        }
        (_, more) => panic!("mounted at the jail root: {more:#?}"),
    }
}

/// The mounts at the jail root, and all others.
fn without_jail_root(mounts: Vec<String>, jail_root: &str) -> (Vec<String>, Vec<String>) {
    mounts.into_iter().partition(|line| Mount::parse(line).at == jail_root)
}

/// No session is on record, and only root may look for one.
#[track_caller]
pub(crate) fn left_no_record(sb: &Sandbox) {
    let records = "test ! -e /run/sftpjail || stat -c '%F %u %a' /run/sftpjail; \
                   find /run/sftpjail -mindepth 1 2>/dev/null || :";
    let found = sb.sh(records).stdout;
    assert!(found.is_empty() || found == "directory 0 700\n", "{found}");
}

fn working_directory(path: &Path) -> String {
    format!("Remote working directory: {}", shown(path.as_os_str()))
}

/// As sftp prints it: what is not UTF-8 in octal.
fn shown(name: &OsStr) -> String {
    let mut shown = String::new();
    for chunk in name.as_bytes().utf8_chunks() {
        shown.push_str(chunk.valid());
        shown.extend(chunk.invalid().iter().map(|byte| format!("\\{byte:03o}")));
    }
    shown
}

/// `file owner group hour:minute` of every file that `ls -l` lists.
pub(crate) fn listing(live: &mut LiveSftp) -> Vec<String> {
    let fields = |line: &String| -> Option<String> {
        let fields: Vec<_> = line.split_whitespace().collect();
        let [_mode, _links, owner, group, _size, _month, _day, time, file] = fields[..] else { return None };
        Some(format!("{file} {owner} {group} {time}"))
    };
    live.send("ls -l").iter().filter_map(fields).collect()
}
