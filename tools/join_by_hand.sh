#!/bin/bash
# The steps of an edge node's `edgeadm join`, by hand: what a person who knows them all would type on the node.
# Programs, containerd and images are there; files, key and request lie ready in the folder. Measured by
# bench_join.py. Usage: join_by_hand.sh FOLDER API-SERVER TOKEN
set -euo pipefail
cd "$1"
api=$2
token=$3
lite=https://169.254.20.11:51003
direct=(kubectl --server "https://$api" --token "$token" --certificate-authority ca.crt)

cp -a files/. /
install -d -m 0700 /data/lite-apiserver/cache

"${direct[@]}" create -f request.yaml >&2
until certificate=$("${direct[@]}" get -f request.yaml -o 'jsonpath={.status.certificate}') && [ -n "$certificate" ]; do
    sleep 0.05
done
base64 -d <<<"$certificate" >>/etc/kubernetes/edge/lite-apiserver.pem

systemctl daemon-reload
systemctl enable --quiet edgeadm-repair edgeadm-nic lite-apiserver edgeadm-keep kubelet
systemctl start edgeadm-repair edgeadm-nic lite-apiserver edgeadm-keep
until kubectl --server "$lite" --token "$token" --certificate-authority ca.crt get --raw /healthz >/dev/null 2>&1; do
    sleep 0.05
done

kubeadm join --config join.yaml >&2

until [ "$("${direct[@]}" get node "$(hostname)" -o 'jsonpath={.status.conditions[?(@.type=="Ready")].status}')" = True ]; do
    sleep 0.05
done
