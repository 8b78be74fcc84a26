//! A session of ours beside what else gives a user a directory of their own at login: in one process, and in a process
//! that then ends.

use sandbox::Sandbox;

use crate::driver;
use crate::machine::{service, with_services};
use crate::page::{Section, figure, row};
use crate::samples::{Samples, median, ratio};

/// By what `pam-driver` calls them.
const NAMES: [(&str, &str); 9] = [
    ("sshd", "**pam_sftpjail**, namespace of its own"),
    ("host", "**pam_sftpjail**, `namespace = \"host\"`"),
    ("permit", "libpam alone (pam_permit)"),
    ("nss", "the NSS look-ups alone"),
    ("bare", "the bare system calls of our jail"),
    ("namespace", "pam_namespace, one directory, `noinit`"),
    ("exec", "pam_exec, a script that binds and unmounts"),
    ("mount", "pam_mount, one volume with `bind`"),
    ("autofs", "autofs, its program asked before"),
];
const ASKED: (&str, &str) = ("autofs-asked", "autofs, its program asked now");

const FAST: &str = "sshd,host,permit,nss,bare,namespace";
const SLOW: &str = "sshd,exec,mount,autofs,autofs-asked";

const TEXT: &str = "\
The user has a home of mode 0750 and no volumes, and NSS reads files. All are called by one process that has their
modules loaded, each session with a PAM handle of its own. So what is cold in a login is not in these figures; the next
table has it. pam_namespace stays in its namespace until the process ends, and autofs unmounts minutes later: neither is
counted here.";

const PROCESSES: &str = "\
From the start of a process that loads libpam and the modules, calls all hooks (account, open, close) and ends, until it
has ended: as sshd has a process for each connection. The process itself is the row of pam_permit.";

/// The figures of the picture: by label, open and close together.
pub type Bars = Vec<(&'static str, Vec<f64>)>;

pub fn run(rounds: u64, bars: &mut Bars) -> Vec<Section> {
    let sb = Sandbox::new();
    sb.user("mle").add();
    sb.user("mle-sub").home("/home/mle/sub").primary("mle").group("sftp").add();
    let versions = competitors(&sb);
    let slow = (rounds / 10).max(10);
    let contest = |step: &str, rounds, who| {
        let step = format!("{step}={rounds}:{who}");
        Samples::of(&driver(&sb, &["--confdir", "/root/pam.d", "mle-sub", &step]))
    };

    let (fast, others) = (contest("contest", rounds, FAST), contest("contest", slow, SLOW));
    let mut sessions = Section::new("A session: open and close", TEXT);
    sessions.say(&format!(
        "In µs, {rounds} rounds; the last four rows {slow} rounds, beside ours once more.\n{versions}."
    ));
    let in_table = |name: &str| if FAST.split(',').any(|fast| fast == name) { &fast } else { &others };
    let both = ["open", "close"];
    let rows = NAMES.iter().chain([&ASKED]).map(|&(name, label)| {
        let samples = in_table(name);
        let (all, ours) = (samples.sum(name, both), samples.sum("sshd", both));
        let mut row = row(label, &[samples.get(name, "open"), samples.get(name, "close"), &all]);
        row.push(format!("{:.2}", ratio(&all, &ours)));
        bars.push((label, all));
        row
    });
    let head = ["", "open", "p99", "close", "p99", "both", "p99", "to ours"];
    sessions.table(&head, &rows.collect::<Vec<_>>());
    let of = |name| median(&fast.sum(name, both));
    let net = of("sshd") - of("nss") - of("permit");
    sessions.say(&format!(
        "Ours without the look-ups and libpam: {} µs, which is {:.2} of the bare calls.",
        figure(net),
        net / of("bare")
    ));
    let to_bare = format!("{:.2}", net / of("bare"));
    sessions.short.push(["open and close, less NSS and libpam, to the bare system calls".into(), to_bare]);
    let of_ours = |name| {
        let samples = in_table(name);
        ratio(&samples.sum(name, both), &samples.sum("sshd", both))
    };
    let figure = format!("{:.2}", 1.0 / of_ours("namespace"));
    sessions.short.push(["open and close, to those of pam_namespace".into(), figure]);
    for (name, label) in NAMES[6..].iter().chain([&ASKED]) {
        let figure = format!("{:.1}", of_ours(name));
        sessions.short.push([format!("open and close of {label}, to ours"), figure]);
    }

    let quick = (rounds / 4).max(10);
    let who = FAST.replace("nss,", "");
    let (fast, others) = (contest("processes", quick, &who), contest("processes", slow, SLOW));
    let mut processes = Section::new("A whole process", PROCESSES);
    processes
        .say(&format!("In µs, {quick} rounds; the last four rows {slow} rounds, beside ours once more."));
    let rows = NAMES.iter().chain([&ASKED]).filter(|(name, _)| *name != "nss").map(|(name, label)| {
        let samples = if who.split(',').any(|fast| fast == *name) { &fast } else { &others };
        let (all, ours) = (samples.get(name, "process"), samples.get("sshd", "process"));
        let mut row = row(label, &[all]);
        row.push(format!("{:.2}", ratio(all, ours)));
        row
    });
    processes.table(&["", "process", "p99", "to ours"], &rows.collect::<Vec<_>>());
    vec![sessions, processes]
}

/// Sets all up in one sandbox, each as its manual shows; gives the versions of what is unpacked.
fn competitors(sb: &Sandbox) -> String {
    let versions = ["libpam-mount", "libpam-mount-bin", "autofs"].map(|package| {
        let version = sb.unpack(package);
        format!("{package} {version}")
    });
    with_services(sb, "mle-sub");
    sb.sh("install -d /auto /etc/auto.master.d /srv/exec/mle-sub /srv/mount/mle-sub");
    service(sb, "exec", "pam_permit.so", "pam_exec.so quiet /usr/local/sbin/bind-home");
    service(sb, "mount", "pam_permit.so", "pam_mount.so disable_interactive");
    sb.write_mode("/usr/local/sbin/bind-home", BIND_HOME, 0o755);
    sb.write("/etc/security/pam_mount.conf.xml", PAM_MOUNT);
    sb.write_mode("/etc/auto.homes", AUTO_HOMES, 0o755);
    sb.write("/etc/auto.master", "/auto program:/etc/auto.homes --timeout=300\n");
    sb.sh("test -e /dev/autofs || mknod -m 600 /dev/autofs c 10 235
        # In a process group that the sandbox knows, for the kernel has to tell its own look-ups by it.
        setsid automount --foreground >/tmp/automount.log 2>&1 </dev/null &
        for i in $(seq 100); do grep -q ' /auto autofs ' /proc/mounts && exit 0; sleep 0.1; done
        cat /tmp/automount.log; exit 1");
    versions.join(", ")
}

/// No process more than it needs.
const BIND_HOME: &str = "#!/bin/sh -e
IFS=: read -r name x uid gid gecos home shell <<END
$(getent passwd \"$PAM_USER\")
END
case $PAM_TYPE in
open_session) mount --bind \"$home\" \"/srv/exec/$PAM_USER\" ;;
close_session) umount --lazy \"/srv/exec/$PAM_USER\" ;;
esac
";

const PAM_MOUNT: &str = "<?xml version=\"1.0\" encoding=\"utf-8\" ?>
<pam_mount>
<debug enable=\"0\" />
<volume user=\"mle-sub\" path=\"~\" mountpoint=\"/srv/mount/%(USER)\" options=\"bind\" />
<mkmountpoint enable=\"0\" />
</pam_mount>
";

/// `USER@NUMBER` is another name of USER's home, which the program was not asked for yet.
const AUTO_HOMES: &str = "#!/bin/sh -e
IFS=: read -r name x uid gid gecos home shell <<END
$(getent passwd \"${1%@*}\")
END
test -n \"$home\" && echo \"-fstype=bind :$home\"
";
