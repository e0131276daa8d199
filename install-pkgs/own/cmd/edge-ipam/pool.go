package main

import (
	"fmt"
	"net/netip"
	"slices"

	"edgeadm/own/internal/records"
)

// pool is all that a choice of addresses depends on.
type pool struct {
	book records.Book
	held map[netip.Addr]attachment // by host-local, since the boot
	own  *records.Record           // what is remembered of the Pod; nil if nothing is
	want []netip.Addr              // what the runtime asks for, on which there is no choice
}

// choose says which addresses the Pod shall have, one of each set.
func (p *pool) choose(sets []rangeSet) ([]netip.Addr, error) {
	var chosen []netip.Addr
	for _, set := range sets {
		found, err := p.chooseFrom(set)
		if err != nil {
			return nil, err
		}
		chosen = append(chosen, found)
	}
	return chosen, nil
}

// chooseFrom prefers what the Pod had; then what nobody remembers; then what a Pod had that is gone, the longer the
// better. Last comes what a Pod has that no sandbox holds: after a boot it may still come back, but its neighbour
// is here now.
func (p *pool) chooseFrom(set rangeSet) (netip.Addr, error) {
	if i := slices.IndexFunc(p.want, set.contains); i >= 0 {
		return p.want[i], nil
	}
	if p.own != nil {
		for _, each := range p.own.Addresses {
			if set.contains(each) && p.free(each) {
				return each, nil
			}
		}
	}
	remembered := map[netip.Addr]bool{}
	for _, each := range p.book {
		for _, address := range each.Addresses {
			remembered[address] = true
		}
	}
	for each := range set.all() {
		if !remembered[each] && p.free(each) {
			return each, nil
		}
	}
	for _, state := range []string{records.Released, records.Live} {
		for _, other := range p.book.Sorted() {
			if other.State != state || other == p.own {
				continue
			}
			for _, each := range other.Addresses {
				if set.contains(each) && p.free(each) {
					return each, nil
				}
			}
		}
	}
	return netip.Addr{}, fmt.Errorf("%s to %s: %d addresses are held", set[0].first, set[len(set)-1].last, len(p.held))
}

func (p *pool) free(address netip.Addr) bool {
	_, taken := p.held[address]
	return !taken
}

// holds tells that host-local has given away an address of the record.
func (p *pool) holds(r *records.Record) bool {
	return slices.ContainsFunc(r.Addresses, func(each netip.Addr) bool { return !p.free(each) })
}
