package main

import (
	"net/http"
	"net/http/httptest"
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
