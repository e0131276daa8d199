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
	// A client reads its object at its start and changes it shortly afterwards, or after it has waited for a
	// condition.
	askSoon = 5 * time.Second
	askLate = 30 * time.Second
	askAll  = 10 * time.Minute
	askLook = 2 * time.Second
)

// askAgain detects that a client has read an object of this node, and reads it again later. Times are durations since
// the start of the program, which do not depend on the clock.
type askAgain struct {
	entries func() ([]litecache.Found, error)
	ask     func(context.Context, litecache.Found) (fs.FileInfo, error)
	known   map[string]*plan
	all     time.Duration
}

// plan has the times at which an entry is read; zero means never.
type plan struct {
	file       fs.FileInfo
	soon, late time.Duration
}

func newAskAgain(a *asker) *askAgain {
	return &askAgain{entries: a.entries, ask: a.ask, known: map[string]*plan{}, all: askAll}
}

// round reads the entries that are due. Errors are returned; a failed entry is read again at its next time.
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
			failed = errors.Join(failed, fmt.Errorf("%s: not updated: %w", each.Key, err))
		}
		if written != nil {
			p.file = written
		}
	}
	a.known = present
	return failed
}

// knows returns whether the file of the entry is the one of the plan; an entry that did not exist may still not
// exist.
func (p *plan) knows(file fs.FileInfo) bool {
	if p.file == nil || file == nil {
		return p.file == nil && file == nil
	}
	return litecache.SameFile(p.file, file)
}

// written returns the plan for an entry that another client wrote. An entry that is written all the time is read,
// too.
func (p *plan) written(file fs.FileInfo, now time.Duration) *plan {
	next := &plan{file, now + askSoon, now + askLate}
	if p != nil && p.soon != 0 {
		next.soon = p.soon
	}
	return next
}

// due returns whether it is time, and removes that time from the plan.
func (p *plan) due(now time.Duration) bool {
	is := false
	for _, each := range []*time.Duration{&p.soon, &p.late} {
		if *each != 0 && now >= *each {
			*each, is = 0, true
		}
	}
	return is
}
