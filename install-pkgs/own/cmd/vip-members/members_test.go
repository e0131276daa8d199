package main

import (
	"net/netip"
	"strings"
	"testing"
)

// nodeOf is a Node with these addresses, each `Type=address`.
func nodeOf(name string, addresses ...string) node {
	var made node
	made.Metadata.Name = name
	for _, each := range addresses {
		kind, address, _ := strings.Cut(each, "=")
		made.Status.Addresses = append(made.Status.Addresses, struct {
			Type    string `json:"type"`
			Address string `json:"address"`
		}{kind, address})
	}
	return made
}

func TestWrittenFiles(t *testing.T) {
	three := []node{
		nodeOf("cp3", "InternalIP=10.0.0.13"),
		nodeOf("cp1", "Hostname=cp1", "ExternalIP=192.0.2.1", "InternalIP=10.0.0.11", "InternalIP=fd00::11"),
		nodeOf("cp2", "InternalIP=fd00::12", "InternalIP=10.0.0.9"),
	}
	cases := map[string]struct {
		nodes                 []node
		node, self            string
		peers, servers, known string
	}{
		"three": {three, "cp1", "10.0.0.11", "10.0.0.9 10.0.0.13",
			"cp1 10.0.0.11:6443, cp2 10.0.0.9:6443, cp3 10.0.0.13:6443", "10.0.0.9,10.0.0.11,10.0.0.13"},
		"IPv6": {three, "cp1", "fd00::11", "fd00::12",
			"cp1 [fd00::11]:6443, cp2 [fd00::12]:6443", "fd00::11,fd00::12"},
		"alone":           {three[:1], "cp3", "10.0.0.13", "127.0.0.1", "cp3 10.0.0.13:6443", "10.0.0.13"},
		"alone with IPv6": {nil, "cp3", "fd00::13", "::1", "cp3 [fd00::13]:6443", "fd00::13"},
		"no Node of this one yet": {three[1:2], "cp9", "10.0.0.19", "10.0.0.11",
			"cp1 10.0.0.11:6443, cp9 10.0.0.19:6443", "10.0.0.11,10.0.0.19"},
		"a node without an address": {[]node{three[0], nodeOf("cp4"), nodeOf("cp5", "InternalIP=none")}, "cp3", "10.0.0.13",
			"127.0.0.1", "cp3 10.0.0.13:6443", "10.0.0.13"},
		"this one goes by another address": {[]node{three[0], nodeOf("cp1", "InternalIP=10.9.9.9")}, "cp1", "10.0.0.11",
			"10.0.0.13", "cp1 10.0.0.11:6443, cp3 10.0.0.13:6443", "10.0.0.11,10.0.0.13"},
		"its name is not given": {three, "", "10.0.0.9", "10.0.0.11 10.0.0.13",
			"cp1 10.0.0.11:6443, cp2 10.0.0.9:6443, cp3 10.0.0.13:6443", "10.0.0.9,10.0.0.11,10.0.0.13"},
		"two names, one address": {append(three, nodeOf("old", "InternalIP=10.0.0.13")), "cp1", "10.0.0.11",
			"10.0.0.9 10.0.0.13", "cp1 10.0.0.11:6443, cp2 10.0.0.9:6443, cp3 10.0.0.13:6443, old 10.0.0.13:6443",
			"10.0.0.9,10.0.0.11,10.0.0.13"},
	}
	for name, each := range cases {
		t.Run(name, func(t *testing.T) {
			self := netip.MustParseAddr(each.self)
			members := membersOf(each.nodes, each.node, self)
			if got := strings.Join(strings.Fields(peers(members, self, netip.MustParseAddr(loopback(self)))), " "); got != each.peers {
				t.Errorf("peers: %s", got)
			}
			section := "backend apiservers\n    server " + strings.ReplaceAll(each.servers, ", ", "\n    server ") + "\n"
			if got := servers(members, 6443); got != section {
				t.Errorf("servers: %s", got)
			}
			if got := known(members); got != each.known {
				t.Errorf("known: %s", got)
			}
		})
	}
}

func TestOrderOfTheAnswerDoesNotMatter(t *testing.T) {
	a, b := nodeOf("a", "InternalIP=10.0.0.1"), nodeOf("b", "InternalIP=10.0.0.2")
	self := netip.MustParseAddr("10.0.0.3")
	one, two := membersOf([]node{a, b}, "c", self), membersOf([]node{b, a}, "c", self)
	if servers(one, 1) != servers(two, 1) || peers(one, self, self) != peers(two, self, self) {
		t.Fatal("the same control planes give two texts")
	}
}

func TestCommandLine(t *testing.T) {
	wanted, err := parse([]string{"--self", "::ffff:10.0.0.1", "--check", "a {folder}", "--check", "b", "--once"})
	if err != nil || !wanted.once || len(wanted.checks) != 2 || wanted.self != netip.MustParseAddr("10.0.0.1") ||
		wanted.alone != netip.MustParseAddr("127.0.0.1") {
		t.Fatalf("%+v, %v", wanted, err)
	}
	wanted, err = parse([]string{"--self", "fd00::1", "--alone", "fd00::100"})
	if err != nil || peers(membersOf(nil, "", wanted.self), wanted.self, wanted.alone) != "fd00::100\n" {
		t.Fatalf("%+v, %v", wanted, err)
	}
	for _, args := range [][]string{{}, {"--self", "cp1"}, {"--self", "10.0.0.1", "x"}, {"--self", "10.0.0.1", "--port", "0"},
		{"--self", "10.0.0.1", "--interval", "0s"}, {"--self", "10.0.0.1", "--alone", "fd00::100"},
		{"--self", "10.0.0.1", "--alone", "vip"}} {
		if _, err := parse(args); err == nil {
			t.Errorf("%q was taken", args)
		}
	}
}
