//! The recipes of docs/recipes, done as they say.

use crate::common::page::Page;
use sandbox::Sandbox;

#[test]
fn hosting_customers_and_sub_accounts() {
    Page::read("docs/recipes/hosting.md").run(&Page::machine(&[]));
}

#[test]
fn an_upload_portal() {
    Page::read("docs/recipes/upload-portal.md").run(&Page::machine(&[]));
}

#[test]
fn a_freelancer() {
    Page::read("docs/recipes/freelancer.md").run(&with_cron(&["felix"]));
}

#[test]
fn a_read_only_auditor() {
    Page::read("docs/recipes/auditor.md").run(&with_cron(&["ruth"]));
}

#[test]
fn a_team_folder() {
    Page::read("docs/recipes/team-folder.md").run(&Page::machine(&[]));
}

#[test]
fn a_web_root_of_www_data() {
    Page::read("docs/recipes/web-root.md").run(&Page::machine(&[]));
}

#[test]
fn a_member_who_needs_a_shell_too() {
    Page::read("docs/recipes/shell-too.md").run(&Page::machine(&["anna"]));
}

#[test]
fn suspending_and_leaving() {
    let sb = with_anna();
    let _live = sb.sftp_live("anna");
    Page::read("docs/recipes/leaving.md").run(&sb);
}

#[test]
fn idle_sessions() {
    let sb = with_anna();
    let live = sb.sftp_live("anna");
    let page = Page::read("docs/recipes/idle.md");
    page.run(&sb);
    drop(live);
    // The same in seconds, which a test can wait for.
    let lines =
        "ChannelTimeout session:subsystem:sftp=1s\nMatch Group sftp\n    UnusedConnectionTimeout 1s\n";
    sb.write("/etc/ssh/sshd_config.d/10-idle.conf", lines);
    sb.restart_sshd();
    let _idle = sb.sftp_live("anna");
    sb.sh("for i in $(seq 200); do sftpjail list | grep -q Nobody && exit; sleep 0.05; done; exit 1");
    let without_a_channel = sb.ssh("anna", &["-N"]).failed();
    assert!(without_a_channel.stderr.contains("closed by remote host"), "{without_a_channel}");
}

/// Ends sessions with what is granted, by the line that setup has written.
fn with_cron(names: &[&str]) -> Sandbox {
    let sb = Page::machine(names);
    sb.sh("cron");
    sb
}

/// The member anna, who logs in with a key.
fn with_anna() -> Sandbox {
    let sb = Page::machine(&[]);
    sb.user("anna").group("sftp").shell("/usr/sbin/nologin").add();
    sb
}
