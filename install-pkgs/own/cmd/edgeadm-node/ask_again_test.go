package main

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"edgeadm/own/internal/litecache"
)

// cloudy is a cache with clients that write to it, and a lite-apiserver that writes to it after a request.
type cloudy struct {
	*askAgain
	t      *testing.T
	folder string
	away   bool
	fails  bool
	asked  []string
}

func newCloudy(t *testing.T, keys ...string) *cloudy {
	c := &cloudy{t: t, folder: t.TempDir()}
	a := &asker{cache: c.folder, node: "e3"}
	c.askAgain = newAskAgain(a)
	c.ask = func(_ context.Context, entry litecache.Found) (fs.FileInfo, error) {
		c.asked = append(c.asked, entry.Key)
		if c.fails {
			return nil, errors.New("no route")
		}
		if c.away {
			return nil, nil
		}
		return c.write(entry.Key), nil
	}
	for _, each := range keys {
		c.write(each)
	}
	return c
}

func (c *cloudy) write(key string) fs.FileInfo {
	c.t.Helper()
	next := filepath.Join(c.folder, key+"_0123456789ab")
	if err := os.WriteFile(next, []byte("{}"), 0o600); err != nil {
		c.t.Fatal(err)
	}
	// All have the same time: a clock may stand still, or jump.
	if err := os.Chtimes(next, time.Unix(7, 0), time.Unix(7, 0)); err != nil {
		c.t.Fatal(err)
	}
	if err := os.Rename(next, filepath.Join(c.folder, key)); err != nil {
		c.t.Fatal(err)
	}
	info, err := os.Lstat(filepath.Join(c.folder, key))
	if err != nil {
		c.t.Fatal(err)
	}
	return info
}

// until runs a round per second, and returns the seconds with a request.
func (c *cloudy) until(from, to int) []int {
	c.t.Helper()
	var when []int
	for second := from; second <= to; second++ {
		c.asked = nil
		if err := c.round(context.Background(), time.Duration(second)*time.Second); (err != nil) != (c.fails && c.asked != nil) {
			c.t.Fatal(err)
		}
		for range c.asked {
			when = append(when, second)
		}
	}
	return when
}

func (c *cloudy) is(found []int, wanted ...int) {
	c.t.Helper()
	if !slices.Equal(found, wanted) {
		c.t.Fatalf("asked at %v instead of %v", found, wanted)
	}
}

func TestAnEntryOfAnotherWriterIsRequestedAgainSoonAndLater(t *testing.T) {
	c := newCloudy(t, flannelNode)
	c.is(c.until(1, 99), 6, 31) // no client is known that wrote it
	c.is(c.until(100, 200))
	c.write(flannelNode)
	c.is(c.until(201, 400), 206, 231)
}

func TestAFrequentlyWrittenEntryIsStillRequested(t *testing.T) {
	c := newCloudy(t, flannelNode)
	asked := 0
	for second := range 60 {
		c.write(flannelNode)
		asked += len(c.until(second, second))
	}
	if asked < 8 || asked > 12 {
		t.Fatal(asked)
	}
	c.is(c.until(60, 99), 59+30)
}

func TestAllEntriesAreRequestedEveryTenMinutes(t *testing.T) {
	c := newCloudy(t, flannelNode, "kubelet_v1__nodes_e3_")
	c.until(0, 100)
	c.is(c.until(101, 1300), 600, 600, 600, 600, 1200, 1200, 1200, 1200)
}

func TestAMissingObjectIsNotRequestedMoreOften(t *testing.T) {
	c := newCloudy(t, "kubelet_v1__nodes_e3_")
	c.away = true
	c.is(c.until(0, 700), 5, 5, 5, 30, 30, 30, 600, 600, 600)
}

func TestAnUnreachableCloudIsNotRequestedMoreOften(t *testing.T) {
	for what, change := range map[string]func(*cloudy){
		"away":  func(c *cloudy) { c.away = true },
		"fails": func(c *cloudy) { c.fails = true },
	} {
		t.Run(what, func(t *testing.T) {
			c := newCloudy(t, flannelNode)
			change(c)
			c.is(c.until(0, 700), 5, 30, 600)
		})
	}
}

func TestAnEntryIsCreatedAndDeleted(t *testing.T) {
	c := newCloudy(t)
	c.is(c.until(0, 10))
	c.write(flannelNode)
	c.until(11, 12)
	if err := os.Remove(filepath.Join(c.folder, flannelNode)); err != nil {
		t.Fatal(err)
	}
	c.is(c.until(13, 100))
	if len(c.known) > 0 {
		t.Fatal(c.known)
	}
	if err := os.RemoveAll(c.folder); err != nil {
		t.Fatal(err)
	}
	if err := c.round(context.Background(), time.Minute); err == nil || !strings.Contains(err.Error(), c.folder) {
		t.Fatal(err)
	}
}

// TestARequestedEntryIsNotAnEntryOfAnotherWriter requires the real order: lite-apiserver writes after it has answered.
func TestARequestedEntryIsNotAnEntryOfAnotherWriter(t *testing.T) {
	l := newLite(t)
	l.old(flannelNode)
	again := newAskAgain(&asker{
		server: l.url, client: filepath.Join(l.files, "kubelet.pem"), authority: filepath.Join(l.files, "ca.crt"),
		node: "e3", cache: l.cache,
	})
	for second := range 100 {
		if err := again.round(context.Background(), time.Duration(second)*time.Second); err != nil {
			t.Fatal(err)
		}
	}
	if len(l.asked) != 2 {
		t.Fatal(len(l.asked))
	}
}
