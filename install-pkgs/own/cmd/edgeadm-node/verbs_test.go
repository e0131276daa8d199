package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"edgeadm/own/internal/records"
)

// edge is the disk of an edge node at a boot, with the files of kubelet, flannel and lite-apiserver.
type edge struct {
	t    *testing.T
	root string
}

const (
	podList  = "data/cache/kubelet_v1.34.4__pods___list"
	services = "data/cache/kube-proxy_v1.34.4__services___list"
	nodeList = "data/cache/flanneld_v0.0.0__nodes___list"
	ownNode  = "data/cache/kubelet_v1.34.4__nodes_e3_"
	subnet   = "flannel/subnet.env"
	conflist = "net.d/10-flannel.conflist"
	result   = "cni/results/cbr0-c1-eth0"
)

func newEdge(t *testing.T) *edge {
	e := &edge{t, t.TempDir()}
	for _, name := range []string{podList, services, nodeList, ownNode} {
		e.write(name, answer(t, name))
	}
	e.write(subnet, "FLANNEL_NETWORK=10.244.0.0/16\nFLANNEL_SUBNET=10.244.1.1/24\nFLANNEL_MTU=1450\nFLANNEL_IPMASQ=true\n")
	e.write(conflist, `{"plugins":[{"type":"flannel","ipam":{"type":"edge-ipam"}}]}`)
	e.write(result, `{"kind":"cniCacheV1"}`)
	e.write("kubelet/cpu_manager_state", `{"policyName":"none","defaultCpuSet":"","checksum":1353318690}`)
	e.write("kubelet/memory_manager_state", `{"policyName":"None","machineState":{},"checksum":4236770233}`)
	e.write("kubelet/dra_manager_state", `{"Data":"","Checksum":0}`)
	e.write("kubelet/allocated_pods_state", `{"data":"{}","checksum":694314937}`)
	e.write("kubelet/actuated_pods_state", `{"data":"{}","checksum":694314937}`)
	e.write("kubelet/device-plugins/kubelet_internal_checkpoint", `{"Data":{},"Checksum":1}`)
	return e
}

func answer(t *testing.T, text string) string {
	t.Helper()
	data, err := json.Marshal(map[string]any{
		"code": 200, "header": http.Header{"Content-Type": {"application/json"}}, "body": fmt.Appendf(nil, "{%q:1}", text),
	})
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func (e *edge) path(name string) string { return filepath.Join(e.root, name) }

func (e *edge) write(name, text string) {
	e.t.Helper()
	if err := os.MkdirAll(filepath.Dir(e.path(name)), 0o755); err != nil {
		e.t.Fatal(err)
	}
	if err := os.WriteFile(e.path(name), []byte(text), 0o644); err != nil {
		e.t.Fatal(err)
	}
}

// run executes a command with the flags of this node.
func (e *edge) run(verb string, more ...string) (int, string) {
	var out bytes.Buffer
	args := []string{verb, "--cache", e.path("data/cache"), "--snapshot", e.path("data/snapshot")}
	if verb != "cache" {
		args = append(args, "--subnet", e.path(subnet))
	}
	if verb == "repair" {
		args = append(args, "--kubelet", e.path("kubelet"), "--cni-config", e.path("net.d"),
			"--cni", e.path("cni/results"), "--cni", e.path("cni/networks"))
	}
	return run(append(args, more...), &out), out.String()
}

func (e *edge) repair() string {
	e.t.Helper()
	code, out := e.run("repair")
	if code != 0 {
		e.t.Fatal(code, out)
	}
	return out
}

func (e *edge) contents() map[string]string {
	found := map[string]string{}
	_ = filepath.Walk(e.root, func(path string, info os.FileInfo, err error) error {
		if err == nil && info.Mode().IsRegular() {
			data, _ := os.ReadFile(path)
			found[strings.TrimPrefix(path, e.root+"/")] = string(data)
		}
		return nil
	})
	return found
}

// TestEachSimulatedPowerCutIsRepaired: with this damage, nodes became ready late or never.
func TestEachSimulatedPowerCutIsRepaired(t *testing.T) {
	states := []string{
		"kubelet/cpu_manager_state", "kubelet/memory_manager_state", "kubelet/dra_manager_state",
		"kubelet/allocated_pods_state", "kubelet/actuated_pods_state", "kubelet/device-plugins/kubelet_internal_checkpoint",
	}
	for name, each := range map[string]struct{ empty, short []string }{
		"some caches, the subnet, a result": {[]string{podList, services, subnet, result}, []string{nodeList, ownNode}},
		"results alone":                     {[]string{result}, nil},
		"the list of Pods":                  {[]string{podList}, nil},
		"all states of the kubelet":         {states, nil},
		"states cut short":                  {nil, states},
		"states, caches and the subnet":     {append([]string{podList, services, nodeList, ownNode, subnet}, states...), nil},
	} {
		t.Run(name, func(t *testing.T) {
			e := newEdge(t)
			if code, out := e.run("keep", "--once"); code != 0 {
				t.Fatal(out)
			}
			wanted := e.contents()
			delete(wanted, result) // files of containers are removed at every boot
			for _, file := range each.empty {
				e.write(file, "")
			}
			for _, file := range each.short {
				e.write(file, wanted[file][:len(wanted[file])-7])
			}
			said := e.repair()
			for _, file := range append(each.empty, each.short...) {
				if strings.HasPrefix(file, "kubelet/") {
					delete(wanted, file) // recreated by kubelet
				}
				if file != result && !strings.Contains(said, filepath.Base(file)) {
					t.Errorf("nothing was said of %s:\n%s", file, said)
				}
			}
			if found := e.contents(); fmt.Sprint(found) != fmt.Sprint(wanted) {
				t.Fatalf("found %v\nwanted %v", found, wanted)
			}
			if again := e.repair(); again != "" {
				t.Fatal("it was not finished the first time", again)
			}
		})
	}
}

func TestTheLeftoversOfAnotherNetworkStay(t *testing.T) {
	e := newEdge(t)
	e.write("net.d/05-calico.conflist", `{"plugins":[{"type":"calico"}]}`)
	e.repair()
	if _, err := os.Stat(e.path(result)); err != nil {
		t.Fatal(err)
	}
}

func TestABootNeverFailsBecauseOfDamagedFiles(t *testing.T) {
	e := newEdge(t)
	for _, each := range []string{"data/snapshot", "kubelet", "cni", "flannel", "net.d", "data/cache"} {
		if err := os.RemoveAll(e.path(each)); err != nil {
			t.Fatal(err)
		}
		e.write(each, "a file in place of a directory")
		e.repair()
	}
}

func TestTheSnapshotIsUpdatedContinuously(t *testing.T) {
	e := newEdge(t)
	done := make(chan int)
	go func() {
		code, _ := e.run("keep", "--every", "10ms")
		done <- code
	}()
	kept := strings.Replace(podList, "cache", "snapshot", 1)
	for _, text := range []string{"one", "two"} {
		e.write(podList, answer(t, text))
		for i := 0; e.contents()[kept] != answer(t, text); i++ {
			if i == 500 {
				t.Fatal("it was never taken")
			}
			time.Sleep(10 * time.Millisecond)
		}
	}
	if err := syscall.Kill(os.Getpid(), syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if code := <-done; code != 0 {
		t.Fatal(code)
	}
}

func TestTheCacheIsShown(t *testing.T) {
	e := newEdge(t)
	e.run("keep", "--once")
	e.write(ownNode, "{")
	code, out := e.run("cache", "-o", "json")
	var found struct {
		Entries []struct {
			Key, UserAgent, Resource, Name, Verb string
			Bytes, AgeSeconds                    int
			Whole, Snapshot                      bool
		}
	}
	if err := json.Unmarshal([]byte(out), &found); err != nil || code != 0 || len(found.Entries) != 4 {
		t.Fatal(code, err, out)
	}
	for _, each := range found.Entries {
		if each.Whole != (each.Name != "e3") || !each.Snapshot || each.Resource == "" || each.Bytes == 0 {
			t.Fatalf("%+v", each)
		}
	}
	if code, out := e.run("cache"); code != 0 || strings.Count(out, "\n") != 5 {
		t.Fatal(code, out)
	}
	if code := run([]string{"cache", "--cache", e.path("none")}, &bytes.Buffer{}); code != 1 {
		t.Fatal(code)
	}
}

func TestAddressesAndTheirFaultsAreShown(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "store")
	shown := func(more ...string) (int, string) {
		var out bytes.Buffer
		return run(append([]string{"addresses", "--store", folder}, more...), &out), out.String()
	}
	if code, out := shown("-o", "json"); code != 0 || strings.Join(strings.Fields(out), "") != `{"problems":[],"records":[]}` {
		t.Fatal(code, out)
	}
	store, err := records.Open(folder, time.Second)
	if err != nil {
		t.Fatal(err)
	}
	one := records.Record{
		Namespace: "default", Pod: "web-0", Interface: "eth0", Container: "c1", State: records.Live,
		Addresses: []netip.Addr{netip.MustParseAddr("10.1.2.3"), netip.MustParseAddr("fd00::3")},
	}
	if err := store.Save(records.Book{}, one); err != nil {
		t.Fatal(err)
	}
	store.Close()
	if code, out := shown(); code != 0 || !strings.Contains(out, "default/web-0  10.1.2.3,fd00::3  live") {
		t.Fatal(code, out)
	}
	if err := os.WriteFile(filepath.Join(folder, records.Key("a", "b", "eth0")+".record"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	code, out := shown("-o", "json")
	var found struct {
		Records  []struct{ Pod, State string }
		Problems []struct{ File, Reason string }
	}
	if err := json.Unmarshal([]byte(out), &found); err != nil || code != 1 {
		t.Fatal(code, err)
	}
	if len(found.Records) != 1 || len(found.Problems) != 1 || found.Problems[0].Reason == "" {
		t.Fatal(out)
	}
}

func TestAWrongCommandLineIsStatus2(t *testing.T) {
	for _, args := range [][]string{
		nil, {"dance"}, {"repair", "--fast"}, {"repair", "now"}, {"keep", "--every", "0s"}, {"keep", "--every", "often"},
		{"addresses", "-o", "yaml"}, {"cache", "x"}, {"renew-certificate"}, {"ask"}, {"pods", "-o", "yaml"},
		{"images", "-o", "yaml"}, {"images", "--pin-limit", "101"}, {"keep", "--once", "--pin-limit", "-1"},
		{"keep", "--once", "--node", "e3"},
	} {
		if code := run(args, &bytes.Buffer{}); code != 2 {
			t.Errorf("%v: %d", args, code)
		}
	}
	var out bytes.Buffer
	if code := run([]string{"version"}, &out); code != 0 || !strings.Contains(out.String(), version) {
		t.Error(code, out.String())
	}
}
