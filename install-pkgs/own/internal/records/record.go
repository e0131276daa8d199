// Package records remembers which Pod has which addresses, across boots and power cuts.
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

// What a record can say of its Pod.
const (
	Live     = "live"     // it was given these addresses, and nobody has taken them back
	Released = "released" // its sandbox is gone; it gets them again if it comes back before somebody else needs them
)

// Record is what is known of one Pod. Number says which record was written later: the clock of an edge node may say
// 1970 after a boot, so the time is for people alone.
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

// Key is the name of the record's file. Names of Pods may be as long as names of files may be, so it is a sum.
func (r Record) Key() string { return Key(r.Namespace, r.Pod, r.Interface) }

// Key is the name of the file for an interface of a Pod.
func Key(namespace, pod, ifname string) string {
	sum := sha256.Sum256([]byte(namespace + "\x00" + pod + "\x00" + ifname))
	return hex.EncodeToString(sum[:])[:40]
}

// String names the record for people.
func (r Record) String() string { return r.Namespace + "/" + r.Pod }

func (r Record) has(address netip.Addr) bool { return slices.Contains(r.Addresses, address) }

// A file is the sum of its second line, a line feed, one line of JSON, a line feed: whatever is cut off, zeroed or
// flipped, it shows.
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
		return r, fmt.Errorf("it is no record, or not a whole one (%d bytes)", len(data))
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
		return r, fmt.Errorf("its state is %q", r.State)
	}
	invalid := func(each netip.Addr) bool { return !each.IsValid() }
	if len(r.Addresses) == 0 || slices.ContainsFunc(r.Addresses, invalid) {
		return r, errors.New("it has no address")
	}
	return r, nil
}
