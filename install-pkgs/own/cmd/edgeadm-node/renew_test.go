package main

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"errors"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"edgeadm/own/internal/durable"
	"edgeadm/own/internal/kubeapi"
)

const year = 365 * 24 * time.Hour

// cluster is an API server that signs each request, and stores all data that it receives. Each field changes one part
// of its answers.
type cluster struct {
	authority *x509.Certificate
	key       *ecdsa.PrivateKey
	sent      bytes.Buffer
	asked     []string
	issued    map[string][]byte
	life      time.Duration
	deny      bool
	silent    bool
	spoil     func(*x509.Certificate)
	signer    *ecdsa.PrivateKey
}

func newCluster(t *testing.T) *cluster {
	t.Helper()
	c := &cluster{issued: map[string][]byte{}, life: year}
	var err error
	if c.key, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader); err != nil {
		t.Fatal(err)
	}
	c.signer = c.key
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "kubernetes"}, IsCA: true,
		NotBefore: time.Now().Add(-2 * year), NotAfter: time.Now().Add(10 * year), BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &c.key.PublicKey, c.key)
	if err != nil {
		t.Fatal(err)
	}
	if c.authority, err = x509.ParseCertificate(der); err != nil {
		t.Fatal(err)
	}
	return c
}

// sign returns a certificate with this age.
func (c *cluster) sign(t *testing.T, request *x509.CertificateRequest, age time.Duration) []byte {
	t.Helper()
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: request.Subject,
		DNSNames: request.DNSNames, IPAddresses: request.IPAddresses, PublicKey: request.PublicKey,
		NotBefore: time.Now().Add(-age), NotAfter: time.Now().Add(c.life - age),
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	if c.spoil != nil {
		c.spoil(template)
	}
	der, err := x509.CreateCertificate(rand.Reader, template, c.authority, template.PublicKey, c.signer)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
}

func (c *cluster) serve(t *testing.T) *kubeapi.Client {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodGet {
			c.show(w, strings.TrimPrefix(r.URL.Path, requests+"/"))
			return
		}
		body, _ := io.ReadAll(r.Body)
		c.sent.Write(body)
		var asked struct {
			Metadata struct{ Name string }
			Spec     struct{ Request []byte }
		}
		if err := json.Unmarshal(body, &asked); err != nil {
			t.Error(err)
		}
		block, _ := pem.Decode(asked.Spec.Request)
		request, err := x509.ParseCertificateRequest(block.Bytes)
		if err != nil {
			t.Error(err)
		}
		c.asked = append(c.asked, asked.Metadata.Name)
		c.issued[asked.Metadata.Name] = c.sign(t, request, 0)
		_, _ = w.Write([]byte("{}"))
	}))
	t.Cleanup(server.Close)
	return &kubeapi.Client{Server: server.URL, Transport: &http.Transport{}}
}

func (c *cluster) show(w http.ResponseWriter, name string) {
	var found verdict
	if c.deny {
		found.Status.Conditions = append(found.Status.Conditions, struct {
			Type    string `json:"type"`
			Message string `json:"message"`
		}{"Denied", "not today"})
	} else if !c.silent {
		found.Status.Certificate = c.issued[name]
	}
	_ = json.NewEncoder(w).Encode(found)
}

// node is an edge node: its pair, the served certificate, and the number of restarts of the server.
type node struct {
	renewal
	cluster  *cluster
	serving  []byte
	restarts int
	broken   bool
}

func newNode(t *testing.T, age time.Duration) *node {
	t.Helper()
	c := newCluster(t)
	key, keyPEM, err := newKey()
	if err != nil {
		t.Fatal(err)
	}
	certificate := c.sign(t, &x509.CertificateRequest{
		Subject:     pkix.Name{CommonName: "system:node:shop-1", Organization: []string{"system:nodes"}},
		DNSNames:    []string{"kubernetes", "kubernetes.default"},
		IPAddresses: []net.IP{net.ParseIP("169.254.20.11"), net.ParseIP("fd00::1")},
		PublicKey:   &key.PublicKey,
	}, age)
	file := filepath.Join(t.TempDir(), "lite-apiserver.pem")
	if err := os.WriteFile(file, append(keyPEM, certificate...), 0o600); err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(c.authority)
	n := &node{cluster: c}
	n.renewal = renewal{file: file, roots: roots, cluster: c.serve(t), patience: time.Second}
	n.renewal.served = func() ([]byte, error) { return n.serving, nil }
	n.renewal.restart = func() error {
		n.restarts++
		if !n.broken {
			n.serving = n.current(t).Raw
		}
		return nil
	}
	n.serving = n.current(t).Raw
	return n
}

func (n *node) current(t *testing.T) *x509.Certificate {
	t.Helper()
	found, err := readPair(n.file)
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func TestItIsRenewedWhenAThirdOfItsLifeIsLeft(t *testing.T) {
	cases := map[string]struct {
		age    time.Duration
		before time.Duration
		due    bool
	}{
		"fresh":                                {time.Hour, 0, false},
		"half of it is over":                   {year / 2, 0, false},
		"less than a third is left":            {year * 7 / 10, 0, true},
		"over":                                 {year + time.Hour, 0, true},
		"fresh, and --before is longer":        {time.Hour, 9000 * time.Hour, true},
		"nearly over, and --before is shorter": {year * 9 / 10, time.Hour, false},
	}
	for name, each := range cases {
		t.Run(name, func(t *testing.T) {
			n := newNode(t, each.age)
			n.before = each.before
			old := n.current(t)
			if err := n.run(time.Now()); err != nil {
				t.Fatal(err)
			}
			renewed := !bytes.Equal(n.current(t).Raw, old.Raw)
			if renewed != each.due || (n.restarts == 1) != each.due || (len(n.cluster.asked) == 1) != each.due {
				t.Fatalf("renewed: %v, restarts: %d, requests: %v", renewed, n.restarts, n.cluster.asked)
			}
		})
	}
}

func TestTheRequestContainsTheNamesOfTheOldCertificate(t *testing.T) {
	n := newNode(t, year*9/10)
	old := n.current(t)
	if err := n.run(time.Now()); err != nil {
		t.Fatal(err)
	}
	found := n.current(t)
	if found.Subject.String() != old.Subject.String() || strings.Join(names(found), " ") != strings.Join(names(old), " ") {
		t.Fatalf("asked for %s, %v", found.Subject, names(found))
	}
	if old.PublicKey.(*ecdsa.PublicKey).Equal(found.PublicKey) {
		t.Fatal("the key is the old one")
	}
	if !strings.HasPrefix(n.cluster.asked[0], "lite-apiserver-shop-1-") {
		t.Fatalf("the request is called %s", n.cluster.asked[0])
	}
}

func TestTheKeyStaysOnTheNode(t *testing.T) {
	n := newNode(t, year*9/10)
	if err := n.run(time.Now()); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(n.file)
	if err != nil {
		t.Fatal(err)
	}
	block, _ := pem.Decode(data)
	parsed, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := parsed.(*ecdsa.PrivateKey).Bytes()
	if err != nil {
		t.Fatal(err)
	}
	encoded := strings.Split(strings.TrimSpace(string(data)), "\n")[1]
	for _, canary := range [][]byte{block.Bytes, secret, []byte(encoded), []byte("PRIVATE KEY")} {
		if bytes.Contains(n.cluster.sent.Bytes(), canary) {
			t.Fatal("the key was sent")
		}
	}
	info, err := os.Stat(n.file)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Fatalf("mode %v, %v", info.Mode(), err)
	}
	left, _ := filepath.Glob(filepath.Join(filepath.Dir(n.file), "*"))
	if len(left) != 1 {
		t.Fatalf("files beside it: %v", left)
	}
}

func TestACertificateThatDoesNotMatchIsNotInstalled(t *testing.T) {
	cases := map[string]struct {
		change func(*testing.T, *cluster)
		reason string
	}{
		"another key": {func(t *testing.T, c *cluster) {
			other, _, err := newKey()
			if err != nil {
				t.Fatal(err)
			}
			c.spoil = func(template *x509.Certificate) { template.PublicKey = &other.PublicKey }
		}, "another key"},
		"another cluster's signature": {func(t *testing.T, c *cluster) {
			other := newCluster(t)
			c.signer, c.authority = other.key, other.authority
		}, "unknown authority"},
		"a name too few": {func(_ *testing.T, c *cluster) {
			c.spoil = func(template *x509.Certificate) { template.DNSNames = template.DNSNames[:1] }
		}, "kubernetes.default"},
		"an address too few": {func(_ *testing.T, c *cluster) {
			c.spoil = func(template *x509.Certificate) { template.IPAddresses = template.IPAddresses[:1] }
		}, "fd00::1"},
		"another node's name": {func(_ *testing.T, c *cluster) {
			c.spoil = func(template *x509.Certificate) { template.Subject.CommonName = "system:node:shop-2" }
		}, "shop-2"},
		"for clients": {func(_ *testing.T, c *cluster) {
			c.spoil = func(template *x509.Certificate) {
				template.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}
			}
		}, "usage"},
		"a shorter life": {func(_ *testing.T, c *cluster) { c.life = time.Hour }, "later"},
		"a refusal":      {func(_ *testing.T, c *cluster) { c.deny = true }, "not today"},
		"no answer":      {func(_ *testing.T, c *cluster) { c.silent = true }, "not approved within"},
	}
	for name, each := range cases {
		t.Run(name, func(t *testing.T) {
			n := newNode(t, year*9/10)
			before, err := os.ReadFile(n.file)
			if err != nil {
				t.Fatal(err)
			}
			each.change(t, n.cluster)
			err = n.run(time.Now())
			if err == nil || !strings.Contains(err.Error(), each.reason) {
				t.Fatalf("wanted a reason with %q, got %v", each.reason, err)
			}
			after, err := os.ReadFile(n.file)
			if err != nil || !bytes.Equal(before, after) || n.restarts != 0 {
				t.Fatalf("the pair was touched, or the server restarted %d times: %v", n.restarts, err)
			}
		})
	}
}

func TestARunInterruptedBeforeTheRestartIsCompletedByTheNext(t *testing.T) {
	n := newNode(t, time.Hour)
	n.serving = []byte("the old one")
	if err := n.run(time.Now()); err != nil {
		t.Fatal(err)
	}
	if n.restarts != 1 || len(n.cluster.asked) != 0 {
		t.Fatalf("restarts: %d, requests: %v", n.restarts, n.cluster.asked)
	}
}

func TestARunInterruptedWhileWritingLeavesTheOldCertificateAndKey(t *testing.T) {
	n := newNode(t, year*9/10)
	left := filepath.Join(filepath.Dir(n.file), durable.Temporary+"123")
	if err := os.WriteFile(left, []byte("half a k"), 0o600); err != nil {
		t.Fatal(err)
	}
	n.current(t)
	if err := n.run(time.Now()); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(left); !errors.Is(err, os.ErrNotExist) {
		t.Fatal("what the first run left is still there")
	}
}

func TestAServerThatRejectsTheNewCertificateIsAFailure(t *testing.T) {
	n := newNode(t, year*9/10)
	n.broken = true
	if err := n.run(time.Now()); err == nil || !strings.Contains(err.Error(), "not served") {
		t.Fatalf("got %v", err)
	}
}
