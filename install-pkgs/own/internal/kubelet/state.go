// Package kubelet removes those of kubelet's files that would prevent its start after a power cut.
//
// kubelet replaces most of them atomically and flushes the content, but not the directory (writeFile in
// pkg/kubelet/util/store/filestore.go of Kubernetes v1.34 to v1.37); some are not flushed at all. If a file is
// damaged, kubelet reacts as follows:
//
//	cpu_manager_state, memory_manager_state   does not start: "please drain this node and delete" the file
//	dra_manager_state                         does not start
//	allocated_pods_state, actuated_pods_state panics (newStateImpl in pkg/kubelet/allocation)
//	pods/UID/userns                           does not start (MakeUserNsManager in pkg/kubelet/userns)
//	device-plugins/kubelet_internal_checkpoint  continues without the devices of Pods
//	dra_health_state                          continues, never flushed (pkg/kubelet/cm/dra/healthinfo.go)
//	graceful_node_shutdown_state              continues without the times of the last shutdown
//	image_manager/pulled, pulling/sha256-*    pulls the image again, which is not possible without the cloud;
//	                                          never flushed, in use from v1.35 on (pkg/kubelet/images/pullmanager)
//
// kubelet recreates all of them if they are missing. After a boot nothing is lost: every container is restarted.
package kubelet

import (
	"bytes"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// The files, relative to kubelet's directory.
var patterns = []string{
	"*_state",
	"device-plugins/kubelet_internal_checkpoint",
	"image_manager/pulled/sha256-*",
	"image_manager/pulling/sha256-*",
	"pods/*/userns",
}

// Repair removes the damaged files, and logs their names.
func Repair(root string, say func(format string, args ...any)) {
	for _, pattern := range patterns {
		found, _ := fs.Glob(os.DirFS(root), pattern)
		for _, name := range found {
			path := filepath.Join(root, name)
			info, err := os.Lstat(path)
			if err != nil || !info.Mode().IsRegular() || strings.HasSuffix(name, ".tmp") {
				continue
			}
			data, err := os.ReadFile(path)
			if err == nil {
				err = whole(filepath.Base(name), data)
			}
			if err == nil {
				continue
			}
			if failed := os.Remove(path); failed != nil {
				say("%s cannot be removed: %v (%v)", path, failed, err)
				continue
			}
			say("%s: removed, because %v", path, err)
		}
	}
}

// whole returns the reason why kubelet could not use a file; nil if it could.
func whole(name string, data []byte) error {
	if len(bytes.TrimSpace(data)) == 0 {
		return errors.New("it is empty")
	}
	var object map[string]json.RawMessage
	if err := json.Unmarshal(data, &object); err != nil {
		return err
	}
	if object == nil {
		return errors.New("it is not an object")
	}
	if verify, known := sums[name]; known {
		return verify(data)
	}
	return nil
}
