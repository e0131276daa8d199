package main

import (
	"errors"
	"net/http"
	"net/url"
	"time"

	"edgeadm/own/internal/kubeapi"
)

const requests = "/apis/certificates.k8s.io/v1/certificatesigningrequests"

// connect returns a client with the service account of this Pod.
func connect() (*kubeapi.Client, error) {
	cluster, err := kubeapi.InCluster()
	if err != nil {
		return nil, err
	}
	cluster.Timeout = kubeapi.WatchFor + time.Minute
	return cluster, nil
}

// nodeIsReady returns whether a Node with this name exists and has the condition Ready.
func nodeIsReady(cluster *kubeapi.Client, name string) (bool, error) {
	var node struct {
		Status struct {
			Conditions []struct {
				Type   string `json:"type"`
				Status string `json:"status"`
			} `json:"conditions"`
		} `json:"status"`
	}
	err := cluster.Call(http.MethodGet, "/api/v1/nodes/"+url.PathEscape(name), nil, &node)
	var refused *kubeapi.StatusError
	if errors.As(err, &refused) && refused.Code == http.StatusNotFound {
		return false, nil
	}
	for _, each := range node.Status.Conditions {
		if each.Type == "Ready" && each.Status == "True" {
			return true, nil
		}
	}
	return false, err
}

// approve adds the condition Approved to the request. It fails if the request changed after the policy read it.
func approve(cluster *kubeapi.Client, request *signingRequest) error {
	path := requests + "/" + url.PathEscape(request.Metadata.Name)
	var whole map[string]any
	if err := cluster.Call(http.MethodGet, path, nil, &whole); err != nil {
		return err
	}
	metadata, _ := whole["metadata"].(map[string]any)
	if metadata["resourceVersion"] != request.Metadata.ResourceVersion {
		return errors.New("the request changed meanwhile; its new version is checked next")
	}
	whole["status"] = map[string]any{"conditions": []any{map[string]any{
		"type":    "Approved",
		"status":  "True",
		"reason":  "EdgeNodeServing",
		"message": "edgeadm's approver: the serving certificate of an edge node's lite-apiserver",
	}}}
	return cluster.Call(http.MethodPut, path+"/approval", whole, nil)
}
