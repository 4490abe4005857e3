#!/bin/sh
# Runs a command as root in namespaces of its own, where a kubelet and containerd find no trace of this machine's state and
# leave none. When the command ends, the kernel ends every process in them, and with those go mounts and interfaces.
#
#   isolate.sh CGROUP COMMAND [ARGUMENT]...
set -eu

if [ "${1}" != --inside ]; then
	cgroup=$1
	shift
	for hierarchy in /sys/fs/cgroup/*; do
		mkdir "$hierarchy/$cgroup"
		case $hierarchy in
		*/cpuset) # a new group has no processors
			cat "$hierarchy/cpuset.cpus" >"$hierarchy/$cgroup/cpuset.cpus"
			cat "$hierarchy/cpuset.mems" >"$hierarchy/$cgroup/cpuset.mems"
			echo 1 >"$hierarchy/$cgroup/cgroup.clone_children"
			;;
		esac
		echo $$ >"$hierarchy/$cgroup/cgroup.procs"
	done
	exec unshare --mount --pid --net --uts --ipc --cgroup --fork --kill-child sh "$0" --inside "$@"
fi
shift

hierarchies=$(ls /sys/fs/cgroup)
mount -t proc proc /proc
mount -t sysfs sysfs /sys # of the new network
mount -t tmpfs tmpfs /sys/fs/cgroup
for hierarchy in $hierarchies; do
	options=$hierarchy
	case $hierarchy in
	unified) continue ;; # has no controllers
	systemd) options=none,name=systemd ;;
	esac
	mkdir "/sys/fs/cgroup/$hierarchy"
	mount -t cgroup -o "$options" cgroup "/sys/fs/cgroup/$hierarchy"
done
for folder in /run /var/lib /var/log; do
	mount -t tmpfs tmpfs "$folder"
done

# A kubelet sets these for the whole machine when they have other values. Here it finds that they need no change.
expected() {
	mkdir -p /run/sysctl
	echo "$2" >"/run/sysctl/${1##*/}"
	mount --bind "/run/sysctl/${1##*/}" "/proc/sys/$1"
}
expected vm/overcommit_memory 1
expected vm/panic_on_oom 0
expected kernel/panic 10
expected kernel/panic_on_oops 1
expected kernel/keys/root_maxkeys 1000000
expected kernel/keys/root_maxbytes 25000000

hostname e2e
ip link set lo up
exec "$@"
