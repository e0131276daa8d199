package images

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

const mib = 1 << 20

// node is a containerd, with its disk.
type node struct {
	*Keeper
	t       *testing.T
	names   []Reference
	used    []string
	layers  map[string]int64
	weighed int
	labeled []string
	said    []string
	away    bool
}

func newNode(t *testing.T, total int64) *node {
	n := &node{t: t, layers: map[string]int64{}}
	n.Keeper = &Keeper{Runtime: n, Percent: 50, Disk: func() (Disk, error) { return Disk{total, total / 3}, nil }}
	n.Say = func(format string, args ...any) { n.said = append(n.said, fmt.Sprintf(format, args...)) }
	return n
}

// pulled adds an image as CRI does: a tag, a digest and an ID.
func (n *node) pulled(name string, size int64) {
	digest := "sha256:m-" + name
	for _, each := range []string{name + ":1", name + "@" + digest, "sha256:c-" + name} {
		n.names = append(n.names, Reference{each, digest, size / 2, map[string]string{}})
	}
	n.layers[name+":1"] = size - size/2
}

// imported adds an image as `edgeadm` imports it from its package, with or without the pin.
func (n *node) imported(name string, size int64) {
	n.pulled(name, size)
	n.names[len(n.names)-3].Labels[pinKey] = "pinned"
}

func (n *node) Used(context.Context) ([]string, error) {
	if n.away {
		return nil, errors.New("no socket")
	}
	return n.used, nil
}

func (n *node) References(context.Context) ([]Reference, error) { return n.names, nil }

func (n *node) Unpacked(_ context.Context, name string) (int64, error) {
	n.weighed++
	size, known := n.layers[name]
	if !known {
		return 0, errors.New("not unpacked")
	}
	return size, nil
}

func (n *node) Label(_ context.Context, name string, labels ...string) error {
	n.labeled = append(n.labeled, name+" "+strings.Join(labels, " "))
	at := slices.IndexFunc(n.names, func(each Reference) bool { return each.Name == name })
	if at < 0 {
		return errors.New(name + ": not found")
	}
	for _, each := range labels {
		key, value, _ := strings.Cut(each, "=")
		if n.names[at].Labels[key] = value; value == "" {
			delete(n.names[at].Labels, key)
		}
	}
	return nil
}

func (n *node) round(at time.Duration) {
	n.t.Helper()
	if err := n.Round(n.t.Context(), at); err != nil {
		n.t.Fatal(err)
	}
}

// pinned returns the images with our pin.
func (n *node) pinned() string {
	n.t.Helper()
	report, err := n.Look(n.t.Context(), 0)
	if err != nil {
		n.t.Fatal(err)
	}
	var names []string
	for _, each := range report.Images {
		if each.Ours && each.Pinned {
			names = append(names, strings.TrimSuffix(each.Name, ":1"))
		}
	}
	return strings.Join(names, " ")
}

func TestImagesInUseArePinnedByTheDigestOfTheirConfiguration(t *testing.T) {
	n := newNode(t, 1000*mib)
	n.pulled("web", 10*mib)
	n.pulled("db", 10*mib)
	n.pulled("unused", 10*mib)
	n.imported("pause", 10*mib)
	n.used = []string{"web:1", "db@sha256:m-db", "pause:1", "gone:1"}
	n.round(0)
	wanted := []string{
		"sha256:c-db io.cri-containerd.pinned=pinned edgeadm.io/pinned=in-use",
		"sha256:c-web io.cri-containerd.pinned=pinned edgeadm.io/pinned=in-use",
	}
	if !slices.Equal(n.labeled, wanted) {
		t.Fatal(n.labeled)
	}
	n.round(30 * time.Second)
	if len(n.labeled) != 2 || len(n.said) > 0 {
		t.Fatal("it is done again and again", n.labeled, n.said)
	}
	report, _ := n.Look(t.Context(), 0)
	if report.Pinned != 20*mib || report.Limit != 500*mib || report.Total != 1000*mib || report.Free != 1000*mib/3 {
		t.Fatalf("%+v", report)
	}
	for _, each := range report.Images {
		name := strings.TrimSuffix(each.Name, ":1")
		mine := name == "web" || name == "db"
		if each.Ours != mine || each.Pinned != (name != "unused") || each.InUse != (name != "unused") || !each.Fits || len(each.Names) != 3 {
			t.Errorf("%+v", each)
		}
	}
}

func TestAnImageWithoutAnIDIsPinnedUnderTheNameItHas(t *testing.T) {
	n := newNode(t, 1000*mib)
	n.names = []Reference{{"web:1", "sha256:m", mib, map[string]string{}}}
	n.used = []string{"web:1"}
	n.round(0)
	if n.pinned() != "web" {
		t.Fatal(n.labeled)
	}
}

func TestThePinsEndWhereTheLimitIs(t *testing.T) {
	n := newNode(t, 100*mib)
	n.pulled("big", 45*mib)
	n.pulled("small", 10*mib)
	n.pulled("tiny", 5*mib)
	n.used = []string{"big:1", "small:1", "tiny:1"}
	n.round(0)
	n.round(30 * time.Second)
	if n.pinned() != "small tiny" {
		t.Fatal(n.pinned())
	}
	if len(n.said) != 1 || !strings.Contains(n.said[0], "big:1 is not pinned: its 45 MiB") || !strings.Contains(n.said[0], "50 MiB") {
		t.Fatal(n.said)
	}
	report, _ := n.Look(t.Context(), time.Minute)
	for _, each := range report.Images {
		if each.Fits != (each.Name != "big:1") {
			t.Errorf("%+v", each)
		}
	}
	// When the small ones are unpinned, there is space; images in use come first.
	n.used = []string{"big:1"}
	n.round(time.Minute)
	if n.pinned() != "big tiny" {
		t.Fatal(n.pinned())
	}
}

func TestAPinStaysIfASmallerImageIsUsed(t *testing.T) {
	n := newNode(t, 100*mib)
	n.pulled("big", 45*mib)
	n.used = []string{"big:1"}
	n.round(0)
	n.pulled("job", 20*mib)
	n.used = append(n.used, "job:1")
	n.round(time.Minute)
	if n.pinned() != "big" {
		t.Fatal(n.pinned())
	}
	n.Percent = 40 // the limit was changed: pinned images must fit into it, too
	n.round(2 * time.Minute)
	if n.pinned() != "job" {
		t.Fatal(n.pinned())
	}
	n.Percent = 0
	n.round(3 * time.Minute)
	if n.pinned() != "" {
		t.Fatal(n.pinned())
	}
}

func TestAPinIsRemovedAnHourAfterTheLastUse(t *testing.T) {
	n := newNode(t, 1000*mib)
	n.pulled("web", 10*mib)
	n.imported("pause", 10*mib)
	n.used = []string{"web:1", "pause:1"}
	n.round(3 * time.Hour)
	n.used = nil
	n.round(4*time.Hour - time.Second)
	if n.pinned() != "web" {
		t.Fatal(n.labeled)
	}
	// A program that has just started knows no uses, so the hour starts again.
	n.Keeper = &Keeper{Runtime: n, Percent: 50, Disk: n.Disk, Say: n.Say}
	n.round(time.Minute)
	n.round(61*time.Minute - time.Second)
	if n.pinned() != "web" {
		t.Fatal(n.labeled)
	}
	n.labeled = nil
	n.round(61 * time.Minute)
	if len(n.labeled) != 1 || n.labeled[0] != "sha256:c-web io.cri-containerd.pinned= edgeadm.io/pinned=" {
		t.Fatal(n.labeled)
	}
	if n.names[3].Labels[pinKey] != "pinned" {
		t.Fatal("that pin was not ours")
	}
}

func TestAnExistingPinIsSufficient(t *testing.T) {
	n := newNode(t, 1000*mib)
	n.pulled("web", 10*mib)
	n.used = []string{"web:1"}
	n.round(0)
	n.names[0].Labels[pinKey] = "pinned" // it was imported from a package
	n.round(time.Minute)
	n.round(2 * time.Minute)
	if n.pinned() != "" || n.names[0].Labels[pinKey] != "pinned" || len(n.labeled) != 2 {
		t.Fatal(n.labeled)
	}
}

func TestAnIncompleteLabelIsCompleted(t *testing.T) {
	n := newNode(t, 1000*mib)
	n.pulled("web", 10*mib)
	n.used = []string{"web:1"}
	n.names[2].Labels[ourKey] = "in-use"
	n.round(0)
	if n.pinned() != "web" {
		t.Fatal(n.labeled)
	}
}

func TestTheSizeOfAnImageIsReadOnce(t *testing.T) {
	n := newNode(t, 1000*mib)
	n.pulled("web", 10*mib)
	n.pulled("raw", 10*mib)
	delete(n.layers, "raw:1")
	for second := range 20 {
		n.round(time.Duration(second) * time.Second)
	}
	if n.weighed != 2 {
		t.Fatal(n.weighed)
	}
	n.layers["raw:1"] = 70 * mib
	n.round(weighAgain)
	report, _ := n.Look(t.Context(), weighAgain)
	if n.weighed != 3 || report.Images[0].Bytes != 75*mib || report.Images[1].Bytes != 10*mib {
		t.Fatalf("%d, %+v", n.weighed, report.Images)
	}
}

func TestAnUnreachableContainerdLosesNothing(t *testing.T) {
	n := newNode(t, 1000*mib)
	n.pulled("web", 10*mib)
	n.used = []string{"web:1"}
	n.round(0)
	n.away = true
	if err := n.Round(t.Context(), 2*time.Hour); err == nil || len(n.labeled) != 1 {
		t.Fatal(err, n.labeled)
	}
	n.away = false
	n.round(2*time.Hour + time.Second)
	if n.pinned() != "web" {
		t.Fatal(n.labeled)
	}
}

func TestTheDiskIsQueried(t *testing.T) {
	if disk, err := DiskOf(t.TempDir()); err != nil || disk.Total <= 0 || disk.Free < 0 || disk.Free > disk.Total {
		t.Fatal(disk, err)
	}
	if _, err := DiskOf("/nowhere"); err == nil {
		t.Fatal("the directory does not exist")
	}
}
