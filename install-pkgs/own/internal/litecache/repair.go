package litecache

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"edgeadm/own/internal/durable"
)

// Repair makes the cache usable after a power cut, while lite-apiserver does not run. It removes unfinished files,
// and restores damaged entries and entries without a name from the snapshot. A damaged entry without a copy is
// removed: for a missing entry clients receive an error that they handle, for a damaged one garbage.
//
// Errors do not stop the repair; it logs them and all changes.
func (c *Cache) Repair() {
	found, err := files(c.Folder)
	if errors.Is(err, fs.ErrNotExist) && !exists(c.Snapshot) {
		return // a node without a cache
	}
	if err := durable.Private(c.Folder); err != nil {
		c.Say("%s: %v", c.Folder, err)
		return
	}
	for _, info := range found {
		c.repair(info.Name())
	}
	durable.Sweep(c.Folder)
	c.restore()
	if err := durable.SyncFolder(c.Folder); err != nil {
		c.Say("%s: %v", c.Folder, err)
	}
}

func (c *Cache) repair(name string) {
	path := filepath.Join(c.Folder, name)
	if temporary(name) {
		c.report(os.Remove(path), "%s: removed, because it is incomplete", name)
		return
	}
	broken := check(path)
	if broken == nil {
		return
	}
	switch err := c.fetch(name); {
	case err == nil:
		c.Say("%s: restored from the snapshot, because %v", name, broken)
	default:
		c.report(os.Remove(path), "%s: removed, because %v, and the snapshot has no valid copy (%v)", name, broken, err)
	}
}

// restore restores entries whose names are missing, and removes damaged ones from the snapshot.
func (c *Cache) restore() {
	kept, err := files(c.Snapshot)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		c.Say("%s: %v", c.Snapshot, err)
	}
	for _, each := range kept {
		name := each.Name()
		if err := check(filepath.Join(c.Snapshot, name)); err != nil {
			c.report(os.Remove(filepath.Join(c.Snapshot, name)), "%s: removed from the snapshot, because %v", name, err)
			continue
		}
		if !exists(filepath.Join(c.Folder, name)) {
			c.report(c.fetch(name), "%s: restored from the snapshot, because it was missing", name)
		}
	}
}

// fetch copies a valid entry from the snapshot.
func (c *Cache) fetch(name string) error {
	kept, path := filepath.Join(c.Snapshot, name), filepath.Join(c.Folder, name)
	data, err := os.ReadFile(kept)
	if err != nil {
		return err
	}
	if err := whole(data); err != nil {
		return err
	}
	if durable.Write(path, data, 0o600) == nil {
		return nil
	}
	return durable.Link(kept, path, check) // the disk is full
}

func (c *Cache) report(err error, format string, args ...any) {
	if err != nil {
		c.Say(format+": %v", append(args, err)...)
		return
	}
	c.Say(format, args...)
}
