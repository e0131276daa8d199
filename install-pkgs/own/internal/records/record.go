// Package records stores the addresses of Pods durably, across boots and power cuts.
package records

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"time"
)

// The states of a Pod.
const (
	Live     = "live"     // it has these addresses, and they were not released
	Released = "released" // its sandbox was deleted; if it starts again, it gets the same addresses unless another Pod got them
)

// Record is the record of one Pod. Number is the order of the writes: after a boot the clock of an edge node may be
// in 1970, so the time is only displayed.
type Record struct {
	Namespace string       `json:"namespace"`
	Pod       string       `json:"pod"`
	UID       string       `json:"uid,omitempty"`
	Interface string       `json:"interface"`
	Addresses []netip.Addr `json:"addresses"`
	Container string       `json:"container"`
	State     string       `json:"state"`
	Number    uint64       `json:"number"`
	Time      time.Time    `json:"time"`
}

// Key returns the file name of the record. Names of Pods may be as long as file names, so it is a checksum.
func (r Record) Key() string { return Key(r.Namespace, r.Pod, r.Interface) }

// Key returns the file name for an interface of a Pod.
func Key(namespace, pod, ifname string) string {
	sum := sha256.Sum256([]byte(namespace + "\x00" + pod + "\x00" + ifname))
	return hex.EncodeToString(sum[:])[:40]
}

// String returns the name of the record for messages.
func (r Record) String() string { return r.Namespace + "/" + r.Pod }

func (r Record) has(address netip.Addr) bool { return slices.Contains(r.Addresses, address) }

// A file has the checksum of its second line, a line feed, one line of JSON, and a line feed. Any damage is detected.
const sumLength = 2 * sha256.Size

func encode(r Record) ([]byte, error) {
	body, err := json.Marshal(r)
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(body)
	return fmt.Appendf(nil, "%s\n%s\n", hex.EncodeToString(sum[:]), body), nil
}

func decode(data []byte, key string) (Record, error) {
	var r Record
	if len(data) < sumLength+2 || data[sumLength] != '\n' || data[len(data)-1] != '\n' {
		return r, fmt.Errorf("it is not a complete record (%d bytes)", len(data))
	}
	body := data[sumLength+1 : len(data)-1]
	sum := sha256.Sum256(body)
	if !bytes.Equal(data[:sumLength], []byte(hex.EncodeToString(sum[:]))) {
		return r, errors.New("its checksum is wrong")
	}
	if err := json.Unmarshal(body, &r); err != nil {
		return r, err
	}
	if r.Key() != key {
		return r, fmt.Errorf("it belongs to %s", r)
	}
	if r.State != Live && r.State != Released {
		return r, fmt.Errorf("it has the state %q", r.State)
	}
	invalid := func(each netip.Addr) bool { return !each.IsValid() }
	if len(r.Addresses) == 0 || slices.ContainsFunc(r.Addresses, invalid) {
		return r, errors.New("it has no address")
	}
	return r, nil
}
