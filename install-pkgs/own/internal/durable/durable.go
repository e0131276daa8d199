// Package durable writes files so that a power cut finds the old content or the new one, never half of one.
//
// Three things are needed for that, in this order: the content is on the disk before it gets its name, the name
// changes in one step, and the folder that holds the name is on the disk before anybody is told.
package durable

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// Temporary is how names begin that a cut left behind: nobody reads them, and Sweep takes them away.
const Temporary = ".new-"

// Write puts the content into the file, with exactly this mode.
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

// SyncFile waits until the file's content is on the disk, whoever wrote it.
func SyncFile(path string) error {
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(file.Sync(), file.Close())
}

// SyncFolder waits until the names in a folder are on the disk: what was renamed, linked and removed.
func SyncFolder(path string) error { return SyncFile(path) }

// Private makes the folder if need be, and takes it away from everybody but its owner.
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

// Sweep removes what writers left that were cut off. Only for folders where nobody else writes at the moment.
func Sweep(folder string) {
	found, _ := os.ReadDir(folder)
	for _, each := range found {
		if strings.HasPrefix(each.Name(), Temporary) {
			_ = os.Remove(filepath.Join(folder, each.Name()))
		}
	}
}
