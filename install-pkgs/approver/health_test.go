package main

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

func TestWhatTheKubeletIsTold(t *testing.T) {
	old := time.Now().Add(-longest - time.Minute).UnixNano()
	cases := map[string]struct {
		path   string
		change func(*health)
		wanted int
	}{
		"alive when it begins":             {"/healthz", func(*health) {}, http.StatusOK},
		"not ready when it begins":         {"/readyz", func(*health) {}, http.StatusServiceUnavailable},
		"ready when the API answered":      {"/readyz", func(h *health) { h.seen(true) }, http.StatusOK},
		"not ready when the API went away": {"/readyz", func(h *health) { h.seen(true); h.seen(false) }, http.StatusServiceUnavailable},
		"alive when the API went away":     {"/healthz", func(h *health) { h.seen(true); h.seen(false) }, http.StatusOK},
		"dead when it hangs":               {"/healthz", func(h *health) { h.seen(true); h.last.Store(old) }, http.StatusServiceUnavailable},
		"alive again when it goes round":   {"/healthz", func(h *health) { h.last.Store(old); h.seen(true) }, http.StatusOK},
		"nothing else is answered":         {"/", func(h *health) { h.seen(true) }, http.StatusNotFound},
	}
	for name, each := range cases {
		t.Run(name, func(t *testing.T) {
			h := newHealth()
			each.change(h)
			answer := httptest.NewRecorder()
			h.ServeHTTP(answer, httptest.NewRequest(http.MethodGet, each.path, nil))
			if answer.Code != each.wanted {
				t.Errorf("%d: %s", answer.Code, answer.Body)
			}
		})
	}
}

func TestAWatchThatSaysNothingEndsBeforeItLooksLikeDeath(t *testing.T) {
	if longest < 2*watchFor {
		t.Errorf("%s, and a watch takes %s", longest, watchFor)
	}
}

func TestTheAPIIsSeenToAnswerWithEachListAndEachEvent(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(answer http.ResponseWriter, request *http.Request) {
		if request.URL.Query().Get("watch") == "" {
			fmt.Fprint(answer, `{"metadata": {"resourceVersion": "7"}, "items": [{"metadata": {"name": "there"}}]}`)
			return
		}
		fmt.Fprint(answer, `{"type": "ADDED", "object": {"metadata": {"name": "came"}}}`)
	}))
	defer server.Close()
	cluster := &api{server.URL, server.Client(), func() (string, error) { return "token", nil }}
	var said []string
	err := cluster.eachRequest(
		func(request *signingRequest) { said = append(said, request.Metadata.Name) },
		func() { said = append(said, "answered") },
	)
	if found := strings.Join(said, " "); err != nil || found != "answered there answered came" {
		t.Errorf("%q, %v", found, err)
	}
	server.Close()
	if err := cluster.eachRequest(func(*signingRequest) {}, func() { t.Error("that was no answer") }); err == nil {
		t.Error("no API, no error")
	}
}
