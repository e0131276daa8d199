package durable

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
)

func TestWriteReplacesContentAndMode(t *testing.T) {
	folder := t.TempDir()
	path := filepath.Join(folder, "file")
	for _, each := range []struct {
		content string
		mode    os.FileMode
	}{{"first", 0o600}, {"second", 0o644}} {
		if err := Write(path, []byte(each.content), each.mode); err != nil {
			t.Fatal(err)
		}
		found, err := os.ReadFile(path)
		info, _ := os.Stat(path)
		if err != nil || string(found) != each.content || info.Mode().Perm() != each.mode {
			t.Fatalf("%q, %v, %v", found, info.Mode(), err)
		}
	}
	if names, _ := os.ReadDir(folder); len(names) != 1 {
		t.Fatalf("left: %v", names)
	}
}

func TestAFailedWriteLeavesNoTemporaryFile(t *testing.T) {
	folder := t.TempDir()
	path := filepath.Join(folder, "directory")
	if err := os.MkdirAll(filepath.Join(path, "full"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := Write(path, []byte("content"), 0o600); err == nil {
		t.Fatal("a directory was replaced")
	}
	if names, _ := os.ReadDir(folder); len(names) != 1 {
		t.Fatalf("left: %v", names)
	}
}

func TestSweepRemovesOnlyTemporaryFiles(t *testing.T) {
	folder := t.TempDir()
	for _, name := range []string{"file", Temporary + "123"} {
		if err := os.WriteFile(filepath.Join(folder, name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	Sweep(folder)
	if names, _ := os.ReadDir(folder); len(names) != 1 || names[0].Name() != "file" {
		t.Fatalf("left: %v", names)
	}
}

func TestLinkReplacesAFileUnlessTheCheckFails(t *testing.T) {
	folder := t.TempDir()
	from, to := filepath.Join(folder, "from"), filepath.Join(folder, "to")
	for path, content := range map[string]string{from: "new", to: "old"} {
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	damaged := errors.New("damaged")
	accepted := func(string) error { return nil }
	for _, each := range []struct {
		check func(string) error
		err   error
		want  string
	}{
		{func(string) error { return damaged }, damaged, "old"},
		{accepted, nil, "new"},
		{accepted, nil, "new"}, // both names belong to one file
	} {
		if err := Link(from, to, each.check); !errors.Is(err, each.err) {
			t.Fatal(err)
		}
		if content, _ := os.ReadFile(to); string(content) != each.want {
			t.Fatalf("%s instead of %s", content, each.want)
		}
		if names, _ := os.ReadDir(folder); len(names) != 2 {
			t.Fatal("a temporary file is left", names)
		}
	}
}
