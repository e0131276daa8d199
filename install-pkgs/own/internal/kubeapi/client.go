// Package kubeapi is a small client of the Kubernetes API. It sends single requests and follows lists of objects, as a
// Pod's service account or with a client certificate.
package kubeapi

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"time"
)

// The length of an error's text from the API server, in bytes.
const errorText = 500

// Client sends requests to one API server. Programs may change Timeout and Transport before the first request.
type Client struct {
	// Server is the URL without a path, such as https://10.96.0.1:443.
	Server    string
	Transport *http.Transport
	// Token returns the bearer token of a request; nil if the client has a certificate.
	Token func() (string, error)
	// Timeout bounds each request with its answer, but not watches; unlimited if zero.
	Timeout time.Duration
}

// StatusError is an answer of the API server with a status of 400 or more.
type StatusError struct {
	Method, Path string
	Code         int
	Text         string
}

// Error returns the request, the status and the beginning of the answer.
func (e *StatusError) Error() string {
	return fmt.Sprintf("%s %s: status %d: %s", e.Method, e.Path, e.Code, e.Text)
}

// New returns a client that trusts the authorities and presents the certificates.
func New(server string, authorities *x509.CertPool, certificates ...tls.Certificate) *Client {
	settings := &tls.Config{RootCAs: authorities, Certificates: certificates, MinVersion: tls.VersionTLS12}
	return &Client{Server: server, Transport: &http.Transport{TLSClientConfig: settings}}
}

// ReadAuthorities returns the certificates of a PEM file. It is an error if there are none.
func ReadAuthorities(file string) (*x509.CertPool, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(data) {
		return nil, fmt.Errorf("%s contains no certificate", file)
	}
	return pool, nil
}

// Call sends the body as JSON, a merge patch if the method is PATCH, and decodes the answer. Both may be nil.
func (c *Client) Call(method, path string, body, into any) error {
	answer, err := c.open(method, path, body, c.Timeout)
	if err != nil {
		return err
	}
	defer answer.Close()
	if into == nil {
		return nil
	}
	return json.NewDecoder(answer).Decode(into)
}

// Do sends a request as it is, with the certificate of the client, within its timeout.
func (c *Client) Do(request *http.Request) (*http.Response, error) { return c.do(request, c.Timeout) }

func (c *Client) do(request *http.Request, timeout time.Duration) (*http.Response, error) {
	client := &http.Client{Transport: c.Transport, Timeout: timeout}
	return client.Do(request)
}

// open sends a request and returns the body of an answer with a status below 400.
func (c *Client) open(method, path string, body any, timeout time.Duration) (io.ReadCloser, error) {
	request, err := c.request(method, path, body)
	if err != nil {
		return nil, err
	}
	answer, err := c.do(request, timeout)
	if err != nil {
		return nil, err
	}
	if answer.StatusCode >= http.StatusBadRequest {
		defer answer.Body.Close()
		text, _ := io.ReadAll(io.LimitReader(answer.Body, errorText))
		return nil, &StatusError{method, path, answer.StatusCode, string(bytes.TrimSpace(text))}
	}
	return answer.Body, nil
}

func (c *Client) request(method, path string, body any) (*http.Request, error) {
	var data io.Reader
	if body != nil {
		encoded, err := json.Marshal(body)
		if err != nil {
			return nil, err
		}
		data = bytes.NewReader(encoded)
	}
	request, err := http.NewRequest(method, c.Server+path, data)
	if err != nil {
		return nil, err
	}
	request.Header.Set("Accept", "application/json")
	switch {
	case body == nil:
	case method == http.MethodPatch:
		request.Header.Set("Content-Type", "application/merge-patch+json")
	default:
		request.Header.Set("Content-Type", "application/json")
	}
	if c.Token == nil {
		return request, nil
	}
	token, err := c.Token()
	if err != nil {
		return nil, err
	}
	request.Header.Set("Authorization", "Bearer "+token)
	return request, nil
}
