//! `sftpjail review`: who has access to what, with which keys, and since when nobody has used it.

mod rich;

use sandbox::Sandbox;
use serde_json::Value;

/// Two profiles: `home` with a volume, and one whose users have what is granted.
const PROFILES: &str = "[[profile]]\nname = \"home\"\ngroups = [\"sftp\"]\n\
                        [[profile.volume]]\nsource = \"/srv/shared/%u\"\ntarget = \"/shared\"\nread_only = true\n\
                        [[profile]]\nname = \"guest\"\ngroups = [\"sftp-guest\"]\nhome = \"none\"\n";

/// The blob of a key of a token, which only a token can make.
const SK: &str = "blob() { printf '\\0\\0\\0%b%s' \"\\\\0$(printf %o ${#1})\" \"$1\"; }
    { blob sk-ssh-ed25519@openssh.com; printf '\\0\\0\\0\\040'; head -c 32 /dev/zero; blob ssh:; } | base64 -w0";

/// Runs it, and gives the document and the exit status.
#[track_caller]
fn review(sb: &Sandbox, words: &str) -> (Value, Option<i32>) {
    let out = sb.try_sh(&format!("sftpjail review --json {words}"));
    let document = serde_json::from_str(&out.stdout).unwrap_or_else(|error| panic!("{error}: {out}"));
    (document, out.code)
}

/// A member in a document.
#[track_caller]
fn member<'v>(document: &'v Value, user: &str) -> &'v Value {
    let members = document["members"].as_array().expect("members");
    members.iter().find(|member| member["user"] == user).unwrap_or_else(|| panic!("no {user}: {document:#}"))
}

/// A key of a member, by its comment.
#[track_caller]
fn key<'v>(member: &'v Value, comment: &str) -> &'v Value {
    let keys = member["keys"].as_array().expect("keys");
    keys.iter().find(|key| key["comment"] == comment).unwrap_or_else(|| panic!("no {comment}: {member:#}"))
}

fn machine() -> Sandbox {
    let sb = Sandbox::new();
    sb.install_log_drop_in();
    sb.group("sftp-guest");
    sb.sh("sed -i 's|^Match Group sftp$|Match Group sftp,sftp-guest|' /etc/ssh/sshd_config");
    sb.configure(PROFILES);
    for name in ["anna", "bert", "dora", "kim"] {
        sb.user(name).group("sftp").add();
        sb.sh(&format!("install -d -o {name} /srv/shared/{name}"));
    }
    sb.user("felix").group("sftp-guest").add();
    sb.user("joe").add();
    sb.sh("useradd --system web; install -d -o web -m 755 /srv/site/media; install -d /etc/sftpjail/grants.d /srv/old");
    sb
}

#[test]
fn each_member_has_folders_grants_keys_and_when_they_were_used() {
    let sb = machine();
    sb.sh("cd /root; ssh-keygen -qt rsa -b 3072 -N '' -C 'an rsa key' -f rsa
        ssh-keygen -qt ecdsa -b 384 -N '' -C curve -f ecdsa; ssh-keygen -qt ed25519 -N '' -C never -f never");
    sb.sh(&format!(
        "cd /home/anna/.ssh; sk=$({SK}); cp authorized_keys /root/own.pub
        {{ cat /root/rsa.pub /root/ecdsa.pub; echo '# a comment'; echo 'no key'
          echo \"restrict,expiry-time=\\\"20200101\\\" $(cat /root/never.pub)\"
          echo \"sk-ssh-ed25519@openssh.com $sk token\"; }} >> authorized_keys
        touch -d 2026-01-02T03:04:05Z authorized_keys"
    ));
    sb.write(
        "/etc/sftpjail/grants.d/felix.toml",
        "[[grant]]\nfolder = \"/srv/site/media\"\nat = \"/media\"\naccess = \"read-write\"\nowner = \"web\"\n\
         until = 2099-12-10T18:00:00+01:00\nnote = \"contract 4711\"\n\
         [[grant]]\nfolder = \"/srv/old\"\naccess = \"read-only\"\nuntil = 2020-12-10T18:00:00Z\n",
    );
    sb.sh("chage -E 0 bert; rmdir /home/dora/.ssh 2>/dev/null || rm -r /home/dora; rm -rf /home/dora
        mkdir -p /var/spool/cron/crontabs; echo '@daily true' > /var/spool/cron/crontabs/kim");

    sb.sh("head -c 100000 /dev/zero > /root/up");
    sb.login("anna")
        .option("IdentityFile=/root/rsa")
        .option("IdentitiesOnly=yes")
        .sftp("put /root/up up\n")
        .ok();
    sb.sftp("felix", "put /root/up /media/up\n").ok();
    sb.wait_for_log("]: session closed for local user felix");
    sb.sh("setpriv --reuid kim --regid sftp --clear-groups sleep 1000 >/dev/null 2>&1 &");
    let live = sb.sftp_live("felix");

    let (document, code) = review(&sb, "");
    assert_eq!(
        (code, &document["version"], &document["status"]),
        (Some(0), &3.into(), &"ok".into()),
        "{document:#}"
    );
    let names: Vec<_> =
        document["members"].as_array().unwrap().iter().map(|m| m["user"].as_str().unwrap()).collect();
    assert_eq!(names, ["anna", "bert", "dora", "felix", "kim"], "joe is in no profile");
    assert!(document["logs"]["begin"].is_string());

    let anna = member(&document, "anna");
    assert_eq!(
        (&anna["profile"], &anna["state"]["kind"]),
        (&"home".into(), &"can-log-in".into()),
        "{anna:#}"
    );
    assert_eq!(anna["folders"][0]["path"], "/home/anna");
    assert_eq!(
        (&anna["folders"][0]["access"], &anna["folders"][0]["owner"]),
        (&"read-write".into(), &"anna".into())
    );
    assert_eq!(
        (&anna["folders"][1]["source"], &anna["folders"][1]["path"]),
        (&"/srv/shared/anna".into(), &"/shared".into())
    );
    assert_eq!(anna["folders"][1]["access"], "read-only");
    assert!(
        anna["last_login"].is_string() && anna["unused"]["days"] == 0 && anna["unused"]["at_least"] == false
    );
    let transfers = &anna["transfers"];
    assert_eq!((&transfers["uploaded_files"], &transfers["uploaded_bytes"]), (&1.into(), &100_000.into()));
    for (comment, file, key_type, bits) in [
        ("an rsa key", "rsa.pub", "ssh-rsa", 3072),
        ("curve", "ecdsa.pub", "ecdsa-sha2-nistp384", 384),
        ("never", "never.pub", "ssh-ed25519", 256),
    ] {
        let key = key(anna, comment);
        let printed = sb.sh(&format!("ssh-keygen -lf /root/{file}")).stdout;
        let words: Vec<_> = printed.split(' ').collect();
        assert_eq!((&key["type"], &key["bits"]), (&key_type.into(), &bits.into()));
        assert_eq!((key["fingerprint"].as_str(), words[0]), (Some(words[1]), bits.to_string().as_str()));
        assert_eq!(key["changed"], "2026-01-02T03:04:05Z");
        assert_eq!(key["file"], "/home/anna/.ssh/authorized_keys");
        assert_eq!(key["last_used"].is_string(), comment == "an rsa key", "{key:#}");
        assert_eq!(key["unused"]["at_least"], comment != "an rsa key", "the logs begin later");
    }
    assert_eq!((&key(anna, "token")["bits"], &key(anna, "token")["expired"]), (&256.into(), &false.into()));
    assert_eq!(key(anna, "never")["expired"], true);
    assert!(anna["unusable_lines"][0].as_str().unwrap().contains("authorized_keys:5: "), "{anna:#}");

    let felix = member(&document, "felix");
    assert_eq!(
        (felix["folders"].as_array().map(Vec::len), &felix["live_sessions"]),
        (Some(0), &1.into()),
        "{felix:#}"
    );
    let [media, old] = [0, 1].map(|at| &felix["grants"][at]);
    assert_eq!((&media["folder"], &media["at"]), (&"/srv/site/media".into(), &"/media".into()));
    assert_eq!((&media["owner"], &media["note"]), (&"web".into(), &"contract 4711".into()));
    assert_eq!((&media["until"], &media["standing"]), (&"2099-12-10T17:00:00Z".into(), &"holds".into()));
    assert_eq!((&old["standing"], &old["access"]), (&"ended".into(), &"read-only".into()));
    assert!(felix["keys"][0]["last_used"].is_string(), "{felix:#}");

    assert_eq!(member(&document, "bert")["state"]["kind"], "closed");
    let dora = member(&document, "dora");
    assert_eq!(dora["state"]["kind"], "refused", "{dora:#}");
    assert!(dora["state"]["why"].as_str().unwrap().contains("/home/dora"));
    let kim = member(&document, "kim");
    assert_eq!((&kim["last_login"], &kim["unused"]["at_least"]), (&Value::Null, &true.into()));
    assert_eq!(kim["runs"][0]["file"], "/var/spool/cron/crontabs/kim", "{kim:#}");
    assert_eq!((&kim["runs"][1]["kind"], &kim["runs"][1]["program"]), (&"process".into(), &"sleep".into()));
    drop(live);

    // Of one member, in text.
    let text = sb.sh("sftpjail review felix").stdout;
    assert!(text.starts_with("✓ felix: profile guest, can log in\n  last login  "), "{text}");
    assert!(
        text.contains(
            "/srv/site/media at /media, read-write, of web, until 2099-12-10 17:00 (contract 4711)"
        ),
        "{text}"
    );
    assert!(!text.contains("anna"), "{text}");
}

#[test]
fn what_cannot_be_read_is_named_and_the_rest_is_shown() {
    let sb = machine();
    sb.write("/etc/sftpjail/grants.d/anna.toml", "not TOML");
    sb.sh("rm /home/kim/.ssh/authorized_keys; mkfifo /home/kim/.ssh/authorized_keys");
    let (document, code) = review(&sb, "");
    assert_eq!((code, &document["status"]), (Some(1), &"problems".into()));
    let anna = member(&document, "anna");
    assert_eq!(anna["state"]["kind"], "refused");
    assert!(anna["problems"][0].as_str().unwrap().contains("/etc/sftpjail/grants.d/anna.toml"), "{anna:#}");
    assert!(member(&document, "kim")["problems"][0].as_str().unwrap().contains("it is no regular file"));
    assert_eq!(member(&document, "bert")["state"]["kind"], "can-log-in");
    let text = sb.try_sh("sftpjail review");
    assert!(text.code == Some(1) && text.stdout.contains("! /etc/sftpjail/grants.d/anna.toml"), "{text}");
    // A name that is no text hides no process.
    sb.sh(r#"setpriv --reuid bert --clear-groups perl -e '$0 = "x\xff"; sleep' >/dev/null 2>&1 </dev/null &
        until pgrep -u bert '^x'; do sleep 0.05; done"#);
    let (document, _) = review(&sb, "bert");
    assert_eq!(member(&document, "bert")["runs"][0]["program"], "x\u{fffd}", "{document:#}");
    // Nor does the end of its first thread.
    sb.sh(&format!(
        "setpriv --reuid dora --clear-groups perl -Mthreads -e 'threads->create(sub {{ sleep 300 }}); syscall {}, 0' \
        >/dev/null 2>&1 </dev/null &
        until grep -qs '^State:.Z' /proc/$(pgrep -u dora -x perl)/status; do sleep 0.05; done",
        libc::SYS_exit
    ));
    let (document, _) = review(&sb, "dora");
    assert_eq!(member(&document, "dora")["runs"][0]["program"], "perl", "{document:#}");
    // Nor do many others.
    sb.sh("for i in $(seq 30); do setpriv --reuid bert --clear-groups sleep 300 >/dev/null 2>&1 </dev/null & done
        until test $(pgrep -cu bert -x sleep) = 30; do sleep 0.05; done");
    let (document, _) = review(&sb, "bert");
    let runs = member(&document, "bert")["runs"].as_array().expect("a list");
    assert_eq!(runs.len(), 21, "{document:#}");
    assert_eq!(
        (&runs[20]["kind"], &runs[20]["count"]),
        (&"more-processes".into(), &11.into()),
        "{document:#}"
    );
    let text = sb.sh("sftpjail review bert").stdout;
    assert!(text.contains("11 further processes outside of jails"), "{text}");
    // Nor does another root directory, which a user can have in a user namespace.
    sb.sh("setpriv --reuid kim --clear-groups unshare -r perl -e 'chroot \"/srv\" or die; chdir \"/\"; $0 = \"rooted\"; sleep 300' \
           >/dev/null 2>&1 </dev/null &
           until pgrep -u kim -x rooted; do sleep 0.05; done");
    let (document, _) = review(&sb, "kim");
    let runs = member(&document, "kim")["runs"].as_array().cloned().unwrap_or_default();
    assert!(runs.iter().any(|runs| runs["program"] == "rooted"), "{document:#}");

    for (words, code, said) in [
        ("joe", 3, "joe is in no profile"),
        ("root", 3, "root is in no profile"),
        ("annna", 2, "did you mean anna?"),
        ("--config /nowhere.toml", 2, "/nowhere.toml"),
    ] {
        let out = sb.try_sh(&format!("sftpjail review {words}"));
        assert!(
            out.code == Some(code) && format!("{}{}", out.stdout, out.stderr).contains(said),
            "{words}: {out}"
        );
    }
    let out = sb.try_sh("setpriv --reuid anna --clear-groups sftpjail review");
    assert!(out.code == Some(2) && out.stderr.contains("run this as root"), "{out}");
}

/// A probe comes through a pipe, and the same key may be in the files of many users.
#[test]
fn a_probe_is_no_login_and_a_key_of_another_user_no_use() {
    let sb = machine();
    sb.sh("sftpjail probe anna");
    sb.sftp("bert", "pwd\n").ok();
    sb.wait_for_log("]: session closed for local user bert");
    let (document, _) = review(&sb, "");
    let anna = member(&document, "anna");
    assert_eq!(anna["last_login"], Value::Null, "{anna:#}");
    // It is the same key in both homes.
    assert_eq!(anna["keys"][0]["last_used"], Value::Null);
    assert!(member(&document, "bert")["keys"][0]["last_used"].is_string());
}

/// What would be markup, a formula or an order to a terminal.
const HOSTILE: &str = "</td><script>alert(1)</script>\"' onload=x =1+1 <img src=//x>";

#[test]
fn csv_has_a_row_for_each_access_and_no_formula() {
    let sb = machine();
    sb.sh("cd /root; ssh-keygen -qt ed25519 -N '' -C '=HYPERLINK(1)' -f key
        cat key.pub >> /home/anna/.ssh/authorized_keys");
    let csv = sb.try_sh("sftpjail review --csv").stdout;
    let mut lines = csv.lines();
    assert!(
        lines
            .next()
            .unwrap()
            .starts_with("user,uid,profile,state,why,last_login,unused_days,at_least,access,path,")
    );
    let of_anna: Vec<_> = lines.filter(|line| line.starts_with("anna,")).collect();
    let kinds: Vec<_> = of_anna.iter().map(|line| line.split(',').nth(8).unwrap()).collect();
    assert_eq!(kinds, ["home", "volume", "key", "key"], "{csv}");
    assert!(!csv.contains(",=") && csv.contains("\\x3d"), "{csv}");
}

#[test]
fn the_file_of_html_is_roots_alone_complete_and_obeys_nothing_from_outside() {
    let sb = machine();
    let note = HOSTILE.replace('"', "\\\"");
    sb.write(
        "/etc/sftpjail/grants.d/felix.toml",
        format!("[[grant]]\nfolder = \"/srv/site/media\"\naccess = \"read-only\"\nnote = \"{note}\"\n"),
    );
    sb.script(
        "cd /home/anna/.ssh; key=$(cut -d' ' -f1,2 authorized_keys); echo \"$key $1\" > authorized_keys",
        &[HOSTILE],
        b"",
    )
    .ok();
    sb.sh("umask 000; sftpjail review --html /root/review.html");
    assert_eq!(
        sb.sh("stat -c '%a %U' /root/review.html; ls -A /root | grep sftpjail- || echo none").stdout,
        "600 root\nnone\n"
    );
    let html = sb.read_text("/root/review.html");
    assert!(html.starts_with("<!DOCTYPE html>") && html.ends_with("</html>\n"));
    assert!(!html.contains("<script") && !html.contains("<img"), "{html}");
    assert_eq!(html.matches("&lt;script&gt;alert(1)").count(), 2, "the note and the comment");
    assert!(html.contains("<svg"), "{html}");
    // Again, over the file that is there; never through a symlink, and to no device.
    sb.sh("sftpjail review --html /root/review.html; ln -s /root/review.html /root/link; mkfifo /root/fifo");
    for (path, why) in [
        ("/root/link", "is a symlink"),
        ("/dev/stdout", "is a symlink"),
        ("/root/fifo", "is no regular file"),
        ("/root", "is no regular file"),
        ("/nowhere/x", "cannot be written: No such file or directory"),
    ] {
        let out = sb.try_sh(&format!("sftpjail review --html {path}"));
        assert!(out.code == Some(2) && out.stderr.contains(why), "{path}: {out}");
    }
    assert_eq!(sb.sh("stat -c %F /root/link /dev/stdout").stdout, "symbolic link\nsymbolic link\n");
}

/// sshd is asked once for all of them, and each costs some milliseconds. The wall clock says nothing on a busy machine.
#[test]
fn a_thousand_members_cost_a_few_seconds_of_the_processors() {
    let sb = Sandbox::new();
    sb.user("anna").group("sftp").add();
    // A shell would take a minute.
    sb.sh(r#"perl -MFile::Copy -e '
        open P, ">>/etc/passwd"; open S, ">>/etc/shadow"; umask 022;
        for (1..1000) {
            my ($id, $home) = (20000 + $_, "/home/m$_");
            print P "m$_:x:$id:100::$home:/usr/sbin/nologin\n"; print S "m$_:!:20000:0:99999:7:::\n";
            mkdir $home; mkdir "$home/.ssh"; copy "/home/anna/.ssh/authorized_keys", "$home/.ssh/authorized_keys";
            chown $id, 100, $home, "$home/.ssh", "$home/.ssh/authorized_keys";
        }'
        sed -i "/^sftp:/s/\$/,$(seq -f m%.0f -s, 1000)/" /etc/group"#);
    let timed = "TIMEFORMAT='%U %S'; time sftpjail review --json >/root/review.json";
    let out = sb.script("bash -c \"$1\"", &[timed], b"").ok();
    let document: Value = serde_json::from_str(&sb.read_text("/root/review.json")).expect("JSON");
    assert_eq!(document["members"].as_array().map(Vec::len), Some(1001), "{}", document["problems"]);
    assert_eq!(member(&document, "m1000")["keys"].as_array().map(Vec::len), Some(1));
    let seconds: f64 = out.stderr.split_whitespace().filter_map(|word| word.parse::<f64>().ok()).sum();
    assert!(seconds > 0.0 && seconds < 20.0, "{out}");
}
