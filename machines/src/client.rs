//! A client of a system's sshd, on a network of its own: [`Client`]. It has the system's files, and neither its
//! addresses nor its loopback.

use crate::system::{OPTIONS, System};
use sandbox::Output;

/// The client's address, as the system sees it; one of those that RFC 5737 keeps for examples.
pub const ADDRESS: &str = "192.0.2.2";

/// The system's address for its client.
const SERVER: &str = "192.0.2.1";

/// Where root runs the clients. It is gone after a reboot.
const NETWORK: &str = "nsenter --net=/run/netns/client";

/// Logs in at a system from another network namespace of it.
pub struct Client<'a>(&'a dyn System);

impl<'a> Client<'a> {
    /// Makes the network, if it is not there.
    #[track_caller]
    pub fn connect(system: &'a dyn System) -> Self {
        system.sh(&format!(
            "test -e /run/netns/client && exit
             ip netns add client; ip link add server type veth peer name client netns client
             ip address add {SERVER}/24 dev server; ip link set server up
             ip -n client address add {ADDRESS}/24 dev client; ip -n client link set client up"
        ));
        Self(system)
    }

    /// Runs `sftp` with this batch.
    #[track_caller]
    pub fn sftp(&self, user: &str, batch: &str) -> Output {
        self.0.script(&format!("{NETWORK} sftp {OPTIONS} -b - {user}@{SERVER}"), batch.as_bytes())
    }

    /// Runs `ssh` with this command, which the user's shell reads.
    #[track_caller]
    pub fn ssh(&self, user: &str, command: &str) -> Output {
        let ssh = format!("{NETWORK} ssh {OPTIONS} {user}@{SERVER} \"$(cat)\" </dev/null");
        self.0.script(&ssh, command.as_bytes())
    }

    /// Waits until a user can log in.
    #[track_caller]
    pub fn wait_until_let_in(&self, user: &str) {
        self.0.wait_for(&format!("{NETWORK} sftp {OPTIONS} -b /dev/null {user}@{SERVER} </dev/null"));
    }

    /// Copies a file with `scp`. In `from` and `to`, `@` stands for the user's side: `@notes`.
    #[track_caller]
    pub fn scp(&self, user: &str, from: &str, to: &str) -> Output {
        let [from, to] = [from, to].map(|path| path.replace('@', &format!("{user}@{SERVER}:")));
        self.0.try_sh(&format!("{NETWORK} scp {OPTIONS} {from} {to} </dev/null"))
    }

    /// Opens a session of `sftp` that stays. `options`: further ones of sftp.
    #[track_caller]
    pub fn live(&self, user: &str, options: &str) -> Live {
        // It never reads EOF, for it has both ends of its own stdin.
        self.0.sh(&format!(
            "rm -rf /root/live; mkdir /root/live; mkfifo /root/live/in
             setsid sh -c 'exec 3<>/root/live/in
                 {NETWORK} sftp {OPTIONS} {options} -b - {user}@{SERVER} <&3 || echo failed >/root/live/failed
                 touch /root/live/ended' </dev/null >/root/live/out 2>&1 &"
        ));
        let mut live = Live { batches: 0 };
        live.run(self.0, "pwd\n");
        live
    }
}

/// A session of a client that runs batch after batch. A system has at most one.
#[derive(Debug)]
pub struct Live {
    /// How many batches it was given.
    batches: u32,
}

impl Live {
    /// Runs a batch to its end. Gives all that the client has said so far. Panics if the session has ended.
    #[track_caller]
    pub fn run(&mut self, system: &dyn System, batch: &str) -> String {
        self.begin(system, batch);
        self.wait(system)
    }

    /// Begins a batch, and does not wait for its end.
    #[track_caller]
    pub fn begin(&mut self, system: &dyn System, batch: &str) {
        self.batches += 1;
        // What it says last is the client's own, not the server's.
        let batch = format!("{batch}!echo end of batch {}\n", self.batches);
        system.script("test ! -e /root/live/ended; cat >/root/live/in", batch.as_bytes()).ok();
    }

    /// Waits for the end of the last batch.
    #[track_caller]
    pub fn wait(&self, system: &dyn System) -> String {
        let said = format!("grep -qx 'end of batch {}' /root/live/out", self.batches);
        system.wait_for(&format!("{said} || test -e /root/live/ended"));
        let out = system.sh("cat /root/live/out").stdout;
        assert!(system.try_sh(&said).code == Some(0), "the session has ended:\n{out}");
        out
    }

    /// Logs out. Panics if the client says that anything went wrong.
    #[track_caller]
    pub fn close(self, system: &dyn System) {
        system.script("cat >/root/live/in", b"bye\n").ok();
        system.wait_for("test -e /root/live/ended");
        let failed = system.try_sh("test ! -e /root/live/failed || cat /root/live/out");
        assert_eq!(failed.stdout, "", "the session did not end well");
    }

    /// Panics if the server still answers. The client notices when it asks.
    #[track_caller]
    pub fn is_cut(self, system: &dyn System) {
        system.script("cat >/root/live/in", b"ls\n").ok();
        system.wait_for("test -e /root/live/failed");
    }
}
