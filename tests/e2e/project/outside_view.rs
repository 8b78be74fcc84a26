//! A jail as its member sees it who speaks SFTP without a client: all that can be reached, and all that can be done
//! there, is what the profile and the grants say.

mod attempts;
mod client;
mod model;
mod names;
mod on_host;
mod session;
mod terms;
mod walk;

use crate::common::jailed::left_nothing;
use client::Client;
use model::{HOME, Led, Model};
use on_host::{scan, state};
use sandbox::{Namespace, Sandbox, one_moment_in};
use session::{Session, bytes};
use std::path::Path;
use terms::{Folder, Home, Log, Terms};

in_both_namespaces!(
    a_home_with_volumes_a_guard_and_grants,
    a_home_that_is_read_only,
    no_home_but_a_volume_and_grants,
    a_home_that_is_anothers_on_disk,
    a_home_and_nothing_beside_it,
);

/// A mount of the host's in a volume, and one in the home.
const SUBMOUNTS: [&str; 2] = ["/srv/vol/disk", "/home/mle/disk"];

/// What a walk begins with, besides the root.
const STARTS: [&str; 8] = ["/", ".", "..", "../../../../..", "//", "/./.", "/..", "to-root"];

/// Paths as somebody spells them who looks for a way out.
const SPELT: [&[u8]; 27] = [
    b"",
    b"/",
    b".",
    b"..",
    b"../../../../../etc/shadow",
    b"/home/mle/../joe/secret",
    b"/home/mle/.ssh/../../joe",
    b"/proc",
    b"/proc/self/root/etc/shadow",
    b"/proc/1/root",
    b"/proc/self/fd/3",
    b"/proc/self/cwd",
    b"/dev/fd/3",
    b"/dev/stdin",
    b"/dev/null",
    b"/dev/log/..",
    b"/dev/../etc/shadow",
    b"/sys",
    b"/run/sftpjail",
    b"/usr/bin/id",
    b"/jail/mle/home/mle/mine",
    b"/tmp",
    b"to-proc/etc/shadow",
    b"up/etc/shadow",
    b"to-joe/../secret",
    b"/vol/../srv/site/config",
    b"\xff\xfe/\x1b[2J",
];

/// A host with other people's files beside and in what mle gets.
fn host(namespace: Namespace, terms: &Terms) -> Sandbox {
    let sb = Sandbox::in_namespace(namespace);
    if terms.log == Log::Directory {
        sb.install_log_drop_in();
    }
    sb.user("joe").mode(0o755).add();
    sb.user("mle").group("sftp").group("team").mode(0o755).add();
    let script = r#"
        useradd -r -m -d /var/web -s /usr/sbin/nologin web
        mkdir -p /etc/ssh/keys /etc/sftpjail/grants.d
        install -m 644 /home/mle/.ssh/authorized_keys /etc/ssh/keys/mle
        sed -i '1i AuthorizedKeysFile /etc/ssh/keys/%u' /etc/ssh/sshd_config
        echo secret >/root/secret; echo secret >/home/joe/secret
        # of OWNER GROUP MODE PATH
        of() { echo "this is $4" >"$4"; chown "$1:$2" "$4"; chmod "$3" "$4"; }
        folder() { mkdir "$4"; chown "$1:$2" "$4"; chmod "$3" "$4"; }
        fill() {
            of mle mle 644 mine; of mle mle 400 mine-to-read; of root team 664 of-team; of joe joe 644 of-joe
            of joe joe 666 of-all; of joe joe 600 closed-file; of root root 644 of-root; of web web 644 of-web
            folder mle mle 755 folder; of mle mle 644 folder/inner; of root root 600 folder/of-root
            folder joe joe 700 closed; of mle mle 644 closed/inside; folder joe joe 733 dropbox
            of joe joe 644 dropbox/hidden; folder joe joe 744 listed; of joe joe 644 listed/inside
            folder root team 2775 team; of joe joe 644 team/file; folder joe joe 777 open
            folder mle mle 755 team/empty
            of mle mle 644 "$(printf '\377\033\n name')"; of mle mle 644 "$(printf 'x%.0s' $(seq 255))"
            ln -s mine to-mine; ln -s /etc/shadow to-shadow; ln -s /etc/passwd to-passwd; ln -s ../../.. up; ln -s loop loop
            ln -s /proc/self/root to-proc; ln -s /home/joe/secret to-joe; ln -s folder/missing to-missing
            ln -s /vol to-vol; ln -s /srv/docs/of-root to-docs; ln -s / to-root; chown -h mle: to-*
        }
        for place in /home/mle /srv/vol /srv/docs /srv/site /srv/media; do mkdir -p $place; cd $place; fill; done
        cd /srv/site; of joe joe 644 config
        chown mle: /home/mle /srv/vol; chown web: /srv/site /srv/media; chmod 777 /srv/docs
        for disk in /srv/vol/disk /home/mle/disk; do
            mkdir $disk; mount -t tmpfs -o mode=755 tmpfs $disk; cd $disk; chown mle: .; fill
        done
        cd /home/mle; of mle mle 644 .forward; install -d -o mle -g mle .config .config/systemd .config/systemd/user deep \
            deep/er deep/er/vol vol
        of mle mle 644 .config/other; of mle mle 644 .config/systemd/user/unit; of mle mle 644 deep/file
        of mle mle 644 deep/er/vol/covered; of mle mle 644 vol/covered
    "#;
    sb.sh(script);
    if let Some(owner) = terms.home_owner {
        sb.sh(&format!(
            "chown {owner}: /home/mle; find /home/mle -xdev -user mle -exec chown -h {owner}: {{}} +"
        ));
    }
    sb.configure(&terms.profile());
    if !terms.grants.is_empty() {
        sb.write("/etc/sftpjail/grants.d/mle.toml", terms.granted());
    }
    sb
}

fn folder(source: &'static str, target: &'static str, writable: bool) -> Folder {
    Folder { source, target, writable, owner: None }
}

fn of_web(source: &'static str, target: &'static str, writable: bool) -> Folder {
    Folder { source, target, writable, owner: Some("web") }
}

fn a_home_with_volumes_a_guard_and_grants(namespace: Namespace) {
    holds(
        namespace,
        &Terms {
            home: Home::ReadWrite,
            home_owner: None,
            guard: &[".ssh", ".forward", ".config/systemd"],
            volumes: vec![
                folder("/srv/vol", "/vol", true),
                folder("/srv/docs", "/home/mle/vol", false),
                folder("/srv/media", "/home/mle/deep/er/vol", true),
            ],
            grants: vec![folder("/srv/docs", "/srv/docs", false), of_web("/srv/site", "/srv/www/site", true)],
            log: Log::Directory,
            listings: true,
        },
    );
}

fn a_home_that_is_read_only(namespace: Namespace) {
    holds(
        namespace,
        &Terms {
            home: Home::ReadOnly,
            home_owner: None,
            guard: &[],
            volumes: vec![of_web("/srv/media", "/home/mle/vol", true), of_web("/srv/vol", "/vol", false)],
            grants: vec![folder("/srv/site", "/site", true)],
            log: Log::Socket,
            listings: true,
        },
    );
}

fn no_home_but_a_volume_and_grants(namespace: Namespace) {
    holds(
        namespace,
        &Terms {
            home: Home::None,
            home_owner: None,
            guard: &[],
            volumes: vec![folder("/srv/vol", "/vol", true)],
            grants: vec![of_web("/srv/media", "/media", true), folder("/srv/docs", "/deep/er/docs", false)],
            log: Log::Directory,
            listings: false,
        },
    );
}

fn a_home_that_is_anothers_on_disk(namespace: Namespace) {
    holds(
        namespace,
        &Terms {
            home: Home::ReadWrite,
            home_owner: Some("web"),
            guard: &[".forward", ".config/systemd"],
            volumes: vec![folder("/srv/docs", "/home/mle/vol", true)],
            grants: vec![of_web("/srv/vol", "/vol", true)],
            log: Log::Socket,
            listings: true,
        },
    );
}

fn a_home_and_nothing_beside_it(namespace: Namespace) {
    holds(
        namespace,
        &Terms {
            home: Home::ReadWrite,
            home_owner: None,
            guard: &[],
            volumes: Vec::new(),
            grants: Vec::new(),
            log: Log::None,
            listings: false,
        },
    );
}

/// A session finds and can do what the terms say, and leaves nothing.
#[track_caller]
fn holds(namespace: Namespace, terms: &Terms) {
    let sb = host(namespace, terms);
    // The first login makes what is missing.
    sb.sftp("mle", "pwd\n").ok();
    sb.wait_for_logouts();
    let (mounts, before) = (sb.mounts(), state(&sb));
    let model = Model::new(&sb, terms, &SUBMOUNTS);
    let mut session = Session::new(Client::log_in(&sb, "mle"), &model, known(terms));
    let walked = session.look_around();
    // Again, as from the working directory.
    let relative = model.nodes.keys().filter_map(|path| path.strip_prefix(&model.start).ok());
    let of_others = before.keys().map(|path| &**path).filter(|path| !path.starts_with(HOME));
    for path in relative.chain(of_others).step_by(one_moment_in()) {
        session.open_each_way(bytes(path));
    }
    session.made_belong_to_their_owner(&sb, terms);
    session.handles();
    session.limits();
    let column = |file: &str, which: usize| -> Vec<String> {
        sb.read_text(file).lines().filter_map(|line| Some(line.split(':').nth(which)?.into())).collect()
    };
    let ids = |file| -> Vec<u32> {
        column(file, 2).iter().filter_map(|id| id.parse().ok()).chain([99_999]).collect()
    };
    session.accounts(&column("/etc/passwd", 0), &ids("/etc/passwd"), &ids("/etc/group"));

    let client = &session.client;
    assert_eq!(client.tried, client.offered, "what the server offers is what was tried");
    let violations = &session.violations;
    println!(
        "{namespace}: {walked} paths walked, {} requests of {} kinds and {} extensions, {} answers compared, {} violations",
        client.requests.values().sum::<usize>(),
        client.requests.len(),
        client.tried.len(),
        session.tried,
        violations.len(),
    );
    let first = violations.iter().take(60).cloned().collect::<Vec<_>>().join("\n");
    assert!(violations.is_empty(), "{} violations:\n{first}", violations.len());
    drop(session);
    left_nothing(&sb, &mounts);
    let after = state(&sb);
    let paths = before.keys().chain(after.keys());
    let changed: Vec<_> = paths.filter(|path| before.get(*path) != after.get(*path)).collect();
    assert!(changed.is_empty(), "changed on the host: {changed:?}");
}

/// Each promise, if it were another one, is seen to be broken: or the tests above would prove nothing.
#[test]
fn a_jail_that_is_not_as_the_terms_say_is_noticed() {
    type Change = fn(&mut Terms);
    let changes: [(&str, Change); 6] = [
        ("/vol/mine", |terms| terms.volumes[0].writable = false),
        ("/docs/open", |terms| terms.volumes[1].writable = true),
        ("/site/mine", |terms| terms.grants[0].owner = None),
        ("/home/mle/.forward", |terms| terms.guard = &[]),
        ("/more", |terms| terms.grants.push(folder("/srv/media", "/more", false))),
        ("/etc", |terms| terms.listings = false),
    ];
    let terms = || Terms {
        home: Home::ReadWrite,
        home_owner: None,
        guard: &[".forward"],
        volumes: vec![folder("/srv/vol", "/vol", true), folder("/srv/docs", "/docs", false)],
        grants: vec![of_web("/srv/site", "/site", true)],
        log: Log::Socket,
        listings: true,
    };
    for (path, change) in changes {
        let (sb, mut others) = (host(Namespace::Private, &terms()), terms());
        change(&mut others);
        let model = Model::new(&sb, &others, &SUBMOUNTS);
        let mut session = Session::new(Client::log_in(&sb, "mle"), &model, known(&others));
        session.walk(b"/");
        session.attempt(path.as_bytes());
        assert!(session.violations.iter().any(|violation| violation.contains(path)), "{path}");
    }
}

/// Names that say nothing of the host, and the member's own.
fn known(terms: &Terms) -> Vec<String> {
    // NSS may make up root and nobody without a file (nss-systemd).
    let always = ["root", "nobody", "nogroup"];
    let own = if terms.listings { &["mle", "sftp", "team"][..] } else { &[] };
    always.iter().chain(own).map(|name| String::from(*name)).collect()
}

impl Session<'_> {
    /// Walks from everywhere, and tries all operations on what is in the jail, on new names, and on odd paths. How many
    /// paths were found.
    fn look_around(&mut self) -> usize {
        let (due, mut walked) = (self.listed(), 0);
        for start in STARTS {
            let Led::To(at) = self.model.lead(start.as_bytes(), true) else { continue };
            let found = self.walk(start.as_bytes());
            walked += found.len();
            let due = due.iter().filter(|path| path.starts_with(&at)).cloned().collect();
            self.same(format_args!("all below {start}"), &found, &due);
        }
        // All are walked; with `make exhaustive` everything is tried on each, too.
        for (path, (node, _)) in self.model.nodes.iter().step_by(one_moment_in()) {
            self.attempt(bytes(path));
            if node.kind == b'd' {
                self.attempt(bytes(&path.join("new")));
            }
        }
        for spelt in SPELT {
            self.attempt(spelt);
        }
        walked
    }

    /// What the member makes is the member's on disk, or the owner's.
    fn made_belong_to_their_owner(&mut self, sb: &Sandbox, terms: &Terms) {
        let folders = terms.volumes.iter().chain(&terms.grants);
        let sources: Vec<_> =
            folders.map(|folder| (folder.source, folder.target)).chain([(HOME, HOME)]).collect();
        for place in self.places.clone() {
            let new = place.join("new");
            let opened = self.open(bytes(&new), client::flags::WRITE | client::flags::CREATE);
            self.close(&opened);
            // The longest target that is above it.
            let above =
                sources.iter().filter(|(_, target)| new.starts_with(target)).max_by_key(|(_, at)| at.len());
            let (source, target) = above.expect("what can be written is a folder");
            let on_disk = Path::new(source).join(new.strip_prefix(target).expect("it is above"));
            let found = scan(sb, on_disk.to_str().expect("text"))[Path::new("")].clone();
            let parent = self.model.node(&place);
            let gid = if parent.mode & 0o2000 != 0 { parent.gid } else { self.model.gids[0] };
            let swap = self.model.mount_of(&place).swap;
            let on_disk = |id: u32, which: usize| match swap {
                Some(swap) if swap[which].0 == id => swap[which].1,
                _ => id,
            };
            let due = (on_disk(self.model.uid, 0), on_disk(gid, 1));
            self.same(format_args!("owner of {}", new.display()), &(found.uid, found.gid), &due);
            self.remove(client::REMOVE, bytes(&new));
        }
    }
}
