package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"edgeadm/own/internal/clock"
)

func TestABootSetsTheClockForwardAndRepairsEverything(t *testing.T) {
	e := newEdge(t)
	if code, out := e.run("keep", "--once"); code != 0 {
		t.Fatal(out)
	}
	wanted := e.contents()[podList]
	later := time.Now().Add(24 * time.Hour)
	for name := range e.contents() {
		if strings.HasPrefix(name, "data/snapshot/") {
			if err := os.Chtimes(e.path(name), later, later); err != nil {
				t.Fatal(err)
			}
		}
	}
	e.write("ca.crt", string(certified(t, newCluster(t), "ca")))
	e.write(podList, "")
	boot := func(set func(time.Time) error, more ...string) string {
		var out bytes.Buffer
		args := append(more, "--cache", e.path("data/cache"), "--snapshot", e.path("data/snapshot"),
			"--subnet", e.path(subnet), "--cni-config", e.path("net.d"))
		if err := repair(clock.Clock{Now: func() time.Time { return time.Unix(0, 0) }, Set: set}, args, &out); err != nil {
			t.Fatal(err)
		}
		return out.String()
	}
	boot(func(time.Time) error { t.Error("the clock was set"); return nil })
	e.write(podList, "")
	var now time.Time
	said := boot(func(to time.Time) error { now = to; return nil }, "--clock", e.path("none"), "--clock", e.path("ca.crt"))
	if !now.Equal(later) || !strings.Contains(said, "1970") || e.contents()[podList] != wanted {
		t.Fatal(now, later, said)
	}
	for what, set := range map[string]func(time.Time) error{
		"not permitted": func(time.Time) error { return errors.New("not permitted") },
		"given up":      func(time.Time) error { panic("given up") },
	} {
		e.write(podList, "")
		if said := boot(set, "--clock", e.path("ca.crt")); !strings.Contains(said, what) || e.contents()[podList] != wanted {
			t.Fatal(said)
		}
	}
}

func TestKeepRecordsTheTime(t *testing.T) {
	e := newEdge(t)
	before := time.Now().Add(-time.Second)
	e.run("keep", "--once")
	info, err := os.Stat(e.path("data/snapshot/.node/clock"))
	if err != nil || info.ModTime().Before(before) {
		t.Fatal(info, err)
	}
}

// TestTheSnapshotDoesNotDependOnTheClock: the clock stands still in 1970, and jumps in both directions.
func TestTheSnapshotDoesNotDependOnTheClock(t *testing.T) {
	e := newEdge(t)
	for i, at := range []time.Time{time.Now(), time.Unix(0, 0), time.Unix(0, 0), time.Now().AddDate(50, 0, 0), time.Unix(9, 9)} {
		text := answer(t, strings.Repeat("x", i+1))
		e.write(podList, text)
		if err := os.Chtimes(e.path(podList), at, at); err != nil {
			t.Fatal(err)
		}
		if code, out := e.run("keep", "--once"); code != 0 {
			t.Fatal(out)
		}
		e.write(podList, "")
		e.repair()
		if e.contents()[podList] != text {
			t.Fatal("the last one is not there", at)
		}
	}
}

// TestOtherJobsDoNotDelayTheSnapshot: containerd and the cloud do not answer, and the program stops within moments
// nevertheless.
func TestOtherJobsDoNotDelayTheSnapshot(t *testing.T) {
	e, l := newEdge(t), newLite(t)
	e.write("ctr", "#!/bin/sh\necho $$ > $0.called\nexec sleep 60\n")
	if err := os.Chmod(e.path("ctr"), 0o755); err != nil {
		t.Fatal(err)
	}
	done := make(chan int)
	args := l.flags("--every", "10ms", "--pin-images", "--ctr", e.path("ctr"), "--containerd", e.root)
	args = append(args, "--cache", e.path("data/cache"))
	go func() {
		code, _ := e.run("keep", args...)
		done <- code
	}()
	kept := strings.Replace(podList, "cache", "snapshot", 1)
	wait := func(what string, is func() bool) {
		t.Helper()
		for i := 0; !is(); i++ {
			if i == 2000 {
				t.Fatal(what)
			}
			time.Sleep(10 * time.Millisecond)
		}
	}
	var ctr int
	wait("ctr was never called", func() bool { ctr, _ = strconv.Atoi(strings.TrimSpace(e.contents()["ctr.called"])); return ctr > 0 })
	e.write(podList, answer(t, "while ctr hangs"))
	wait("it was not taken", func() bool { return e.contents()[kept] == answer(t, "while ctr hangs") })
	wait("the Node was not requested", func() bool { return l.count() > 0 })
	if err := syscall.Kill(os.Getpid(), syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	select {
	case code := <-done:
		if code != 0 {
			t.Fatal(code)
		}
	case <-time.After(10 * time.Second):
		t.Fatal("it waits for ctr")
	}
	if err := syscall.Kill(ctr, 0); err == nil {
		t.Fatal("it left ctr behind")
	}
}

func TestAJobThatFailsOrPanicsIsDoneAgain(t *testing.T) {
	var done atomic.Int32
	stop := beside([]job{{time.Millisecond, func(_ context.Context, running time.Duration) error {
		switch done.Add(1) {
		case 1:
			return errors.New("away")
		case 2:
			panic("not understood")
		case 3:
			if running <= 0 || running > time.Minute {
				t.Error(running)
			}
		}
		return nil
	}}}, time.Now())
	for i := 0; done.Load() < 4; i++ {
		if i == 500 {
			t.Fatal(done.Load())
		}
		time.Sleep(10 * time.Millisecond)
	}
	stop()
	count := done.Load()
	time.Sleep(20 * time.Millisecond)
	if done.Load() != count {
		t.Fatal("it was not stopped")
	}
}

func TestImagesAreShown(t *testing.T) {
	folder := t.TempDir()
	ctr := filepath.Join(folder, "ctr")
	text := `#!/bin/sh
case "$3 $4" in
"containers ls") printf 'CONTAINER IMAGE RUNTIME \nc1 web:1 runc \n' ;;
"images ls") printf 'REF TYPE DIGEST SIZE PLATFORMS LABELS \nweb:1 t sha256:a 2.0 MiB linux/amd64 - \nold:1 t sha256:b 1.0 MiB linux/amd64 io.cri-containerd.pinned=pinned,edgeadm.io/pinned=in-use \n' ;;
"images usage") printf 'KEY SIZE INODES \nk 1.0 MiB 1 \n' ;;
*) exit 1 ;;
esac
`
	if err := os.WriteFile(ctr, []byte(text), 0o755); err != nil {
		t.Fatal(err)
	}
	shown := func(more ...string) (int, string) {
		var out bytes.Buffer
		return run(append([]string{"images", "--ctr", ctr, "--containerd", folder}, more...), &out), out.String()
	}
	code, out := shown("-o", "json")
	var found struct {
		Images []struct {
			Name                      string
			Names                     []string
			Bytes                     int64
			Pinned, Ours, InUse, Fits bool
		}
		PinnedBytes, LimitBytes, FreeBytes, TotalBytes int64
	}
	if err := json.Unmarshal([]byte(out), &found); err != nil || code != 0 || len(found.Images) != 2 {
		t.Fatal(code, err, out)
	}
	old, web := found.Images[0], found.Images[1]
	if old.Name != "old:1" || !old.Pinned || !old.Ours || old.InUse || !old.Fits || old.Bytes != 2<<20 {
		t.Fatalf("%+v", old)
	}
	if web.Name != "web:1" || web.Pinned || web.Ours || !web.InUse || web.Bytes != 3<<20 || len(web.Names) != 1 {
		t.Fatalf("%+v", web)
	}
	if found.PinnedBytes != 2<<20 || found.TotalBytes == 0 || found.LimitBytes != found.TotalBytes/100*50 {
		t.Fatalf("%+v", found)
	}
	if code, out := shown("--pin-limit", "0"); code != 0 || !strings.Contains(out, "web:1  3    false   false  true    false") {
		t.Fatal(code, out)
	}
	if err := os.Remove(ctr); err != nil {
		t.Fatal(err)
	}
	if code, out := shown("-o", "json"); code != 1 || out != "" {
		t.Fatal(code, out)
	}
}

func TestPodsAreShown(t *testing.T) {
	e := newEdge(t)
	body := `{"kind":"PodList","items":[{"metadata":{"name":"web-0","namespace":"shop","uid":"1"},"status":{"phase":"Running"}}]}`
	data, _ := json.Marshal(map[string]any{"code": 200, "header": map[string][]string{"Content-Type": {"application/json"}}, "body": []byte(body)})
	e.write(podList, string(data))
	shown := func(more ...string) (int, string) {
		var out bytes.Buffer
		return run(append([]string{"pods", "--cache", e.path("data/cache")}, more...), &out), out.String()
	}
	code, out := shown("-o", "json")
	for _, each := range []string{
		`"name": "web-0"`, `"hostNetwork": false`, `"mirror": false`, `"addresses": []`, `"images": []`, `"deleting": false`,
		`"serviceAccountToken": false`, `"entry": "kubelet_v1.34.4__pods___list"`, `"ageSeconds": 0`,
	} {
		if code != 0 || !strings.Contains(out, each) {
			t.Fatal(code, each, out)
		}
	}
	if code, out := shown(); code != 0 || !strings.Contains(out, "shop/web-0  Running") {
		t.Fatal(code, out)
	}
	e.write(podList, "")
	if code, _ := shown(); code != 1 {
		t.Fatal(code)
	}
}
