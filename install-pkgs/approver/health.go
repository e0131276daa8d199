package main

import (
	"log"
	"net/http"
	"sync/atomic"
	"time"
)

// longest is how long it may take to go round once: a watch that says nothing ends by itself before.
const longest = 3 * watchFor

// health is what the kubelet is told: alive while the program goes round, ready while the API answers.
type health struct {
	last  atomic.Int64
	ready atomic.Bool
}

func newHealth() *health {
	h := &health{}
	h.seen(false)
	return h
}

// seen is called whenever the API answered, or did not.
func (h *health) seen(answered bool) {
	h.last.Store(time.Now().UnixNano())
	h.ready.Store(answered)
}

// ServeHTTP knows /healthz and /readyz. An API that is away is no reason to be ended.
func (h *health) ServeHTTP(answer http.ResponseWriter, request *http.Request) {
	switch {
	case request.URL.Path == "/healthz" && time.Since(time.Unix(0, h.last.Load())) > longest:
		http.Error(answer, "it does not go round any more", http.StatusServiceUnavailable)
	case request.URL.Path == "/readyz" && !h.ready.Load():
		http.Error(answer, "the API does not answer", http.StatusServiceUnavailable)
	case request.URL.Path == "/healthz" || request.URL.Path == "/readyz":
		_, _ = answer.Write([]byte("ok\n"))
	default:
		http.NotFound(answer, request)
	}
}

// listen answers until the program ends, which it does if it cannot.
func (h *health) listen(address string) {
	server := &http.Server{Addr: address, Handler: h, ReadHeaderTimeout: 10 * time.Second}
	log.Fatal(server.ListenAndServe())
}
