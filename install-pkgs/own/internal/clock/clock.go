// Package clock puts a clock forward that forgot what time it is.
//
// A node without a battery boots in 1970, or where its firmware stood. Every certificate is "not yet valid" then, and
// nothing starts that could ask somebody for the time. What the node has on its disk shows that it is later.
package clock

import (
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

// An entry is copied within seconds, and the time is noted every few minutes. What claims to be so much later than
// the time that was noted is from a time when the clock was wrong.
const slack = time.Hour

// Clock is what the time is read from and set with, so that tests have one of their own.
type Clock struct {
	Now func() time.Time
	Set func(time.Time) error
}

// System is the clock of the machine.
func System() Clock {
	return Clock{time.Now, func(to time.Time) error {
		value := syscall.NsecToTimeval(to.UnixNano())
		return syscall.Settimeofday(&value)
	}}
}

// Synchronized tells that something, such as an NTP client, keeps the clock right. The kernel is only asked.
func Synchronized() bool {
	const unsynchronized = 5 // TIME_ERROR of adjtimex(2)
	state, err := syscall.Adjtimex(&syscall.Timex{})
	return err == nil && state != unsynchronized
}

// Repair puts the clock forward to the latest time that the certificates and the snapshot know of. It is never put
// back, and that it cannot be set is only told: a boot goes on.
func (c Clock) Repair(certificates []string, snapshot, note string, say func(format string, args ...any)) {
	latest, from := newest(certificates, snapshot, note, say)
	now := c.Now()
	if !now.Before(latest) {
		return
	}
	told := fmt.Sprintf("the clock said %s, but it is at least %s, says %s",
		now.UTC().Format(time.RFC3339), latest.UTC().Format(time.RFC3339), from)
	if err := c.Set(latest); err != nil {
		say("%s: it cannot be set: %v", told, err)
		return
	}
	say("%s: it was set to that", told)
}

// newest is the latest time that anything bears witness to, and what that is. A file that is later than the end of
// all certificates, or than what was noted, was written when the clock was wrong: believing it would end the life of
// every certificate at each boot.
func newest(certificates []string, snapshot, note string, say func(format string, args ...any)) (time.Time, string) {
	var latest, end time.Time
	from := ""
	witness := func(at time.Time, who string) {
		if at.After(latest) {
			latest, from = at, who
		}
	}
	for _, path := range certificates {
		found, err := read(path)
		if err != nil {
			say("%s: %v", path, err)
		}
		for _, each := range found {
			witness(each.NotBefore, path)
			if each.NotAfter.After(end) {
				end = each.NotAfter
			}
		}
	}
	believed := func(at time.Time) bool { return end.IsZero() || at.Before(end) }
	var noted time.Time
	if info, err := os.Stat(note); err == nil {
		noted = info.ModTime()
	}
	_ = filepath.WalkDir(snapshot, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.Type().IsRegular() {
			return nil
		}
		info, err := entry.Info()
		if err != nil || !believed(info.ModTime()) {
			return nil
		}
		if path == note || noted.IsZero() || info.ModTime().Before(noted.Add(slack)) {
			witness(info.ModTime(), path)
		}
		return nil
	})
	return latest, from
}

// read returns the certificates of a file, which may hold a key, too.
func read(path string) ([]*x509.Certificate, error) {
	rest, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var found []*x509.Certificate
	for {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			break
		}
		if block.Type != "CERTIFICATE" {
			continue
		}
		each, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return found, err
		}
		found = append(found, each)
	}
	if len(found) == 0 {
		return nil, errors.New("it holds no certificate")
	}
	return found, nil
}
