package records

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"edgeadm/own/internal/durable"
)

const (
	lockName = ".lock"
	suffix   = ".record"
	poll     = 5 * time.Millisecond
)

// Store is the locked directory of records: no other process changes it until it is closed.
type Store struct {
	folder string
	lock   *os.File
	now    func() time.Time
}

// Open creates the directory if necessary and waits for its lock, at most for this time.
func Open(folder string, patience time.Duration) (*Store, error) {
	if err := durable.Private(folder); err != nil {
		return nil, err
	}
	lock, err := acquire(folder, syscall.LOCK_EX, patience)
	if err != nil {
		return nil, err
	}
	durable.Sweep(folder)
	return &Store{folder, lock, time.Now}, nil
}

// Lock is the locked file. A program that inherits it holds the lock even if this process is killed.
func (s *Store) Lock() *os.File { return s.lock }

// Close releases the lock.
func (s *Store) Close() error { return s.lock.Close() }

// Load returns the records and the faults that it found: it removes damaged records, and an address in two records
// remains in the newer one. It returns an error if the directory cannot be read.
func (s *Store) Load() (Book, []string, error) {
	book, broken, err := read(s.folder)
	if err != nil {
		return nil, nil, err
	}
	var told []string
	for _, each := range broken {
		told = append(told, each.String())
		if !each.leave {
			_ = os.Remove(filepath.Join(s.folder, each.File))
		}
	}
	for _, each := range book.settle() {
		told = append(told, each.String())
		if err := s.trim(book, strings.TrimSuffix(each.File, suffix)); err != nil {
			return nil, told, err
		}
	}
	return book, told, nil
}

// Save writes the newest record. It is durable when Save returns. The addresses are removed from other records first,
// so that no address is in two records on the disk at any time.
func (s *Store) Save(book Book, r Record) error {
	for _, each := range book.Sorted() {
		if each.Key() == r.Key() {
			continue
		}
		kept := slices.DeleteFunc(slices.Clone(each.Addresses), r.has)
		if len(kept) == len(each.Addresses) {
			continue
		}
		if each.Addresses = kept; len(kept) == 0 {
			delete(book, each.Key())
		}
		if err := s.trim(book, each.Key()); err != nil {
			return err
		}
	}
	r.Number, r.Time = book.last()+1, s.now().UTC().Truncate(time.Second)
	if err := s.write(&r); err != nil {
		return err
	}
	book[r.Key()] = &r
	return nil
}

// Forget removes records.
func (s *Store) Forget(book Book, keys ...string) error {
	if len(keys) == 0 {
		return nil
	}
	var failed error
	for _, key := range keys {
		delete(book, key)
		if err := os.Remove(filepath.Join(s.folder, key+suffix)); !errors.Is(err, fs.ErrNotExist) {
			failed = errors.Join(failed, err)
		}
	}
	return errors.Join(failed, durable.SyncFolder(s.folder))
}

// Bound removes records if there are too many, see dispensable. `held` returns whether a sandbox has the addresses of
// a record.
func (s *Store) Bound(book Book, most int, held func(*Record) bool) error {
	var keys []string
	for _, each := range book.dispensable(most, held) {
		keys = append(keys, each.Key())
	}
	return s.Forget(book, keys...)
}

// trim updates a record on the disk that lost addresses, and removes it if it has none left.
func (s *Store) trim(book Book, key string) error {
	if found, kept := book[key]; kept {
		return s.write(found)
	}
	return s.Forget(book, key)
}

func (s *Store) write(r *Record) error {
	data, err := encode(*r)
	if err != nil {
		return err
	}
	return durable.Write(filepath.Join(s.folder, r.Key()+suffix), data, 0o600)
}

// List returns the records without changes. A store that does not exist has none.
func List(folder string, patience time.Duration) ([]*Record, []Problem, error) {
	if _, err := os.Stat(folder); errors.Is(err, fs.ErrNotExist) {
		return nil, nil, nil
	}
	lock, err := acquire(folder, syscall.LOCK_SH, patience)
	if err != nil {
		return nil, nil, err
	}
	defer lock.Close()
	book, broken, err := read(folder)
	if err != nil {
		return nil, nil, err
	}
	all := book.Sorted()
	for i, each := range all {
		asWritten := *each
		all[i] = &asWritten
	}
	return all, append(broken, book.settle()...), nil
}

// acquire waits for a lock on the directory.
func acquire(folder string, how int, patience time.Duration) (*os.File, error) {
	lock, err := os.OpenFile(filepath.Join(folder, lockName), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	for end := time.Now().Add(patience); ; time.Sleep(poll) {
		err := syscall.Flock(int(lock.Fd()), how|syscall.LOCK_NB)
		if err == nil {
			return lock, nil
		}
		waiting := errors.Is(err, syscall.EWOULDBLOCK) || errors.Is(err, syscall.EINTR)
		if !waiting || time.Now().After(end) {
			_ = lock.Close()
			return nil, fmt.Errorf("%s is still locked: %w", folder, err)
		}
	}
}

// read reads all records of a directory, and returns the damaged ones.
func read(folder string) (Book, []Problem, error) {
	found, err := os.ReadDir(folder)
	if err != nil {
		return nil, nil, err
	}
	book, broken := Book{}, []Problem(nil)
	for _, each := range found {
		key, is := strings.CutSuffix(each.Name(), suffix)
		if !is {
			if !strings.HasPrefix(each.Name(), ".") {
				broken = append(broken, Problem{each.Name(), "it is not a file of this directory", true})
			}
			continue
		}
		data, err := os.ReadFile(filepath.Join(folder, each.Name()))
		if err != nil {
			broken = append(broken, Problem{each.Name(), err.Error(), true})
			continue
		}
		record, err := decode(data, key)
		if err != nil {
			broken = append(broken, Problem{each.Name(), err.Error(), false})
			continue
		}
		book[key] = &record
	}
	return book, broken, nil
}
