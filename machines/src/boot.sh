# Boots the root in the tar $1, and ends it when standard input ends. In the root it installs the files that cargo
# built in $2, if that is not empty, with the Makefile of $3. It is PID 1 of a PID namespace, so that the machine ends
# with it, and has a mount namespace of its own, so that the host sees nothing of it but a cgroup.
set -eu
mount -t proc proc /proc
mount -t tmpfs -o mode=0755 run /run
mkdir /run/machine
mount -t tmpfs -o mode=0755 machine /run/machine
tar -C /run/machine --numeric-owner -xf "$1"
test -z "$2" || make --silent -C "$3" -o build-release install DESTDIR=/run/machine MANUALS= RELEASE="$2" >/run/console

# systemd needs the unified hierarchy, whatever the host has.
umount -R /sys/fs/cgroup
mount -t cgroup2 cgroup2 /sys/fs/cgroup
cgroup=$(mktemp -d /sys/fs/cgroup/sftpjail-machine-XXXXXX)
(
    echo 0 >$cgroup/cgroup.procs
    # It ends with this status where the system inside reboots.
    status=133
    while test $status = 133; do
        status=0
        systemd-nspawn --quiet --register=no --keep-unit --private-network \
            --capability=all --drop-capability=CAP_SYS_MODULE --machine=machine --directory=/run/machine \
            --console=pipe --boot </dev/null >>/run/console 2>&1 || status=$?
    done
) &
cat >/dev/null
echo 1 >$cgroup/cgroup.kill
# The kernel needs a moment to end the processes.
for i in $(seq 200); do
    find $cgroup -depth -type d -exec rmdir {} + 2>/dev/null && break
    sleep 0.05
done
