"""The script that gathers the facts of a machine: POSIX sh with the programs of a minimal Debian.

Each line of its output is a key and a value. Values that contain lines are encoded with base64. The first
positional parameter is the root of the file system (empty, except in tests), the others are HOST:PORT pairs
to which the machine opens TCP connections.
"""

from __future__ import annotations

SCRIPT = r"""
LC_ALL=C
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
export LC_ALL PATH
root=$1
shift
state=$root/var/lib/edgeadm-fleet

say() { printf '%s %s\n' "$1" "$2"; }
head_of() { if [ -r "$2" ] && IFS= read -r text <"$2"; then say "$1" "$text"; fi; }
packed() { if [ -s "$2" ]; then say "$1" "$(head -c 65536 "$2" | base64 | tr -d '\n')"; fi; }

say begin "$(date +%s%3N)"
if command -v bash >/dev/null && command -v timeout >/dev/null; then
  for each in "$@"; do
    host=${each%:*} port=${each##*:}
    host=${host#[}
    host=${host%]}
    if timeout 3 bash -c 'exec 3<>"/dev/tcp/$1/$2"' bash "$host" "$port" 2>/dev/null; then
      say reaches "yes $each"
    else
      say reaches "no $each"
    fi &
  done
fi

say hostname "$(uname -n)"
say arch "$(uname -m)"
say kernel "$(uname -r)"
head_of boot "$root/proc/sys/kernel/random/boot_id"
head_of machine-id "$root/etc/machine-id"
head_of serial "$root/sys/class/dmi/id/product_serial"
head_of uuid "$root/sys/class/dmi/id/product_uuid"
for file in "$root/etc/os-release" "$root/usr/lib/os-release"; do
  if [ -r "$file" ]; then
    say os "$(sed -n 's/^PRETTY_NAME=//p' "$file" | head -n 1)"
    break
  fi
done
say systemd "$(systemctl --version 2>/dev/null | head -n 1)"
say cpus "$(nproc 2>/dev/null)"
head_of memory "$root/proc/meminfo"
for dir in / /var/lib /var/lib/kubelet /var/lib/containerd /opt /usr /run /tmp; do
  if [ -d "$root$dir" ]; then
    df -Pm "$root$dir" 2>/dev/null | tail -n 1 | while read -r _ _ _ free _; do say free "$free $dir"; done
    say device "$(stat -c %d "$root$dir" 2>/dev/null) $dir"
  fi
done
for path in "$root"/sys/class/net/*; do
  if [ -r "$path/address" ] && IFS= read -r text <"$path/address"; then say mac "${path##*/} $text"; fi
done
if command -v ip >/dev/null; then
  ip -o addr show 2>/dev/null | while read -r _ name _ address _; do say address "$name $address"; done
else
  for address in $(hostname -I 2>/dev/null); do say address "- $address"; done
fi

for name in kubelet admin; do
  conf=$root/etc/kubernetes/$name.conf
  if [ -s "$conf" ]; then
    say "$name-server" "$(sed -n 's/^ *server: *//p' "$conf" | head -n 1)"
    say "$name-ca" "$(sed -n 's/^ *certificate-authority-data: *//p' "$conf" | head -n 1)"
  fi
done
packed ca "$root/etc/kubernetes/pki/ca.crt"
client=$root/var/lib/kubelet/pki/kubelet-client-current.pem
if [ -s "$client" ]; then
  pem=$(sed -n '/BEGIN CERTIFICATE/,/END CERTIFICATE/p' "$client" | head -c 65536)
  say client "$(printf '%s\n' "$pem" | base64 | tr -d '\n')"
fi
if [ -e "$root/etc/kubernetes/manifests/kube-apiserver.yaml" ]; then say role control-plane; fi
if [ -e "$root/etc/systemd/system/lite-apiserver.service" ]; then say role edge; fi
say kubelet "$(systemctl is-active kubelet 2>/dev/null)"
journal=$root/var/lib/edgeadm/journal.jsonl
if [ -s "$journal" ]; then
  say journal "$(tail -n 1 "$journal" | head -c 65536 | base64 | tr -d '\n')"
fi
for dir in /etc/kubernetes /var/lib/etcd /var/lib/kubelet /etc/cni/net.d /etc/rancher /var/lib/rancher \
  /etc/k0s /var/lib/k0s /var/snap/microk8s /var/lib/kubeedge /etc/kubeedge; do
  if [ -d "$root$dir" ] && [ -n "$(find "$root$dir" -type f 2>/dev/null | head -n 1)" ]; then
    say remains "$dir"
  fi
done

packed applied "$state/applied.json"
for path in "$state"/incoming/*; do
  if [ -f "$path" ] && [ "$(stat -c %s "$path")" = "${path##*.}" ]; then say stored "${path##*/}"; fi
done
for path in "$state"/files/*; do
  case $path in *.part | *'*') ;; *) say stored "${path##*/}" ;; esac
done
for path in "$root"/opt/edgeadm/*/edgeadm; do
  if [ -x "$path" ]; then
    path=${path%/edgeadm}
    say stored "executable:${path##*/}"
  fi
done
systemctl list-units --plain --no-legend --full --state=active,activating,deactivating,reloading \
  'edgeadm-fleet-*.service' 2>/dev/null | while read -r unit _; do
  case $unit in edgeadm-fleet-serve*) ;; *) say running "$unit" ;; esac
done
wait
say end "$(date +%s%3N)"
"""
