package main

import (
	"context"
	"errors"
	"io"
	"log"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"edgeadm/own/internal/clock"
	"edgeadm/own/internal/flannel"
	"edgeadm/own/internal/kernel"
	"edgeadm/own/internal/litecache"
)

const (
	pinEvery     = 30 * time.Second
	restoreEvery = 5 * time.Second
	holdEvery    = 2 * time.Second
	portsEvery   = 15 * time.Second
)

// keepSnapshot copies what changes in lite-apiserver's cache to where a power cut does not reach it. Beside that, and
// never in its way, it has the cache renewed where it is outdated, and images pinned.
func keepSnapshot(args []string, _ io.Writer) error {
	var asks asker
	var pins imageFlags
	flags := newFlags("keep")
	folder := flags.String("cache", defaultCache, "folder of lite-apiserver's cache")
	snapshot := flags.String("snapshot", defaultKept, "folder of its snapshot")
	subnet := flags.String("subnet", defaultSubnet, "flannel's file with the subnets of this node")
	every := flags.Duration("every", 5*time.Second, "how often to look")
	once := flags.Bool("once", false, "take the snapshot once and stop")
	pin := flags.Bool("pin-images", false, "pin the images that containers use")
	states := flags.String("kernel", "", "file with the state of the kernel to restore where others flush it; empty: none")
	results := flags.String("cni-results", defaultResults, "folder in which the container runtime keeps Pods' networks")
	hold := flags.String("hold", "", "link that has the node's own address while no network card has it; empty: none")
	state := flags.String("kubelet", defaultKubelet, "folder of the kubelet, whose flags tell the node's own address")
	asks.flags(flags)
	pins.flags(flags)
	if err := parse(flags, args); err != nil {
		return err
	}
	if *every <= 0 {
		return usage("--every must be more than nothing")
	}
	images, err := pins.keeper()
	if err != nil {
		return err
	}
	var jobs []job
	switch asks.cache = *folder; asks.given() {
	case 0:
	case askFlags:
		jobs = append(jobs, job{askLook, newAskAgain(&asks).round})
	default:
		return usage("--server, --client, --ca and --node belong together")
	}
	if *states != "" {
		kept := &kernel.Keeper{File: *states, Say: log.Printf, Run: kernel.Command}
		ports := &kernel.Ports{Results: *results, Plugins: defaultPlugins, Run: kernel.Plugin, Say: log.Printf}
		round := func(ctx context.Context, _ time.Duration) error { return ports.Round(ctx) }
		jobs = append(jobs, job{restoreEvery, kept.Round}, job{portsEvery, round})
	}
	if *hold != "" {
		holder := &kernel.Holder{
			Link: *hold, Flags: kernel.DefaultFlags(*state), Network: kernel.Machine{}, Run: kernel.Command,
			Restart: kernel.Terminate, Say: log.Printf,
		}
		jobs = append(jobs, job{holdEvery, holder.Round})
	}
	if *pin {
		jobs = append(jobs, job{pinEvery, images.Round})
	}
	cache := &litecache.Cache{Folder: *folder, Snapshot: *snapshot, Say: log.Printf}
	file := flannel.Subnet{File: *subnet, Copy: filepath.Join(*snapshot, subnetCopy)}
	note := &clock.Note{File: filepath.Join(*snapshot, timeNote), Synchronized: clock.Synchronized}
	start := time.Now()
	round := func() error {
		return errors.Join(cache.Keep(), file.Keep(), note.Keep(time.Now(), time.Since(start)))
	}
	if *once {
		return round()
	}
	// Whoever stops us is about to stop the node, so what changed since the last round is taken, too.
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, syscall.SIGTERM, syscall.SIGINT)
	defer beside(jobs, start)()
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
