package litecache

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// Cache is lite-apiserver's directory together with its snapshot. Say logs a line.
type Cache struct {
	Folder   string
	Snapshot string
	Say      func(format string, args ...any)
	seen     map[string]fs.FileInfo
}

// Entry is the present state of one entry.
type Entry struct {
	Key string `json:"key"`
	Name
	Bytes    int64  `json:"bytes"`
	Age      int64  `json:"ageSeconds"`
	Whole    bool   `json:"whole"`
	Reason   string `json:"reason,omitempty"`
	Snapshot bool   `json:"snapshot"`
}

// Entries returns all entries. Snapshot is set only if the copy in the snapshot is valid.
func (c *Cache) Entries(now time.Time) ([]Entry, error) {
	found, err := files(c.Folder)
	if err != nil {
		return nil, err
	}
	var all []Entry
	for _, info := range found {
		if temporary(info.Name()) {
			continue
		}
		each := Entry{
			Key: info.Name(), Name: parseName(info.Name()), Bytes: info.Size(),
			Age: max(0, int64(now.Sub(info.ModTime()).Seconds())),
		}
		if err := check(filepath.Join(c.Folder, each.Key)); err != nil {
			each.Reason = err.Error()
		}
		each.Whole = each.Reason == ""
		each.Snapshot = check(filepath.Join(c.Snapshot, each.Key)) == nil
		all = append(all, each)
	}
	return all, nil
}

// files returns the entries of a directory, in order; names that begin with a dot are ours.
func files(folder string) ([]fs.FileInfo, error) {
	found, err := os.ReadDir(folder)
	if err != nil {
		return nil, err
	}
	var all []fs.FileInfo
	for _, each := range found {
		info, err := each.Info()
		if err != nil || !info.Mode().IsRegular() || strings.HasPrefix(each.Name(), ".") {
			continue // it was replaced just now, or is not an entry
		}
		all = append(all, info)
	}
	return all, nil
}

func check(path string) error {
	data, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	return whole(data)
}

func exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}
