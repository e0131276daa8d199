package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"edgeadm/own/internal/clock"
	"edgeadm/own/internal/flags"
	"edgeadm/own/internal/flannel"
	"edgeadm/own/internal/kubelet"
	"edgeadm/own/internal/litecache"
)

const (
	defaultCache   = "/data/lite-apiserver/cache"
	defaultKept    = "/data/lite-apiserver/snapshot"
	defaultSubnet  = "/var/lib/flannel/subnet.env"
	defaultConfigs = "/etc/cni/net.d"
	defaultKubelet = "/var/lib/kubelet"
	defaultResults = "/var/lib/cni/results"
	defaultPlugins = "/opt/cni/bin"
	// Where the copy of flannel's file is, in the snapshot: with a dot, as it is no entry.
	subnetCopy = ".node/subnet.env"
	// Where the latest time is noted that this node has known.
	timeNote = ".node/clock"
	// A boot does not wait longer than this for a disk that does not answer. The unit's own limit is later.
	bootPatience = 45 * time.Second
)

// repairNode repairs with the clock of this machine.
func repairNode(args []string, out io.Writer) error { return repair(clock.System(), args, out) }

// repair takes away or mends what a power cut may have broken, before anybody reads it. It never fails: a node
// that starts with something broken is better than one that does not start.
func repair(now clock.Clock, args []string, out io.Writer) error {
	options := newFlags("repair")
	cache := options.String("cache", defaultCache, "folder of lite-apiserver's cache")
	snapshot := options.String("snapshot", defaultKept, "folder of its snapshot")
	state := options.String("kubelet", "", "folder of the kubelet; empty: leave it alone")
	subnet := options.String("subnet", defaultSubnet, "flannel's file with the subnets of this node")
	configs := options.String("cni-config", defaultConfigs, "folder with the networks of the container runtime")
	var leftovers, certificates flags.List
	options.Var(&certificates, "clock", "certificate that the clock must not be earlier than; none: leave the clock alone; may be repeated")
	options.Var(&leftovers, "cni", "folder to empty if the network of this node remembers addresses; may be repeated")
	if err := parse(options, args); err != nil {
		return err
	}
	say := func(format string, args ...any) { fmt.Fprintf(out, format+"\n", args...) }
	patience := time.AfterFunc(bootPatience, func() {
		say("not finished after %s: the boot goes on without the rest", bootPatience)
		os.Exit(0)
	})
	defer patience.Stop()
	// First, so that what is written below bears the right time.
	guarded("clock", say, func() {
		if len(certificates) > 0 {
			now.Repair(certificates, *snapshot, filepath.Join(*snapshot, timeNote), say)
		}
	})
	guarded("cache", say, (&litecache.Cache{Folder: *cache, Snapshot: *snapshot, Say: say}).Repair)
	guarded("subnet", say, func() {
		flannel.Subnet{File: *subnet, Copy: filepath.Join(*snapshot, subnetCopy)}.Repair(say)
	})
	guarded("kubelet", say, func() {
		if *state != "" {
			kubelet.Repair(*state, say)
		}
	})
	guarded("cni", say, func() {
		if flannel.Remembers(*configs) {
			for _, each := range leftovers {
				flannel.Clear(each, say)
			}
		}
	})
	return nil
}

// guarded keeps what goes wrong in one step from the others.
func guarded(name string, say func(format string, args ...any), step func()) {
	defer func() {
		if found := recover(); found != nil {
			say("%s: not repaired: %v", name, found)
		}
	}()
	step()
}
