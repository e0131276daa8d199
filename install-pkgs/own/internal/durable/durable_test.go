package durable

import (
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
