package records

import (
	"bytes"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

const soon = 100 * time.Millisecond

func addresses(texts ...string) []netip.Addr {
	var all []netip.Addr
	for _, each := range texts {
		all = append(all, netip.MustParseAddr(each))
	}
	return all
}

func pod(name string, texts ...string) Record {
	return Record{
		Namespace: "default", Pod: name, Interface: "eth0", Container: "of-" + name, State: Live,
		Addresses: addresses(texts...),
	}
}

// with opens a store, calls the function and closes the store.
func with(t *testing.T, folder string, do func(*Store, Book)) []string {
	t.Helper()
	store, err := Open(folder, soon)
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	book, told, err := store.Load()
	if err != nil {
		t.Fatal(err)
	}
	do(store, book)
	return told
}

func save(t *testing.T, folder string, all ...Record) {
	t.Helper()
	with(t, folder, func(store *Store, book Book) {
		for _, each := range all {
			if err := store.Save(book, each); err != nil {
				t.Fatal(err)
			}
		}
	})
}

func shown(t *testing.T, folder string) (string, []Problem) {
	t.Helper()
	all, problems, err := List(folder, soon)
	if err != nil {
		t.Fatal(err)
	}
	var words []string
	for _, each := range all {
		words = append(words, fmt.Sprint(each.Pod, each.Addresses))
	}
	return strings.Join(words, " "), problems
}

func TestSavedRecordsAreReadAgain(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "deep", "store")
	save(t, folder, pod("a", "10.0.0.2", "fd00::2"), pod("b", "10.0.0.3"))
	if found, problems := shown(t, folder); found != "a[10.0.0.2 fd00::2] b[10.0.0.3]" || problems != nil {
		t.Fatal(found, problems)
	}
	info, _ := os.Stat(folder)
	file, _ := os.Stat(filepath.Join(folder, pod("a").Key()+suffix))
	if info.Mode().Perm() != 0o700 || file.Mode().Perm() != 0o600 {
		t.Fatal("others may read it", info.Mode(), file.Mode())
	}
}

func TestAReassignedAddressIsNeverOnTheDiskTwice(t *testing.T) {
	folder := t.TempDir()
	save(t, folder, pod("a", "10.0.0.2", "fd00::2"), pod("b", "10.0.0.3"), pod("c", "10.0.0.2", "fd00::9"))
	if found, problems := shown(t, folder); found != "a[fd00::2] b[10.0.0.3] c[10.0.0.2 fd00::9]" || problems != nil {
		t.Fatal(found, problems)
	}
	save(t, folder, pod("d", "fd00::2", "10.0.0.3"))
	if found, problems := shown(t, folder); found != "c[10.0.0.2 fd00::9] d[fd00::2 10.0.0.3]" || problems != nil {
		t.Fatal(found, problems)
	}
}

func TestTheNewerOfTwoRecordsWithOneAddressWins(t *testing.T) {
	for _, order := range [][]string{{"a", "b"}, {"b", "a"}} {
		folder := t.TempDir()
		for i, name := range order {
			record := pod(name, "10.0.0.2", fmt.Sprintf("10.0.1.%d", i+1))
			record.Number = uint64(i + 1)
			data, err := encode(record)
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(folder, record.Key()+suffix), data, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		if _, problems := shown(t, folder); len(problems) != 1 || !strings.Contains(problems[0].Reason, "10.0.0.2") {
			t.Fatal(problems)
		}
		told := with(t, folder, func(*Store, Book) {})
		found, problems := shown(t, folder)
		wanted := fmt.Sprintf("%s[10.0.1.1] %s[10.0.0.2 10.0.1.2]", order[0], order[1])
		if found != wanted || problems != nil || len(told) != 1 {
			t.Fatal(found, problems, told)
		}
	}
}

// ruined is the possible damage of a file by a disk.
func ruined(data []byte) map[string][]byte {
	found := map[string][]byte{"zeroed": make([]byte, len(data)), "longer": append(slices.Clone(data), '\n')}
	for n := range data {
		found[fmt.Sprintf("cut at %d", n)] = data[:n]
		zeroed := slices.Clone(data)
		clear(zeroed[n:])
		found[fmt.Sprintf("zeroed from %d", n)] = zeroed
		for _, bit := range []byte{1, 0x20, 0x80} {
			flipped := slices.Clone(data)
			flipped[n] ^= bit
			found[fmt.Sprintf("bit %x of byte %d flipped", bit, n)] = flipped
		}
	}
	return found
}

func TestOnlyTheDamagedRecordIsForgotten(t *testing.T) {
	folder := t.TempDir()
	save(t, folder, pod("a", "10.0.0.2"), pod("b", "10.0.0.3"))
	file := filepath.Join(folder, pod("a").Key()+suffix)
	good, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for what, data := range ruined(good) {
		if err := os.WriteFile(file, data, 0o600); err != nil {
			t.Fatal(err)
		}
		found, problems := shown(t, folder)
		if found != "b[10.0.0.3]" || len(problems) != 1 || problems[0].File != filepath.Base(file) {
			t.Fatalf("%s: %s, %v", what, found, problems)
		}
		told := with(t, folder, func(_ *Store, book Book) {
			if len(book) != 1 || book[pod("b").Key()] == nil {
				t.Fatalf("%s: %v", what, book)
			}
		})
		if len(told) != 1 {
			t.Fatalf("%s: %v", what, told)
		}
		if _, problems := shown(t, folder); problems != nil {
			t.Fatalf("%s: still %v", what, problems)
		}
	}
	save(t, folder, pod("a", "10.0.0.2"))
	if found, _ := shown(t, folder); found != "b[10.0.0.3] a[10.0.0.2]" {
		t.Fatal(found)
	}
}

func TestAFileOfAnotherPodIsDamaged(t *testing.T) {
	folder := t.TempDir()
	save(t, folder, pod("a", "10.0.0.2"))
	data, _ := os.ReadFile(filepath.Join(folder, pod("a").Key()+suffix))
	if err := os.WriteFile(filepath.Join(folder, pod("b").Key()+suffix), data, 0o600); err != nil {
		t.Fatal(err)
	}
	if found, problems := shown(t, folder); found != "a[10.0.0.2]" || len(problems) != 1 {
		t.Fatal(found, problems)
	}
}

func TestTheLeftoversOfAnInterruptedWriterAreDeleted(t *testing.T) {
	folder := t.TempDir()
	if err := os.WriteFile(filepath.Join(folder, ".new-123"), []byte("half"), 0o600); err != nil {
		t.Fatal(err)
	}
	save(t, folder, pod("a", "10.0.0.2"))
	left, _ := filepath.Glob(filepath.Join(folder, ".new-*"))
	if len(left) > 0 {
		t.Fatal(left)
	}
}

func TestTheOldestAreDeletedFirstAndPinnedOnesNever(t *testing.T) {
	folder := t.TempDir()
	var all []Record
	for i := range 10 {
		each := pod(fmt.Sprint("p", i), fmt.Sprintf("10.0.0.%d", i+2))
		if i%2 == 1 {
			each.State = Released
		}
		all = append(all, each)
	}
	save(t, folder, all...)
	held := func(r *Record) bool { return r.Pod == "p0" || r.Pod == "p1" }
	for most, wanted := range map[int]string{
		9: "p0 p1 p2 p4 p5 p6 p7 p8 p9", 6: "p0 p1 p2 p4 p6 p8", 4: "p0 p1 p6 p8", 0: "p0 p1",
	} {
		copied := t.TempDir()
		if err := os.CopyFS(copied, os.DirFS(folder)); err != nil {
			t.Fatal(err)
		}
		with(t, copied, func(store *Store, book Book) {
			if err := store.Bound(book, most, held); err != nil {
				t.Fatal(err)
			}
		})
		found, _ := shown(t, copied)
		var names []string
		for word := range strings.FieldsSeq(found) {
			name, _, _ := strings.Cut(word, "[")
			names = append(names, name)
		}
		if slices.Sort(names); strings.Join(names, " ") != wanted {
			t.Fatalf("%d: %v", most, names)
		}
	}
}

func TestOneAtATime(t *testing.T) {
	folder := t.TempDir()
	with(t, folder, func(*Store, Book) {
		if _, err := Open(folder, soon); err == nil || !strings.Contains(err.Error(), "locked") {
			t.Fatal(err)
		}
		if _, _, err := List(folder, soon); err == nil {
			t.Fatal("it was read while it was written")
		}
	})
	save(t, folder, pod("a", "10.0.0.2"))
}

func TestAMissingStoreIsEmpty(t *testing.T) {
	if found, problems := shown(t, filepath.Join(t.TempDir(), "none")); found != "" || problems != nil {
		t.Fatal(found, problems)
	}
}

func TestAFileOfAnotherWriterIsReportedAndStays(t *testing.T) {
	folder := t.TempDir()
	save(t, folder, pod("a", "10.0.0.2"))
	if err := os.WriteFile(filepath.Join(folder, "notes"), []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	told := with(t, folder, func(*Store, Book) {})
	if found, problems := shown(t, folder); found != "a[10.0.0.2]" || len(problems) != 1 || len(told) != 1 {
		t.Fatal(found, problems, told)
	}
	if _, err := os.Stat(filepath.Join(folder, "notes")); err != nil {
		t.Fatal(err)
	}
}

func TestALongNameFits(t *testing.T) {
	folder, name := t.TempDir(), strings.Repeat("n", 253)
	save(t, folder, pod(name, "10.0.0.2"))
	if found, _ := shown(t, folder); found != name+"[10.0.0.2]" {
		t.Fatal(found)
	}
}

func TestChecksChangeNothing(t *testing.T) {
	folder := t.TempDir()
	save(t, folder, pod("a", "10.0.0.2"))
	file := filepath.Join(folder, pod("b").Key()+suffix)
	if err := os.WriteFile(file, []byte("broken"), 0o600); err != nil {
		t.Fatal(err)
	}
	shown(t, folder)
	if data, err := os.ReadFile(file); err != nil || !bytes.Equal(data, []byte("broken")) {
		t.Fatal(err)
	}
}
