# Runs a command (the arguments) in a root of Debian. The environment says in which, and what is there:
#   SUITE, INCLUDE          its release, and the packages that it has (a list with commas)
#   FOREIGN, FOREIGN_ARCH   packages of another architecture, if any (a list with blanks)
#   ROOTS                   the directory where roots are kept as tars
#   SOURCES, VENDOR         directories, as /sources and /vendor, read-only
#   TOOLCHAIN               that of Rust, as /toolchain, read-only; none if empty
#   OUT                     a directory, as /packages
# It runs in a mount namespace of its own, so that nothing of it stays.
set -eu
tar=$ROOTS/$SUITE-$(echo "$INCLUDE $FOREIGN" | sha256sum | cut -c 1-16).tar
mkdir -p "$ROOTS" "$OUT"
mount -t tmpfs -o mode=0755 root /mnt

# As the machine's own apt has it; all releases are there.
make_root() {
    mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' | grep -v security | head -n 1)
    test -n "$mirror" || { echo "apt has no source to read a mirror from"; return 1; }
    debootstrap --variant=minbase --include="$INCLUDE" "$SUITE" /mnt "$mirror" || return 1
    test -z "$FOREIGN" || {
        chroot /mnt dpkg --add-architecture "$FOREIGN_ARCH" &&
            chroot /mnt apt-get update -q &&
            chroot /mnt env DEBIAN_FRONTEND=noninteractive apt-get install -qy --no-install-recommends $FOREIGN
    } || return 1
    rm -f /mnt/var/cache/apt/archives/*.deb /mnt/var/lib/apt/lists/*_*
    tar -C /mnt --numeric-owner -cf "$tar.new" . && mv "$tar.new" "$tar"
}

if test -e "$tar"; then
    tar -C /mnt --numeric-owner -xf "$tar"
else
    make_root >"$tar.log" 2>&1 || {
        tail -n 20 "$tar.log" >&2
        echo "no root of $SUITE could be made; the last lines are above, the whole is in $tar.log" >&2
        exit 1
    }
fi
bind() {
    mkdir -p "/mnt/$2"
    mount --bind "$1" "/mnt/$2"
    mount -o "remount,bind,$3" "/mnt/$2"
}
bind "$SOURCES" sources ro
bind "$VENDOR" vendor ro
test -z "$TOOLCHAIN" || bind "$TOOLCHAIN" toolchain ro
bind "$OUT" packages rw
mount -t proc proc /mnt/proc
exec chroot /mnt env -i PATH=/toolchain/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LANG=C.UTF-8 \
    SOURCE_DATE_EPOCH="$SOURCE_DATE_EPOCH" CARGO_TARGET_DIR="/packages/cargo/$SUITE" "$@"
