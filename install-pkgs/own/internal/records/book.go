package records

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
)

// Book is all that is remembered, by the names of the files.
type Book map[string]*Record

// Problem is what is wrong with one file of the store.
type Problem struct {
	File   string `json:"file"`
	Reason string `json:"reason"`
	leave  bool   // what is in it is not ours to remove, or could not be read just now
}

func (p Problem) String() string { return p.File + ": " + p.Reason }

// Sorted is the book with what was written first in front.
func (b Book) Sorted() []*Record {
	all := make([]*Record, 0, len(b))
	for _, each := range b {
		all = append(all, each)
	}
	slices.SortFunc(all, func(x, y *Record) int {
		return cmp.Or(cmp.Compare(x.Number, y.Number), cmp.Compare(x.State, y.State), cmp.Compare(x.Key(), y.Key()))
	})
	return all
}

// Owner is the record that has the address; nil if nobody remembers it.
func (b Book) Owner(address netip.Addr) *Record {
	for _, each := range b {
		if slices.Contains(each.Addresses, address) {
			return each
		}
	}
	return nil
}

// Container finds what a container was given.
func (b Book) Container(id, ifname string) *Record {
	for _, each := range b {
		if each.Container == id && each.Interface == ifname {
			return each
		}
	}
	return nil
}

func (b Book) last() uint64 {
	var last uint64
	for _, each := range b {
		last = max(last, each.Number)
	}
	return last
}

// settle gives each address that several records claim to the one that was written last: addresses change hands
// by being written down. What others lose is returned. No write of ours leads there, but a disk may.
func (b Book) settle() []Problem {
	var lost []Problem
	owners := map[netip.Addr]*Record{}
	all := b.Sorted()
	slices.Reverse(all)
	for _, each := range all {
		kept := make([]netip.Addr, 0, len(each.Addresses))
		for _, address := range each.Addresses {
			if owner, taken := owners[address]; taken {
				reason := fmt.Sprintf("%s of %s belongs to %s", address, each, owner)
				lost = append(lost, Problem{File: each.Key() + suffix, Reason: reason})
				continue
			}
			owners[address] = each
			kept = append(kept, address)
		}
		each.Addresses = kept
		if len(kept) == 0 {
			delete(b, each.Key())
		}
	}
	return lost
}

// dispensable is what goes where more is remembered than there should be: Pods that are gone first, then those
// that no sandbox is held for, each time the oldest.
func (b Book) dispensable(most int, held func(*Record) bool) []*Record {
	var gone, asleep []*Record
	for _, each := range b.Sorted() {
		switch {
		case held(each):
		case each.State == Released:
			gone = append(gone, each)
		default:
			asleep = append(asleep, each)
		}
	}
	all := append(gone, asleep...)
	return all[:min(len(all), max(0, len(b)-most))]
}
