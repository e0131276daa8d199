package kubeapi

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"
)

// A name in the certificate of every API server that kubeadm creates.
const serverName = "kubernetes"

// Kubeconfig is a kubeconfig in a file that may be replaced while the program runs.
type Kubeconfig struct {
	Path string
	// Server replaces the server of the kubeconfig if it is not empty.
	Server string
	// Timeout bounds each request.
	Timeout time.Duration

	read   []byte
	client *Client
}

// credentials are the cluster and the user of a kubeconfig.
type credentials struct {
	server      string
	authority   []byte
	certificate []byte
	key         []byte
}

// Connect returns a client with the credentials of the kubeconfig; a new client if the file has changed.
func (k *Kubeconfig) Connect() (*Client, error) {
	data, err := os.ReadFile(k.Path)
	if err != nil {
		return nil, err
	}
	if k.client != nil && bytes.Equal(data, k.read) {
		return k.client, nil
	}
	created, err := k.connect(data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", k.Path, err)
	}
	if k.client != nil {
		k.client.Transport.CloseIdleConnections()
	}
	k.read, k.client = data, created
	return created, nil
}

func (k *Kubeconfig) connect(data []byte) (*Client, error) {
	found, err := parseKubeconfig(data)
	if err != nil {
		return nil, err
	}
	if k.Server != "" {
		found.server = k.Server
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(found.authority) {
		return nil, errors.New("certificate-authority-data contains no certificate")
	}
	pair, err := tls.X509KeyPair(found.certificate, found.key)
	if err != nil {
		return nil, err
	}
	client := New(strings.TrimSuffix(found.server, "/"), pool, pair)
	client.Timeout = k.Timeout
	client.Transport.TLSClientConfig.ServerName = serverName
	client.Transport.ForceAttemptHTTP2 = true
	return client, nil
}

// parseKubeconfig reads a kubeconfig in the form that kubeadm writes: one cluster, one user, inline data, each key at
// the beginning of a line with its value on the same line. Other YAML is not supported.
func parseKubeconfig(data []byte) (credentials, error) {
	var found credentials
	for line := range strings.Lines(string(data)) {
		key, value, ok := strings.Cut(strings.TrimLeft(strings.TrimSpace(line), "- "), ":")
		if !ok {
			continue
		}
		value = strings.Trim(strings.TrimSpace(value), `"'`)
		var into *[]byte
		switch key {
		case "server":
			found.server = value
			continue
		case "certificate-authority-data":
			into = &found.authority
		case "client-certificate-data":
			into = &found.certificate
		case "client-key-data":
			into = &found.key
		default:
			continue
		}
		decoded, err := base64.StdEncoding.DecodeString(value)
		if err != nil {
			return found, fmt.Errorf("%s: not base64", key)
		}
		if *into != nil {
			return found, fmt.Errorf("%s: given twice", key)
		}
		*into = decoded
	}
	if found.server == "" || found.authority == nil || found.certificate == nil || found.key == nil {
		return found, errors.New("the server, the authority, the client certificate or its key is missing")
	}
	return found, nil
}
