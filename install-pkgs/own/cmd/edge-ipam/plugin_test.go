package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"edgeadm/own/internal/records"
)

func TestAPodGetsItsAddressesBack(t *testing.T) {
	for name, each := range map[string]struct{ ranges, first, second string }{
		"IPv4":       {small, "10.1.2.2/29", "10.1.2.3/29"},
		"IPv6":       {`[[{"subnet":"fd00:1::/64"}]]`, "fd00:1::2/64", "fd00:1::3/64"},
		"dual-stack": {both, "10.1.2.2/29 fd00:1::2/64", "10.1.2.3/29 fd00:1::3/64"},
	} {
		t.Run(name, func(t *testing.T) {
			n := newNode(t, each.ranges)
			n.want("web-0", "c1", each.first)
			n.want("web-1", "c2", each.second)
			n.boot() // in another order, and no sandbox was deleted
			n.want("web-1", "c3", each.second)
			n.want("web-0", "c4", each.first)
			n.del("web-0", "c4")
			n.want("web-0", "c5", each.first)
		})
	}
}

func TestEveryVersionOfCNI(t *testing.T) {
	for _, version := range versions {
		n := newNode(t, both)
		n.version = version
		n.want("web-0", "c1", "10.1.2.2/29 fd00:1::2/64")
		n.boot()
		n.want("web-0", "c2", "10.1.2.2/29 fd00:1::2/64")
	}
}

func TestTheResultIsHostLocalsOwn(t *testing.T) {
	n := newNode(t, `[[{"subnet":"10.1.2.0/24","gateway":"10.1.2.254"}]]`)
	said, err := n.command("ADD", "web-0", "c1").Output()
	if err != nil {
		t.Fatal(err)
	}
	for _, each := range []string{`"gateway": "10.1.2.254"`, `"dst": "10.1.0.0/16"`, `"address": "10.1.2.1/24"`} {
		if !strings.Contains(string(said), each) {
			t.Fatalf("no %s in %s", each, said)
		}
	}
}

func TestANewPodGetsAnAddressThatNoRecordHas(t *testing.T) {
	n := newNode(t, small)
	n.want("a", "c1", "10.1.2.2/29")
	n.want("b", "c2", "10.1.2.3/29")
	n.del("a", "c1")
	n.want("c", "c3", "10.1.2.4/29")
	n.boot()
	n.want("d", "c4", "10.1.2.5/29")
	n.want("a", "c5", "10.1.2.2/29")
	if found := n.remembered(); found != "b=[10.1.2.3] c=[10.1.2.4] d=[10.1.2.5] a=[10.1.2.2]" {
		t.Fatal(found)
	}
}

func TestWithoutAFreeAddressTheOldestReleasedOneIsAssigned(t *testing.T) {
	n := newNode(t, small)
	for i := range 5 {
		n.add(fmt.Sprint("p", i), fmt.Sprint("c", i))
	}
	for _, i := range []int{3, 1} {
		n.del(fmt.Sprint("p", i), fmt.Sprint("c", i))
	}
	n.want("new", "d1", "10.1.2.5/29")   // of p3, deleted longest ago
	n.want("newer", "d2", "10.1.2.3/29") // of p1
	if _, err := n.call("ADD", "more", "d3"); err == nil || !strings.Contains(err.Error(), "no address is available") {
		t.Fatal(err)
	}
	if found := n.remembered(); strings.Contains(found, "p3") || strings.Contains(found, "more") {
		t.Fatal(found)
	}
	n.del("p0", "c0")
	n.want("more", "d4", "10.1.2.2/29")
}

func TestAfterABootAStoppedPodLosesItsAddressOnlyIfNoOtherIsFree(t *testing.T) {
	n := newNode(t, small)
	for i := range 5 {
		n.add(fmt.Sprint("p", i), fmt.Sprint("c", i))
	}
	n.del("p4", "c4")
	n.boot()
	n.want("new", "d1", "10.1.2.6/29")   // p4 is deleted, the others may start again
	n.want("newer", "d2", "10.1.2.2/29") // the record of p0 is the oldest
	for i := range 3 {
		n.want(fmt.Sprint("p", i+1), fmt.Sprint("e", i), fmt.Sprintf("10.1.2.%d/29", i+3))
	}
	if _, err := n.call("ADD", "p0", "e9"); err == nil {
		t.Fatal("p0 got an address though there is none")
	}
}

func TestAReplacedSandboxRemovesNothing(t *testing.T) {
	n := newNode(t, both)
	n.want("web-0", "old", "10.1.2.2/29 fd00:1::2/64")
	n.want("web-0", "new", "10.1.2.3/29 fd00:1::3/64") // the old one still has the first
	n.del("web-0", "old")
	if found := n.remembered(); found != "web-0=[10.1.2.3 fd00:1::3]" {
		t.Fatal(found)
	}
	n.boot()
	n.want("web-0", "newest", "10.1.2.3/29 fd00:1::3/64")
}

func TestOneOfTwoFamiliesMayBeAssigned(t *testing.T) {
	n := newNode(t, both)
	n.want("web-0", "c1", "10.1.2.2/29 fd00:1::2/64")
	n.boot()
	if err := os.MkdirAll(filepath.Join(n.data, "cbr0"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(n.data, "cbr0", "fd00:1::2"), []byte("somebody\r\neth0"), 0o600); err != nil {
		t.Fatal(err)
	}
	n.want("web-0", "c2", "10.1.2.2/29 fd00:1::3/64")
}

func TestAnAddressOfHostLocalIsNotAssigned(t *testing.T) {
	n := newNode(t, small)
	n.want("a", "c1", "10.1.2.2/29")
	if err := os.RemoveAll(n.store); err != nil {
		t.Fatal(err)
	}
	n.want("b", "c2", "10.1.2.3/29")
	n.want("a", "c3", "10.1.2.4/29")
}

func TestOtherRangesMeanOtherAddresses(t *testing.T) {
	n := newNode(t, both)
	n.add("a", "c1")
	n.add("b", "c2")
	n.ranges = `[[{"subnet":"10.9.9.0/24"}],[{"subnet":"fd00:1::/64"}]]`
	n.boot()
	n.want("b", "c3", "10.9.9.2/24 fd00:1::3/64") // one family remains
	n.ranges = small
	n.boot()
	n.want("c", "c4", "10.1.2.3/29")
	if found := n.remembered(); found != "a=[10.1.2.2 fd00:1::2] c=[10.1.2.3]" {
		t.Fatal("b is nowhere inside now, a is:", found)
	}
}

func TestAContainerWithoutAPodIsRememberedWhileItExists(t *testing.T) {
	n := newNode(t, small)
	n.want("", "c1", "10.1.2.2/29")
	n.want("web-0", "c2", "10.1.2.3/29")
	n.del("", "c1")
	if found := n.remembered(); found != "web-0=[10.1.2.3]" {
		t.Fatal(found)
	}
}

func TestARequestedAddressIsAssigned(t *testing.T) {
	for name, ask := range map[string]func(*node) []string{
		"CNI_ARGS": func(*node) []string {
			return []string{"CNI_ARGS=K8S_POD_NAMESPACE=default;K8S_POD_NAME=b;IgnoreUnknown=1;IP=10.1.2.5"}
		},
		"args": func(n *node) []string {
			n.settings = map[string]any{"args": map[string]any{"cni": map[string]any{"ips": []string{"10.1.2.5"}}}}
			return nil
		},
		"capability": func(n *node) []string {
			n.settings = map[string]any{"runtimeConfig": map[string]any{"ips": []string{"10.1.2.5/29"}}}
			return nil
		},
	} {
		t.Run(name, func(t *testing.T) {
			n := newNode(t, small)
			n.add("a", "c1")
			more := ask(n)
			if found := n.add("b", "c2", more...); found != "10.1.2.5/29" {
				t.Fatal(found)
			}
			if _, err := n.call("ADD", "c", "c3", more...); err == nil || !strings.Contains(err.Error(), "not available") {
				t.Fatal("it was given twice", err)
			}
			if found := n.remembered(); found != "a=[10.1.2.2] b=[10.1.2.5]" {
				t.Fatal(found)
			}
		})
	}
}

func TestARequestedAddressOutsideTheRangeIsRejected(t *testing.T) {
	n := newNode(t, small)
	n.settings = map[string]any{"args": map[string]any{"cni": map[string]any{"ips": []string{"192.0.2.1"}}}}
	if _, err := n.call("ADD", "a", "c1"); err == nil || !strings.Contains(err.Error(), "192.0.2.1") {
		t.Fatal(err)
	}
	if found := n.remembered(); found != "" {
		t.Fatal(found)
	}
}

func TestAnInterruptedAttemptIsRepeated(t *testing.T) {
	n := newNode(t, both)
	n.want("a", "c1", "10.1.2.2/29 fd00:1::2/64")
	n.want("a", "c1", "10.1.2.2/29 fd00:1::2/64") // host-local alone refuses it
}

func TestDeletingTwiceOrWithoutAnAddressSucceeds(t *testing.T) {
	n := newNode(t, small)
	n.del("a", "c1")
	n.add("a", "c1")
	n.del("a", "c1")
	n.del("a", "c1")
	if found := n.remembered(); found != "-a=[10.1.2.2]" {
		t.Fatal(found)
	}
}

func TestCheck(t *testing.T) {
	n := newNode(t, small)
	n.add("a", "c1")
	n.settings = map[string]any{"prevResult": map[string]any{"ips": []map[string]string{{"address": "10.1.2.2/29"}}}}
	if _, err := n.call("CHECK", "a", "c1"); err != nil {
		t.Fatal(err)
	}
	if _, err := n.call("CHECK", "a", "c2"); err == nil {
		t.Fatal("a container that has nothing passed")
	}
	n.settings = map[string]any{"prevResult": map[string]any{"ips": []map[string]string{{"address": "10.1.2.3/29"}}}}
	if _, err := n.call("CHECK", "a", "c1"); err == nil || !strings.Contains(err.Error(), "another address") {
		t.Fatal(err)
	}
	if err := os.RemoveAll(n.store); err != nil {
		t.Fatal(err)
	}
	if _, err := n.call("CHECK", "a", "c1"); err == nil || !strings.Contains(err.Error(), "not stored") {
		t.Fatal(err)
	}
}

func TestGarbageIsCollected(t *testing.T) {
	n := newNode(t, small)
	n.version = "1.1.0"
	for i := range 3 {
		n.add(fmt.Sprint("p", i), fmt.Sprint("c", i))
	}
	if _, err := n.call("GC", "", ""); err == nil || !strings.Contains(err.Error(), "valid-attachments") {
		t.Fatal("without a list everything would be garbage", err)
	}
	n.settings = map[string]any{"cni.dev/valid-attachments": []map[string]string{{"containerID": "c1", "ifname": "eth0"}}}
	if _, err := n.call("GC", "", ""); err != nil {
		t.Fatal(err)
	}
	n.settings = nil
	found := n.remembered()
	if !strings.Contains(found, "-p0=") || !strings.Contains(found, "-p2=") || !strings.HasPrefix(found, "p1=") {
		t.Fatal(found)
	}
	if held := holders(filepath.Join(n.data, "cbr0")); len(held) != 1 {
		t.Fatal(held)
	}
	n.want("p0", "d0", "10.1.2.2/29")
}

func TestStatus(t *testing.T) {
	n := newNode(t, small)
	n.version = "1.1.0"
	if _, err := n.call("STATUS", "", ""); err != nil {
		t.Fatal(err)
	}
	if _, err := n.call("STATUS", "", "", "CNI_PATH=/nowhere"); err == nil || !strings.Contains(err.Error(), `"code":50`) {
		t.Fatal(err)
	}
	mountFull(t, n.store, func() {})
	if _, err := n.call("STATUS", "", ""); err == nil || !strings.Contains(err.Error(), `"code":50`) {
		t.Fatal(err)
	}
	n.store = filepath.Join(n.data, "file", "store")
	_ = os.MkdirAll(n.data, 0o755)
	_ = os.WriteFile(filepath.Join(n.data, "file"), nil, 0o600)
	if _, err := n.call("STATUS", "", ""); err == nil {
		t.Fatal("there is nowhere to remember anything")
	}
}

func TestErrorsHaveTheFormatOfCNI(t *testing.T) {
	for name, each := range map[string]struct {
		change func(*node)
		verb   string
		more   []string
		code   int
	}{
		"a version of the future": {func(n *node) { n.version = "9.0.0" }, "ADD", nil, codeVersion},
		"too old for CHECK":       {func(n *node) { n.version = "0.3.1" }, "CHECK", nil, codeVersion},
		"too old for GC":          {func(n *node) { n.version = "1.0.0" }, "GC", nil, codeVersion},
		"an unknown command":      {func(*node) {}, "JUGGLE", nil, codeEnvironment},
		"no container":            {func(*node) {}, "ADD", []string{"CNI_CONTAINERID="}, codeEnvironment},
		"a bad subnet":            {func(n *node) { n.ranges = `[[{"subnet":"10.1.2.0/99"}]]` }, "ADD", nil, codeConfig},
		"an empty set":            {func(n *node) { n.ranges = `[[]]` }, "ADD", nil, codeConfig},
		"no ranges":               {func(n *node) { n.ranges = `[]` }, "ADD", nil, codeConfig},
		"no ipam":                 {func(n *node) { n.settings = map[string]any{"ipam": nil} }, "ADD", nil, codeConfig},
		"a name with a slash":     {func(n *node) { n.settings = map[string]any{"name": "../x"} }, "ADD", nil, codeConfig},
		"something else":          {func(n *node) { n.settings = map[string]any{"ipam": "yes"} }, "ADD", nil, codeDecoding},
		"no host-local":           {func(*node) {}, "ADD", []string{"CNI_PATH=/nowhere"}, codeUnavailable},
	} {
		t.Run(name, func(t *testing.T) {
			n := newNode(t, small)
			each.change(n)
			_, err := n.call(each.verb, "a", "c1", each.more...)
			if err == nil {
				t.Fatal("it went well")
			}
			var said failure
			if json.Unmarshal([]byte(err.Error()), &said) != nil || said.Code != each.code || said.Msg == "" || said.CNIVersion == "" {
				t.Fatal(err)
			}
		})
	}
}

func TestAnErrorOfHostLocalIsReported(t *testing.T) {
	n := newNode(t, `[[{"subnet":"10.1.2.0/31","rangeStart":"10.1.2.0","rangeEnd":"10.1.2.1"}]]`)
	if _, err := n.call("ADD", "a", "c1"); err == nil || !strings.Contains(err.Error(), "too small") {
		t.Fatal(err)
	}
}

func TestASubnetWithoutRangesAndOneOfTheRuntime(t *testing.T) {
	n := newNode(t, `[]`)
	n.settings = map[string]any{
		"ipam":          map[string]any{"type": "edge-ipam", "dataDir": n.data, "store": n.store, "subnet": "10.7.0.0/24", "rangeStart": "10.7.0.9"},
		"runtimeConfig": map[string]any{"ipRanges": json.RawMessage(`[[{"subnet":"fd00:7::/64","rangeEnd":"fd00:7::9"}]]`)},
	}
	n.want("a", "c1", "fd00:7::2/64 10.7.0.9/24")
	n.boot()
	n.want("a", "c2", "fd00:7::2/64 10.7.0.9/24")
}

func TestTheRangesAreHostLocals(t *testing.T) {
	n := newNode(t, `[[{"subnet":"10.1.2.0/29","rangeStart":"10.1.2.3","rangeEnd":"10.1.2.5","gateway":"10.1.2.4"}]]`)
	n.want("a", "c1", "10.1.2.3/29")
	n.want("b", "c2", "10.1.2.5/29")
	if _, err := n.call("ADD", "c", "c3"); err == nil {
		t.Fatal("the gateway's address was given away")
	}
}

func TestAPodWithoutMemoryOnAFullDiskIsRefusedAndOneWithMemoryIsNot(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Fatal("a full disk is mounted for this test: it needs root")
	}
	n := newNode(t, small)
	mountFull(t, n.store, func() { n.want("a", "c1", "10.1.2.2/29") })
	n.boot()
	n.want("a", "c2", "10.1.2.2/29")
	if _, err := n.call("ADD", "b", "c3"); err == nil || !strings.Contains(err.Error(), "cannot be stored") {
		t.Fatal(err)
	}
	if held := holders(filepath.Join(n.data, "cbr0")); len(held) != 1 {
		t.Fatal("what was refused is still held", held)
	}
	n.del("a", "c2")
	n.want("a", "c4", "10.1.2.2/29")
}

func TestTheStoreStaysSmall(t *testing.T) {
	n := newNode(t, `[[{"subnet":"10.1.0.0/16"}]]`)
	inMemory, err := os.MkdirTemp("/dev/shm", "store-") // a thousand flushes of a disk take their time
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(inMemory) })
	n.store = inMemory
	n.add("first", "c")
	store, err := records.Open(n.store, time.Second)
	if err != nil {
		t.Fatal(err)
	}
	book, _, err := store.Load()
	if err != nil {
		t.Fatal(err)
	}
	first := *book[records.Key("default", "first", "eth0")]
	for i := range mostRecords {
		each := first
		each.Pod, each.State, each.Container = fmt.Sprint("p", i), records.Released, ""
		each.Addresses = slices.Clone(first.Addresses)
		for range i + 1 {
			each.Addresses[0] = each.Addresses[0].Next()
		}
		if err := store.Save(book, each); err != nil {
			t.Fatal(err)
		}
	}
	store.Close()
	n.add("last", "d")
	found := n.remembered()
	if count := strings.Count(found, "="); count != mostRecords {
		t.Fatal(count, "records")
	}
	if !strings.Contains(found, "first=") || !strings.Contains(found, " last=") || strings.Contains(found, "-p0=") {
		t.Fatal("the wrong ones were forgotten")
	}
}
