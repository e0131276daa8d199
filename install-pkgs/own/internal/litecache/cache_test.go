package litecache

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

const (
	pods  = "kubelet_v1.34.4__pods___list"
	node  = "kubelet_v1.34.4__nodes_e3_"
	slots = "kube-proxy_v1.34.4__endpointslices___list"
)

// entry is an entry of lite-apiserver: the fields of its EdgeCache, in their order.
func entry(t *testing.T, header http.Header, body string) []byte {
	t.Helper()
	data, err := json.Marshal(struct {
		Code   int         `json:"code"`
		Header http.Header `json:"header"`
		Body   []byte      `json:"body"`
	}{http.StatusOK, header, []byte(body)})
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func plain(t *testing.T, text string) []byte {
	t.Helper()
	return entry(t, http.Header{"Content-Type": {"application/json"}}, fmt.Sprintf(`{"kind":"PodList","text":%q}`, text))
}

type place struct {
	*Cache
	t    *testing.T
	said []string
}

func newPlace(t *testing.T) *place {
	folder := t.TempDir()
	p := &place{t: t, Cache: &Cache{Folder: filepath.Join(folder, "cache"), Snapshot: filepath.Join(folder, "snapshot")}}
	p.Say = func(format string, args ...any) { p.said = append(p.said, fmt.Sprintf(format, args...)) }
	if err := os.Mkdir(p.Folder, 0o755); err != nil {
		t.Fatal(err)
	}
	return p
}

// write writes an entry as lite-apiserver does: a new file that is renamed.
func (p *place) write(name string, data []byte) {
	p.t.Helper()
	path := filepath.Join(p.Folder, name)
	if err := os.WriteFile(path+"_0123456789ab", data, 0o644); err != nil {
		p.t.Fatal(err)
	}
	if err := os.Rename(path+"_0123456789ab", path); err != nil {
		p.t.Fatal(err)
	}
}

func (p *place) keep() {
	p.t.Helper()
	if err := p.Keep(); err != nil {
		p.t.Fatal(err)
	}
}

func (p *place) is(folder, name string, data []byte) {
	p.t.Helper()
	found, err := os.ReadFile(filepath.Join(folder, name))
	if err != nil || !bytes.Equal(found, data) {
		p.t.Fatalf("%s of %s is %q instead of %q, %v", name, filepath.Base(folder), found, data, err)
	}
}

func (p *place) names(folder string) string {
	p.t.Helper()
	found, err := files(folder)
	if err != nil {
		p.t.Fatal(err)
	}
	var names []string
	for _, each := range found {
		names = append(names, each.Name())
	}
	return strings.Join(names, " ")
}

func TestTheMeaningOfNames(t *testing.T) {
	for file, wanted := range map[string]Name{
		pods:                                    {UserAgent: "kubelet_v1.34.4", Resource: "pods", Verb: "list"},
		node:                                    {UserAgent: "kubelet_v1.34.4", Resource: "nodes", Object: "e3", Verb: "get"},
		"CoreDNS_1.12.1__endpointslices___list": {UserAgent: "CoreDNS_1.12.1", Resource: "endpointslices", Verb: "list"},
		"kubelet_v1.34.4_default_configmaps_kube-root-ca.crt__list": {UserAgent: "kubelet_v1.34.4", Namespace: "default", Resource: "configmaps", Object: "kube-root-ca.crt", Verb: "list"},
		"default_x_pods_web-0_status":                               {UserAgent: "default", Namespace: "x", Resource: "pods", Object: "web-0", Subresource: "status", Verb: "get"},
		"nonsense":                                                  {UserAgent: "nonsense", Verb: "get"},
	} {
		if found := parseName(file); found != wanted {
			t.Errorf("%s: %+v", file, found)
		}
	}
	for name, is := range map[string]bool{pods: false, node: false, pods + "_0a1b2c3d4e5f": true, node + "_0a1b2c3d4e5f": true, "x_0A1b2c3d4e5f": false} {
		if temporary(name) != is {
			t.Errorf("%s: %v", name, !is)
		}
	}
}

func TestCompleteEntries(t *testing.T) {
	var packed bytes.Buffer
	writer := gzip.NewWriter(&packed)
	_, _ = writer.Write([]byte(`{"kind":"NodeList"}`))
	_ = writer.Close()
	zipped := http.Header{"Content-Type": {"application/json"}, "Content-Encoding": {"gzip"}}
	for what, data := range map[string][]byte{
		"a list":         plain(t, "x"),
		"a packed one":   entry(t, zipped, packed.String()),
		"another kind":   entry(t, http.Header{"Content-Type": {"application/vnd.kubernetes.protobuf"}}, "k8s\x00"),
		"with no header": entry(t, nil, "{}"),
	} {
		if err := whole(data); err != nil {
			t.Errorf("%s: %v", what, err)
		}
	}
	for what, data := range map[string][]byte{
		"nothing":           {},
		"null":              []byte("null"),
		"another document":  []byte("{}"),
		"two documents":     append(plain(t, "x"), plain(t, "y")...),
		"an error":          []byte(`{"code":404,"header":{},"body":"e30="}`),
		"no body":           []byte(`{"code":200,"header":{},"body":""}`),
		"a body cut short":  entry(t, http.Header{"Content-Type": {"application/json"}}, `{"kind":"PodL`),
		"packed, cut short": entry(t, zipped, packed.String()[:packed.Len()-6]),
		"not packed at all": entry(t, zipped, "{}"),
	} {
		if whole(data) == nil {
			t.Errorf("%s counts as whole", what)
		}
	}
}

func TestChangesAreCopiedToTheSnapshot(t *testing.T) {
	p := newPlace(t)
	p.write(pods, plain(t, "one"))
	p.write(node, plain(t, "e3"))
	p.keep()
	p.is(p.Snapshot, pods, plain(t, "one"))
	p.write(pods, plain(t, "two")) // of the same length, and possibly at the same time
	p.write(slots, plain(t, "slots"))
	p.keep()
	p.is(p.Snapshot, pods, plain(t, "two"))
	p.is(p.Snapshot, node, plain(t, "e3"))
	p.is(p.Snapshot, slots, plain(t, "slots"))
	if len(p.said) > 0 {
		t.Fatal(p.said)
	}
}

func TestOnlyTheOwnerMayReadIt(t *testing.T) {
	p := newPlace(t)
	p.write(pods, plain(t, "secret"))
	if err := os.MkdirAll(p.Snapshot, 0o755); err != nil {
		t.Fatal(err)
	}
	p.keep()
	for path, wanted := range map[string]os.FileMode{
		p.Snapshot: 0o700, filepath.Join(p.Snapshot, pods): 0o600, filepath.Join(p.Folder, pods): 0o600,
	} {
		if info, err := os.Stat(path); err != nil || info.Mode().Perm() != wanted {
			t.Fatal(path, info.Mode(), err)
		}
	}
}

func TestNoFileIsWrittenWithoutAChange(t *testing.T) {
	p := newPlace(t)
	p.write(pods, plain(t, "one"))
	p.keep()
	before, _ := os.Stat(filepath.Join(p.Snapshot, pods))
	p.keep()
	p.Cache.seen = nil // as if it had just started
	p.keep()
	after, _ := os.Stat(filepath.Join(p.Snapshot, pods))
	if !os.SameFile(before, after) {
		t.Fatal("it was written again")
	}
}

func TestADamagedEntryNeverReplacesAnIntactOne(t *testing.T) {
	p := newPlace(t)
	good := plain(t, "good")
	p.write(pods, good)
	p.keep()
	for n := range good {
		p.write(pods, good[:n])
		p.keep()
		p.is(p.Snapshot, pods, good)
	}
	p.write(pods, make([]byte, len(good)))
	p.keep()
	p.is(p.Snapshot, pods, good)
	count := len(p.said)
	if p.keep(); len(p.said) != count {
		t.Fatal("it says so in every round")
	}
	p.write(pods, plain(t, "better"))
	p.keep()
	p.is(p.Snapshot, pods, plain(t, "better"))
}

func TestTheSnapshotHasNoMoreThanTheCache(t *testing.T) {
	p := newPlace(t)
	for i := range 20 {
		p.write(fmt.Sprintf("kubelet_v1.34.4_default_secrets_s%d_", i), plain(t, "x"))
	}
	p.keep()
	for i := range 19 {
		if err := os.Remove(filepath.Join(p.Folder, fmt.Sprintf("kubelet_v1.34.4_default_secrets_s%d_", i))); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(p.Folder, pods+"_0123456789ab"), []byte("half"), 0o600); err != nil {
		t.Fatal(err)
	}
	p.keep()
	if found := p.names(p.Snapshot); found != "kubelet_v1.34.4_default_secrets_s19_" {
		t.Fatal(found)
	}
	p.write("kubelet_v1.34.4_default_secrets_s1_", plain(t, "again"))
	p.keep()
	p.is(p.Snapshot, "kubelet_v1.34.4_default_secrets_s1_", plain(t, "again"))
}

func TestAMissingCacheDoesNotEmptyTheSnapshot(t *testing.T) {
	p := newPlace(t)
	p.write(pods, plain(t, "one"))
	p.keep()
	if err := os.RemoveAll(p.Folder); err != nil {
		t.Fatal(err)
	}
	if err := p.Keep(); err == nil {
		t.Fatal("nothing was said of it")
	}
	p.is(p.Snapshot, pods, plain(t, "one"))
}

func TestADamagedEntryIsRestoredFromTheSnapshot(t *testing.T) {
	p := newPlace(t)
	good, other := plain(t, "good"), plain(t, "other")
	p.write(pods, good)
	p.write(node, other)
	p.keep()
	cases := map[string][]byte{"zeroed": make([]byte, len(good))}
	for n := range good {
		cases[fmt.Sprint("cut at ", n)] = good[:n]
		zeroed := slices.Clone(good)
		clear(zeroed[n:])
		cases[fmt.Sprint("zeroed from ", n)] = zeroed
	}
	for what, data := range cases {
		// In place: damage of the cache must not damage the snapshot.
		if err := os.WriteFile(filepath.Join(p.Folder, pods), data, 0o600); err != nil {
			t.Fatal(err)
		}
		p.said = nil
		p.Repair()
		p.is(p.Folder, pods, good)
		p.is(p.Folder, node, other)
		p.is(p.Snapshot, pods, good)
		if len(p.said) != 1 || !strings.Contains(p.said[0], pods) {
			t.Fatal(what, p.said)
		}
	}
	info, _ := os.Stat(p.Folder)
	if info.Mode().Perm() != 0o700 {
		t.Fatal(info.Mode())
	}
}

func TestAnEntryWithAFlippedByteIsWholeOnlyIfItIsValidJSON(t *testing.T) {
	good := plain(t, "good")
	for n := range good {
		flipped := slices.Clone(good)
		flipped[n] ^= 0x80
		if whole(flipped) == nil && !json.Valid(flipped) {
			t.Fatalf("byte %d", n)
		}
	}
}

func TestAnEntryWithoutAnIntactCopyIsDeleted(t *testing.T) {
	p := newPlace(t)
	p.write(pods, plain(t, "one")[:20])
	p.write(node, plain(t, "two"))
	p.write(slots, plain(t, "three"))
	p.keep()
	for _, name := range []string{node, slots} {
		if err := os.WriteFile(filepath.Join(p.Folder, name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(p.Snapshot, node), []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	p.said = nil
	p.Repair()
	if found := p.names(p.Folder); found != slots {
		t.Fatal(found)
	}
	if found := p.names(p.Snapshot); found != slots {
		t.Fatal(found)
	}
	if len(p.said) != 4 {
		t.Fatal(strings.Join(p.said, "\n"))
	}
}

func TestAnEntryWithoutItsNameIsRestoredAndPartialOnesAreDeleted(t *testing.T) {
	p := newPlace(t)
	p.write(pods, plain(t, "one"))
	p.keep()
	if err := os.Rename(filepath.Join(p.Folder, pods), filepath.Join(p.Folder, pods+"_0123456789ab")); err != nil {
		t.Fatal(err)
	}
	p.Repair()
	if found := p.names(p.Folder); found != pods {
		t.Fatal(found)
	}
	if err := os.RemoveAll(p.Folder); err != nil {
		t.Fatal(err)
	}
	p.Repair()
	p.is(p.Folder, pods, plain(t, "one"))
}

func TestAnIntactCacheIsNotChanged(t *testing.T) {
	p := newPlace(t)
	p.write(pods, plain(t, "one"))
	p.write(node, plain(t, "two"))
	p.keep()
	p.write(pods, plain(t, "newer"))
	before, _ := os.Stat(filepath.Join(p.Folder, pods))
	p.Repair()
	after, _ := os.Stat(filepath.Join(p.Folder, pods))
	if !os.SameFile(before, after) || !after.ModTime().Equal(before.ModTime()) || len(p.said) > 0 {
		t.Fatal("it was touched", p.said)
	}
	p.is(p.Folder, pods, plain(t, "newer"))
}

func TestANodeThatWasNeverJoinedHasNothingToRepair(t *testing.T) {
	p := newPlace(t)
	_ = os.RemoveAll(p.Folder)
	p.Repair()
	if _, err := os.Stat(p.Folder); err == nil || len(p.said) > 0 {
		t.Fatal(p.said)
	}
}

func TestTheListOfEntries(t *testing.T) {
	p := newPlace(t)
	p.write(pods, plain(t, "one"))
	p.keep()
	p.write(node, []byte("{"))
	_ = os.WriteFile(filepath.Join(p.Folder, pods+"_0123456789ab"), nil, 0o600)
	found, err := p.Entries(time.Now().Add(time.Minute))
	if err != nil || len(found) != 2 {
		t.Fatal(found, err)
	}
	broken, good := found[0], found[1]
	if broken.Key != node || broken.Whole || broken.Reason == "" || broken.Snapshot || broken.Bytes != 1 {
		t.Fatalf("%+v", broken)
	}
	if good.Key != pods || !good.Whole || good.Reason != "" || !good.Snapshot || good.Age < 59 || good.Age > 70 {
		t.Fatalf("%+v", good)
	}
	early, _ := p.Entries(time.Unix(0, 0)) // a clock that has lost the time
	if early[0].Age != 0 {
		t.Fatal(early[0].Age)
	}
}
