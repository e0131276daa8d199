package records

import (
	"testing"
	"time"
)

// TestTheOrderDoesNotDependOnTheClock: the clock jumps between 1970 and the next century, and the newest record
// remains the newest.
func TestTheOrderDoesNotDependOnTheClock(t *testing.T) {
	folder := t.TempDir()
	names := []string{"first", "second", "third", "fourth"}
	for i, at := range []time.Time{
		time.Date(2126, 1, 1, 0, 0, 0, 0, time.UTC), time.Unix(0, 0), time.Date(2026, 5, 1, 0, 0, 0, 0, time.UTC), time.Unix(0, 0),
	} {
		with(t, folder, func(store *Store, book Book) {
			store.now = func() time.Time { return at }
			// The third one gets the address of the first.
			if err := store.Save(book, pod(names[i], []string{"10.0.0.1", "10.0.0.2", "10.0.0.1", "10.0.0.4"}[i])); err != nil {
				t.Fatal(err)
			}
		})
	}
	said := with(t, folder, func(store *Store, book Book) {
		var order []string
		for _, each := range book.Sorted() {
			order = append(order, each.Pod)
		}
		if len(order) != 3 || order[0] != "second" || order[1] != "third" || order[2] != "fourth" {
			t.Fatal(order)
		}
		if owner := book.Owner(addresses("10.0.0.1")[0]); owner.Pod != "third" || owner.Time.Year() != 2026 {
			t.Fatal(owner, owner.Time)
		}
		if err := store.Bound(book, 2, func(*Record) bool { return false }); err != nil || book.Owner(addresses("10.0.0.2")[0]) != nil {
			t.Fatal("the oldest is not the one that went", err)
		}
	})
	if len(said) > 0 {
		t.Fatal(said)
	}
}
