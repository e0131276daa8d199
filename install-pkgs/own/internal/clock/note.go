package clock

import (
	"errors"
	"os"
	"path/filepath"
	"time"

	"edgeadm/own/internal/durable"
)

const (
	noteEvery = 10 * time.Minute
	// A clock that differs by more from what has passed since it was last noted was set meanwhile.
	jumped = time.Minute
)

// Note is the file whose time is the latest that this node has known for sure. Only its time is read; what is in it
// is for people.
type Note struct {
	File         string
	Synchronized func() bool
	started      bool
	wall         time.Time
	passed       time.Duration
}

// Keep renews the file every ten minutes, and when the clock was set. `passed` is the time since the program started,
// which nobody sets. A clock that starts earlier than what was noted is one that forgot, so it is not believed, unless
// something keeps it right; one that is put back while we look is one that is put right.
func (n *Note) Keep(now time.Time, passed time.Duration) error {
	now = now.Round(0) // Round drops what Go knows better than the clock
	off := now.Sub(n.wall) - (passed - n.passed)
	isSet := n.started && (off > jumped || off < -jumped)
	if n.started && !isSet && passed-n.passed < noteEvery {
		return nil
	}
	info, err := os.Stat(n.File)
	if forgot := err == nil && now.Before(info.ModTime()); !forgot || isSet || n.Synchronized() {
		if err := n.write(now); err != nil {
			return err
		}
	}
	n.started, n.wall, n.passed = true, now, passed
	return nil
}

// write flushes the time. A full disk has no room for a new file, but for the time of the old one.
func (n *Note) write(now time.Time) error {
	err := durable.Private(filepath.Dir(n.File))
	if err == nil {
		err = durable.Write(n.File, []byte(now.UTC().Format(time.RFC3339)+"\n"), 0o600)
	}
	if touched := os.Chtimes(n.File, now, now); touched != nil {
		return errors.Join(err, touched)
	}
	return durable.SyncFile(n.File)
}
