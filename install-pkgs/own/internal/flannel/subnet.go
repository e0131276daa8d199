// Package flannel keeps a copy of flannel's file with the subnets of this node. The CNI plugin requires it before
// flannel runs again, and flannel writes it without a flush (WriteSubnetFile in pkg/subnet of flannel v0.26.7).
package flannel

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"edgeadm/own/internal/durable"
)

// Subnet is flannel's file with a valid copy.
type Subnet struct {
	File string
	Copy string
}

// Keep updates the copy if the file is valid and has changed.
func (s Subnet) Keep() error {
	data, err := os.ReadFile(s.File)
	if err != nil || whole(data) != nil {
		return nil // the copy is better than this file
	}
	if kept, err := os.ReadFile(s.Copy); err == nil && bytes.Equal(kept, data) {
		return nil
	}
	if err := durable.Private(filepath.Dir(s.Copy)); err != nil {
		return err
	}
	return errors.Join(durable.SyncFile(s.File), durable.Write(s.Copy, data, 0o600))
}

// Repair replaces a damaged or missing file with the copy. A damaged file without a copy is removed, because the
// plugin waits for a missing file.
func (s Subnet) Repair(say func(format string, args ...any)) {
	data, err := os.ReadFile(s.File)
	if err == nil {
		if err = whole(data); err == nil {
			return
		}
	}
	missing := errors.Is(err, fs.ErrNotExist)
	kept, none := os.ReadFile(s.Copy)
	if none == nil {
		none = whole(kept)
	}
	if none == nil {
		none = errors.Join(os.MkdirAll(filepath.Dir(s.File), 0o755), durable.Write(s.File, kept, 0o644))
	}
	switch {
	case none == nil:
		say("%s: restored from the snapshot, because %v", s.File, err)
	case !missing:
		say("%s: removed, because %v, and the snapshot has no valid copy (%v)", s.File, err, none)
		_ = os.Remove(s.File)
	}
}

// whole returns the reason why the plugin could not use the file. Its last line is FLANNEL_IPMASQ.
func whole(data []byte) error {
	if len(data) == 0 {
		return errors.New("it is empty")
	}
	text, ended := strings.CutSuffix(string(data), "\n")
	if !ended {
		return errors.New("its last line is incomplete")
	}
	values := map[string]string{}
	for line := range strings.SplitSeq(text, "\n") {
		key, value, is := strings.Cut(line, "=")
		if !is || !strings.HasPrefix(key, "FLANNEL_") {
			return fmt.Errorf("it contains the line %q", line)
		}
		values[key] = value
	}
	if values["FLANNEL_SUBNET"] == "" && values["FLANNEL_IPV6_SUBNET"] == "" {
		return errors.New("it contains no subnet")
	}
	for key, value := range values {
		var err error
		switch key {
		case "FLANNEL_SUBNET", "FLANNEL_IPV6_SUBNET":
			_, err = netip.ParsePrefix(value)
		case "FLANNEL_MTU":
			_, err = strconv.ParseUint(value, 10, 16)
		}
		if err != nil {
			return err
		}
	}
	_, masquerade := strconv.ParseBool(values["FLANNEL_IPMASQ"])
	_, mtu := strconv.ParseUint(values["FLANNEL_MTU"], 10, 16)
	return errors.Join(masquerade, mtu)
}
