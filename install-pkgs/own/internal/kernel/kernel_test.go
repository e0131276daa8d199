package kernel

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// kernelOf is the state that commands read and change: the output of each `show`.
type kernelOf struct {
	shown map[string]string
	after map[string]string // the output of `show` after a command
	ran   []string
}

func (k *kernelOf) run(_ context.Context, argv []string) (string, error) {
	line := strings.Join(argv, " ")
	if argv[0] == "show" {
		if out, there := k.shown[argv[1]]; there {
			return out, nil
		}
		return "", errors.New("no such table")
	}
	k.ran = append(k.ran, line)
	if out, works := k.after[line]; works {
		k.shown[argv[1]] = out
		return "", nil
	}
	return "it cannot be done", errors.New("status 1")
}

func keeper(t *testing.T, k *kernelOf, states ...State) (*Keeper, *[]string) {
	t.Helper()
	data, _ := json.Marshal(map[string]any{"states": states})
	file := filepath.Join(t.TempDir(), "kernel.json")
	if err := os.WriteFile(file, data, 0o600); err != nil {
		t.Fatal(err)
	}
	said := &[]string{}
	say := func(format string, args ...any) { *said = append(*said, fmt.Sprintf(format, args...)) }
	return &Keeper{File: file, Say: say, Run: k.run}, said
}

var table = State{What: "the table", Show: []string{"show", "rules"}, Has: "dnat", Times: 2, Restore: []string{"load", "rules"}}

func TestPresentStateIsNotChanged(t *testing.T) {
	k := &kernelOf{shown: map[string]string{"rules": "dnat dnat"}}
	kept, _ := keeper(t, k, table)
	if err := kept.Round(t.Context(), 0); err != nil || k.ran != nil {
		t.Fatal(err, k.ran)
	}
}

func TestFlushedStateIsRestored(t *testing.T) {
	for _, left := range []string{"", "dnat"} { // an empty table counts as well as a missing one
		k := &kernelOf{shown: map[string]string{}, after: map[string]string{"load rules": "dnat dnat"}}
		if left != "" {
			k.shown["rules"] = left
		}
		kept, said := keeper(t, k, table)
		if err := kept.Round(t.Context(), 0); err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(k.ran, []string{"load rules"}) || len(*said) != 1 || !strings.Contains((*said)[0], "the table was missing") {
			t.Fatal(k.ran, *said)
		}
	}
}

func TestAFailedRestorationIsRepeatedOnceAMinuteAndDelaysNoOther(t *testing.T) {
	k := &kernelOf{shown: map[string]string{}, after: map[string]string{"load rules": "dnat dnat"}}
	never := State{What: "the route", Show: []string{"show", "routes"}, Has: "10.96", Restore: []string{"add", "routes"}}
	kept, _ := keeper(t, k, never, table)
	for _, now := range []time.Duration{0, 5 * time.Second, 59 * time.Second, 61 * time.Second} {
		err := kept.Round(t.Context(), now)
		if tried := now == 0 || now > time.Minute; (err != nil) != tried {
			t.Fatal(now, err)
		}
	}
	if !slices.Equal(k.ran, []string{"add routes", "load rules", "add routes"}) {
		t.Fatal(k.ran)
	}
}

func TestAMissingFileIsNoFaultAndADamagedOneIs(t *testing.T) {
	kept, _ := keeper(t, &kernelOf{}, State{What: "nothing"})
	if err := kept.Round(t.Context(), 0); err == nil {
		t.Fatal("a state that says too little passed")
	}
	_ = os.WriteFile(kept.File, []byte("{"), 0o600)
	if err := kept.Round(t.Context(), 0); err == nil {
		t.Fatal("a broken file passed")
	}
	_ = os.Remove(kept.File)
	if err := kept.Round(t.Context(), 0); err != nil {
		t.Fatal(err)
	}
}

// network has a card, edgeadm's link, and flannel's link on one of them.
type network struct {
	card, own []netip.Prefix
	gateway   bool
	upon      string
	ran       []string
	restarted int
}

func (n *network) Links() ([]Link, error) {
	return []Link{
		{Name: "lo", MTU: 65536},
		{Name: "eth0", MTU: 1400, Card: true, Addresses: n.card},
		{Name: "tkeedgedns", MTU: 1500, Addresses: n.own},
		{Name: "flannel.1", MTU: 1350, Addresses: prefixes("10.244.1.0/32")},
	}, nil
}

func (n *network) HasDefault(netip.Addr) bool { return n.gateway }

func (n *network) run(_ context.Context, argv []string) (string, error) {
	if slices.Contains(argv, "show") {
		return "9: flannel.1: <UP> mtu 1350 vxlan id 1 local 10.0.0.21 dev " + n.upon + " srcport 0 0", nil
	}
	n.ran = append(n.ran, strings.Join(argv[1:], " "))
	switch argv[2] {
	case "add":
		n.own = append(n.own, prefixes(argv[3])...)
	case "del":
		n.own = slices.DeleteFunc(n.own, func(p netip.Prefix) bool { return p.String() == argv[3] })
	}
	return "", nil
}

func prefixes(words ...string) []netip.Prefix {
	var found []netip.Prefix
	for _, each := range words {
		found = append(found, netip.MustParsePrefix(each))
	}
	return found
}

func holder(t *testing.T, n *network, flags string) *Holder {
	t.Helper()
	file := filepath.Join(t.TempDir(), "kubeadm-flags.env")
	if err := os.WriteFile(file, []byte(flags), 0o600); err != nil {
		t.Fatal(err)
	}
	restart := func(string) error { n.restarted++; return nil }
	return &Holder{
		Link: "tkeedgedns", Flags: []string{file, "/nonexistent"}, Network: n, Run: n.run, Restart: restart, Say: t.Logf,
	}
}

const flags = `KUBELET_KUBEADM_ARGS="--container-runtime-endpoint=unix:///x.sock --node-ip=10.0.0.21 --v=2"`

func rounds(t *testing.T, h *Holder, from, to time.Duration) {
	t.Helper()
	for now := from; now <= to; now += 2 * time.Second {
		if err := h.Round(t.Context(), now); err != nil {
			t.Fatal(err)
		}
	}
}

func TestAnAddressOnNoCardIsHeldAndReleased(t *testing.T) {
	n := &network{own: prefixes("169.254.20.11/32"), upon: "tkeedgedns"}
	h := holder(t, n, flags)
	rounds(t, h, 0, grace-2*time.Second)
	if n.ran != nil {
		t.Fatal("held before its time", n.ran)
	}
	rounds(t, h, grace, 30*time.Second)
	want := []string{"link set tkeedgedns mtu 1400", "addr add 10.0.0.21/32 dev tkeedgedns"}
	if !slices.Equal(n.ran, want) {
		t.Fatal(n.ran)
	}
	n.card = prefixes("10.0.0.21/24")
	rounds(t, h, 32*time.Second, 60*time.Second)
	if !slices.Equal(n.ran, append(want, "addr del 10.0.0.21/32 dev tkeedgedns")) || n.restarted != 1 {
		t.Fatal(n.ran, n.restarted)
	}
}

func TestAFlannelOnANetworkCardIsNotRestarted(t *testing.T) {
	n := &network{upon: "eth0"}
	h := holder(t, n, flags)
	rounds(t, h, 0, 12*time.Second)
	n.card = prefixes("10.0.0.21/24")
	rounds(t, h, 14*time.Second, 20*time.Second)
	if n.own != nil && len(n.own) != 0 || n.restarted != 0 {
		t.Fatal(n.own, n.restarted)
	}
}

func TestAnAddressIsNotHeldIfAnotherHostMayHaveIt(t *testing.T) {
	for name, n := range map[string]*network{
		"the card has it":                      {card: prefixes("10.0.0.21/24")},
		"the card has another one of its kind": {card: prefixes("10.0.0.77/24")},
		"there is a default route":             {card: prefixes("192.168.7.7/24"), gateway: true},
	} {
		rounds(t, holder(t, n, flags), 0, time.Minute)
		if n.ran != nil {
			t.Fatal(name, n.ran)
		}
	}
}

func TestAnAddressOfASecondNetworkIsHeld(t *testing.T) {
	n := &network{card: prefixes("192.168.7.7/24")}
	rounds(t, holder(t, n, flags), 0, time.Minute)
	if len(n.own) != 1 {
		t.Fatal(n.own)
	}
}

func TestAnAddressThatIsAbsentBrieflyIsNotHeld(t *testing.T) {
	n := &network{}
	h := holder(t, n, flags)
	for now := time.Duration(0); now < time.Minute; now += 2 * time.Second {
		n.card = nil
		if now%(6*time.Second) == 0 {
			n.card = prefixes("10.0.0.21/24")
		}
		rounds(t, h, now, now)
	}
	if n.ran != nil {
		t.Fatal(n.ran)
	}
}

func TestBothAddressesOfADualStackNodeAreHeld(t *testing.T) {
	n := &network{}
	rounds(t, holder(t, n, "--node-ip=10.0.0.21,fd00::21"), 0, 20*time.Second)
	if !slices.Contains(n.ran, "addr add fd00::21/128 dev tkeedgedns nodad") || len(n.own) != 2 {
		t.Fatal(n.ran)
	}
}

func TestWithoutTheKubeletsFlagsNothingIsHeld(t *testing.T) {
	n := &network{}
	rounds(t, holder(t, n, "KUBELET_KUBEADM_ARGS="), 0, time.Minute)
	if n.ran != nil {
		t.Fatal(n.ran)
	}
}

func TestTheHostHasALoopback(t *testing.T) {
	links, err := Machine{}.Links()
	if err != nil || !slices.ContainsFunc(links, func(l Link) bool { return l.Name == "lo" }) {
		t.Fatal(links, err)
	}
}
