package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"log"
	"text/tabwriter"

	"edgeadm/own/internal/images"
)

const defaultContainerd = "/var/lib/containerd"

// imageFlags are the flags about containerd of both `keep` and `images`.
type imageFlags struct {
	ctr, folder string
	limit       int
}

func (f *imageFlags) flags(flags *flag.FlagSet) {
	flags.StringVar(&f.ctr, "ctr", "ctr", "`program` ctr of containerd")
	flags.StringVar(&f.folder, "containerd", defaultContainerd, "`directory` of containerd, on the disk with the images")
	flags.IntVar(&f.limit, "pin-limit", 50, "maximum size of pinned images, as `percentage` of that disk")
}

func (f *imageFlags) keeper() (*images.Keeper, error) {
	if f.limit < 0 || f.limit > 100 {
		return nil, usage(fmt.Sprintf("--pin-limit: %d is not a percentage", f.limit))
	}
	disk := func() (images.Disk, error) { return images.DiskOf(f.folder) }
	return &images.Keeper{Runtime: images.Ctr{Program: f.ctr}, Disk: disk, Percent: f.limit, Say: log.Printf}, nil
}

// showImages lists the images of the node, shows which of them kubelet may delete, and how full the disk is.
func showImages(args []string, out io.Writer) error {
	var chosen imageFlags
	flags := newFlags("images")
	chosen.flags(flags)
	format := flags.String("o", "", "output `format`: json, or empty for a table")
	if err := parse(flags, args, format); err != nil {
		return err
	}
	keeper, err := chosen.keeper()
	if err != nil {
		return err
	}
	found, err := keeper.Look(context.Background(), 0)
	if err != nil {
		return err
	}
	if *format == "json" {
		found.Images = full(found.Images)
		return writeJSON(out, found)
	}
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "IMAGE\tMIB\tPINNED\tOURS\tIN USE\tFITS")
	for _, each := range found.Images {
		fmt.Fprintf(table, "%s\t%d\t%t\t%t\t%t\t%t\n", each.Name, each.Bytes>>20, each.Pinned, each.Ours, each.InUse, each.Fits)
	}
	if err := table.Flush(); err != nil {
		return err
	}
	_, err = fmt.Fprintf(out, "pinned by edgeadm: %d of at most %d MiB; the disk has %d MiB, %d are free\n",
		found.Pinned>>20, found.Limit>>20, found.Total>>20, found.Free>>20)
	return err
}
