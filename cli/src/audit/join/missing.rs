//! What is missing of a session that is over.

use super::Join;
use crate::audit::gaps::{Clock, Kind};
use crate::audit::restarts::Restart;
use crate::audit::session::Session;
use crate::audit::who::Client;
use crate::report::Outside;
use pam_sftpjail::escape::escaped;

impl Join {
    /// Reports what is missing of a session, and expects no more of it.
    pub(super) fn abandon(&mut self, session: Session, user: Option<&str>) {
        self.report(&session, user);
        self.report_restart(&session, session.who.client());
        session.abandon(&mut self.queue);
    }

    /// Reports what is missing of a session. `user`: as its end names it, if there is one.
    pub(super) fn report(&mut self, session: &Session, user: Option<&str>) {
        let concerns = |name: &str| self.user.as_deref().is_none_or(|user| user == name);
        let who = &session.who;
        let (from, to) = (who.first, session.last);
        if !self.probe && who.client().is_some_and(Client::is_probe) {
            return;
        }
        let which = |clock: &Clock| {
            let (host, pid) = (escaped(&*who.host), who.pid);
            format!("host {host}, pid {pid}, {} to {}", clock.shown(from), clock.shown(to))
        };
        match (who.client(), user) {
            (Some(client), _) if concerns(&client.user) => {
                self.gaps.during((from, to), Kind::NoEnd, |clock| {
                    let address = Outside::new(&client.address).address();
                    format!("{} from {address}, {}", escaped(&client.user), which(clock))
                })
            }
            (None, user) if user.is_none_or(concerns) => {
                self.gaps.during((from, to), Kind::NoBeginning, |clock| {
                    let owner =
                        user.map_or(String::new(), |user| format!("{} as its end says, ", escaped(user)));
                    format!("{owner}{}, operations: {}", which(clock), session.operations)
                });
            }
            _ => {}
        }
    }

    /// Reports a session that was open while rsyslogd did not run, and whose entries come from files only: the
    /// journal's socket stays, so that a session that has it lost nothing.
    pub(super) fn report_restart(&mut self, session: &Session, client: Option<&Client>) {
        let who = &session.who;
        let Some(client) = client.filter(|_| !session.is_in_journal) else { return };
        let is_wanted = self.user.as_deref().is_none_or(|user| user == client.user);
        let Some(Restart { from, to, .. }) = self.restarts.within(who.host_key, who.first, session.last)
        else {
            return;
        };
        if is_wanted && (self.probe || !client.is_probe()) {
            self.gaps.during((from, to), Kind::Restarted, |clock| {
                format!(
                    "{} from {}, host {}, pid {}: it did not run at some time from {} to {}",
                    escaped(&client.user),
                    Outside::new(&client.address).address(),
                    escaped(&*who.host),
                    who.pid,
                    clock.shown(from),
                    clock.shown(to)
                )
            });
        }
    }
}
