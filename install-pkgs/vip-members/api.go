package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
)

const (
	controlPlane = "node-role.kubernetes.io/control-plane"
	annotation   = "edgeadm.io/vip-peers"
)

// api is the API server as the kubeconfig's user sees it.
type api struct {
	server string
	client *http.Client
}

// node is what is read of a Node.
type node struct {
	Metadata struct {
		Name        string            `json:"name"`
		Annotations map[string]string `json:"annotations"`
	} `json:"metadata"`
	Status struct {
		Addresses []struct {
			Type    string `json:"type"`
			Address string `json:"address"`
		} `json:"addresses"`
	} `json:"status"`
}

// controlPlanes lists their Nodes. Out of the API server's memory: it answers without etcd, too.
func (a *api) controlPlanes() ([]node, error) {
	query := url.Values{"labelSelector": {controlPlane}, "resourceVersion": {"0"}}
	var found struct {
		Items []node `json:"items"`
	}
	err := a.call(http.MethodGet, "/api/v1/nodes?"+query.Encode(), nil, &found)
	return found.Items, err
}

// annotate says on the Node which control planes this one knows.
func (a *api) annotate(name, value string) error {
	patch := map[string]any{"metadata": map[string]any{"annotations": map[string]string{annotation: value}}}
	return a.call(http.MethodPatch, "/api/v1/nodes/"+url.PathEscape(name), patch, nil)
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
	if body != nil {
		request.Header.Set("Content-Type", "application/merge-patch+json")
	}
	answer, err := a.client.Do(request)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	if answer.StatusCode >= http.StatusBadRequest {
		text, _ := io.ReadAll(io.LimitReader(answer.Body, 500))
		return fmt.Errorf("%s %s: status %d: %s", method, path, answer.StatusCode, bytes.TrimSpace(text))
	}
	if into == nil {
		return nil
	}
	return json.NewDecoder(answer.Body).Decode(into)
}
