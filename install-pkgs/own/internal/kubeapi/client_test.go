package kubeapi

import (
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func answering(t *testing.T, handler http.HandlerFunc) *Client {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	return &Client{Server: server.URL, Transport: &http.Transport{}}
}

type named struct {
	Metadata struct {
		Name string `json:"name"`
	} `json:"metadata"`
}

func TestAnErrorNamesTheRequestAndTheStatus(t *testing.T) {
	cluster := answering(t, func(answer http.ResponseWriter, _ *http.Request) {
		answer.WriteHeader(http.StatusForbidden)
		fmt.Fprintln(answer, "no permission", strings.Repeat("x", errorText))
	})
	err := cluster.Call(http.MethodGet, "/api/v1/nodes", nil, nil)
	var refused *StatusError
	if !errors.As(err, &refused) || refused.Code != http.StatusForbidden {
		t.Fatal(err)
	}
	if !strings.HasPrefix(err.Error(), "GET /api/v1/nodes: status 403: no permission") || len(err.Error()) > errorText+100 {
		t.Fatal(err)
	}
}

func TestThePatchesOfARequestAreMergePatches(t *testing.T) {
	var sent []string
	cluster := answering(t, func(_ http.ResponseWriter, request *http.Request) {
		body, _ := io.ReadAll(request.Body)
		sent = append(sent, fmt.Sprintf("%s %q %s", request.Method, request.Header.Get("Content-Type"), body))
	})
	for _, method := range []string{http.MethodPatch, http.MethodPut} {
		if err := cluster.Call(method, "/", map[string]int{"a": 1}, nil); err != nil {
			t.Fatal(err)
		}
	}
	if err := cluster.Call(http.MethodGet, "/", nil, nil); err != nil {
		t.Fatal(err)
	}
	wanted := `PATCH "application/merge-patch+json" {"a":1}, PUT "application/json" {"a":1}, GET "" `
	if found := strings.Join(sent, ", "); found != wanted {
		t.Fatal(found)
	}
}

func TestFollowHandlesTheListAndEachEvent(t *testing.T) {
	cluster := answering(t, func(answer http.ResponseWriter, request *http.Request) {
		query := request.URL.Query()
		if query.Get("labelSelector") != "a" {
			t.Errorf("no selector: %s", request.URL)
		}
		if query.Get("watch") == "" {
			fmt.Fprint(answer, `{"metadata": {"resourceVersion": "7"}, "items": [{"metadata": {"name": "listed"}}]}`)
			return
		}
		if query.Get("resourceVersion") != "7" {
			t.Errorf("watched from %s", request.URL)
		}
		fmt.Fprint(answer, `{"type": "ADDED", "object": {"metadata": {"name": "added"}}}`,
			`{"type": "DELETED", "object": {"metadata": {"name": "deleted"}}}`)
	})
	var calls []string
	follow := func() error {
		return Follow(cluster, "/things", url.Values{"labelSelector": {"a"}},
			func(found *named) { calls = append(calls, found.Metadata.Name) },
			func() { calls = append(calls, "answered") },
		)
	}
	err := follow()
	if found := strings.Join(calls, " "); err != nil || found != "answered listed answered added answered" {
		t.Errorf("%q, %v", found, err)
	}
	cluster.Server, calls = "http://127.0.0.1:1", nil
	if err := follow(); err == nil || len(calls) != 0 {
		t.Errorf("without an API server: %q, %v", calls, err)
	}
}

func TestAnExpiredWatchIsAnError(t *testing.T) {
	events := strings.NewReader(`{"type": "ERROR", "object": {}}`)
	err := eachEvent(events, func(*named) { t.Error("handled") }, func() {})
	if err == nil || !strings.Contains(err.Error(), "expired") {
		t.Fatal(err)
	}
}

func TestAWatchEndsBeforeTheLimitOfItsRequest(t *testing.T) {
	cluster := answering(t, func(answer http.ResponseWriter, request *http.Request) {
		if request.URL.Query().Get("watch") == "" {
			fmt.Fprint(answer, "{}")
		} else if found := request.URL.Query().Get("timeoutSeconds"); found != "300" {
			t.Errorf("timeoutSeconds=%s", found)
		}
	})
	if err := Follow(cluster, "/things", nil, func(*named) {}, func() {}); err != nil {
		t.Fatal(err)
	}
}

func TestAnAccountSendsItsPresentToken(t *testing.T) {
	var tokens []string
	server := httptest.NewTLSServer(http.HandlerFunc(func(_ http.ResponseWriter, request *http.Request) {
		tokens = append(tokens, request.Header.Get("Authorization"))
	}))
	t.Cleanup(server.Close)
	folder := t.TempDir()
	authority := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	place(t, folder, "ca.crt", string(authority))
	cluster, err := AsAccount(server.URL, folder)
	if err != nil {
		t.Fatal(err)
	}
	if err := cluster.Call(http.MethodGet, "/", nil, nil); err == nil || len(tokens) != 0 {
		t.Fatalf("without a token: %q, %v", tokens, err)
	}
	for _, token := range []string{"first\n", "second"} {
		place(t, folder, "token", token)
		if err := cluster.Call(http.MethodGet, "/", nil, nil); err != nil {
			t.Fatal(err)
		}
	}
	if found := strings.Join(tokens, ", "); found != "Bearer first, Bearer second" {
		t.Fatal(found)
	}
}

func TestAnAccountNeedsAnAuthority(t *testing.T) {
	if _, err := AsAccount("https://127.0.0.1:1", t.TempDir()); err == nil {
		t.Fatal("no file, no error")
	}
	folder := t.TempDir()
	place(t, folder, "ca.crt", "nothing")
	if _, err := AsAccount("https://127.0.0.1:1", folder); err == nil {
		t.Fatal("no certificate, no error")
	}
}

func TestOutsideAPodThereIsNoAccount(t *testing.T) {
	t.Setenv("KUBERNETES_SERVICE_HOST", "")
	if _, err := InCluster(); err == nil || !strings.Contains(err.Error(), "not in a Pod") {
		t.Fatal(err)
	}
}

func place(t *testing.T, folder, name, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(folder, name), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}
