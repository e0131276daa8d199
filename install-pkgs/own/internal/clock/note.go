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
	// If the clock and the time since the last record differ by more than this, the clock was set meanwhile.
	jumped = time.Minute
)

// Note is the file with the latest time that this node is certain of, as its modification time. Its content is for
// administrators.
type Note struct {
	File         string
	Synchronized func() bool
	started      bool
	wall         time.Time
	passed       time.Duration
}

// Keep updates the file every ten minutes, and when the clock was set. `passed` is the time since the start of the
// program, which does not depend on the clock. A clock that starts earlier than the recorded time has lost the time,
// so the file is not updated, unless the clock is synchronized; a clock that is set to an earlier time while this
// program runs was corrected.
func (n *Note) Keep(now time.Time, passed time.Duration) error {
	now = now.Round(0) // Round removes the monotonic time of Go
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

// write flushes the time. If a full disk has no space for a new file, the old one gets the time.
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
