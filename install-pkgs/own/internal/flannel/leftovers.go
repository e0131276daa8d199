package flannel

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
)

const plugin = "edge-ipam"

// Remembers returns whether the network of the container runtime, the first one in the directory, uses edge-ipam.
func Remembers(folder string) bool {
	found, _ := os.ReadDir(folder) // sorted, as the runtime sorts them
	for _, each := range found {
		if !slices.Contains([]string{".conf", ".conflist", ".json"}, filepath.Ext(each.Name())) {
			continue
		}
		data, err := os.ReadFile(filepath.Join(folder, each.Name()))
		var network any
		if err != nil || json.Unmarshal(data, &network) != nil {
			continue
		}
		return names(network)
	}
	return false
}

// names returns whether any part of the configuration names the plugin.
func names(found any) bool {
	switch found := found.(type) {
	case map[string]any:
		for key, value := range found {
			if key == "type" && value == plugin || names(value) {
				return true
			}
		}
	case []any:
		return slices.ContainsFunc(found, names)
	}
	return false
}

// Clear removes the files of containers that did not survive the boot from a directory.
func Clear(folder string, say func(format string, args ...any)) {
	found, _ := os.ReadDir(folder)
	for _, each := range found {
		path := filepath.Join(folder, each.Name())
		if err := os.RemoveAll(path); err != nil {
			say("%s cannot be removed: %v", path, err)
		}
	}
	if len(found) > 0 {
		say("%s: emptied, because its files were from before the boot", folder)
	}
}
