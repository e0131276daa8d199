package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/url"
	"time"
)

const (
	// gridLabel is on everything that application-grid-controller makes.
	gridLabel = "superedge.io/grid-selector"
	// topologyKeys is how it says that a Service is to stay within a site.
	topologyKeys = "topologyKeys"

	watchFor = 5 * time.Minute
	patience = 30 * time.Second
)

// service is what matters of a Service.
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

// undecided tells whether the Service is to stay within a site, and nobody has said yet how.
func (s *service) undecided() bool {
	return s.Metadata.Annotations[topologyKeys] != "" && s.Spec.TrafficDistribution == nil
}

// prefer gives an undecided Service the distribution. application-grid-controller does not know the field, and drops
// it whenever it updates the Service: that is an event, too, and the field comes back.
func prefer(cluster *api, found *service, distribution string) {
	if !found.undecided() {
		return
	}
	where := found.Metadata.Namespace + "/" + found.Metadata.Name
	if err := cluster.distribute(found, distribution); err != nil {
		log.Printf("%s: %v", where, err)
		return
	}
	log.Printf("%s: %s", where, distribution)
}

// distribute changes the very version of the Service that was looked at.
func (a *api) distribute(found *service, distribution string) error {
	body, err := json.Marshal(map[string]any{
		"metadata": map[string]any{"resourceVersion": found.Metadata.ResourceVersion},
		"spec":     map[string]any{"trafficDistribution": distribution},
	})
	if err != nil {
		return err
	}
	path := fmt.Sprintf("/api/v1/namespaces/%s/services/%s?fieldManager=edgeadm-service-group",
		url.PathEscape(found.Metadata.Namespace), url.PathEscape(found.Metadata.Name))
	answer, err := a.open(http.MethodPatch, path, "application/merge-patch+json", body, patience)
	if err != nil {
		return err
	}
	return answer.Close()
}

// followServices calls the function for every Service of a ServiceGrid, then for each that comes or changes, until the
// watch ends. `answered` is called whenever the API has said something.
func (a *api) followServices(handle func(*service), answered func()) error {
	query := url.Values{"labelSelector": {gridLabel}}
	listed, err := a.open(http.MethodGet, "/api/v1/services?"+query.Encode(), "", nil, patience)
	if err != nil {
		return err
	}
	defer listed.Close()
	var found struct {
		Metadata struct {
			ResourceVersion string `json:"resourceVersion"`
		} `json:"metadata"`
		Items []service `json:"items"`
	}
	if err := json.NewDecoder(listed).Decode(&found); err != nil {
		return err
	}
	answered()
	for i := range found.Items {
		handle(&found.Items[i])
	}
	query.Set("watch", "true")
	query.Set("resourceVersion", found.Metadata.ResourceVersion)
	query.Set("timeoutSeconds", fmt.Sprint(int(watchFor.Seconds())))
	watched, err := a.open(http.MethodGet, "/api/v1/services?"+query.Encode(), "", nil, watchFor+time.Minute)
	if err != nil {
		return err
	}
	defer watched.Close()
	return eachEvent(watched, handle, answered)
}

func eachEvent(from io.Reader, handle func(*service), answered func()) error {
	events := json.NewDecoder(from)
	for {
		var event struct {
			Type   string  `json:"type"`
			Object service `json:"object"`
		}
		if err := events.Decode(&event); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
		answered()
		switch event.Type {
		case "ADDED", "MODIFIED":
			handle(&event.Object)
		case "ERROR":
			return errors.New("the watch was too old, starting again")
		}
	}
}
