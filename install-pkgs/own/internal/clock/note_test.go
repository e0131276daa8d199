package clock

import (
	"errors"
	"os"
	"testing"
	"time"
)

// noter has a note, and a host whose clock and whose running time are independent.
type noter struct {
	*machine
	Note
	passed time.Duration
	right  bool
}

func newNoter(t *testing.T, now time.Time) *noter {
	n := &noter{machine: newMachine(t)}
	n.now = now
	n.restart()
	return n
}

func (n *noter) restart() {
	n.Note = Note{File: n.note(), Synchronized: func() bool { return n.right }}
	n.passed = 0
}

// passes lets time pass, on both clocks, and updates the note.
func (n *noter) passes(time time.Duration) {
	n.t.Helper()
	n.now, n.passed = n.now.Add(time), n.passed+time
	if err := n.Keep(n.now, n.passed); err != nil {
		n.t.Fatal(err)
	}
}

func (n *noter) notes(wanted time.Time) {
	n.t.Helper()
	info, err := os.Stat(n.note())
	if err != nil || !info.ModTime().Equal(wanted) {
		n.t.Fatalf("noted is %v instead of %v, %v", info, wanted, err)
	}
	text, err := os.ReadFile(n.note())
	if err != nil || string(text) != wanted.UTC().Format(time.RFC3339)+"\n" {
		n.t.Fatalf("%q, %v", text, err)
	}
}

func TestTheTimeIsRecordedEveryTenMinutes(t *testing.T) {
	n := newNoter(t, issued)
	n.passes(0)
	n.notes(issued)
	for range 119 {
		n.passes(5 * time.Second)
	}
	n.notes(issued)
	n.passes(5 * time.Second)
	n.notes(issued.Add(10 * time.Minute))
	n.passes(10 * time.Minute)
	n.notes(issued.Add(20 * time.Minute))
}

func TestASetClockIsRecordedAtOnce(t *testing.T) {
	n := newNoter(t, epoch)
	n.passes(0)
	n.notes(epoch)
	n.now = issued
	n.passes(5 * time.Second)
	n.notes(issued.Add(5 * time.Second))
	n.now = issued.AddDate(3, 0, 0) // the clock was set to a wrong time
	n.passes(5 * time.Second)
	n.now = issued.Add(time.Minute) // and corrected
	n.passes(5 * time.Second)
	n.notes(issued.Add(time.Minute + 5*time.Second))
	n.now = n.now.Add(time.Second) // clocks are corrected a little all the time
	n.passes(5 * time.Second)
	n.notes(issued.Add(time.Minute + 5*time.Second))
}

func TestAResetClockChangesNothing(t *testing.T) {
	n := newNoter(t, issued)
	n.passes(0)
	n.now = epoch
	n.restart()
	for range 5 {
		n.passes(10 * time.Minute)
		n.notes(issued)
	}
	n.now = issued.Add(time.Hour) // the clock was set to the right time
	n.passes(5 * time.Second)
	n.notes(issued.Add(time.Hour + 5*time.Second))
}

func TestASynchronizedClockIsTrusted(t *testing.T) {
	n := newNoter(t, issued.AddDate(4, 0, 0))
	n.passes(0)
	n.now, n.right = issued, true
	n.restart()
	n.passes(0)
	n.notes(issued)
}

func TestAFullDiskStillGetsTheTime(t *testing.T) {
	n := newNoter(t, issued)
	n.passes(0)
	// A directory in place of the temporary file: as root, this has the effect of a full disk.
	if err := errors.Join(os.Mkdir(n.note()+".d", 0o700), os.Chtimes(n.note()+".d", epoch, epoch)); err != nil {
		t.Fatal(err)
	}
	n.File = n.note() + ".d"
	n.passes(10 * time.Minute)
	info, err := os.Stat(n.File)
	if err != nil || !info.ModTime().Equal(issued.Add(10*time.Minute)) {
		t.Fatal(info.ModTime(), err)
	}
	n.File = n.certificate + "/clock"
	if err := n.Keep(n.now.Add(time.Hour), n.passed+time.Hour); err == nil {
		t.Fatal("it cannot be written there")
	}
}

func TestTheKernelIsOnlyQueried(t *testing.T) {
	before := time.Now()
	Synchronized()
	if off := time.Since(before) - time.Now().Round(0).Sub(before.Round(0)); off.Abs() > time.Second {
		t.Fatal("the clock was set", off)
	}
}
