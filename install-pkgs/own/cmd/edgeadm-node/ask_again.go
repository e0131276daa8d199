package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"edgeadm/own/internal/litecache"
)

const (
	// A client that starts asks first and writes then: soon after, or after it has waited for something.
	askSoon = 5 * time.Second
	askLate = 30 * time.Second
	askAll  = 10 * time.Minute
	askLook = 2 * time.Second
)

// askAgain sees who asked for an object of this node, and asks again after them. Times are those since the program
// started: what the clock says does not matter.
type askAgain struct {
	entries func() ([]litecache.Found, error)
	ask     func(context.Context, litecache.Found) (fs.FileInfo, error)
	known   map[string]*plan
	all     time.Duration
}

// plan says when an entry is asked for; never, where it is nothing.
type plan struct {
	file       fs.FileInfo
	soon, late time.Duration
}

func newAskAgain(a *asker) *askAgain {
	return &askAgain{entries: a.entries, ask: a.ask, known: map[string]*plan{}, all: askAll}
}

// round asks for what is due. That something cannot be asked is told, and nothing else: its time comes again.
func (a *askAgain) round(ctx context.Context, now time.Duration) error {
	found, err := a.entries()
	if err != nil {
		return err
	}
	everything := now >= a.all
	if everything {
		a.all = now + askAll
	}
	present, failed := map[string]*plan{}, error(nil)
	for _, each := range found {
		p := a.known[each.Key]
		if p == nil || !p.knows(each.Info) {
			p = p.written(each.Info, now)
		}
		present[each.Key] = p
		if !p.due(now) && !everything {
			continue
		}
		written, err := a.ask(ctx, each)
		if err != nil {
			failed = errors.Join(failed, fmt.Errorf("%s: not asked anew: %w", each.Key, err))
		}
		if written != nil {
			p.file = written
		}
	}
	a.known = present
	return failed
}

// knows tells that the entry is as it was planned for; one that was not there may still not be.
func (p *plan) knows(file fs.FileInfo) bool {
	if p.file == nil || file == nil {
		return p.file == nil && file == nil
	}
	return litecache.SameFile(p.file, file)
}

// written plans for an entry that somebody else wrote. One that is written all the time is asked for all the same.
func (p *plan) written(file fs.FileInfo, now time.Duration) *plan {
	next := &plan{file, now + askSoon, now + askLate}
	if p != nil && p.soon != 0 {
		next.soon = p.soon
	}
	return next
}

// due tells whether it is time, and takes out of the plan what that is.
func (p *plan) due(now time.Duration) bool {
	is := false
	for _, each := range []*time.Duration{&p.soon, &p.late} {
		if *each != 0 && now >= *each {
			*each, is = 0, true
		}
	}
	return is
}
