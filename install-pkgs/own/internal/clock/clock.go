// Package clock sets a clock forward that has lost the time.
//
// A node without a battery boots in 1970, or at a time that its firmware has stored. Then no certificate is valid
// yet, and no program can get the time from the network. Files on the disk of the node show that it is later.
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

// Entries are copied within seconds, and the time is recorded every few minutes. A file that is later than the
// recorded time by more than this was written while the clock was wrong.
const slack = time.Hour

// Clock reads and sets the time; tests have their own.
type Clock struct {
	Now func() time.Time
	Set func(time.Time) error
}

// System is the clock of the host.
func System() Clock {
	return Clock{time.Now, func(to time.Time) error {
		value := syscall.NsecToTimeval(to.UnixNano())
		return syscall.Settimeofday(&value)
	}}
}

// Synchronized returns whether a program such as an NTP client keeps the clock synchronized. It only reads the state
// of the kernel.
func Synchronized() bool {
	const unsynchronized = 5 // TIME_ERROR of adjtimex(2)
	state, err := syscall.Adjtimex(&syscall.Timex{})
	return err == nil && state != unsynchronized
}

// Repair sets the clock forward to the latest time of the certificates and the snapshot. It never sets the clock to
// an earlier time. An error is only logged, so that the boot continues.
func (c Clock) Repair(certificates []string, snapshot, note string, say func(format string, args ...any)) {
	latest, from := newest(certificates, snapshot, note, say)
	now := c.Now()
	if !now.Before(latest) {
		return
	}
	told := fmt.Sprintf("the clock said %s, but it is at least %s according to %s",
		now.UTC().Format(time.RFC3339), latest.UTC().Format(time.RFC3339), from)
	if err := c.Set(latest); err != nil {
		say("%s: the clock cannot be set: %v", told, err)
		return
	}
	say("%s: the clock was set to that time", told)
}

// newest is the latest time of all sources, and the name of its source. A file that is later than the end of all
// certificates, or than the recorded time, was written while the clock was wrong: with that time every certificate
// would expire at each boot.
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

// read returns the certificates of a file, which may contain a key, too.
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
		return nil, errors.New("it contains no certificate")
	}
	return found, nil
}
