//! Recipes for whoever runs a server with members: roll-out, monitoring, uploads, backup.

use crate::common::page::Page;
use sandbox::Sandbox;

/// A user with a key and without a shell.
fn add(sb: &Sandbox, user: &str, group: Option<&str>) {
    let added = sb.user(user).shell("/usr/sbin/nologin");
    match group {
        Some(group) => added.group(group).add(),
        None => added.add(),
    };
}

/// A machine that is set up, with two members.
fn machine() -> Sandbox {
    let sb = Page::machine(&[]);
    add(&sb, "anna", Some("sftp"));
    add(&sb, "ben", Some("sftp"));
    sb
}

#[test]
fn rolling_it_out_on_a_friday() {
    let sb = Page::stock_machine(&[]);
    add(&sb, "anna", None);
    add(&sb, "ben", None);
    Page::read("docs/recipes/roll-out.md").run(&sb);
}

#[test]
fn monitoring() {
    let sb = machine();
    add(&sb, "joe", None);
    sb.unpack("prometheus-node-exporter");
    sb.sh("mkdir -p /var/lib/prometheus/node-exporter");
    let exporter = "prometheus-node-exporter --collector.disable-defaults --collector.textfile";
    sb.sh(&format!("setsid -f {exporter} >/tmp/exporter.log 2>&1 </dev/null
        for i in $(seq 100); do curl -sf http://localhost:9100/ >/dev/null && exit 0; sleep 0.1; done; cat /tmp/exporter.log; exit 1"));
    Page::read("docs/recipes/monitoring.md").run(&sb);
}

#[test]
fn doing_something_after_each_upload() {
    let sb = machine();
    Page::read("docs/recipes/after-each-upload.md").run(&sb);
    // What breaks off is no upload.
    sb.sh("head -c 10M /dev/zero >/root/big
        echo 'put /root/big' | timeout -s KILL 2 sftp -b - -l 800 anna@files.example.com >/dev/null 2>&1 || true");
    sb.wait_for_log("open \"/home/anna/big\"");
    sb.wait_for_logouts();
    sb.sftp("anna", "put /root/big whole\n").ok();
    sb.wait_for_log("on-upload: e5b844cc /home/anna/whole");
    assert_eq!(sb.log_lines("on-upload: ").iter().filter(|line| line.ends_with("/big")).count(), 0);
    // Where it fails, the script ends, so that systemd starts it again, and the file comes again.
    sb.sh("mv /usr/local/sbin/on-upload /root; install -m 755 /bin/false /usr/local/sbin/on-upload");
    sb.sftp("anna", "put /root/big failing\n").ok();
    sb.sh("for i in $(seq 200); do pidof -x after-upload >/dev/null || exit 0; sleep 0.1; done; exit 1");
    sb.sh("mv /root/on-upload /usr/local/sbin; setsid -f after-upload >/dev/null 2>&1");
    sb.wait_for_log("on-upload: e5b844cc /home/anna/failing");
}

#[test]
fn backup_and_restore() {
    let sb = machine();
    sb.sh("install -d -m 777 /srv/media; sftpjail grant anna /srv/media --until 2099-12-31 --yes");
    Page::read("docs/recipes/backup.md").run(&sb);
}

#[test]
fn many_machines_behind_one_name() {
    Page::read("docs/recipes/many-machines.md").run(&machine());
}
