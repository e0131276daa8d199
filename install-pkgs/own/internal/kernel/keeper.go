// Package kernel restores state of the kernel that edgeadm created and that other programs may remove: a reload of
// nftables, ufw or firewalld deletes all rules of nftables, a network manager removes links, addresses and routes
// that it does not manage, and `sysctl --system` sets other values.
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
	// If a state cannot be restored, the next attempt is after this time.
	again = time.Minute
	// The time limit of each command.
	commandPatience = 30 * time.Second
)

// State is one required state: it is present if the output of Show contains Has at least Times times. Restore is the
// command that creates it; it may be run at any time.
type State struct {
	What    string   `json:"what"`
	Show    []string `json:"show"`
	Has     string   `json:"has"`
	Times   int      `json:"times"`
	Restore []string `json:"restore"`
}

// Keeper restores the states in a file.
type Keeper struct {
	File string
	Say  func(format string, args ...any)
	Run  func(ctx context.Context, argv []string) (string, error)
	wait map[string]time.Duration
}

// Round restores missing states. `now` is the time since the start of the program.
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
			k.Say("%s was missing: restored by `%s`", each.What, strings.Join(each.Restore, " "))
			delete(k.wait, each.What)
			continue
		}
		k.wait[each.What] = now + again
		failed = errors.Join(failed, fmt.Errorf("%s is missing, and `%s` does not restore it: %.300s",
			each.What, strings.Join(each.Restore, " "), strings.TrimSpace(out)))
	}
	return failed
}

// states returns the states of the file; none if there is no file.
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
			return nil, fmt.Errorf("%s: %q is incomplete", k.File, each.What)
		}
	}
	return found.States, nil
}

func (k *Keeper) holds(ctx context.Context, state State) bool {
	out, err := k.Run(ctx, state.Show)
	return err == nil && strings.Count(out, state.Has) >= max(1, state.Times)
}

// Command runs a program and returns its output.
func Command(ctx context.Context, argv []string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, commandPatience)
	defer cancel()
	out, err := exec.CommandContext(ctx, argv[0], argv[1:]...).CombinedOutput()
	return string(out), err
}
