//! What syslog daemons write about messages that they dropped.

/// Whether rsyslog (ratelimit.c) or systemd-journald says here that it dropped messages.
pub(crate) fn is_loss(message: &[u8]) -> bool {
    let has = |part: &str| memchr::memmem::find(message, part.as_bytes()).is_some();
    (has("rate-limiting") && (has(" lost ") || has("begin to drop")))
        || (message.starts_with(b"Suppressed ") && has(" messages from "))
        || message.starts_with(b"Missed ")
}
