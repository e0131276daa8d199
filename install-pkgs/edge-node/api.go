package main

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"
)

const (
	requests      = "/apis/certificates.k8s.io/v1/certificatesigningrequests"
	servingSigner = "kubernetes.io/kubelet-serving"
)

// api is the API server as the kubelet of this node sees it.
type api struct {
	server string
	client *http.Client
}

// asKubelet logs in with the kubelet's own credentials; the file holds the certificate and its key.
func asKubelet(server, file string, roots *x509.CertPool) (*api, error) {
	pair, err := tls.LoadX509KeyPair(file, file)
	if err != nil {
		return nil, fmt.Errorf("the kubelet's credentials: %w", err)
	}
	settings := &tls.Config{RootCAs: roots, Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12}
	transport := &http.Transport{TLSClientConfig: settings, ResponseHeaderTimeout: 10 * time.Second}
	return &api{server, &http.Client{Timeout: 15 * time.Second, Transport: transport}}, nil
}

// verdict is what has become of a request: a certificate, a refusal, or nothing yet.
type verdict struct {
	Status struct {
		Conditions []struct {
			Type    string `json:"type"`
			Message string `json:"message"`
		} `json:"conditions"`
		Certificate []byte `json:"certificate"`
	} `json:"status"`
}

// ask puts the request before the cluster.
func (a *api) ask(name string, request []byte) error {
	return a.call(http.MethodPost, requests, map[string]any{
		"apiVersion": "certificates.k8s.io/v1",
		"kind":       "CertificateSigningRequest",
		"metadata":   map[string]any{"name": name},
		"spec": map[string]any{
			"request":    request,
			"signerName": servingSigner,
			"usages":     []string{"digital signature", "key encipherment", "server auth"},
		},
	}, nil)
}

// answer returns the certificate, nil while there is none; an error where there will be none.
func (a *api) answer(name string) ([]byte, error) {
	var found verdict
	if err := a.call(http.MethodGet, requests+"/"+url.PathEscape(name), nil, &found); err != nil {
		return nil, err
	}
	for _, each := range found.Status.Conditions {
		if each.Type == "Denied" || each.Type == "Failed" {
			return nil, fmt.Errorf("the request %s was refused: %s: %s", name, each.Type, each.Message)
		}
	}
	return found.Status.Certificate, nil
}

func (a *api) call(method, path string, body, into any) error {
	var data io.Reader
	if body != nil {
		encoded, err := json.Marshal(body)
		if err != nil {
			return err
		}
		data = bytes.NewReader(encoded)
	}
	request, err := http.NewRequest(method, a.server+path, data)
	if err != nil {
		return err
	}
	request.Header.Set("Accept", "application/json")
	request.Header.Set("Content-Type", "application/json")
	answer, err := a.client.Do(request)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	if answer.StatusCode >= http.StatusBadRequest {
		text, _ := io.ReadAll(io.LimitReader(answer.Body, 500))
		return fmt.Errorf("%s: status %d: %s", path, answer.StatusCode, text)
	}
	if into == nil {
		return nil
	}
	return json.NewDecoder(answer.Body).Decode(into)
}
