// Package kubelet finds those files of the kubelet's own that would keep it from starting after a power cut.
//
// The kubelet writes most of them through a file beside them and flushes that, but not the folder (writeFile in
// pkg/kubelet/util/store/filestore.go of Kubernetes v1.34 to v1.37); some are not flushed at all. What it does with one
// that it cannot read is different for each:
//
//	cpu_manager_state, memory_manager_state   does not start: "please drain this node and delete" the file
//	dra_manager_state                         does not start
//	allocated_pods_state, actuated_pods_state panics (newStateImpl in pkg/kubelet/allocation)
//	pods/UID/userns                           does not start (MakeUserNsManager in pkg/kubelet/userns)
//	device-plugins/kubelet_internal_checkpoint  goes on, without the devices that Pods have
//	dra_health_state                          goes on, never flushed (pkg/kubelet/cm/dra/healthinfo.go)
//	graceful_node_shutdown_state              goes on, without the times of the last shutdown
//	image_manager/pulled, pulling/sha256-*    wants to pull the image anew, which it cannot do without the cloud;
//	                                          never flushed, in use from v1.35 on (pkg/kubelet/images/pullmanager)
//
// All of them are made again when they are missing. After a boot that is no loss: every container starts anew.
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

// Where the files are, below the kubelet's folder.
var patterns = []string{
	"*_state",
	"device-plugins/kubelet_internal_checkpoint",
	"image_manager/pulled/sha256-*",
	"image_manager/pulling/sha256-*",
	"pods/*/userns",
}

// Repair removes the files that are broken, and tells which.
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
			say("%s: removed, as %v", path, err)
		}
	}
}

// whole says why the kubelet could not use a file; nil if it could.
func whole(name string, data []byte) error {
	if len(bytes.TrimSpace(data)) == 0 {
		return errors.New("it is empty")
	}
	var object map[string]json.RawMessage
	if err := json.Unmarshal(data, &object); err != nil {
		return err
	}
	if object == nil {
		return errors.New("it is no object")
	}
	if verify, known := sums[name]; known {
		return verify(data)
	}
	return nil
}
