# Makes the directory $1: a root of Debian 13 with QEMU, which needs nothing of the host's. So the host's own packages
# of QEMU, which may be of another version, stay as they are. Runs in a mount namespace of its own.
rm -rf --one-file-system "$1.new"
debootstrap --variant=minbase trixie "$1.new" "$mirror"
chroot "$1.new" apt-get install -qy --no-install-recommends qemu-system-x86 qemu-utils
rm -f "$1.new"/var/cache/apt/archives/*.deb "$1.new"/var/lib/apt/lists/*_*
mkdir "$1.new/image"
mv "$1.new" "$1"
