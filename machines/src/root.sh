# Makes a root of Debian's release $1 with the packages $3, besides those that it needs to boot, and keeps it as the
# tar $2. Runs in a mount namespace of its own.
set -eu
# As the machine's own apt has it; all releases are there.
mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' | grep -v security | head -n 1)
test -n "$mirror" || { echo "apt has no source to read a mirror from" >&2; exit 1; }
mount -t tmpfs -o mode=0755 root /mnt
packages=systemd,systemd-sysv,dbus,libpam-systemd,openssh-server,openssh-client,iproute2,procps
debootstrap --variant=minbase --include="$packages,$3" "$1" /mnt "$mirror"
rm -f /mnt/var/cache/apt/archives/*.deb /mnt/var/lib/apt/lists/*_*
tar -C /mnt --numeric-owner -cf "$2.new" .
mv "$2.new" "$2"
