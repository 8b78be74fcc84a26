# Makes a root of Debian's release $2 with the packages $3, besides those that it needs to boot, and keeps it as the
# tar $1. Runs in a mount namespace of its own.
mount -t tmpfs -o mode=0755 root /mnt
packages=systemd,systemd-sysv,dbus,libpam-systemd,openssh-server,openssh-client,iproute2,procps
debootstrap --variant=minbase --include="$packages,$3" "$2" /mnt "$mirror"
rm -f /mnt/var/cache/apt/archives/*.deb /mnt/var/lib/apt/lists/*_*
tar -C /mnt --numeric-owner -cf "$1.new" .
mv "$1.new" "$1"
