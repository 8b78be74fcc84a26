//! The terminal on which transcripts and pages are made.

/// Words of sh that run `command` on a terminal of 80 columns without colours, with nothing typed.
pub(crate) fn on_a_terminal(command: &str) -> String {
    format!(
        "env -i LANG=C.UTF-8 TERM=dumb TZ=UTC PATH=/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin \
         script -q -e -E never -c \"stty cols 80 rows 50; exec {command}\" /dev/null </dev/null"
    )
}
