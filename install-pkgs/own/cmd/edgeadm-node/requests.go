package main

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"edgeadm/own/internal/kubeapi"
)

const (
	requests      = "/apis/certificates.k8s.io/v1/certificatesigningrequests"
	servingSigner = "kubernetes.io/kubelet-serving"

	answerWithin = 15 * time.Second
	headerWithin = 10 * time.Second
)

// asKubelet returns a client with the credentials of kubelet; the file contains the certificate and its key.
func asKubelet(server, file string, roots *x509.CertPool) (*kubeapi.Client, error) {
	pair, err := tls.LoadX509KeyPair(file, file)
	if err != nil {
		return nil, fmt.Errorf("the credentials of kubelet: %w", err)
	}
	cluster := kubeapi.New(server, roots, pair)
	cluster.Timeout, cluster.Transport.ResponseHeaderTimeout = answerWithin, headerWithin
	return cluster, nil
}

// verdict is the status of a certificate signing request: issued, denied, failed or pending.
type verdict struct {
	Status struct {
		Conditions []struct {
			Type    string `json:"type"`
			Message string `json:"message"`
		} `json:"conditions"`
		Certificate []byte `json:"certificate"`
	} `json:"status"`
}

// submit creates the certificate signing request.
func submit(cluster *kubeapi.Client, name string, request []byte) error {
	return cluster.Call(http.MethodPost, requests, map[string]any{
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

// issued returns the certificate of a request; nil if it is pending. It is an error if it was denied or failed.
func issued(cluster *kubeapi.Client, name string) ([]byte, error) {
	var found verdict
	if err := cluster.Call(http.MethodGet, requests+"/"+url.PathEscape(name), nil, &found); err != nil {
		return nil, err
	}
	for _, each := range found.Status.Conditions {
		if each.Type == "Denied" || each.Type == "Failed" {
			return nil, fmt.Errorf("the request %s was refused: %s: %s", name, each.Type, each.Message)
		}
	}
	return found.Status.Certificate, nil
}
