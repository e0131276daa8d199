package main

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"time"
)

// account is where every Pod finds who it is.
const account = "/var/run/secrets/kubernetes.io/serviceaccount"

// api is the API server as the Pod's service account sees it.
type api struct {
	server    string
	folder    string
	transport *http.Transport
}

func inCluster() (*api, error) {
	host, port := os.Getenv("KUBERNETES_SERVICE_HOST"), os.Getenv("KUBERNETES_SERVICE_PORT")
	if host == "" || port == "" {
		return nil, errors.New("this is not a Pod: KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT are not set")
	}
	return newAPI("https://"+net.JoinHostPort(host, port), account)
}

// newAPI trusts the CA in the folder, and shows the token that is there.
func newAPI(server, folder string) (*api, error) {
	authority, err := os.ReadFile(filepath.Join(folder, "ca.crt"))
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(authority) {
		return nil, fmt.Errorf("%s/ca.crt holds no certificate", folder)
	}
	return &api{server, folder, &http.Transport{
		TLSClientConfig:       &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12},
		ForceAttemptHTTP2:     true,
		TLSHandshakeTimeout:   10 * time.Second,
		ResponseHeaderTimeout: time.Minute,
	}}, nil
}

// token is read for each request: it is renewed in place.
func (a *api) token() (string, error) {
	token, err := os.ReadFile(filepath.Join(a.folder, "token"))
	return string(bytes.TrimSpace(token)), err
}

// open sends a request, and gives the body of an answer that is not an error. What it reads is closed after `limit`.
func (a *api) open(method, path, contentType string, body []byte, limit time.Duration) (io.ReadCloser, error) {
	request, err := http.NewRequest(method, a.server+path, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	token, err := a.token()
	if err != nil {
		return nil, err
	}
	request.Header.Set("Authorization", "Bearer "+token)
	request.Header.Set("Accept", "application/json")
	if contentType != "" {
		request.Header.Set("Content-Type", contentType)
	}
	client := &http.Client{Transport: a.transport, Timeout: limit}
	answer, err := client.Do(request)
	if err != nil {
		return nil, err
	}
	if answer.StatusCode >= http.StatusBadRequest {
		text, _ := io.ReadAll(io.LimitReader(answer.Body, 500))
		answer.Body.Close()
		return nil, fmt.Errorf("%s %s: status %d: %s", method, path, answer.StatusCode, text)
	}
	return answer.Body, nil
}
