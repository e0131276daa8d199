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

// keepSnapshot copies changes of lite-apiserver's cache to a snapshot that survives a power cut. In parallel, it
// updates outdated entries of the cache, pins images, and restores state of the kernel.
func keepSnapshot(args []string, _ io.Writer) error {
	var asks asker
	var pins imageFlags
	flags := newFlags("keep")
	folder := flags.String("cache", defaultCache, "`directory` of the cache of lite-apiserver")
	snapshot := flags.String("snapshot", defaultKept, "`directory` of the snapshot of the cache")
	subnet := flags.String("subnet", defaultSubnet, "`file` of flannel with the subnets of this node")
	every := flags.Duration("every", 5*time.Second, "`interval` between two rounds")
	once := flags.Bool("once", false, "run one round and exit")
	pin := flags.Bool("pin-images", false, "pin the images of containers")
	states := flags.String("kernel", "", "`file` with the state of the kernel to restore if another program removes it; empty: none")
	results := flags.String("cni-results", defaultResults, "`directory` in which the container runtime stores the networks of Pods")
	hold := flags.String("hold", "", "`link` that has the node's own address while no network card has it; empty: none")
	state := flags.String("kubelet", defaultKubelet, "`directory` of kubelet, whose flags contain the node's own address")
	asks.flags(flags)
	pins.flags(flags)
	if err := parse(flags, args); err != nil {
		return err
	}
	if *every <= 0 {
		return usage("--every must be greater than zero")
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
		return usage("--server, --client, --ca and --node must be used together")
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
	// A signal usually means that the node stops, so the changes since the last round are copied, too.
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
