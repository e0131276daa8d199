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
	// The copy of flannel's file, in the snapshot; the dot distinguishes it from entries.
	subnetCopy = ".node/subnet.env"
	// The latest time that this node has recorded.
	timeNote = ".node/clock"
	// The time limit of this command if a disk does not answer, so that the boot continues. The unit has a longer
	// one.
	bootPatience = 45 * time.Second
)

// repairNode repairs with the clock of this host.
func repairNode(args []string, out io.Writer) error { return repair(clock.System(), args, out) }

// repair removes or restores files that a power cut may have damaged, before other programs read them. It never
// fails: a node with a damaged file is better than a node that does not boot.
func repair(now clock.Clock, args []string, out io.Writer) error {
	options := newFlags("repair")
	cache := options.String("cache", defaultCache, "`directory` of the cache of lite-apiserver")
	snapshot := options.String("snapshot", defaultKept, "`directory` of the snapshot of the cache")
	state := options.String("kubelet", "", "`directory` of kubelet; empty: no repair")
	subnet := options.String("subnet", defaultSubnet, "`file` of flannel with the subnets of this node")
	configs := options.String("cni-config", defaultConfigs, "`directory` with the networks of the container runtime")
	var leftovers, certificates flags.List
	options.Var(&certificates, "clock", "`certificate` whose start the clock must not precede; may be repeated; none: the clock is not changed")
	options.Var(&leftovers, "cni", "`directory` to empty if the network of this node uses edge-ipam; may be repeated")
	if err := parse(options, args); err != nil {
		return err
	}
	say := func(format string, args ...any) { fmt.Fprintf(out, format+"\n", args...) }
	patience := time.AfterFunc(bootPatience, func() {
		say("not finished after %s: the boot continues without the remaining steps", bootPatience)
		os.Exit(0)
	})
	defer patience.Stop()
	// This step is first, so that the files that are written below have the right time.
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

// guarded runs a step. A panic is logged, so that the other steps run.
func guarded(name string, say func(format string, args ...any), step func()) {
	defer func() {
		if found := recover(); found != nil {
			say("%s: not repaired: %v", name, found)
		}
	}()
	step()
}
