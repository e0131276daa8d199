package main

import (
	"fmt"
	"log"
	"net/http"
	"net/url"

	"edgeadm/own/internal/kubeapi"
)

const (
	// The label of all objects that application-grid-controller creates.
	gridLabel = "superedge.io/grid-selector"
	// The annotation of Services whose traffic remains within a site.
	topologyKeys = "topologyKeys"
)

// service has the fields of a Service that this program uses.
type service struct {
	Metadata struct {
		Name            string            `json:"name"`
		Namespace       string            `json:"namespace"`
		ResourceVersion string            `json:"resourceVersion"`
		Annotations     map[string]string `json:"annotations"`
	} `json:"metadata"`
	Spec struct {
		TrafficDistribution *string `json:"trafficDistribution"`
	} `json:"spec"`
}

// undecided returns whether the Service belongs to one site and has no traffic distribution.
func (s *service) undecided() bool {
	return s.Metadata.Annotations[topologyKeys] != "" && s.Spec.TrafficDistribution == nil
}

// prefer sets the distribution of an undecided Service. application-grid-controller removes the field with each update
// of the Service, because its version of the API has no such field; the event of that update sets it again.
func prefer(cluster *kubeapi.Client, found *service, distribution string) {
	if !found.undecided() {
		return
	}
	where := found.Metadata.Namespace + "/" + found.Metadata.Name
	if err := distribute(cluster, found, distribution); err != nil {
		log.Printf("%s: %v", where, err)
		return
	}
	log.Printf("%s: %s", where, distribution)
}

// distribute sets the field. It fails if the Service changed after it was read.
func distribute(cluster *kubeapi.Client, found *service, distribution string) error {
	path := fmt.Sprintf("/api/v1/namespaces/%s/services/%s?fieldManager=edgeadm-service-group",
		url.PathEscape(found.Metadata.Namespace), url.PathEscape(found.Metadata.Name))
	return cluster.Call(http.MethodPatch, path, map[string]any{
		"metadata": map[string]any{"resourceVersion": found.Metadata.ResourceVersion},
		"spec":     map[string]any{"trafficDistribution": distribution},
	}, nil)
}

// followServices calls `handle` for each Service of a ServiceGrid, and again for each that is added or modified, until
// the watch ends. It calls `answered` for each answer of the API server.
func followServices(cluster *kubeapi.Client, handle func(*service), answered func()) error {
	return kubeapi.Follow(cluster, "/api/v1/services", url.Values{"labelSelector": {gridLabel}}, handle, answered)
}
