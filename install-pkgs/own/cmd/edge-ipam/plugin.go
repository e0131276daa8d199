package main

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"slices"
	"time"

	"edgeadm/own/internal/durable"
	"edgeadm/own/internal/records"
)

const (
	lockPatience = 45 * time.Second
	// The maximum number of records: more than the Pods of a node, and few enough to remain fast.
	mostRecords = 1024
	// The number of further addresses that are tried if a process without our lock was faster.
	mostTries = 8
)

// plugin handles one call.
type plugin struct {
	conf      *network
	call      call
	hostLocal hostLocal
	say       func(format string, args ...any)
	store     *records.Store
	book      records.Book
}

// run executes the command of the runtime while it holds the lock of the store.
func (p *plugin) run() ([]byte, error) {
	store, err := records.Open(p.conf.store(), lockPatience)
	if err != nil {
		return nil, fail(codeLater, "the stored addresses are not accessible", err)
	}
	defer store.Close()
	book, told, err := store.Load()
	for _, each := range told {
		p.say("%s", each)
	}
	if err != nil {
		return nil, fail(codeStore, "the stored addresses cannot be read", err)
	}
	p.store, p.book = store, book
	switch p.call.command {
	case "ADD":
		return p.add()
	case "DEL":
		return nil, p.del()
	case "CHECK":
		return nil, p.check()
	case "GC":
		return nil, p.collect()
	default:
		return nil, p.status()
	}
}

// add assigns the Pod its addresses. They are durably stored before the runtime receives them.
func (p *plugin) add() ([]byte, error) {
	if len(p.conf.sets) == 0 {
		return nil, fail(codeConfig, "the configuration is incomplete", errors.New("it has no ranges of addresses"))
	}
	p.forgetOutside()
	mine := attachment{p.call.container, p.call.ifname}
	held := holders(p.conf.reservations())
	if holdsAny(held, mine) {
		// A call was interrupted after host-local had assigned the addresses: host-local would fail now.
		if err := p.giveBack(mine); err != nil {
			return nil, err
		}
		held = holders(p.conf.reservations())
	}
	namespace, pod := p.call.identity()
	next := records.Record{
		Namespace: namespace, Pod: pod, UID: p.call.uid, Interface: p.call.ifname, Container: p.call.container,
		State: records.Live,
	}
	own := p.book[next.Key()]
	reply, err := p.reserve(&next, pool{book: p.book, held: held, own: own, want: p.wanted()})
	if err != nil {
		return nil, err
	}
	if err := p.store.Save(p.book, next); err != nil {
		if own == nil || !slices.Equal(own.Addresses, next.Addresses) {
			return nil, errors.Join(fail(codeStore, "the addresses cannot be stored", err), p.giveBack(mine))
		}
		// The addresses are already on the disk. A full disk must not prevent the Pod from starting again.
		p.say("%s: the record cannot be updated: %v", next, err)
	}
	p.bound()
	return reply, nil
}

// reserve selects addresses and runs host-local with them.
func (p *plugin) reserve(next *records.Record, choice pool) ([]byte, error) {
	for try := 1; ; try++ {
		chosen, err := choice.choose(p.conf.sets)
		if err != nil {
			return nil, fail(codeExhausted, "no address is available", err)
		}
		asked := slices.Clone(chosen)
		for _, each := range choice.want {
			if !slices.Contains(asked, each) {
				asked = append(asked, each) // in no range: host-local reports the error
			}
		}
		conf, err := p.conf.asking(asked)
		if err != nil {
			return nil, err
		}
		reply, err := p.hostLocal.run(p.store.Lock(), conf)
		if err == nil {
			next.Addresses = chosen
			return reply, nil
		}
		choice.held = holders(p.conf.reservations())
		taken := func(each netip.Addr) bool { return !choice.free(each) && !slices.Contains(choice.want, each) }
		if try == mostTries || !slices.ContainsFunc(chosen, taken) {
			return nil, err
		}
	}
}

// wanted returns the addresses that the runtime or the configuration requests.
func (p *plugin) wanted() []netip.Addr {
	want := slices.Clone(p.conf.want)
	if address, err := parseAddress(p.call.wish); err == nil {
		want = append(want, address)
	}
	return want
}

// del releases the addresses. They remain stored. If a sandbox was replaced before it is deleted, its replacement
// keeps the addresses.
func (p *plugin) del() error {
	conf, err := p.conf.asking(nil)
	if err != nil {
		return err
	}
	if _, err := p.hostLocal.run(p.store.Lock(), conf); err != nil {
		return err
	}
	p.release(attachment{p.call.container, p.call.ifname})
	p.bound()
	return nil
}

// release records that a container was deleted. A failure does not keep the container: host-local has no reservation
// for it.
func (p *plugin) release(gone attachment) {
	found := p.book.Container(gone.Container, gone.Interface)
	if found == nil || found.State == records.Released {
		return
	}
	var err error
	if found.Namespace == "" {
		err = p.store.Forget(p.book, found.Key())
	} else {
		next := *found
		next.State = records.Released
		err = p.store.Save(p.book, next)
	}
	if err != nil {
		p.say("%s: its deletion cannot be stored: %v", found, err)
	}
}

// check returns an error if the container does not have its stored addresses.
func (p *plugin) check() error {
	conf, err := p.conf.asking(nil)
	if err != nil {
		return err
	}
	if _, err := p.hostLocal.run(p.store.Lock(), conf); err != nil {
		return err
	}
	found := p.book.Container(p.call.container, p.call.ifname)
	if found == nil {
		return fail(codeStore, "the addresses are not stored", errors.New(p.call.container))
	}
	for _, each := range p.conf.seen.PrevResult.IPs {
		if address, err := parseAddress(each.Address); err != nil || !slices.Contains(found.Addresses, address) {
			return fail(codeStore, "another address is stored", fmt.Errorf("%v instead of %s", found.Addresses, each.Address))
		}
	}
	return nil
}

// collect releases the addresses of containers that the runtime does not list.
func (p *plugin) collect() error {
	if p.conf.seen.Valid == nil {
		return fail(codeConfig, "the configuration is incomplete", errors.New("it has no cni.dev/valid-attachments"))
	}
	stale := map[attachment]bool{}
	for _, each := range holders(p.conf.reservations()) {
		stale[each] = true
	}
	for _, each := range p.book {
		if each.State == records.Live {
			stale[attachment{each.Container, each.Interface}] = true
		}
	}
	for _, each := range *p.conf.seen.Valid {
		delete(stale, each)
	}
	var failed error
	for each := range stale {
		if err := p.giveBack(each); err != nil {
			failed = errors.Join(failed, err)
			continue
		}
		p.release(each)
	}
	p.bound()
	return failed
}

// status returns an error if no address could be assigned now.
func (p *plugin) status() error {
	if _, err := p.hostLocal.find(); err != nil {
		return fail(codeUnavailable, "host-local is missing", err)
	}
	// Runtimes call it every few seconds, so nothing is flushed to the disk.
	probe, err := os.CreateTemp(p.conf.store(), durable.Temporary)
	if err == nil {
		_, err = probe.WriteString("status")
		err = errors.Join(err, probe.Close(), os.Remove(probe.Name()))
	}
	if err != nil {
		return fail(codeUnavailable, "no address can be stored", err)
	}
	return nil
}

// giveBack removes host-local's reservations of a container.
func (p *plugin) giveBack(each attachment) error {
	conf, err := p.conf.asking(nil)
	if err != nil {
		return err
	}
	_, err = p.hostLocal.run(p.store.Lock(), conf,
		"CNI_COMMAND=DEL", "CNI_CONTAINERID="+each.Container, "CNI_IFNAME="+each.Interface)
	return err
}

// forgetOutside removes records with addresses outside the ranges of this node.
func (p *plugin) forgetOutside() {
	var keys []string
	for key, each := range p.book {
		if !slices.ContainsFunc(each.Addresses, p.inside) {
			p.say("%s: %v is outside the ranges of this node: record deleted", each, each.Addresses)
			keys = append(keys, key)
		}
	}
	if err := p.store.Forget(p.book, keys...); err != nil {
		p.say("%v", err)
	}
}

func (p *plugin) inside(address netip.Addr) bool {
	return slices.ContainsFunc(p.conf.sets, func(set rangeSet) bool { return set.contains(address) })
}

func (p *plugin) bound() {
	held := pool{held: holders(p.conf.reservations())}
	if err := p.store.Bound(p.book, mostRecords, held.holds); err != nil {
		p.say("%v", err)
	}
}

func holdsAny(held map[netip.Addr]attachment, who attachment) bool {
	for _, each := range held {
		if each == who {
			return true
		}
	}
	return false
}
