package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"edgeadm/own/internal/flags"
)

// authority signs certificates for one test.
type authority struct {
	certificate *x509.Certificate
	key         *ecdsa.PrivateKey
}

func newAuthority(t *testing.T) *authority {
	t.Helper()
	made := &authority{}
	der, key := made.sign(t, &x509.Certificate{Subject: pkix.Name{CommonName: "kubernetes"}, IsCA: true, BasicConstraintsValid: true})
	certificate, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return &authority{certificate, key}
}

func (a *authority) sign(t *testing.T, template *x509.Certificate) ([]byte, *ecdsa.PrivateKey) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template.SerialNumber = big.NewInt(time.Now().UnixNano())
	template.NotBefore, template.NotAfter = time.Now().Add(-time.Hour), time.Now().Add(time.Hour)
	issuer, signer := a.certificate, a.key
	if issuer == nil {
		issuer, signer = template, key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, issuer, &key.PublicKey, signer)
	if err != nil {
		t.Fatal(err)
	}
	return der, key
}

func pemOf(kind string, der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})
}

// kubeconfig is a kubeconfig as kubeadm writes it, for a user with this name.
func (a *authority) kubeconfig(t *testing.T, server, user string) []byte {
	t.Helper()
	der, key := a.sign(t, &x509.Certificate{
		Subject:     pkix.Name{CommonName: user},
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	})
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	encoded := func(kind string, der []byte) string { return base64.StdEncoding.EncodeToString(pemOf(kind, der)) }
	return fmt.Appendf(nil, `apiVersion: v1
clusters:
- cluster:
    certificate-authority-data: %s
    server: %s
  name: kubernetes
contexts:
- context:
    cluster: kubernetes
    user: kubernetes-admin
  name: kubernetes-admin@kubernetes
current-context: kubernetes-admin@kubernetes
kind: Config
users:
- name: kubernetes-admin
  user:
    client-certificate-data: %s
    client-key-data: %s
`, encoded("CERTIFICATE", a.certificate.Raw), server, encoded("CERTIFICATE", der), encoded("PRIVATE KEY", private))
}

// cluster is an API server over TLS that requires a client certificate, and the host that sends requests.
type cluster struct {
	*keeper
	authority *authority
	server    *httptest.Server
	mutex     sync.Mutex
	nodes     []node
	broken    bool
	users     []string
	queries   []string
	patches   []string
	logged    []string
}

func newCluster(t *testing.T, nodes ...node) *cluster {
	t.Helper()
	made := &cluster{authority: newAuthority(t), nodes: nodes}
	der, key := made.authority.sign(t, &x509.Certificate{
		DNSNames:    []string{"kubernetes"},
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	})
	pool := x509.NewCertPool()
	pool.AddCert(made.authority.certificate)
	made.server = httptest.NewUnstartedServer(http.HandlerFunc(made.answer))
	made.server.TLS = &tls.Config{
		Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}},
		ClientAuth:   tls.RequireAndVerifyClientCert,
		ClientCAs:    pool,
	}
	made.server.StartTLS()
	t.Cleanup(made.server.Close)
	folder := t.TempDir()
	kubeconfig := filepath.Join(folder, "admin.conf")
	place(t, kubeconfig, string(made.authority.kubeconfig(t, "https://192.0.2.1:1", "first")))
	made.keeper = newKeeper(settings{
		kubeconfig: kubeconfig,
		server:     made.server.URL,
		node:       "cp1",
		self:       netip.MustParseAddr("10.0.0.11"),
		alone:      netip.MustParseAddr("127.0.0.1"),
		port:       6443,
		folder:     filepath.Join(folder, "vip"),
	})
	made.keeper.log = func(text string) { made.logged = append(made.logged, text) }
	return made
}

func (c *cluster) answer(out http.ResponseWriter, asked *http.Request) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	c.users = append(c.users, asked.TLS.PeerCertificates[0].Subject.CommonName)
	if c.broken {
		http.Error(out, "etcd is gone", http.StatusInternalServerError)
		return
	}
	if asked.Method == http.MethodPatch {
		body, _ := io.ReadAll(asked.Body)
		c.patches = append(c.patches, asked.URL.Path+" "+string(body))
		var patch node
		_ = json.Unmarshal(body, &patch)
		for i := range c.nodes {
			if strings.HasSuffix(asked.URL.Path, "/"+c.nodes[i].Metadata.Name) {
				c.nodes[i].Metadata.Annotations = patch.Metadata.Annotations
			}
		}
		return
	}
	c.queries = append(c.queries, asked.URL.String())
	_ = json.NewEncoder(out).Encode(map[string]any{"items": c.nodes})
}

// rounds runs this number of rounds; the files must exist after each.
func (c *cluster) rounds(t *testing.T, count int) {
	t.Helper()
	for range count {
		if err := c.round(); err != nil {
			t.Fatal(err)
		}
	}
}

func (c *cluster) file(t *testing.T, name string) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(c.folder, name))
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// script creates a command that appends its arguments to the file `NAME.ran` and runs `body`.
func (c *cluster) script(t *testing.T, name, body string) string {
	t.Helper()
	path := filepath.Join(filepath.Dir(c.kubeconfig), name)
	place(t, path, fmt.Sprintf("#!/bin/sh\necho \"$@\" >> %s.ran\n%s\n", path, body))
	if err := os.Chmod(path, 0o755); err != nil {
		t.Fatal(err)
	}
	return path
}

// ran returns the number of starts of a script.
func ran(script string) int {
	data, _ := os.ReadFile(script + ".ran")
	return strings.Count(string(data), "\n")
}

func place(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func cp(number string) node { return nodeOf("cp"+number, "InternalIP=10.0.0.1"+number) }

func TestFilesFollowTheCluster(t *testing.T) {
	c := newCluster(t, cp("1"))
	c.reloads = flags.List{c.script(t, "reload", "")}
	c.rounds(t, 2)
	if got := c.file(t, peersFile); got != "127.0.0.1\n" {
		t.Fatalf("alone: %q", got)
	}
	c.nodes = append(c.nodes, cp("2"), cp("3"))
	c.rounds(t, 3)
	if got := c.file(t, peersFile); got != "10.0.0.12\n10.0.0.13\n" {
		t.Fatalf("three: %q", got)
	}
	c.nodes = []node{c.nodes[0], c.nodes[2]}
	c.rounds(t, 3)
	if got := c.file(t, serversFile); got != "backend apiservers\n    server cp1 10.0.0.11:6443\n    server cp3 10.0.0.13:6443\n" {
		t.Fatalf("one is gone: %q", got)
	}
	if got := ran(c.reloads[0]); got != 3 {
		t.Fatalf("%d reloads for 3 changes", got)
	}
	if !strings.Contains(c.queries[0], "labelSelector=node-role.kubernetes.io%2Fcontrol-plane") ||
		!strings.Contains(c.queries[0], "resourceVersion=0") {
		t.Fatalf("asked %s", c.queries[0])
	}
}

func TestTheNodeListsTheImagesInUse(t *testing.T) {
	c := newCluster(t, cp("1"), cp("2"))
	c.rounds(t, 3)
	if len(c.patches) != 1 || c.patches[0] !=
		`/api/v1/nodes/cp1 {"metadata":{"annotations":{"edgeadm.io/vip-peers":"10.0.0.11,10.0.0.12"}}}` {
		t.Fatalf("%q", c.patches)
	}
	c.nodes = append(c.nodes, cp("3"))
	c.rounds(t, 2)
	if len(c.patches) != 2 || !strings.Contains(c.patches[1], "10.0.0.11,10.0.0.12,10.0.0.13") {
		t.Fatalf("%q", c.patches)
	}
}

func TestAMissingNodeIsNotAnnotated(t *testing.T) {
	c := newCluster(t, cp("2"))
	c.rounds(t, 2)
	if len(c.patches) != 0 {
		t.Fatalf("%q", c.patches)
	}
}

func TestNoFileIsTouchedWithoutAChange(t *testing.T) {
	c := newCluster(t, cp("1"), cp("2"))
	c.rounds(t, 1)
	var before []os.FileInfo
	for _, name := range []string{peersFile, serversFile} {
		info, err := os.Stat(filepath.Join(c.folder, name))
		if err != nil {
			t.Fatal(err)
		}
		before = append(before, info)
	}
	c.rounds(t, 3)
	for _, was := range before {
		is, err := os.Stat(filepath.Join(c.folder, was.Name()))
		if err != nil || !os.SameFile(was, is) {
			t.Fatalf("%s was written again", was.Name())
		}
	}
	names, _ := os.ReadDir(c.folder)
	if len(names) != 2 {
		t.Fatalf("left behind: %v", names)
	}
}

func TestWithoutAResponseTheFilesStay(t *testing.T) {
	spoil := map[string]func(*cluster){
		"the server is gone":      func(c *cluster) { c.server.Close() },
		"it answers with a fault": func(c *cluster) { c.broken = true },
		"it lists no node":        func(c *cluster) { c.nodes = nil },
		"it lists no address":     func(c *cluster) { c.nodes = []node{nodeOf("cp1"), nodeOf("cp2", "Hostname=x")} },
		"the kubeconfig is gone":  func(c *cluster) { _ = os.Remove(c.kubeconfig) },
		"it is half written":      func(c *cluster) { _ = os.Truncate(c.kubeconfig, 100) },
	}
	for name, change := range spoil {
		t.Run(name, func(t *testing.T) {
			c := newCluster(t, cp("1"), cp("2"))
			c.rounds(t, 1)
			said := len(c.logged)
			change(c)
			c.rounds(t, 4)
			if got := c.file(t, peersFile); got != "10.0.0.12\n" {
				t.Fatalf("%q", got)
			}
			if len(c.logged) != said+1 || !strings.Contains(c.logged[said], "does not answer") {
				t.Fatalf("said %q", c.logged[said:])
			}
		})
	}
}

func TestWithoutAResponseAndFilesItStartsWithItself(t *testing.T) {
	c := newCluster(t)
	c.server.Close()
	c.rounds(t, 2)
	if c.file(t, peersFile) != "127.0.0.1\n" || c.file(t, serversFile) != "backend apiservers\n    server cp1 10.0.0.11:6443\n" {
		t.Fatalf("%q %q", c.file(t, peersFile), c.file(t, serversFile))
	}
}

func TestItReportsThatTheServerRespondsAgain(t *testing.T) {
	c := newCluster(t, cp("1"))
	c.rounds(t, 2)
	c.broken = true
	c.rounds(t, 2)
	c.broken = false
	c.rounds(t, 2)
	var about []string
	for _, text := range c.logged {
		if strings.Contains(text, "API server") {
			about = append(about, text[:len("the API server ans")])
		}
	}
	if !slices.Equal(about, []string{"the API server ans", "the API server doe", "the API server ans"}) {
		t.Fatalf("%q", c.logged)
	}
}

func TestARejectedCertificateIsNotUsed(t *testing.T) {
	c := newCluster(t, cp("1"), cp("2"))
	c.checks = flags.List{c.script(t, "check", `grep -q 10.0.0.13 "$2/peers.conf" && { echo no such peer; exit 5; }; exit 0`) + " -t {folder}"}
	c.reloads = flags.List{c.script(t, "reload", "")}
	c.rounds(t, 1)
	c.nodes = append(c.nodes, cp("3"))
	said := len(c.logged)
	c.rounds(t, 3)
	if got := c.file(t, peersFile); got != "10.0.0.12\n" {
		t.Fatalf("%q", got)
	}
	if len(c.logged) != said+1 || !strings.Contains(c.logged[said], "no such peer") {
		t.Fatalf("said %q", c.logged[said:])
	}
	if len(c.patches) != 1 || ran(c.reloads[0]) != 1 {
		t.Fatalf("%q, %d reloads", c.patches, ran(c.reloads[0]))
	}
	c.nodes = append(c.nodes[:2], cp("4"))
	c.rounds(t, 1)
	if got := c.file(t, peersFile); got != "10.0.0.12\n10.0.0.14\n" {
		t.Fatalf("a good list after a bad one: %q", got)
	}
}

func TestTheCheckGetsTheNewFilesWhichAreDeletedAfterIt(t *testing.T) {
	c := newCluster(t, cp("1"), cp("2"))
	c.checks = flags.List{c.script(t, "check", `test "$(cat "$1/peers.conf")" = 10.0.0.12 && grep -q cp2 "$1/servers.cfg"`) + " {folder}"}
	if err := os.MkdirAll(filepath.Join(c.folder, candidate, "left"), 0o700); err != nil {
		t.Fatal(err)
	}
	c.rounds(t, 1)
	if got := c.file(t, peersFile); got != "10.0.0.12\n" {
		t.Fatalf("%q, said %q", got, c.logged)
	}
	if _, err := os.Stat(filepath.Join(c.folder, candidate)); err == nil {
		t.Fatal("the directory still exists")
	}
}

func TestARejectedFirstListLeavesNoFiles(t *testing.T) {
	c := newCluster(t, cp("1"))
	c.checks = flags.List{"false"}
	if err := c.round(); err == nil {
		t.Fatal("a round without files was fine")
	}
}

func TestAFailedReloadIsRepeated(t *testing.T) {
	c := newCluster(t, cp("1"), cp("2"))
	stopped := filepath.Join(t.TempDir(), "stopped")
	place(t, stopped, "")
	c.reloads = flags.List{c.script(t, "reload", "test ! -e "+stopped)}
	c.rounds(t, 2)
	if len(c.patches) != 0 {
		t.Fatal("a list that is not in use was announced")
	}
	// A new process knows the due reload, too, and does not require the API server for it.
	c.broken = true
	again := newKeeper(c.settings)
	again.log = c.log
	c.keeper = again
	_ = os.Remove(stopped)
	c.rounds(t, 1)
	c.broken = false
	c.rounds(t, 1)
	if ran(c.reloads[0]) != 3 || len(c.patches) != 1 {
		t.Fatalf("%d reloads, %q", ran(c.reloads[0]), c.patches)
	}
}

func TestTheKubeconfigIsReadAgainWhenItChanges(t *testing.T) {
	c := newCluster(t, cp("1"))
	c.rounds(t, 2)
	place(t, c.kubeconfig, string(c.authority.kubeconfig(t, "https://192.0.2.1:1", "renewed")))
	c.rounds(t, 1)
	if slices.Contains(c.users[:len(c.users)-1], "renewed") || c.users[len(c.users)-1] != "renewed" {
		t.Fatalf("%q", c.users)
	}
}

func TestTheDefaultServerIsThatOfTheKubeconfig(t *testing.T) {
	c := newCluster(t, cp("1"), cp("2"))
	place(t, c.kubeconfig, string(c.authority.kubeconfig(t, c.server.URL, "admin")))
	c.access.Server = ""
	c.rounds(t, 1)
	if got := c.file(t, peersFile); got != "10.0.0.12\n" {
		t.Fatalf("%q, said %q", got, c.logged)
	}
}

func TestAServerOfAnotherCAIsRejected(t *testing.T) {
	c := newCluster(t, cp("1"), cp("2"))
	place(t, c.kubeconfig, string(newAuthority(t).kubeconfig(t, c.server.URL, "admin")))
	c.rounds(t, 1)
	if got := c.file(t, peersFile); got != "127.0.0.1\n" || len(c.users) != 0 {
		t.Fatalf("%q, %q", got, c.users)
	}
	if !strings.Contains(c.logged[0], "unknown authority") {
		t.Fatalf("said %q", c.logged)
	}
}
