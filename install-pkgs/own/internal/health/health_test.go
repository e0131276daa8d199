package health

import (
	"net/http"
	"net/http/httptest"
	"testing"
	"time"
)

func TestResponsesOfTheEndpoint(t *testing.T) {
	const longest = 15 * time.Minute
	old := time.Now().Add(-longest - time.Minute).UnixNano()
	cases := map[string]struct {
		path   string
		change func(*Health)
		wanted int
	}{
		"live at the start":                 {"/healthz", func(*Health) {}, http.StatusOK},
		"not ready at the start":            {"/readyz", func(*Health) {}, http.StatusServiceUnavailable},
		"ready after an answer":             {"/readyz", func(h *Health) { h.Seen(true) }, http.StatusOK},
		"not ready after a failed request":  {"/readyz", func(h *Health) { h.Seen(true); h.Seen(false) }, http.StatusServiceUnavailable},
		"live after a failed request":       {"/healthz", func(h *Health) { h.Seen(true); h.Seen(false) }, http.StatusOK},
		"not live if the loop is stuck":     {"/healthz", func(h *Health) { h.Seen(true); h.last.Store(old) }, http.StatusServiceUnavailable},
		"live again if the loop runs again": {"/healthz", func(h *Health) { h.last.Store(old); h.Seen(true) }, http.StatusOK},
		"other paths do not exist":          {"/", func(h *Health) { h.Seen(true) }, http.StatusNotFound},
	}
	for name, each := range cases {
		t.Run(name, func(t *testing.T) {
			h := New(longest)
			each.change(h)
			answer := httptest.NewRecorder()
			h.ServeHTTP(answer, httptest.NewRequest(http.MethodGet, each.path, nil))
			if answer.Code != each.wanted {
				t.Errorf("%d: %s", answer.Code, answer.Body)
			}
		})
	}
}
