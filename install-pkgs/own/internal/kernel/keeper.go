// Package kernel restores state of the kernel that edgeadm made and that other programs may flush: a reload of
// nftables, ufw or firewalld empties the packet filter, a network manager removes links, addresses and routes that it
// does not know, and `sysctl --system` sets other values.
package kernel

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"strings"
	"time"
)

const (
	// A state that could not be restored is left alone for this long.
	again = time.Minute
	// No command here takes longer than this.
	commandPatience = 30 * time.Second
)

// State is one thing that has to be there: Show prints it, and then Has occurs Times times at least. Restore is the
// command that makes it; it may be run at any time.
type State struct {
	What    string   `json:"what"`
	Show    []string `json:"show"`
	Has     string   `json:"has"`
	Times   int      `json:"times"`
	Restore []string `json:"restore"`
}

// Keeper looks after the states in a file.
type Keeper struct {
	File string
	Say  func(format string, args ...any)
	Run  func(ctx context.Context, argv []string) (string, error)
	wait map[string]time.Duration
}

// Round restores the states that are gone. Now is the time since the program started.
func (k *Keeper) Round(ctx context.Context, now time.Duration) error {
	states, err := k.states()
	if err != nil {
		return err
	}
	if k.wait == nil {
		k.wait = map[string]time.Duration{}
	}
	var failed error
	for _, each := range states {
		if k.holds(ctx, each) {
			delete(k.wait, each.What)
			continue
		}
		if now < k.wait[each.What] || ctx.Err() != nil {
			continue
		}
		out, err := k.Run(ctx, each.Restore)
		if err == nil && k.holds(ctx, each) {
			k.Say("%s was gone: restored by `%s`", each.What, strings.Join(each.Restore, " "))
			delete(k.wait, each.What)
			continue
		}
		k.wait[each.What] = now + again
		failed = errors.Join(failed, fmt.Errorf("%s is gone, and `%s` does not restore it: %.300s",
			each.What, strings.Join(each.Restore, " "), strings.TrimSpace(out)))
	}
	return failed
}

// states are those of the file; none if there is no file.
func (k *Keeper) states() ([]State, error) {
	data, err := os.ReadFile(k.File)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var found struct{ States []State }
	if err := json.Unmarshal(data, &found); err != nil {
		return nil, fmt.Errorf("%s: %w", k.File, err)
	}
	for _, each := range found.States {
		if len(each.Show) == 0 || len(each.Restore) == 0 || each.Has == "" {
			return nil, fmt.Errorf("%s: %q says too little", k.File, each.What)
		}
	}
	return found.States, nil
}

func (k *Keeper) holds(ctx context.Context, state State) bool {
	out, err := k.Run(ctx, state.Show)
	return err == nil && strings.Count(out, state.Has) >= max(1, state.Times)
}

// Command runs a program and returns what it printed.
func Command(ctx context.Context, argv []string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, commandPatience)
	defer cancel()
	out, err := exec.CommandContext(ctx, argv[0], argv[1:]...).CombinedOutput()
	return string(out), err
}
