package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"net"
	"net/url"
	"strings"
	"testing"
)

var allowed = policy{
	addresses: []net.IP{net.ParseIP("169.254.20.11"), net.ParseIP("10.96.0.1")},
	names:     []string{"kubernetes", "kubernetes.default"},
}

// good is a request that the policy allows; each case changes one part of it.
type good struct {
	template x509.CertificateRequest
	request  signingRequest
	alive    bool
	lookup   error
	pem      func([]byte) []byte
}

func fresh() *good {
	g := &good{template: x509.CertificateRequest{
		Subject:     pkix.Name{CommonName: "system:node:shop-1", Organization: []string{"system:nodes"}},
		DNSNames:    []string{"kubernetes.default"},
		IPAddresses: []net.IP{net.ParseIP("169.254.20.11"), net.ParseIP("10.96.0.1")},
	}}
	g.request.Spec.Usages = []string{"digital signature", "key encipherment", "server auth"}
	g.request.Spec.Username = "system:bootstrap:abcdef"
	g.request.Spec.Groups = []string{bootstrappers, "system:authenticated"}
	return g
}

// asNode makes it a renewal: the ready node requests its own certificate.
func (g *good) asNode() {
	g.alive = true
	g.request.Spec.Username = "system:node:shop-1"
	g.request.Spec.Groups = []string{"system:nodes", "system:authenticated"}
}

func (g *good) judge(t *testing.T) (string, error) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.CreateCertificateRequest(rand.Reader, &g.template, key)
	if err != nil {
		t.Fatal(err)
	}
	data := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE REQUEST", Bytes: der})
	if g.pem != nil {
		data = g.pem(data)
	}
	g.request.Spec.Request = data
	return allowed.refuses(&g.request, func(string) (bool, error) { return g.alive, g.lookup })
}

func TestApprovedRequests(t *testing.T) {
	cases := map[string]func(*good){
		"a bootstrap token for a node that is not there": func(*good) {},
		"a node that asks for itself, alive":             (*good).asNode,
		"addresses alone":                                func(g *good) { g.template.DNSNames = nil },
	}
	for name, change := range cases {
		t.Run(name, func(t *testing.T) {
			g := fresh()
			change(g)
			if reason, err := g.judge(t); reason != "" || err != nil {
				t.Fatalf("refused: %q, %v", reason, err)
			}
		})
	}
}

func TestRequestsThatAreNotApproved(t *testing.T) {
	cases := map[string]struct {
		change func(*good)
		reason string
	}{
		"the name of a Service": {
			func(g *good) { g.template.DNSNames = []string{"db.shop.svc"} }, "db.shop.svc"},
		"a node named like a Service": {func(g *good) {
			g.template.Subject.CommonName = "system:node:db.shop.svc"
			g.template.DNSNames = []string{"db.shop.svc"}
		}, "db.shop.svc"},
		"an address of the site": {
			func(g *good) { g.template.IPAddresses = []net.IP{net.ParseIP("10.0.0.1")} }, "10.0.0.1"},
		"no name at all": {
			func(g *good) { g.template.DNSNames, g.template.IPAddresses = nil, nil }, "no name and no address"},
		"a mail address": {
			func(g *good) { g.template.EmailAddresses = []string{"root@example.org"} }, "email"},
		"a URI": {
			func(g *good) { g.template.URIs = []*url.URL{{Scheme: "spiffe", Host: "x"}} }, "URI"},
		"a user's name": {
			func(g *good) { g.template.Subject.CommonName = "kubernetes-admin" }, "not that of a node"},
		"a node without a name": {
			func(g *good) { g.template.Subject.CommonName = "system:node:" }, "not that of a node"},
		"the organization of admins": {
			func(g *good) { g.template.Subject.Organization = []string{"system:masters"} }, "system:masters"},
		"admins beside nodes": {func(g *good) {
			g.template.Subject.Organization = []string{"system:nodes", "system:masters"}
		}, "system:masters"},
		"a certificate to log in with": {
			func(g *good) { g.request.Spec.Usages = append(g.request.Spec.Usages, "client auth") }, "client auth"},
		"a token of another group": {
			func(g *good) { g.request.Spec.Groups = []string{"system:bootstrappers"} }, "must not request"},
		"a user who calls the group their own": {
			func(g *good) { g.request.Spec.Username = "mallory" }, "must not request"},
		"one node for another": {func(g *good) {
			g.request.Spec.Username, g.request.Spec.Groups = "system:node:shop-2", []string{"system:nodes"}
		}, "must not request"},
		"a node that wants a Service's name, too": {func(g *good) {
			g.asNode()
			g.template.DNSNames = append(g.template.DNSNames, "db.shop.svc")
		}, "db.shop.svc"},
		"a node that wants its own address": {func(g *good) {
			g.asNode()
			g.template.IPAddresses = []net.IP{net.ParseIP("10.0.0.5")}
		}, "10.0.0.5"},
		"a node's name outside the group of nodes": {func(g *good) {
			g.asNode()
			g.request.Spec.Groups = []string{"system:authenticated"}
		}, "must not request"},
		"a token for a node that is alive": {func(g *good) { g.alive = true }, "is ready"},
		"bytes that are no PEM":            {func(g *good) { g.pem = func([]byte) []byte { return []byte("x") } }, "PEM"},
		"two requests in one": {
			func(g *good) { g.pem = func(data []byte) []byte { return append(data, data...) } }, "PEM"},
		"a certificate in its place": {func(g *good) {
			g.pem = func(data []byte) []byte {
				return []byte(strings.ReplaceAll(string(data), "CERTIFICATE REQUEST", "CERTIFICATE"))
			}
		}, "PEM"},
		"a signature that is not the key's": {func(g *good) {
			g.pem = func(data []byte) []byte {
				block, _ := pem.Decode(data)
				block.Bytes[len(block.Bytes)-1] ^= 1
				return pem.EncodeToMemory(block)
			}
		}, "signature"},
	}
	for name, each := range cases {
		t.Run(name, func(t *testing.T) {
			g := fresh()
			each.change(g)
			reason, err := g.judge(t)
			if err != nil || !strings.Contains(reason, each.reason) || reason == "" {
				t.Fatalf("wanted a reason with %q, got %q, %v", each.reason, reason, err)
			}
		})
	}
}

func TestItWaitsIfTheStateOfTheNodeIsUnknown(t *testing.T) {
	g := fresh()
	g.lookup = errors.New("no answer")
	if reason, err := g.judge(t); err == nil {
		t.Fatalf("decided without knowing: %q", reason)
	}
}

func TestSettledRequestsAreNotChanged(t *testing.T) {
	var approved, issued, open signingRequest
	approved.Status.Conditions = append(approved.Status.Conditions, struct {
		Type string `json:"type"`
	}{"Approved"})
	issued.Status.Certificate = []byte("x")
	if !approved.settled() || !issued.settled() || open.settled() {
		t.Fatal("settled and open requests are mixed up")
	}
}
