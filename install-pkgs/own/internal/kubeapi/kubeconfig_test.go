package kubeapi

import (
	"encoding/base64"
	"fmt"
	"strings"
	"testing"
)

// kubeadmsKubeconfig has the form that kubeadm writes.
func kubeadmsKubeconfig() string {
	data := base64.StdEncoding.EncodeToString([]byte("PEM"))
	return fmt.Sprintf(`apiVersion: v1
clusters:
- cluster:
    certificate-authority-data: %s
    server: https://10.0.0.1:6443
  name: kubernetes
current-context: kubernetes-admin@kubernetes
kind: Config
users:
- name: kubernetes-admin
  user:
    client-certificate-data: %s
    client-key-data: %s
`, data, data, data)
}

func TestAKubeconfigOfKubeadmIsRead(t *testing.T) {
	found, err := parseKubeconfig([]byte(kubeadmsKubeconfig()))
	if err != nil || found.server != "https://10.0.0.1:6443" || string(found.key) != "PEM" {
		t.Fatalf("%+v, %v", found, err)
	}
}

func TestOtherKubeconfigsAreErrors(t *testing.T) {
	good := kubeadmsKubeconfig()
	for name, text := range map[string]string{
		"empty":       "",
		"no key":      strings.ReplaceAll(good, "client-key-data", "client-key"),
		"not base64":  strings.ReplaceAll(good, "client-key-data: ", "client-key-data: !"),
		"given twice": good + good,
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := parseKubeconfig([]byte(text)); err == nil {
				t.Fatal("no error")
			}
		})
	}
}
