package litecache

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"edgeadm/own/internal/durable"
)

// Repair makes the cache usable after a power cut, while lite-apiserver does not run: half-written files go, broken
// entries and those whose name was lost come from the snapshot. A broken entry that the snapshot does not have
// goes, too: a missing one is answered with an error that clients know, a broken one with garbage.
//
// It does what it can, and tells all that it did and all that it could not do.
func (c *Cache) Repair() {
	found, err := files(c.Folder)
	if errors.Is(err, fs.ErrNotExist) && !exists(c.Snapshot) {
		return // a node that has not had its cache yet
	}
	if err := durable.Private(c.Folder); err != nil {
		c.Say("%s: %v", c.Folder, err)
		return
	}
	for _, info := range found {
		c.mend(info.Name())
	}
	durable.Sweep(c.Folder)
	c.restore()
	if err := durable.SyncFolder(c.Folder); err != nil {
		c.Say("%s: %v", c.Folder, err)
	}
}

func (c *Cache) mend(name string) {
	path := filepath.Join(c.Folder, name)
	if temporary(name) {
		c.report(os.Remove(path), "%s: removed, it was never finished", name)
		return
	}
	broken := check(path)
	if broken == nil {
		return
	}
	switch err := c.fetch(name); {
	case err == nil:
		c.Say("%s: taken from the snapshot, as %v", name, broken)
	default:
		c.report(os.Remove(path), "%s: removed, as %v, and the snapshot does not help (%v)", name, broken, err)
	}
}

// restore brings back entries whose names were lost, and takes broken ones out of the snapshot.
func (c *Cache) restore() {
	kept, err := files(c.Snapshot)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		c.Say("%s: %v", c.Snapshot, err)
	}
	for _, each := range kept {
		name := each.Name()
		if err := check(filepath.Join(c.Snapshot, name)); err != nil {
			c.report(os.Remove(filepath.Join(c.Snapshot, name)), "%s: removed from the snapshot, as %v", name, err)
			continue
		}
		if !exists(filepath.Join(c.Folder, name)) {
			c.report(c.fetch(name), "%s: it was missing, taken from the snapshot", name)
		}
	}
}

// fetch takes an entry from the snapshot if it is good.
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
	return relink(kept, path) // there is no room on the disk
}

func (c *Cache) report(err error, format string, args ...any) {
	if err != nil {
		c.Say(format+": %v", append(args, err)...)
		return
	}
	c.Say(format, args...)
}
