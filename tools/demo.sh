#!/usr/bin/env bash
# A control plane in a sandbox, from nothing. Usage: tools/demo.sh NAME
set -euo pipefail
cd "$(dirname "$0")/.."
name=$1
edgeadm=$PWD/.venv/bin/edgeadm

if [ "$(id -u)" != 0 ]; then
    echo "error: a sandbox boots nodes in namespaces, which requires root" >&2
    echo "hint: sudo make demo" >&2
    exit 1
fi
in_node() { "$edgeadm" sandbox exec cp1 --name "$name" -- "$@"; }

"$edgeadm" sandbox up --control-planes 1 --name "$name"
package=$(in_node sh -c 'ls /mnt/package/*.tar.zst')
in_node edgeadm init --install-pkg-path "$package" --pod-network-cidr 192.168.0.0/16
in_node kubectl get nodes -o wide

cat <<END

This is a Kubernetes control plane of your own. Go on with

    $edgeadm sandbox exec cp1 --name $name -- bash
    kubectl get pods -A

and take it down again, leaving nothing behind, with

    $edgeadm sandbox down --name $name
END
