package main

import (
	"bytes"
	"compress/gzip"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

const flannelNode = "flanneld_v0.0.0__nodes_e3_"

// lite is a lite-apiserver: it forwards the answer of the cloud and stores it a little later, with a name from the
// User-Agent. While the cloud is unreachable it answers with the stored answer.
type lite struct {
	t       *testing.T
	cache   string
	files   string
	url     string
	mutex   sync.Mutex
	writing sync.WaitGroup
	asked   []*http.Request
	node    string // the Node in the cloud
	away    bool
	broken  string // the client that is refused
}

func newLite(t *testing.T) *lite {
	t.Helper()
	l := &lite{t: t, cache: t.TempDir(), files: t.TempDir(), node: `{"kind":"Node","version":1}`}
	c := newCluster(t)
	c.spoil = func(template *x509.Certificate) {
		template.ExtKeyUsage = append(template.ExtKeyUsage, x509.ExtKeyUsageClientAuth)
	}
	l.write("ca.crt", pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.authority.Raw}))
	l.write("kubelet.pem", certified(t, c, "system:node:e3"))
	pair := certified(t, c, "lite-apiserver")
	serving, err := tls.X509KeyPair(pair, pair)
	if err != nil {
		t.Fatal(err)
	}
	known := x509.NewCertPool()
	known.AddCert(c.authority)
	server := httptest.NewUnstartedServer(http.HandlerFunc(l.serve))
	server.TLS = &tls.Config{Certificates: []tls.Certificate{serving}, ClientCAs: known, ClientAuth: tls.VerifyClientCertIfGiven}
	server.StartTLS()
	t.Cleanup(func() {
		server.Close()
		l.writing.Wait()
	})
	l.url = server.URL
	return l
}

// certified is a key with a certificate for it, valid for both ends of a connection.
func certified(t *testing.T, c *cluster, name string) []byte {
	t.Helper()
	key, keyPEM, err := newKey()
	if err != nil {
		t.Fatal(err)
	}
	request := &x509.CertificateRequest{
		Subject: pkix.Name{CommonName: name}, IPAddresses: []net.IP{net.ParseIP("127.0.0.1")}, PublicKey: &key.PublicKey,
	}
	return append(keyPEM, c.sign(t, request, time.Hour)...)
}

func (l *lite) write(name string, data []byte) {
	l.t.Helper()
	if err := os.WriteFile(filepath.Join(l.files, name), data, 0o600); err != nil {
		l.t.Fatal(err)
	}
}

func (l *lite) serve(w http.ResponseWriter, r *http.Request) {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	l.asked = append(l.asked, r)
	client := strings.Split(r.UserAgent(), " ")[0]
	words := strings.Split(r.URL.Path, "/")
	namespace, resource := "", words[len(words)-2]
	if at := slices.Index(words, "namespaces"); at > 0 {
		namespace = words[at+1]
	}
	key := strings.ReplaceAll(client+"_"+namespace+"_"+resource+"_"+filepath.Base(r.URL.Path)+"_", "/", "_")
	switch {
	case client == l.broken:
		http.Error(w, "not for you", http.StatusForbidden)
		return
	case l.away:
		_, _ = w.Write(bodyOf(filepath.Join(l.cache, key)))
		return
	}
	w.Header().Set("Content-Type", r.Header.Get("Accept"))
	body := []byte(l.node)
	if r.Header.Get("Accept-Encoding") == "gzip" {
		var packed bytes.Buffer
		writer := gzip.NewWriter(&packed)
		_, _ = writer.Write(body)
		_ = writer.Close()
		w.Header().Set("Content-Encoding", "gzip")
		body = packed.Bytes()
	}
	_, _ = w.Write(body)
	header := w.Header().Clone()
	l.writing.Go(func() {
		time.Sleep(50 * time.Millisecond)
		l.entry(key, header, body)
	})
}

func (l *lite) count() int {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	return len(l.asked)
}

func bodyOf(path string) []byte {
	var entry struct{ Body []byte }
	data, _ := os.ReadFile(path)
	_ = json.Unmarshal(data, &entry)
	return entry.Body
}

// entry writes an entry as lite-apiserver does.
func (l *lite) entry(key string, header http.Header, body []byte) {
	data, _ := json.Marshal(map[string]any{"code": 200, "header": header, "body": body})
	next := filepath.Join(l.cache, key+"_0123456789ab")
	if err := os.WriteFile(next, data, 0o600); err != nil {
		l.t.Error(err)
	}
	if err := os.Rename(next, filepath.Join(l.cache, key)); err != nil {
		l.t.Error(err)
	}
}

func (l *lite) old(keys ...string) {
	for _, each := range keys {
		l.entry(each, http.Header{"Content-Type": {"application/json"}}, []byte(`{"kind":"Node","version":0}`))
	}
}

func (l *lite) flags(more ...string) []string {
	return append(more, "--server", l.url, "--client", filepath.Join(l.files, "kubelet.pem"),
		"--ca", filepath.Join(l.files, "ca.crt"), "--node", "e3", "--cache", l.cache)
}

func (l *lite) ask() (int, string) {
	var out bytes.Buffer
	return run(l.flags("ask"), &out), out.String()
}

func TestTheOwnNodeIsRequestedInTheNameOfEachPreviousClient(t *testing.T) {
	l := newLite(t)
	mine := []string{
		flannelNode, "kubelet_v1.34.4__nodes_e3_", "kubelet_v1.34.4__csinodes_e3_",
		"kubelet_v1.34.4_kube-node-lease_leases_e3_", "default__nodes_e3_",
	}
	others := []string{
		"flanneld_v0.0.0__nodes_e4_", "flanneld_v0.0.0__nodes___list", "kubelet_v1.34.4__nodes_e3__list",
		"kubelet_v1.34.4__nodes_e3_status", "kubelet_v1.34.4_x_nodes_e3_", "kubelet_v1.34.4__csinodes_e4_", "kubelet_v1.34.4_x_leases_e3_",
	}
	l.old(append(mine, others...)...)
	code, out := l.ask()
	if code != 0 || strings.Count(out, "requested and updated\n") != len(mine) {
		t.Fatal(code, out)
	}
	for _, each := range append(mine, others...) {
		if isNew := string(bodyOf(filepath.Join(l.cache, each))) == l.node; isNew != slices.Contains(mine, each) {
			t.Errorf("%s: %v", each, isNew)
		}
		if strings.Contains(out, each+":") != slices.Contains(mine, each) {
			t.Errorf("%s: %s", each, out)
		}
	}
	var agents []string
	for _, each := range l.asked {
		agents = append(agents, each.UserAgent())
		if len(each.TLS.PeerCertificates) != 1 || each.TLS.PeerCertificates[0].Subject.CommonName != "system:node:e3" {
			t.Error("not as the kubelet:", each.UserAgent())
		}
		own := func(o ownObject) bool { return o.folder+"e3" == each.URL.Path }
		if !slices.ContainsFunc(ownObjects, own) || each.Method != http.MethodGet {
			t.Error(each.Method, each.URL)
		}
	}
	if slices.Sort(agents); strings.Join(agents, " ") != "default flanneld/v0.0.0 kubelet/v1.34.4 kubelet/v1.34.4 kubelet/v1.34.4" {
		t.Error(agents)
	}
	if left, _ := os.ReadDir(l.cache); len(left) != len(mine)+len(others) {
		t.Error("there are other entries:", left)
	}
}

func TestTheResponseHasTheFormatThatTheClientAccepts(t *testing.T) {
	const binary = "application/vnd.kubernetes.protobuf"
	l := newLite(t)
	l.entry(flannelNode, http.Header{"Content-Type": {binary}}, []byte("k8s"))
	l.entry("other_v1__nodes_e3_", nil, nil)
	l.node = `{"x":"` + strings.Repeat("x", 1<<12) + `"}`
	var packed bytes.Buffer
	writer := gzip.NewWriter(&packed)
	_, _ = writer.Write([]byte(l.node))
	_ = writer.Close()
	l.entry("kubelet_v1__nodes_e3_", http.Header{"Content-Type": {"application/json"}, "Content-Encoding": {"gzip"}}, packed.Bytes())
	if code, out := l.ask(); code != 0 || strings.Count(out, "requested and updated\n") != 5 {
		t.Fatal(code, out)
	}
	for _, each := range l.asked {
		kind, coding := "application/json", "identity"
		switch each.UserAgent() {
		case "flanneld/v0.0.0":
			kind = binary
		case "kubelet/v1":
			if strings.Contains(each.URL.Path, "/nodes/") {
				coding = "gzip" // the other object has no stored answer
			}
		}
		if each.Header.Get("Accept") != kind || each.Header.Get("Accept-Encoding") != coding {
			t.Error(each.UserAgent(), each.Header)
		}
	}
}

func TestAFailedRequestIsAFailureAndDoesNotAffectTheOthers(t *testing.T) {
	l := newLite(t)
	l.old(flannelNode, "aaa_v1__nodes_e3_", "zzz_v1__nodes_e3_")
	l.broken = "flanneld/v0.0.0"
	code, out := l.ask()
	if code != 1 || strings.Count(out, "requested and updated\n") != 2 || strings.Contains(out, "flanneld") {
		t.Fatal(code, out)
	}
	l.write("ca.crt", []byte("no certificate"))
	if code, _ := l.ask(); code != 1 {
		t.Fatal(code)
	}
	if code := run([]string{"ask", "--server", l.url, "--node", "e3"}, &bytes.Buffer{}); code != 2 {
		t.Fatal(code)
	}
	if code := run([]string{"keep", "--server", l.url, "--node", "e3", "--once"}, &bytes.Buffer{}); code != 2 {
		t.Fatal(code)
	}
}

func TestRequestsWithoutTheCloudDoNoHarm(t *testing.T) {
	l := newLite(t)
	l.away = true
	if code, out := l.ask(); code != 0 || !strings.Contains(out, "no client has requested") {
		t.Fatal(code, out)
	}
	l.old(flannelNode)
	before, _ := os.ReadFile(filepath.Join(l.cache, flannelNode))
	code, out := l.ask()
	after, _ := os.ReadFile(filepath.Join(l.cache, flannelNode))
	if code != 0 || !strings.Contains(out, "may be unreachable") || !bytes.Equal(before, after) {
		t.Fatal(code, out)
	}
}

func TestAnObjectThatKubeletDidNotFindIsRequestedInItsName(t *testing.T) {
	l := newLite(t)
	l.old("kubelet_v1.37.2__nodes_e3_", "kubelet_v1.36.3__nodes_e3_", "kubelet_v1.36.3__csinodes_e3_", flannelNode)
	if code, out := l.ask(); code != 0 || !strings.Contains(out, "kubelet_v1.37.2__csinodes_e3_: requested and updated\n") {
		t.Fatal(code, out)
	}
	if body := bodyOf(filepath.Join(l.cache, "kubelet_v1.37.2__csinodes_e3_")); string(body) != l.node {
		t.Fatal(string(body))
	}
	if left, _ := os.ReadDir(l.cache); len(left) != 7 {
		t.Error("no other client asks for it:", left)
	}
}

// TestAClockOf1970RequestsNoCertificate: all certificates seem to be valid for another fifty years.
func TestAClockOf1970RequestsNoCertificate(t *testing.T) {
	n := newNode(t, year*9/10)
	if err := n.run(time.Unix(0, 0)); err != nil || len(n.cluster.asked) > 0 || n.restarts > 0 {
		t.Fatal(err, n.cluster.asked, n.restarts)
	}
}
