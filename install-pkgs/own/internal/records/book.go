package records

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
)

// Book has all records by file name.
type Book map[string]*Record

// Problem is a fault of one file of the store.
type Problem struct {
	File   string `json:"file"`
	Reason string `json:"reason"`
	leave  bool   // the file does not belong to this package, or could not be read
}

func (p Problem) String() string { return p.File + ": " + p.Reason }

// Sorted returns the records, oldest first.
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

// Owner returns the record with the address; nil if there is none.
func (b Book) Owner(address netip.Addr) *Record {
	for _, each := range b {
		if slices.Contains(each.Addresses, address) {
			return each
		}
	}
	return nil
}

// Container returns the record of a container.
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

// settle assigns each address that several records have to the newest record, because a new owner is recorded by a
// write. It returns the addresses that the other records lose. Only a fault of the disk causes this.
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

// dispensable returns the records to delete if there are too many: deleted Pods first, then Pods without a sandbox,
// oldest first.
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
