//! A filesystem of a user that does not answer.

use sandbox::Sandbox;

/// Mounts a filesystem of the user's on a directory, whose daemon takes every request and answers none. A process that
/// asks for something there does not end by SIGKILL either.
pub(crate) fn take_and_never_answer(sb: &Sandbox, user: &str, directory: &str) {
    // The answer to FUSE_INIT, version 7.31; see struct fuse_out_header and fuse_init_out in linux/fuse.h.
    sb.sh(&format!(
        "[ -e /dev/fuse ] || mknod /dev/fuse c 10 229
         exec 3<>/dev/fuse
         mount -i -t fuse -o fd=3,rootmode=40000,user_id=$(id -u {user}),group_id=$(id -g {user}),allow_other none {directory}
         dd bs=65536 count=1 status=none <&3 >/dev/null
         {{ printf '\\120\\0\\0\\0\\0\\0\\0\\0\\2\\0\\0\\0\\0\\0\\0\\0\\7\\0\\0\\0\\37\\0\\0\\0'
            head -c 56 /dev/zero; }} > /tmp/init
         dd if=/tmp/init bs=80 count=1 status=none >&3
         setsid cat <&3 >/dev/null 2>&1 &"
    ));
}
