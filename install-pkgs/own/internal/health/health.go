// Package health is the health endpoint of programs that follow the API server, for kubelet's probes.
package health

import (
	"log"
	"net/http"
	"sync/atomic"
	"time"
)

// Health is live if the last call of Seen is recent, and ready if the API server answered at that call.
type Health struct {
	longest time.Duration
	last    atomic.Int64
	ready   atomic.Bool
}

// New returns the health of a program that has just started: live, but not ready. The program is live until Seen was
// not called for longer than `longest`.
func New(longest time.Duration) *Health {
	h := &Health{longest: longest}
	h.Seen(false)
	return h
}

// Seen records that the API server answered, or that a request failed.
func (h *Health) Seen(answered bool) {
	h.last.Store(time.Now().UnixNano())
	h.ready.Store(answered)
}

// ServeHTTP answers /healthz and /readyz. The program remains live if only the API server is unreachable.
func (h *Health) ServeHTTP(answer http.ResponseWriter, request *http.Request) {
	switch {
	case request.URL.Path == "/healthz" && time.Since(time.Unix(0, h.last.Load())) > h.longest:
		http.Error(answer, "the main loop is stuck", http.StatusServiceUnavailable)
	case request.URL.Path == "/readyz" && !h.ready.Load():
		http.Error(answer, "the API server does not answer", http.StatusServiceUnavailable)
	case request.URL.Path == "/healthz" || request.URL.Path == "/readyz":
		_, _ = answer.Write([]byte("ok\n"))
	default:
		http.NotFound(answer, request)
	}
}

// Listen serves on the address. It ends the program if that is not possible.
func (h *Health) Listen(address string) {
	server := &http.Server{Addr: address, Handler: h, ReadHeaderTimeout: 10 * time.Second}
	log.Fatal(server.ListenAndServe())
}
