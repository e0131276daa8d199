package main

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strings"
	"time"
)

// serverName is in every certificate of an API server that kubeadm makes, whatever address it is reached by.
const serverName = "kubernetes"

const answerWithin = 10 * time.Second

// credentials are what a kubeconfig holds of one cluster and one user.
type credentials struct {
	server      string
	authority   []byte
	certificate []byte
	key         []byte
}

// readKubeconfig takes the fields out of a file as kubeadm writes it: one cluster, one user, data inline. It is no
// YAML reader: a key stands at the beginning of its line, its value on the same one.
func readKubeconfig(data []byte) (credentials, error) {
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
			return found, fmt.Errorf("%s: it is there twice, and there is no telling which counts", key)
		}
		*into = decoded
	}
	if found.server == "" || found.authority == nil || found.certificate == nil || found.key == nil {
		return found, errors.New("it lacks the server, the authority, the client's certificate or its key")
	}
	return found, nil
}

// access gives the way to the API server, made anew when the kubeconfig's bytes change.
type access struct {
	path   string
	server string
	read   []byte
	api    *api
}

func (a *access) connect() (*api, error) {
	data, err := os.ReadFile(a.path)
	if err != nil {
		return nil, err
	}
	if a.api != nil && bytes.Equal(data, a.read) {
		return a.api, nil
	}
	found, err := readKubeconfig(data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", a.path, err)
	}
	if a.server != "" {
		found.server = a.server
	}
	made, err := newAPI(found)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", a.path, err)
	}
	if a.api != nil {
		a.api.client.CloseIdleConnections()
	}
	a.read, a.api = data, made
	return made, nil
}

func newAPI(found credentials) (*api, error) {
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(found.authority) {
		return nil, errors.New("the authority is no certificate")
	}
	pair, err := tls.X509KeyPair(found.certificate, found.key)
	if err != nil {
		return nil, err
	}
	config := &tls.Config{
		RootCAs:      pool,
		Certificates: []tls.Certificate{pair},
		ServerName:   serverName,
		MinVersion:   tls.VersionTLS12,
	}
	// No proxy of the environment stands between a machine and itself.
	transport := &http.Transport{TLSClientConfig: config, ForceAttemptHTTP2: true, Proxy: nil}
	return &api{strings.TrimSuffix(found.server, "/"), &http.Client{Timeout: answerWithin, Transport: transport}}, nil
}
