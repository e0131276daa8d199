package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"edgeadm/own/internal/records"
)

// cniSet is the directory of host-local: that of the package's set, or one that these tests build it into.
var cniSet string

// TestMain runs the plugin if this program is called as the plugin, so that tests can start and kill it.
func TestMain(m *testing.M) {
	if os.Getenv("CNI_COMMAND") != "" {
		main()
	}
	os.Exit(test(m))
}

func test(m *testing.M) int {
	cniSet = os.Getenv("EDGEADM_CNI_SET")
	if _, err := os.Stat(filepath.Join(cniSet, program)); cniSet != "" && err == nil {
		return m.Run()
	}
	built, err := os.MkdirTemp("", "cni-set-")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(built)
	build := exec.Command(filepath.Join(runtime.GOROOT(), "bin", "go"), "build", "-mod=readonly", "-o", built+"/",
		"github.com/containernetworking/plugins/plugins/ipam/host-local")
	build.Dir = filepath.Join("..", "..", "..", "sets", "cni")
	if said, err := build.CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "host-local cannot be built: %v\n%s", err, said)
		return 1
	}
	cniSet = built
	return m.Run()
}

// node is a node with its store, and with host-local's reservations, which a boot deletes.
type node struct {
	t        testing.TB
	store    string
	data     string
	version  string
	ranges   string
	settings map[string]any // more of the configuration
}

const (
	small = `[[{"subnet":"10.1.2.0/29"}]]` // .2 to .6: the first one belongs to the gateway
	both  = `[[{"subnet":"10.1.2.0/29"}],[{"subnet":"fd00:1::/64"}]]`
	large = `[[{"subnet":"10.1.2.0/24"}],[{"subnet":"fd00:1::/64"}]]`
)

func newNode(t testing.TB, ranges string) *node {
	folder := t.TempDir()
	return &node{
		t: t, store: filepath.Join(folder, "store"), data: filepath.Join(folder, "run"), version: "1.0.0", ranges: ranges,
	}
}

// boot deletes the files that are in memory on a real node. A host-local whose plugin was killed may still run here
// and hold the lock, unlike after a power cut.
func (n *node) boot() {
	n.t.Helper()
	store, err := records.Open(n.store, 10*time.Second)
	if err != nil {
		n.t.Fatal(err)
	}
	defer store.Close()
	if err := os.RemoveAll(n.data); err != nil {
		n.t.Fatal(err)
	}
}

func (n *node) conf() []byte {
	conf := map[string]any{
		"cniVersion": n.version, "name": "cbr0", "type": "bridge",
		"ipam": map[string]any{
			"type": "edge-ipam", "dataDir": n.data, "store": n.store, "ranges": json.RawMessage(n.ranges),
			"routes": []map[string]string{{"dst": "10.1.0.0/16"}},
		},
	}
	for key, value := range n.settings {
		conf[key] = value
	}
	data, err := json.Marshal(conf)
	if err != nil {
		n.t.Fatal(err)
	}
	return data
}

// command is one call of the runtime that is not started yet.
func (n *node) command(verb, pod, container string, more ...string) *exec.Cmd {
	args := "IgnoreUnknown=1;K8S_POD_NAMESPACE=default;K8S_POD_NAME=" + pod + ";K8S_POD_UID=uid-of-" + pod
	if pod == "" {
		args = "IgnoreUnknown=1"
	}
	self, err := os.Executable()
	if err != nil {
		n.t.Fatal(err)
	}
	command := exec.Command(self)
	command.Env = append([]string{
		"CNI_COMMAND=" + verb, "CNI_CONTAINERID=" + container, "CNI_IFNAME=eth0", "CNI_NETNS=/run/netns/x",
		"CNI_PATH=/nowhere:" + cniSet, "CNI_ARGS=" + args,
	}, more...)
	command.Stdin = bytes.NewReader(n.conf())
	return command
}

// call executes one call, and returns the assigned addresses or the error.
func (n *node) call(verb, pod, container string, more ...string) (string, error) {
	n.t.Helper()
	command := n.command(verb, pod, container, more...)
	var said, complaint bytes.Buffer
	command.Stdout, command.Stderr = &said, &complaint
	if err := command.Run(); err != nil {
		var exit *exec.ExitError
		if !errors.As(err, &exit) || exit.ExitCode() != 1 {
			n.t.Fatalf("%s %s: %v\n%s%s", verb, pod, err, said.String(), complaint.String())
		}
		return "", errors.New(said.String() + complaint.String())
	}
	return given(n.t, said.Bytes()), nil
}

// given returns the addresses of a result, in any version of CNI.
func given(t testing.TB, said []byte) string {
	if len(said) == 0 {
		return ""
	}
	var result struct {
		IPs []struct{ Address, Gateway string }
		IP4 struct{ IP string }
		IP6 struct{ IP string }
	}
	if err := json.Unmarshal(said, &result); err != nil {
		t.Fatalf("%v: %s", err, said)
	}
	var words []string
	for _, each := range result.IPs {
		words = append(words, each.Address)
	}
	for _, each := range []string{result.IP4.IP, result.IP6.IP} {
		if each != "" {
			words = append(words, each)
		}
	}
	return strings.Join(words, " ")
}

func (n *node) add(pod, container string, more ...string) string {
	n.t.Helper()
	found, err := n.call("ADD", pod, container, more...)
	if err != nil {
		n.t.Fatalf("%s gets no address: %v", pod, err)
	}
	return found
}

func (n *node) del(pod, container string) {
	n.t.Helper()
	if _, err := n.call("DEL", pod, container); err != nil {
		n.t.Fatalf("%s cannot be taken down: %v", container, err)
	}
}

// want adds a Pod and requires its addresses.
func (n *node) want(pod, container, address string) {
	n.t.Helper()
	if found := n.add(pod, container); found != address {
		n.t.Fatalf("%s got %s instead of %s", pod, found, address)
	}
}

// remembered returns the records, POD=ADDRESSES if they are live, with a leading - if they are released.
func (n *node) remembered() string {
	n.t.Helper()
	found, problems, err := records.List(n.store, time.Second)
	if err != nil || len(problems) > 0 {
		n.t.Fatal(err, problems)
	}
	var words []string
	for _, each := range found {
		word := fmt.Sprintf("%s=%v", each.Pod, each.Addresses)
		if each.State == records.Released {
			word = "-" + word
		}
		words = append(words, word)
	}
	return strings.Join(words, " ")
}
