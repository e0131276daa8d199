package litecache

import (
	"io/fs"
	"os"
	"path/filepath"
)

// Found is an entry that was looked for.
type Found struct {
	Key string
	Name
	Info fs.FileInfo
}

// Find lists the entries that fit. Nothing is read but names, so it may be done every few seconds.
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

// Read returns what lite-apiserver would answer with.
func Read(folder, key string) (Answer, error) {
	data, err := os.ReadFile(filepath.Join(folder, key))
	if err != nil {
		return Answer{}, err
	}
	return answer(data)
}

// SameFile tells that an entry was not written between two looks at it: lite-apiserver makes a new file each time.
// The times are compared for being equal alone, so it does not matter what the clock says.
func SameFile(a, b fs.FileInfo) bool { return os.SameFile(a, b) && same(a, b) }
