package main

import (
	"net/http"
	"net/url"

	"edgeadm/own/internal/kubeapi"
)

const (
	controlPlane = "node-role.kubernetes.io/control-plane"
	annotation   = "edgeadm.io/vip-peers"
)

// node has the fields of a Node that this program uses.
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

// controlPlanes lists the Nodes of control planes. The API server answers from its cache, also without etcd.
func controlPlanes(cluster *kubeapi.Client) ([]node, error) {
	query := url.Values{"labelSelector": {controlPlane}, "resourceVersion": {"0"}}
	var found struct {
		Items []node `json:"items"`
	}
	err := cluster.Call(http.MethodGet, "/api/v1/nodes?"+query.Encode(), nil, &found)
	return found.Items, err
}

// annotate sets the annotation of the Node to the control planes that this host uses.
func annotate(cluster *kubeapi.Client, name, value string) error {
	patch := map[string]any{"metadata": map[string]any{"annotations": map[string]string{annotation: value}}}
	return cluster.Call(http.MethodPatch, "/api/v1/nodes/"+url.PathEscape(name), patch, nil)
}
