package kubeapi

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"time"
)

// WatchFor is the time after which the API server ends a watch.
const WatchFor = 5 * time.Minute

// Follow lists the objects at a path and calls `handle` for each; then it watches them and calls `handle` for each
// object that is added or modified, until the watch ends. It calls `answered` after the list and after each event.
func Follow[T any](c *Client, path string, query url.Values, handle func(*T), answered func()) error {
	var found struct {
		Metadata struct {
			ResourceVersion string `json:"resourceVersion"`
		} `json:"metadata"`
		Items []T `json:"items"`
	}
	if err := c.Call(http.MethodGet, withQuery(path, query), nil, &found); err != nil {
		return err
	}
	answered()
	for i := range found.Items {
		handle(&found.Items[i])
	}
	watch := url.Values{
		"watch":           {"true"},
		"resourceVersion": {found.Metadata.ResourceVersion},
		"timeoutSeconds":  {fmt.Sprint(int(WatchFor.Seconds()))},
	}
	maps.Copy(watch, query)
	events, err := c.open(http.MethodGet, withQuery(path, watch), nil, WatchFor+time.Minute)
	if err != nil {
		return err
	}
	defer events.Close()
	return eachEvent(events, handle, answered)
}

func eachEvent[T any](from io.Reader, handle func(*T), answered func()) error {
	events := json.NewDecoder(from)
	for {
		var event struct {
			Type   string `json:"type"`
			Object T      `json:"object"`
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
			return errors.New("the watch expired: listing again")
		}
	}
}

func withQuery(path string, query url.Values) string {
	if len(query) == 0 {
		return path
	}
	return path + "?" + query.Encode()
}
