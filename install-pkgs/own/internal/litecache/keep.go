package litecache

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"edgeadm/own/internal/durable"
)

const lockName = ".lock"

// Keep makes the snapshot what the cache is, but for entries that are broken: of those the last good one stays.
// Entries that are gone from the cache go from the snapshot, so it has no more of them.
//
// It is one round; a Cache that is kept knows what it has seen already, and looks only at what has changed.
func (c *Cache) Keep() error {
	found, err := files(c.Folder)
	if err != nil {
		return err
	}
	if err := durable.Private(c.Snapshot); err != nil {
		return err
	}
	lock, err := locked(c.Snapshot)
	if err != nil {
		return err
	}
	defer lock.Close()
	durable.Sweep(c.Snapshot)
	if c.seen == nil {
		c.seen = map[string]fs.FileInfo{}
	}
	var failed error
	present, changed := map[string]bool{}, false
	for _, info := range found {
		name := info.Name()
		if temporary(name) {
			continue
		}
		present[name] = true
		if c.known(info) {
			c.seen[name] = info
			continue
		}
		took, err := c.take(info)
		changed = changed || took
		failed = errors.Join(failed, err)
		if err == nil {
			c.seen[name] = info
		}
	}
	dropped, err := c.drop(present)
	if failed = errors.Join(failed, err); changed || dropped {
		failed = errors.Join(failed, durable.SyncFolder(c.Snapshot), durable.SyncFolder(c.Folder))
	}
	return failed
}

// known tells that this very file was looked at before, by this keeper or an earlier one.
func (c *Cache) known(info fs.FileInfo) bool {
	if seen, is := c.seen[info.Name()]; is {
		return SameFile(seen, info)
	}
	path := filepath.Join(c.Snapshot, info.Name())
	kept, err := os.Lstat(path)
	if err != nil || !same(kept, info) {
		return false
	}
	// A clock that begins in 1970 at every boot may say the same time twice, so this is looked at once.
	entry, err := os.ReadFile(filepath.Join(c.Folder, info.Name()))
	if err != nil {
		return false
	}
	before, err := os.ReadFile(path)
	return err == nil && bytes.Equal(before, entry)
}

func same(a, b fs.FileInfo) bool { return a.Size() == b.Size() && a.ModTime().Equal(b.ModTime()) }

// take puts an entry into the snapshot, if it is good, and sees to it that the entry itself is on the disk, too.
// The snapshot is a copy: what damages one of them does not damage the other. A full disk has no room for that, so
// there it is a link, which still outlives a power cut, as lite-apiserver never writes into a file that has its name.
func (c *Cache) take(info fs.FileInfo) (bool, error) {
	name := info.Name()
	path, kept := filepath.Join(c.Folder, name), filepath.Join(c.Snapshot, name)
	data, err := c.flushed(path)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	if err := whole(data); err != nil {
		c.Say("%s is broken and not taken: %v", name, err)
		return false, nil
	}
	if err := durable.Write(kept, data, 0o600); err == nil {
		// The time tells the next keeper that it need not look again.
		return true, os.Chtimes(kept, info.ModTime(), info.ModTime())
	}
	return true, relink(path, kept)
}

// flushed reads an entry that is on the disk, and nobody else's business, by then.
func (c *Cache) flushed(path string) ([]byte, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	if err := errors.Join(file.Chmod(0o600), file.Sync()); err != nil {
		return nil, err
	}
	return io.ReadAll(file)
}

// relink makes `to` another name of the file `from`, in one step, if that is good.
func relink(from, to string) error {
	next := filepath.Join(filepath.Dir(to), durable.Temporary+"link")
	if err := os.Link(from, next); err != nil {
		return err
	}
	// Renaming does nothing where both are one file already.
	defer os.Remove(next)
	if err := check(next); err != nil {
		return err
	}
	return os.Rename(next, to)
}

// drop takes out of the snapshot what the cache no longer has.
func (c *Cache) drop(present map[string]bool) (bool, error) {
	kept, err := files(c.Snapshot)
	dropped := false
	for _, each := range kept {
		if !present[each.Name()] {
			dropped = true
			err = errors.Join(err, os.Remove(filepath.Join(c.Snapshot, each.Name())))
			delete(c.seen, each.Name())
		}
	}
	return dropped, err
}

// locked keeps two keepers apart, the one that runs always and the one that `join` runs once.
func locked(folder string) (*os.File, error) {
	lock, err := os.OpenFile(filepath.Join(folder, lockName), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX); err != nil {
		_ = lock.Close()
		return nil, err
	}
	return lock, nil
}
