package main

import (
	"fmt"
	"net/netip"
	"slices"

	"edgeadm/own/internal/records"
)

// pool has all inputs of the selection of addresses.
type pool struct {
	book records.Book
	held map[netip.Addr]attachment // reserved by host-local since the boot
	own  *records.Record           // the record of the Pod; nil if it has none
	want []netip.Addr              // requested by the runtime, without a choice
}

// choose returns the addresses for the Pod, one of each set.
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

// chooseFrom prefers the previous address of the Pod; then an address without a record; then the address of a deleted
// Pod, longest deleted first. The last choice is the address of a Pod without a sandbox: after a boot it may start
// again, but this Pod starts now.
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
	return netip.Addr{}, fmt.Errorf("%s to %s: all %d addresses are assigned", set[0].first, set[len(set)-1].last, len(p.held))
}

func (p *pool) free(address netip.Addr) bool {
	_, taken := p.held[address]
	return !taken
}

// holds returns whether host-local has reserved an address of the record.
func (p *pool) holds(r *records.Record) bool {
	return slices.ContainsFunc(r.Addresses, func(each netip.Addr) bool { return !p.free(each) })
}
