package litecache

import (
	"io/fs"
	"os"
	"path/filepath"
)

// Found is an entry that Find returns.
type Found struct {
	Key string
	Name
	Info fs.FileInfo
}

// Find lists the entries that match. It reads only names, so it may be called every few seconds.
func Find(folder string, fits func(Name) bool) ([]Found, error) {
	all, err := files(folder)
	if err != nil {
		return nil, err
	}
	var found []Found
	for _, info := range all {
		name := parseName(info.Name())
		if !temporary(info.Name()) && fits(name) {
			found = append(found, Found{info.Name(), name, info})
		}
	}
	return found, nil
}

// Read returns the answer of lite-apiserver from an entry.
func Read(folder, key string) (Answer, error) {
	data, err := os.ReadFile(filepath.Join(folder, key))
	if err != nil {
		return Answer{}, err
	}
	return answer(data)
}

// SameFile returns whether an entry was not written meanwhile: lite-apiserver creates a new file each time. The times
// are only compared for equality, so they do not depend on the clock.
func SameFile(a, b fs.FileInfo) bool { return os.SameFile(a, b) && same(a, b) }
