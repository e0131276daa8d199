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

// Keep updates the snapshot from the cache, except for damaged entries: the snapshot keeps their last valid copy.
// Entries that no longer exist in the cache are removed from the snapshot.
//
// It is one round. A Cache that is used again skips the files that it has already copied.
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

// known returns whether this file was already copied, by this process or an earlier one.
func (c *Cache) known(info fs.FileInfo) bool {
	if seen, is := c.seen[info.Name()]; is {
		return SameFile(seen, info)
	}
	path := filepath.Join(c.Snapshot, info.Name())
	kept, err := os.Lstat(path)
	if err != nil || !same(kept, info) {
		return false
	}
	// A clock that starts in 1970 at every boot may return the same time twice, so the file is read once.
	entry, err := os.ReadFile(filepath.Join(c.Folder, info.Name()))
	if err != nil {
		return false
	}
	before, err := os.ReadFile(path)
	return err == nil && bytes.Equal(before, entry)
}

func same(a, b fs.FileInfo) bool { return a.Size() == b.Size() && a.ModTime().Equal(b.ModTime()) }

// take copies a valid entry to the snapshot, and flushes the entry itself. A copy protects from damage of one of the
// files. If a full disk has no space for a copy, the snapshot gets a hard link, which still survives a power cut,
// because lite-apiserver never writes to a file that has its final name.
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
		c.Say("%s is damaged and not copied: %v", name, err)
		return false, nil
	}
	if err := durable.Write(kept, data, 0o600); err == nil {
		// The time lets the next process skip this file.
		return true, os.Chtimes(kept, info.ModTime(), info.ModTime())
	}
	return true, durable.Link(path, kept, check)
}

// flushed flushes an entry and reads it.
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

// drop removes entries from the snapshot that the cache no longer has.
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

// locked excludes a second process: one runs all the time, another once in `join`.
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
