package main

import (
	"bufio"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"edgeadm/own/internal/kubeapi"
)

// account is a server with TLS and a service account for it.
type account struct {
	*kubeapi.Client
	folder string
}

func fakeAPI(t *testing.T, handler http.HandlerFunc) account {
	t.Helper()
	server := httptest.NewTLSServer(handler)
	t.Cleanup(server.Close)
	folder := t.TempDir()
	authority := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	write(t, filepath.Join(folder, "ca.crt"), string(authority))
	write(t, filepath.Join(folder, "token"), "first\n")
	cluster, err := kubeapi.AsAccount(server.URL, folder)
	if err != nil {
		t.Fatal(err)
	}
	return account{limited(cluster), folder}
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestOnlyServicesOfASiteWithoutADistributionAreUndecided(t *testing.T) {
	cases := map[string]bool{
		`{"metadata": {"annotations": {"topologyKeys": "[\"site\"]"}}, "spec": {}}`:                                     true,
		`{"metadata": {"annotations": {"topologyKeys": "[\"site\"]"}}, "spec": {"trafficDistribution": "PreferClose"}}`: false,
		`{"metadata": {"annotations": {"topologyKeys": ""}}, "spec": {}}`:                                               false,
		`{"metadata": {}, "spec": {}}`: false,
	}
	for text, wanted := range cases {
		t.Run(text, func(t *testing.T) {
			var found service
			if err := json.Unmarshal([]byte(text), &found); err != nil {
				t.Fatal(err)
			}
			if found.undecided() != wanted {
				t.Error(found.undecided())
			}
		})
	}
}

func TestExistingAndNewServicesGetTheDistribution(t *testing.T) {
	var patched []string
	cluster := fakeAPI(t, func(answer http.ResponseWriter, request *http.Request) {
		switch {
		case request.Header.Get("Authorization") != "Bearer first":
			answer.WriteHeader(http.StatusUnauthorized)
		case request.Method == http.MethodPatch:
			body, _ := io.ReadAll(request.Body)
			kind := request.Header.Get("Content-Type")
			patched = append(patched, fmt.Sprintf("%s %s %s", request.URL.Path, kind, body))
		case request.URL.Query().Get("watch") == "true":
			if request.URL.Query().Get("resourceVersion") != "7" {
				t.Errorf("watched from %s", request.URL.RawQuery)
			}
			fmt.Fprint(answer, event("MODIFIED", "dropped", ""), event("DELETED", "gone", ""),
				event("ADDED", "theirs", "PreferSameNode"))
		case request.URL.Query().Get("labelSelector") == gridLabel:
			fmt.Fprintf(answer, `{"metadata": {"resourceVersion": "7"}, "items": [%s]}`, object("there", ""))
		}
	})
	answers := 0
	err := followServices(cluster.Client, func(found *service) { prefer(cluster.Client, found, "PreferClose") }, func() { answers++ })
	if err != nil {
		t.Fatal(err)
	}
	if answers != 4 { // the list, and three events
		t.Errorf("%d answers", answers)
	}
	wanted := `{"metadata":{"resourceVersion":"3"},"spec":{"trafficDistribution":"PreferClose"}}`
	if len(patched) != 2 {
		t.Fatalf("%q", patched)
	}
	for at, name := range []string{"there", "dropped"} {
		line := "/api/v1/namespaces/shop/services/" + name + " application/merge-patch+json " + wanted
		if patched[at] != line {
			t.Errorf("%s\n%s", patched[at], line)
		}
	}
}

func object(name, distribution string) string {
	spec := "{}"
	if distribution != "" {
		spec = fmt.Sprintf(`{"trafficDistribution": %q}`, distribution)
	}
	return fmt.Sprintf(`{"metadata": {"name": %q, "namespace": "shop", "resourceVersion": "3",
		"annotations": {"topologyKeys": "[\"site\"]"}}, "spec": %s}`, name, spec)
}

func event(kind, name, distribution string) string {
	return fmt.Sprintf(`{"type": %q, "object": %s}`+"\n", kind, object(name, distribution))
}

func TestAnErrorOfTheAPIContainsItsPath(t *testing.T) {
	cluster := fakeAPI(t, func(answer http.ResponseWriter, _ *http.Request) {
		answer.WriteHeader(http.StatusForbidden)
		fmt.Fprint(answer, "not yours")
	})
	err := followServices(cluster.Client, func(*service) {}, func() { t.Error("that was no answer") })
	if err == nil || !strings.Contains(err.Error(), "/api/v1/services") || !strings.Contains(err.Error(), "not yours") {
		t.Fatal(err)
	}
}

func TestAnAPIServerWithAnotherNameIsRejected(t *testing.T) {
	cluster := fakeAPI(t, func(http.ResponseWriter, *http.Request) { t.Error("it was asked") })
	cluster.Transport.TLSClientConfig.ServerName = "elsewhere.invalid"
	if err := followServices(cluster.Client, func(*service) {}, func() { t.Error("it was believed") }); err == nil || !strings.Contains(err.Error(), "certificate") {
		t.Fatal(err)
	}
}

// Paths that kube-proxy requests, and the server that must answer.
var paths = map[string]string{
	"/api/v1/nodes":                                "api",
	"/api/v1/nodes/one":                            "api",
	"/api/v1/nodesothat":                           "wrapper",
	"/apis/networking.k8s.io/v1/servicecidrs":      "api",
	"/apis/events.k8s.io/v1/namespaces/d/events":   "api",
	"/api/v1/namespaces/d/events":                  "api",
	"/api/v1/services":                             "wrapper",
	"/api/v1/endpoints":                            "wrapper",
	"/apis/discovery.k8s.io/v1/endpointslices":     "wrapper",
	"/apis/discovery.k8s.io/v1/watch/networking.k": "wrapper",
}

func TestEachPathIsServedByItsBackend(t *testing.T) {
	cluster := fakeAPI(t, func(answer http.ResponseWriter, request *http.Request) {
		fmt.Fprintf(answer, "api %s %s", request.Header.Get("Authorization"), request.URL.RawQuery)
	})
	behind := httptest.NewServer(http.HandlerFunc(func(answer http.ResponseWriter, request *http.Request) {
		fmt.Fprintf(answer, "wrapper %s %s", request.Header.Get("Authorization"), request.URL.RawQuery)
	}))
	defer behind.Close()
	front := splitter(t, cluster, behind.URL)
	for path, who := range paths {
		t.Run(path, func(t *testing.T) {
			wanted := map[string]string{"api": "api Bearer first watch=true", "wrapper": "wrapper  watch=true"}[who]
			if found := get(t, front.URL+path+"?watch=true"); found != wanted {
				t.Error(found)
			}
		})
	}
	write(t, filepath.Join(cluster.folder, "token"), "second")
	if found := get(t, front.URL+"/api/v1/nodes"); found != "api Bearer second " {
		t.Errorf("the token is not read again: %q", found)
	}
}

func TestTheTokenOfARequestIsReplaced(t *testing.T) {
	cluster := fakeAPI(t, func(answer http.ResponseWriter, request *http.Request) {
		fmt.Fprint(answer, request.Header.Get("Authorization"))
	})
	front := splitter(t, cluster, "http://127.0.0.1:1")
	request, _ := http.NewRequest(http.MethodGet, front.URL+"/api/v1/nodes", nil)
	request.Header.Set("Authorization", "Bearer theirs")
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	if text, _ := io.ReadAll(answer.Body); string(text) != "Bearer first" {
		t.Fatalf("%s", text)
	}
}

func TestWatchedObjectsArriveAtOnce(t *testing.T) {
	said, ended := make(chan bool), make(chan bool)
	cluster := fakeAPI(t, func(answer http.ResponseWriter, request *http.Request) {
		fmt.Fprintln(answer, "one")
		answer.(http.Flusher).Flush()
		<-said
		fmt.Fprintln(answer, "two")
		close(ended)
	})
	front := splitter(t, cluster, "http://127.0.0.1:1")
	answer, err := http.Get(front.URL + "/api/v1/nodes?watch=true")
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	lines := bufio.NewReader(answer.Body)
	if line, _ := lines.ReadString('\n'); line != "one\n" {
		t.Fatalf("%q", line)
	}
	close(said) // only now is there more
	if line, _ := lines.ReadString('\n'); line != "two\n" {
		t.Fatalf("%q", line)
	}
	<-ended
}

func TestAMissingWrapperIsABadGateway(t *testing.T) {
	cluster := fakeAPI(t, func(http.ResponseWriter, *http.Request) { t.Error("it was asked") })
	front := splitter(t, cluster, "http://127.0.0.1:1")
	answer, err := http.Get(front.URL + "/api/v1/services")
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusBadGateway {
		t.Fatal(answer.Status)
	}
}

func splitter(t *testing.T, cluster account, wrapper string) *httptest.Server {
	t.Helper()
	behind, err := url.Parse(wrapper)
	if err != nil {
		t.Fatal(err)
	}
	handler, err := newSplitter(cluster.Client, behind)
	if err != nil {
		t.Fatal(err)
	}
	front := httptest.NewServer(handler)
	t.Cleanup(front.Close)
	return front
}

func get(t *testing.T, address string) string {
	t.Helper()
	answer, err := http.Get(address)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
