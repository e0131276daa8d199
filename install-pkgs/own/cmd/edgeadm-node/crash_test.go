package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

const asProgram = "EDGEADM_NODE_TEST_RUNS_VERB"

// TestMain runs edgeadm-node if a test starts this program as edgeadm-node, to kill it.
func TestMain(m *testing.M) {
	if os.Getenv(asProgram) != "" {
		main()
	}
	os.Exit(m.Run())
}

// versionOf returns the version of an entry; 0 if it cannot be used as an answer.
func versionOf(path string) int {
	var entry struct{ Body []byte }
	var body struct {
		Version int
		Filler  string
	}
	data, err := os.ReadFile(path)
	if err != nil || json.Unmarshal(data, &entry) != nil || json.Unmarshal(entry.Body, &body) != nil {
		return 0
	}
	return body.Version
}

// TestTheCacheSurvivesPowerCuts kills `keep` at random moments while entries change, damages the cache like a disk
// without flushes, and repairs it. A stored entry must remain, complete, and never become older.
func TestTheCacheSurvivesPowerCuts(t *testing.T) {
	const entries, cuts = 8, 60
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	root := t.TempDir()
	cache, snapshot := filepath.Join(root, "cache"), filepath.Join(root, "snapshot")
	if err := os.Mkdir(cache, 0o700); err != nil {
		t.Fatal(err)
	}
	name := func(i int) string { return fmt.Sprintf("kubelet_v1.34.4_default_secrets_s%d_", i) }
	folders := []string{"--cache", cache, "--snapshot", snapshot, "--subnet", filepath.Join(root, "subnet.env")}
	noted := filepath.Join(snapshot, ".node", "clock")
	exists := func(path string) bool { _, err := os.Stat(path); return err == nil }
	filler, version, repaired := strings.Repeat("x", 1<<15), 0, 0
	write := func(i int) {
		version++
		body := fmt.Appendf(nil, `{"version":%d,"filler":%q}`, version, filler)
		data, _ := json.Marshal(map[string]any{"code": 200, "header": map[string][]string{}, "body": body})
		path := filepath.Join(cache, name(i))
		if err := os.WriteFile(path+"_0123456789ab", data, 0o644); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(path+"_0123456789ab", path); err != nil {
			t.Fatal(err)
		}
	}
	for range cuts {
		_ = os.Remove(noted)
		keeper := exec.Command(self, append([]string{"keep", "--every", "2ms"}, folders...)...)
		keeper.Env = append(os.Environ(), asProgram+"=yes")
		var said bytes.Buffer
		keeper.Stderr = &said
		if err := keeper.Start(); err != nil {
			t.Fatal(err)
		}
		// On a busy host the start takes some time: the program is ready when it has recorded the time.
		end := time.Now().Add(time.Duration(20+rand.IntN(60)) * time.Millisecond)
		for deadline := end.Add(time.Minute); time.Now().Before(end) || !exists(noted); {
			if time.Now().After(deadline) {
				t.Fatal("keep has not begun")
			}
			write(rand.IntN(entries))
			time.Sleep(time.Millisecond)
		}
		_ = keeper.Process.Kill()
		_ = keeper.Wait()
		if said.Len() > 0 {
			t.Fatal(said.String())
		}
		kept, there := map[int]int{}, map[int]int{}
		for i := range entries {
			path := filepath.Join(snapshot, name(i))
			kept[i], there[i] = versionOf(path), versionOf(filepath.Join(cache, name(i)))
			if _, err := os.Stat(path); err == nil && kept[i] == 0 {
				t.Fatal("what is kept is broken:", path)
			}
			if damage(t, filepath.Join(cache, name(i))) {
				there[i] = kept[i]
			}
		}
		var out bytes.Buffer
		if code := run(append([]string{"repair", "--cni-config", root}, folders...), &out); code != 0 {
			t.Fatal(out.String())
		}
		for i := range entries {
			if found := versionOf(filepath.Join(cache, name(i))); found != there[i] || found < kept[i] {
				t.Fatalf("entry %d: version %d was there, %d was kept, and now it is %d\n%s", i, there[i], kept[i], found, &out)
			}
		}
		repaired += strings.Count(out.String(), "restored from the snapshot")
	}
	t.Logf("%d versions were written, %d entries were repaired", version, repaired)
	if repaired < cuts {
		t.Fatal("too few entries were repaired for a result")
	}
}

// damage changes a file as a power cut may change a file that was not flushed, or leaves it. It returns whether the
// file changed.
func damage(t *testing.T, path string) bool {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		return false
	}
	switch rand.IntN(5) {
	case 0:
		data = data[:rand.IntN(len(data))]
	case 1:
		clear(data[rand.IntN(len(data)):])
	case 2:
		if err := os.Rename(path, path+"_ba9876543210"); err != nil {
			t.Fatal(err)
		}
		return true
	default:
		return false
	}
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	return true
}
