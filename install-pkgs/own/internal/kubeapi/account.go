package kubeapi

import (
	"bytes"
	"errors"
	"net"
	"os"
	"path/filepath"
)

// The directory in which every Pod has the CA and the token of its service account.
const account = "/var/run/secrets/kubernetes.io/serviceaccount"

// InCluster returns a client with the service account of the Pod that this program runs in.
func InCluster() (*Client, error) {
	host, port := os.Getenv("KUBERNETES_SERVICE_HOST"), os.Getenv("KUBERNETES_SERVICE_PORT")
	if host == "" || port == "" {
		return nil, errors.New("not in a Pod: KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT are not set")
	}
	return AsAccount("https://"+net.JoinHostPort(host, port), account)
}

// AsAccount returns a client with the `ca.crt` and the `token` of the directory. kubelet replaces the token before it
// expires, therefore each request reads it.
func AsAccount(server, folder string) (*Client, error) {
	authorities, err := ReadAuthorities(filepath.Join(folder, "ca.crt"))
	if err != nil {
		return nil, err
	}
	client := New(server, authorities)
	client.Token = func() (string, error) {
		token, err := os.ReadFile(filepath.Join(folder, "token"))
		return string(bytes.TrimSpace(token)), err
	}
	return client, nil
}
