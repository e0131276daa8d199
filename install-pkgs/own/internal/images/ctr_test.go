package images

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"text/tabwriter"
	"time"
)

// script is a ctr that prints the file named after its arguments, and records its calls.
const script = `#!/bin/sh
echo "$*" >> "$0.asked"
name=$(echo "$3-$4" | tr -d /)
if [ -f "$0.$name" ]; then cat "$0.$name"; exit 0; fi
echo "ctr: cannot access socket" >&2
exit 1
`

type fakeCtr struct {
	Ctr
	t *testing.T
}

func newCtr(t *testing.T) *fakeCtr {
	t.Helper()
	c := &fakeCtr{Ctr{filepath.Join(t.TempDir(), "ctr")}, t}
	if err := os.WriteFile(c.Program, []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	return c
}

// prints writes a table as ctr does.
func (c *fakeCtr) prints(what string, width, padding int, rows ...string) {
	c.t.Helper()
	out, err := os.Create(c.Program + "." + what)
	if err != nil {
		c.t.Fatal(err)
	}
	defer out.Close()
	table := tabwriter.NewWriter(out, width, 8, padding, ' ', 0)
	for _, each := range rows {
		fmt.Fprintln(table, strings.ReplaceAll(each, "|", "\t")+"\t")
	}
	if err := table.Flush(); err != nil {
		c.t.Fatal(err)
	}
}

func (c *fakeCtr) asked() string {
	data, _ := os.ReadFile(c.Program + ".asked")
	return string(data)
}

func TestTheOutputOfCtrIsParsed(t *testing.T) {
	c := newCtr(t)
	c.prints("containers-ls", 4, 4, "CONTAINER|IMAGE|RUNTIME", "0a1b|registry.k8s.io/pause:3.10.1|io.containerd.runc.v2",
		"2c3d|docker.io/library/nginx:1.27|io.containerd.runc.v2", "4e5f|-|io.containerd.runc.v2")
	c.prints("images-ls", 1, 1, "REF|TYPE|DIGEST|SIZE|PLATFORMS|LABELS",
		"registry.k8s.io/pause:3.10.1|application/vnd.oci.image.manifest.v1+json|sha256:aa|312.5 KiB|linux/amd64|io.cri-containerd.image=managed,io.cri-containerd.pinned=pinned",
		"docker.io/library/nginx:1.27|application/vnd.oci.image.index.v1+json|sha256:bb|68.9 MiB|linux/amd64,linux/arm64|-",
		"sha256:cc|application/vnd.oci.image.index.v1+json|sha256:bb|0.0 B|-|words=with two blanks,x=")
	c.prints("images-usage", 1, 1, "KEY|SIZE|INODES", "sha256:1|1.5 GiB|7", "sha256:2|4.0 KiB|1")
	used, err := c.Used(t.Context())
	if err != nil || strings.Join(used, " ") != "registry.k8s.io/pause:3.10.1 docker.io/library/nginx:1.27" {
		t.Fatal(used, err)
	}
	found, err := c.References(t.Context())
	wanted := []Reference{
		{"registry.k8s.io/pause:3.10.1", "sha256:aa", 320000, map[string]string{"io.cri-containerd.image": "managed", pinKey: "pinned"}},
		{"docker.io/library/nginx:1.27", "sha256:bb", 72246886, map[string]string{}},
		{"sha256:cc", "sha256:bb", 0, map[string]string{"words": "with two blanks", "x": ""}},
	}
	if err != nil || !reflect.DeepEqual(found, wanted) {
		t.Fatalf("%+v, %v", found, err)
	}
	if size, err := c.Unpacked(t.Context(), "x"); err != nil || size != 3<<29+4096 {
		t.Fatal(size, err)
	}
	c.prints("images-label", 1, 1, "a=b")
	if err := c.Label(t.Context(), "sha256:cc", pinning, pinKey+"="); err != nil {
		t.Fatal(err)
	}
	lines := "-n k8s.io containers ls\n-n k8s.io images ls\n-n k8s.io images usage x\n" +
		"-n k8s.io images label sha256:cc io.cri-containerd.pinned=pinned io.cri-containerd.pinned=\n"
	if c.asked() != lines {
		t.Fatal(c.asked())
	}
}

func TestAContainerdWithoutAnythingHasNothing(t *testing.T) {
	c := newCtr(t)
	c.prints("containers-ls", 4, 4, "CONTAINER|IMAGE|RUNTIME")
	c.prints("images-ls", 1, 1, "REF|TYPE|DIGEST|SIZE|PLATFORMS|LABELS")
	used, err := c.Used(t.Context())
	found, failed := c.References(t.Context())
	if err != nil || failed != nil || len(used)+len(found) > 0 {
		t.Fatal(used, err, found, failed)
	}
}

func TestAnErrorOfCtrIsReported(t *testing.T) {
	c := newCtr(t)
	if _, err := c.Used(t.Context()); err == nil || !strings.Contains(err.Error(), "cannot access socket") {
		t.Fatal(err)
	}
	for _, row := range []string{"only|four|columns|1.0", "a|b|c|much MiB|linux|-", "a|b|c|1.0 miles|linux|-"} {
		c.prints("images-ls", 1, 1, "REF|TYPE|DIGEST|SIZE|PLATFORMS|LABELS", row)
		if _, err := c.References(t.Context()); err == nil {
			t.Fatal(row)
		}
	}
	if _, err := (Ctr{"/nowhere/ctr"}).Used(t.Context()); err == nil {
		t.Fatal("there is no such program")
	}
}

func TestAHangingCtrIsTerminated(t *testing.T) {
	c := newCtr(t)
	if err := os.WriteFile(c.Program, []byte("#!/bin/sh\nsleep 5\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	limited, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	start := time.Now()
	if _, err := c.Used(limited); err == nil || time.Since(start) > 4*time.Second {
		t.Fatal(err, time.Since(start))
	}
}
