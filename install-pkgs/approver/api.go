package main

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"time"
)

const (
	account  = "/var/run/secrets/kubernetes.io/serviceaccount"
	requests = "/apis/certificates.k8s.io/v1/certificatesigningrequests"
	watchFor = 5 * time.Minute
)

// api is the API server as the Pod's service account sees it.
type api struct {
	server string
	client *http.Client
	token  func() (string, error)
}

// inCluster reads what every Pod is given.
func inCluster() (*api, error) {
	authority, err := os.ReadFile(account + "/ca.crt")
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(authority) {
		return nil, errors.New("the service account's ca.crt holds no certificate")
	}
	return &api{
		server: "https://" + net.JoinHostPort(os.Getenv("KUBERNETES_SERVICE_HOST"), os.Getenv("KUBERNETES_SERVICE_PORT")),
		client: &http.Client{
			Timeout:   watchFor + time.Minute,
			Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}},
		},
		// Tokens are renewed in place: each request reads the present one.
		token: func() (string, error) {
			token, err := os.ReadFile(account + "/token")
			return string(bytes.TrimSpace(token)), err
		},
	}, nil
}

// eachRequest calls the function for every signing request there is, then for each that comes or changes, until
// the watch ends. `answered` is called whenever the API has said something.
func (a *api) eachRequest(handle func(*signingRequest), answered func()) error {
	var found struct {
		Metadata struct {
			ResourceVersion string `json:"resourceVersion"`
		} `json:"metadata"`
		Items []signingRequest `json:"items"`
	}
	if err := a.call(http.MethodGet, requests, nil, &found); err != nil {
		return err
	}
	answered()
	for i := range found.Items {
		handle(&found.Items[i])
	}
	query := url.Values{
		"watch":           {"true"},
		"resourceVersion": {found.Metadata.ResourceVersion},
		"timeoutSeconds":  {fmt.Sprint(int(watchFor.Seconds()))},
	}
	body, err := a.open(http.MethodGet, requests+"?"+query.Encode(), nil)
	if err != nil {
		return err
	}
	defer body.Close()
	events := json.NewDecoder(body)
	for {
		var event struct {
			Type   string         `json:"type"`
			Object signingRequest `json:"object"`
		}
		if err := events.Decode(&event); err != nil {
			if errors.Is(err, io.EOF) {
				return nil
			}
			return err
		}
		answered()
		if event.Type == "ADDED" || event.Type == "MODIFIED" {
			handle(&event.Object)
		} else if event.Type == "ERROR" {
			return errors.New("the watch was too old, starting again")
		}
	}
}

// nodeIsReady tells whether a Node of the name exists and is Ready.
func (a *api) nodeIsReady(name string) (bool, error) {
	var node struct {
		Status struct {
			Conditions []struct {
				Type   string `json:"type"`
				Status string `json:"status"`
			} `json:"conditions"`
		} `json:"status"`
	}
	err := a.call(http.MethodGet, "/api/v1/nodes/"+url.PathEscape(name), nil, &node)
	var refused *statusError
	if errors.As(err, &refused) && refused.code == http.StatusNotFound {
		return false, nil
	}
	for _, each := range node.Status.Conditions {
		if each.Type == "Ready" && each.Status == "True" {
			return true, nil
		}
	}
	return false, err
}

// approve adds the condition to the very version of the request that the policy has seen.
func (a *api) approve(request *signingRequest) error {
	path := requests + "/" + url.PathEscape(request.Metadata.Name)
	var whole map[string]any
	if err := a.call(http.MethodGet, path, nil, &whole); err != nil {
		return err
	}
	metadata, _ := whole["metadata"].(map[string]any)
	if metadata["resourceVersion"] != request.Metadata.ResourceVersion {
		return errors.New("it changed meanwhile; its next version is looked at anew")
	}
	whole["status"] = map[string]any{"conditions": []any{map[string]any{
		"type":    "Approved",
		"status":  "True",
		"reason":  "EdgeNodeServing",
		"message": "edgeadm's approver: the serving certificate of an edge node's lite-apiserver",
	}}}
	return a.call(http.MethodPut, path+"/approval", whole, nil)
}

type statusError struct {
	path string
	code int
	text string
}

func (e *statusError) Error() string { return fmt.Sprintf("%s: status %d: %s", e.path, e.code, e.text) }

func (a *api) call(method, path string, body, into any) error {
	answer, err := a.open(method, path, body)
	if err != nil {
		return err
	}
	defer answer.Close()
	if into == nil {
		return nil
	}
	return json.NewDecoder(answer).Decode(into)
}

func (a *api) open(method, path string, body any) (io.ReadCloser, error) {
	var data io.Reader
	if body != nil {
		encoded, err := json.Marshal(body)
		if err != nil {
			return nil, err
		}
		data = bytes.NewReader(encoded)
	}
	request, err := http.NewRequest(method, a.server+path, data)
	if err != nil {
		return nil, err
	}
	token, err := a.token()
	if err != nil {
		return nil, err
	}
	request.Header.Set("Authorization", "Bearer "+token)
	request.Header.Set("Accept", "application/json")
	request.Header.Set("Content-Type", "application/json")
	answer, err := a.client.Do(request)
	if err != nil {
		return nil, err
	}
	if answer.StatusCode >= http.StatusBadRequest {
		text, _ := io.ReadAll(io.LimitReader(answer.Body, 500))
		answer.Body.Close()
		return nil, &statusError{path, answer.StatusCode, string(text)}
	}
	return answer.Body, nil
}
