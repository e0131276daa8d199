package flannel

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const (
	both = "FLANNEL_NETWORK=10.244.0.0/16\nFLANNEL_SUBNET=10.244.1.1/24\nFLANNEL_IPV6_NETWORK=fd00::/48\n" +
		"FLANNEL_IPV6_SUBNET=fd00:0:0:1::1/64\nFLANNEL_MTU=1450\nFLANNEL_IPMASQ=true\n"
	edge  = `{"name":"cbr0","plugins":[{"type":"flannel","ipam":{"type":"edge-ipam"}},{"type":"portmap"}]}`
	other = `{"name":"cbr0","plugins":[{"type":"flannel","delegate":{"note":"edge-ipam"}},{"type":"portmap"}]}`
)

func newSubnet(t *testing.T) (Subnet, func() []string) {
	folder := t.TempDir()
	s := Subnet{File: filepath.Join(folder, "flannel", "subnet.env"), Copy: filepath.Join(folder, "kept", "subnet.env")}
	write(t, s.File, both)
	return s, func() (said []string) {
		s.Repair(func(format string, args ...any) { said = append(said, fmt.Sprintf(format, args...)) })
		return said
	}
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

func is(t *testing.T, path, text string) {
	t.Helper()
	if found, err := os.ReadFile(path); err != nil || string(found) != text {
		t.Fatalf("%s: %q, %v", path, found, err)
	}
}

func TestADamagedFileIsRestoredFromTheCopy(t *testing.T) {
	s, repair := newSubnet(t)
	if err := s.Keep(); err != nil {
		t.Fatal(err)
	}
	if said := repair(); said != nil {
		t.Fatal("it was fine", said)
	}
	cases := []string{"", strings.Repeat("\x00", len(both)), strings.Replace(both, "10.244.1.1/24", "10.244.1.1/99", 1)}
	for n := range both {
		cases = append(cases, both[:n])
	}
	for _, each := range cases {
		write(t, s.File, each)
		if err := s.Keep(); err != nil {
			t.Fatal(err)
		}
		if said := repair(); len(said) != 1 || !strings.Contains(said[0], "snapshot") {
			t.Fatalf("%q: %v", each, said)
		}
		is(t, s.File, both)
	}
	if err := os.Remove(s.File); err != nil {
		t.Fatal(err)
	}
	repair()
	is(t, s.File, both)
}

func TestADamagedFileWithoutACopyIsDeleted(t *testing.T) {
	s, repair := newSubnet(t)
	write(t, s.File, "")
	if said := repair(); len(said) != 1 || !strings.Contains(said[0], "removed") {
		t.Fatal(said)
	}
	if _, err := os.Stat(s.File); err == nil {
		t.Fatal("it is still there")
	}
	if said := repair(); said != nil {
		t.Fatal("there is nothing to do", said)
	}
}

func TestTheCopyIsUpdated(t *testing.T) {
	s, _ := newSubnet(t)
	changed := strings.Replace(both, "10.244.1.1/24", "10.244.7.1/24", 1)
	for _, each := range []string{both, changed} {
		write(t, s.File, each)
		if err := s.Keep(); err != nil {
			t.Fatal(err)
		}
		is(t, s.Copy, each)
	}
	if info, err := os.Stat(filepath.Dir(s.Copy)); err != nil || info.Mode().Perm() != 0o700 {
		t.Fatal(info.Mode(), err)
	}
}

func TestOneFamilyIsEnough(t *testing.T) {
	for _, family := range []string{"FLANNEL_", "FLANNEL_IPV6_"} {
		text := "FLANNEL_MTU=1450\nFLANNEL_IPMASQ=false\n" + family + "SUBNET=fd00::1/64\n"
		if err := whole([]byte(text)); err != nil {
			t.Fatal(err)
		}
	}
	for _, text := range []string{"FLANNEL_MTU=1450\nFLANNEL_IPMASQ=true\n", "FLANNEL_SUBNET=10.0.0.1/24\nFLANNEL_MTU=1450\n"} {
		if whole([]byte(text)) == nil {
			t.Fatal(text)
		}
	}
}

func TestTheNetworkThatIsUsedIsTheFirst(t *testing.T) {
	for name, each := range map[string]struct {
		files map[string]string
		is    bool
	}{
		"ours":                      {map[string]string{"10-flannel.conflist": edge}, true},
		"another's":                 {map[string]string{"10-flannel.conflist": other}, false},
		"another's before ours":     {map[string]string{"05-calico.conflist": other, "10-flannel.conflist": edge}, false},
		"ours before another's":     {map[string]string{"10-flannel.conflist": edge, "99-bridge.conf": other}, true},
		"something else beside it":  {map[string]string{"05-flannel.conflist.bak": other, "10-flannel.conflist": edge}, true},
		"a broken one before ours":  {map[string]string{"05-x.conflist": "{", "10-flannel.conflist": edge}, true},
		"no network at all":         {nil, false},
		"a network that is no list": {map[string]string{"10-edge.conf": `{"type":"bridge","ipam":{"type":"edge-ipam"}}`}, true},
	} {
		folder := t.TempDir()
		for file, text := range each.files {
			write(t, filepath.Join(folder, file), text)
		}
		if Remembers(folder) != each.is {
			t.Errorf("%s: %v", name, !each.is)
		}
	}
	if Remembers("/nowhere") {
		t.Error("the directory does not exist")
	}
}

func TestLeftoversAreDeletedAndTheirDirectoryStays(t *testing.T) {
	folder := t.TempDir()
	write(t, filepath.Join(folder, "cbr0", "10.0.0.2"), "x")
	write(t, filepath.Join(folder, "result"), "x")
	var said []string
	say := func(format string, args ...any) { said = append(said, fmt.Sprintf(format, args...)) }
	Clear(folder, say)
	Clear(folder, say)
	Clear(filepath.Join(folder, "none"), say)
	left, err := os.ReadDir(folder)
	if err != nil || len(left) > 0 || len(said) != 1 {
		t.Fatal(left, said, err)
	}
}
