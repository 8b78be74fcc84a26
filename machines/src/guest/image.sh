# Makes the directory $1 from the root in the tar $2, which is in the same directory: a disk, with a kernel of Debian's
# and its initrd beside it. $3: the release from which the kernel comes, such as trixie-backports; $4: further packages,
# separated by blanks. Runs in a mount namespace of its own.
rm -rf --one-file-system "$1.new"
mkdir -p "$1.new/root"
root=$1.new/root
tar -C "$root" --numeric-owner -xf "${1%/*}/$2"
mount -t proc proc "$root/proc"
mount -t sysfs sysfs "$root/sys"
mount --bind /dev "$root/dev"
echo "deb $mirror $3 main" >"$root/etc/apt/sources.list.d/kernel.list"
# An initrd with what the disk needs, and no more, is unpacked in a second. With the network in it, the kernel starts
# on the disk of another image, too, which does not have its modules.
mkdir -p "$root/etc/initramfs-tools/conf.d"
echo MODULES=list >"$root/etc/initramfs-tools/conf.d/small"
printf '%s\n' virtio_pci virtio_blk virtio_net ext4 >"$root/etc/initramfs-tools/modules"
apt="chroot $root apt-get -qy -o Acquire::Check-Valid-Until=false -o Dpkg::Options::=--force-confold"
$apt update
$apt install --no-install-recommends udev initramfs-tools dropbear-bin $4
$apt install --no-install-recommends --target-release "$3" linux-image-cloud-amd64
rm "$root/etc/apt/sources.list.d/kernel.list"
rm -f "$root"/var/cache/apt/archives/*.deb "$root"/var/lib/apt/lists/*_*

# The tests' way in: a second server, so that what happens to sshd and PAM is no concern of it. It is in no
# session of logind.
ssh-keygen -q -t ed25519 -N '' -C tests -f "$1.new/key"
install -d -m 700 "$root/root/.ssh"
install -m 600 "$1.new/key.pub" "$root/root/.ssh/authorized_keys"
chroot "$root" dropbearkey -t ed25519 -f /etc/way-in.key >/dev/null
cat >"$root/etc/systemd/system/way-in.service" <<'UNIT'
[Unit]
Description=The tests' way in
Wants=sys-subsystem-net-devices-eth0.device
After=sys-subsystem-net-devices-eth0.device

[Service]
ExecStartPre=ip link set eth0 up
ExecStartPre=ip address replace 10.0.2.15/24 dev eth0
ExecStart=/usr/sbin/dropbear -F -E -s -r /etc/way-in.key -p 10.0.2.15:2222 -P /run/way-in.pid
KillMode=process

[Install]
WantedBy=multi-user.target
UNIT
chroot "$root" systemctl enable way-in.service
echo '/dev/vda / ext4 defaults 0 0' >"$root/etc/fstab"
echo machine >"$root/etc/hostname"

# The profiles of AppArmor's packages are for programs that are not there, and would take minutes to load at each boot.
test ! -d "$root/etc/apparmor.d" || find "$root/etc/apparmor.d" -maxdepth 1 -type f -delete

# With a policy of SELinux, all files have their labels before the first boot, which would take ten minutes to set them.
for contexts in "$root"/etc/selinux/*/contexts/files/file_contexts; do
    test -e "$contexts" || continue
    chroot "$root" setfiles -F -e /proc -e /sys -e /dev -e /run "${contexts#"$root"}" /
    # Commands that come in by the way in are confined as little as those of an admin.
    chroot "$root" chcon system_u:object_r:unconfined_exec_t:s0 /usr/sbin/dropbear
done

: >"$1.new/files"
cp "$root"/boot/vmlinuz-* "$1.new/kernel"
cp "$root"/boot/initrd.img-* "$1.new/initrd"
umount "$root/dev" "$root/sys" "$root/proc"
# Without what Debian 11's kernel and e2fsck do not know.
mke2fs -q -t ext4 -O ^orphan_file,^metadata_csum_seed -E lazy_itable_init=0,lazy_journal_init=0 -J size=32 -N 131072 \
    -d "$root" "$1.new/disk" 4G
rm -rf --one-file-system "$root"
mv "$1.new" "$1"
