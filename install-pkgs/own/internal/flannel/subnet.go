// Package flannel looks after flannel's answer to the question which addresses this node has for Pods. The CNI plugin
// needs it before flannel runs again, and flannel writes it without a flush (WriteSubnetFile in pkg/subnet of
// flannel v0.26.7).
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

// Subnet is flannel's file, with a copy of it that is known to be good.
type Subnet struct {
	File string
	Copy string
}

// Keep renews the copy if the file is good and has changed.
func (s Subnet) Keep() error {
	data, err := os.ReadFile(s.File)
	if err != nil || whole(data) != nil {
		return nil // there is nothing better than the copy
	}
	if kept, err := os.ReadFile(s.Copy); err == nil && bytes.Equal(kept, data) {
		return nil
	}
	if err := durable.Private(filepath.Dir(s.Copy)); err != nil {
		return err
	}
	return errors.Join(durable.SyncFile(s.File), durable.Write(s.Copy, data, 0o600))
}

// Repair puts the copy in the place of a file that is broken or missing; a broken one without a copy goes, as the
// plugin says plainly of a missing one that it waits for it.
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
		say("%s: taken from the snapshot, as %v", s.File, err)
	case !missing:
		say("%s: removed, as %v, and the snapshot does not help (%v)", s.File, err, none)
		_ = os.Remove(s.File)
	}
}

// whole says why the plugin could not use the file. Its last line is FLANNEL_IPMASQ.
func whole(data []byte) error {
	if len(data) == 0 {
		return errors.New("it is empty")
	}
	text, ended := strings.CutSuffix(string(data), "\n")
	if !ended {
		return errors.New("its last line is cut off")
	}
	values := map[string]string{}
	for line := range strings.SplitSeq(text, "\n") {
		key, value, is := strings.Cut(line, "=")
		if !is || !strings.HasPrefix(key, "FLANNEL_") {
			return fmt.Errorf("a line of it is %q", line)
		}
		values[key] = value
	}
	if values["FLANNEL_SUBNET"] == "" && values["FLANNEL_IPV6_SUBNET"] == "" {
		return errors.New("it names no subnet")
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
