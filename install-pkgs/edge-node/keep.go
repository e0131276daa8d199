package main

import (
	"errors"
	"io"
	"log"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"edgeadm/edgeadm-node/internal/flannel"
	"edgeadm/edgeadm-node/internal/litecache"
)

// keepSnapshot copies what changes in lite-apiserver's cache to where a power cut does not reach it.
func keepSnapshot(args []string, _ io.Writer) error {
	flags := newFlags("keep")
	folder := flags.String("cache", defaultCache, "folder of lite-apiserver's cache")
	snapshot := flags.String("snapshot", defaultKept, "folder of its snapshot")
	subnet := flags.String("subnet", defaultSubnet, "flannel's file with the subnets of this node")
	every := flags.Duration("every", 5*time.Second, "how often to look")
	once := flags.Bool("once", false, "look once and stop")
	if err := parse(flags, args); err != nil {
		return err
	}
	if *every <= 0 {
		return usage("--every must be more than nothing")
	}
	cache := &litecache.Cache{Folder: *folder, Snapshot: *snapshot, Say: log.Printf}
	file := flannel.Subnet{File: *subnet, Copy: filepath.Join(*snapshot, subnetCopy)}
	round := func() error { return errors.Join(cache.Keep(), file.Keep()) }
	if *once {
		return round()
	}
	// Whoever stops us is about to stop the node, so what changed since the last round is taken, too.
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, syscall.SIGTERM, syscall.SIGINT)
	ticker := time.NewTicker(*every)
	defer ticker.Stop()
	for said := ""; ; {
		said = sayOnce(said, round())
		select {
		case <-stop:
			return round()
		case <-ticker.C:
		}
	}
}

// sayOnce tells of a fault when it is new, not in every round.
func sayOnce(before string, err error) string {
	if err == nil {
		return ""
	}
	if err.Error() != before {
		log.Print(err)
	}
	return err.Error()
}
