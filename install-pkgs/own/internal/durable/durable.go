// Package durable writes files so that they have the complete old or the complete new content after a power cut.
//
// That requires three steps, in this order: flush the content, rename the file, and flush its directory.
package durable

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// Temporary is the prefix of files that an interrupted writer left: no program reads them, and Sweep removes them.
const Temporary = ".new-"

// Write replaces the content and the mode of the file.
func Write(path string, content []byte, mode fs.FileMode) error {
	folder := filepath.Dir(path)
	out, err := os.CreateTemp(folder, Temporary)
	if err != nil {
		return err
	}
	_, err = out.Write(content)
	err = errors.Join(err, out.Chmod(mode), out.Sync(), out.Close())
	if err == nil {
		err = os.Rename(out.Name(), path)
	}
	if err != nil {
		_ = os.Remove(out.Name())
		return err
	}
	return SyncFolder(folder)
}

// Link makes `to` another name of the file `from`, in place of a previous file. `check` reads the linked file before it
// gets its name, because `from` may be replaced at any time; its error is returned, and `to` is not changed.
func Link(from, to string, check func(path string) error) error {
	folder := filepath.Dir(to)
	next := filepath.Join(folder, Temporary+"link")
	if err := os.Link(from, next); err != nil {
		return err
	}
	// A rename does nothing if both names belong to one file.
	defer os.Remove(next)
	if err := check(next); err != nil {
		return err
	}
	if err := os.Rename(next, to); err != nil {
		return err
	}
	return SyncFolder(folder)
}

// SyncFile flushes the content of a file, regardless of its writer.
func SyncFile(path string) error {
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(file.Sync(), file.Close())
}

// SyncFolder flushes the names in a directory: renamed, linked and removed files.
func SyncFolder(path string) error { return SyncFile(path) }

// Private creates the directory if necessary, and sets its mode so that only its owner has access.
func Private(folder string) error {
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return err
	}
	found, err := os.Stat(folder)
	if err != nil || found.Mode().Perm() == 0o700 {
		return err
	}
	return os.Chmod(folder, 0o700)
}

// Sweep removes files of interrupted writers. It must not run while another process writes to the directory.
func Sweep(folder string) {
	found, _ := os.ReadDir(folder)
	for _, each := range found {
		if strings.HasPrefix(each.Name(), Temporary) {
			_ = os.Remove(filepath.Join(folder, each.Name()))
		}
	}
}
