//! Whichever system call of a hook fails, and wherever the hook is killed: a member is refused or in a whole jail, and
//! nothing stays, or what stays in the host's namespace is removed by the next login. `make test` tries every other call
//! with one of seven errors, and a SIGKILL at each that changes something; `make every-call` tries all, and prints the
//! counts. What is tried, and what must hold, is in [`every-call`](../../every_call/main.rs).

use std::time::Duration;

use crate::common::libpam::install_alone;
use sandbox::{Namespace, Sandbox, artifact, one_moment_in, run_within};

in_both_namespaces!(
    each_call_of_the_account_hook,
    each_call_of_the_first_session,
    each_call_of_a_session_with_a_home_only,
    each_call_of_a_session_beside_another,
    each_call_of_a_session_that_is_refused,
    each_call_of_close,
    each_call_of_reap,
    each_call_of_expire,
);

/// With every error, and on a busy machine.
const PATIENCE: Duration = Duration::from_secs(3600);

/// Both lines of the session, as in pam.d/sshd.
const STACK: &str = "\
session [default=done ignore=ignore] pam_sftpjail.so close
account [default=done ignore=ignore] pam_sftpjail.so
account required pam_debug.so acct=module_unknown
session [default=done ignore=ignore] pam_sftpjail.so open
session required pam_debug.so open_session=module_unknown close_session=module_unknown
";

/// Volumes, one of which the first login makes, a guard, and a granted folder whose files are another account's.
const ALL: &str = r#"
[[profile]]
name = "home"
groups = ["sftp"]
umask = "027"
max_sessions = 3
guard = [".ssh", ".config/systemd", ".none"]
[[profile.volume]]
source = "/srv/made/%u"
target = "/uploads"
create = { owner = "%u", group = "%g", mode = "0750" }
[[profile.volume]]
source = "/srv/shown"
target = "/shown"
read_only = true
[[profile.volume]]
source = "/srv/inside"
target = "/home/mle/inside"
"#;

/// Nothing but what is granted.
const GRANTED: &str = r#"
[[profile]]
name = "guest"
groups = ["sftp"]
home = "none"
"#;

const GRANT: &str = r#"[[grant]]
folder = "/srv/site/media"
access = "read-write"
owner = "web"
until = 2099-12-10T18:00:00+01:00
"#;

/// A grant that has ended, and one for another key.
const ENDED: &str = r#"[[grant]]
folder = "/srv/site/media"
access = "read-write"
key = "SHA256:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
until = 2020-12-10T18:00:00+01:00
[[grant]]
folder = "/srv/shown"
access = "read-only"
key = "SHA256:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
"#;

/// What a first login makes besides the jail root and the registry.
const MADE: [&str; 3] = ["/home/mle/.config", "/home/mle/.none", "/srv/made/mle"];

/// A member with the default profile, or with this one and a grant.
fn machine(namespace: Namespace, profile: Option<&str>) -> Sandbox {
    let sb = Sandbox::in_namespace(namespace);
    sb.user("mle").group("sftp").add();
    sb.user("eve").group("sftp").add();
    sb.user("web").add();
    install_alone(&sb, "");
    sb.write("/etc/alone/sshd", STACK);
    sb.install(&artifact("every-call"), "/usr/local/sbin/every-call", 0o755);
    if let Some(profile) = profile {
        sb.configure(profile);
        sb.sh("mkdir -p /srv/made /srv/shown /srv/inside /srv/site/media /etc/sftpjail/grants.d
               mkdir /home/mle/inside; chown mle /home/mle/inside; chown web /srv/site/media
               touch /srv/shown/file /srv/site/media/file; chown web /srv/site/media/file");
        sb.write("/etc/sftpjail/grants.d/mle.toml", GRANT);
        sb.write("/etc/alone/hold.toml", GRANT);
        sb.write("/etc/alone/ended.toml", ENDED);
    }
    sb.stop_syslog();
    sb
}

fn each(namespace: Namespace, hook: &str, profile: Option<&str>) {
    let sb = machine(namespace, profile);
    let how_many = if one_moment_in() == 1 { "all" } else { "some" };
    let mut command = sb.command("every-call");
    command.args([&namespace.to_string(), hook, how_many]);
    if profile.is_some() {
        command.args(MADE);
    }
    let out = run_within(PATIENCE, command, "every-call", b"");
    let out = out.ok();
    println!("{hook}, namespace {namespace}: {}", out.stdout.lines().last().unwrap_or_default());
}

fn each_call_of_the_account_hook(namespace: Namespace) {
    each(namespace, "account", Some(ALL));
}

fn each_call_of_the_first_session(namespace: Namespace) {
    each(namespace, "first", Some(ALL));
}

fn each_call_of_a_session_with_a_home_only(namespace: Namespace) {
    each(namespace, "open", None);
}

fn each_call_of_a_session_beside_another(namespace: Namespace) {
    each(namespace, "beside", Some(ALL));
}

fn each_call_of_a_session_that_is_refused(namespace: Namespace) {
    each(namespace, "refused", Some(GRANTED));
}

fn each_call_of_close(namespace: Namespace) {
    each(namespace, "close", Some(ALL));
}

fn each_call_of_reap(namespace: Namespace) {
    each(namespace, "reap", Some(ALL));
}

/// Only jails "of the host's namespace" can be left in another one.
#[test]
fn each_call_of_reap_beside_a_service_with_mounts_of_its_own() {
    each(Namespace::Host, "elsewhere", None);
}

fn each_call_of_expire(namespace: Namespace) {
    each(namespace, "expire", Some(ALL));
}
