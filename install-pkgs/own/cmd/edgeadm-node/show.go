package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"edgeadm/own/internal/litecache"
	"edgeadm/own/internal/records"
)

const (
	defaultStore = "/var/lib/cni/edge-ipam"
	lockPatience = 10 * time.Second
)

// showAddresses lists the stored addresses of Pods. It fails if a record is damaged.
func showAddresses(args []string, out io.Writer) error {
	flags := newFlags("addresses")
	store := flags.String("store", defaultStore, "`directory` of the stored addresses")
	format := flags.String("o", "", "output `format`: json, or empty for a table")
	if err := parse(flags, args, format); err != nil {
		return err
	}
	found, problems, err := records.List(*store, lockPatience)
	if err != nil {
		return err
	}
	if *format == "json" {
		err = writeJSON(out, map[string]any{"records": full(found), "problems": full(problems)})
	} else {
		table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
		fmt.Fprintln(table, "POD\tADDRESSES\tSTATE\tSINCE\tCONTAINER")
		for _, each := range found {
			since := each.Time.Format(time.RFC3339)
			fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%.12s\n", each, joined(each.Addresses), each.State, since, each.Container)
		}
		err = table.Flush()
	}
	var said []error
	for _, each := range problems {
		said = append(said, errors.New(each.String()))
	}
	return errors.Join(err, errors.Join(said...))
}

// showCache lists the entries of lite-apiserver's cache.
func showCache(args []string, out io.Writer) error {
	flags := newFlags("cache")
	folder := flags.String("cache", defaultCache, "`directory` of the cache of lite-apiserver")
	snapshot := flags.String("snapshot", defaultKept, "`directory` of the snapshot of the cache")
	format := flags.String("o", "", "output `format`: json, or empty for a table")
	if err := parse(flags, args, format); err != nil {
		return err
	}
	cache := litecache.Cache{Folder: *folder, Snapshot: *snapshot}
	found, err := cache.Entries(time.Now())
	if err != nil {
		return err
	}
	if *format == "json" {
		return writeJSON(out, map[string]any{"entries": full(found)})
	}
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "ENTRY\tVERB\tBYTES\tAGE\tWHOLE\tSNAPSHOT")
	for _, each := range found {
		age := time.Duration(each.Age) * time.Second
		fmt.Fprintf(table, "%s\t%s\t%d\t%s\t%t\t%t\n", each.Key, each.Verb, each.Bytes, age, each.Whole, each.Snapshot)
	}
	return table.Flush()
}

// full returns an empty slice instead of nil, because JSON distinguishes them.
func full[T any](found []T) []T { return append([]T{}, found...) }

func writeJSON(out io.Writer, value any) error {
	encoder := json.NewEncoder(out)
	encoder.SetIndent("", "  ")
	return encoder.Encode(value)
}

func joined[T fmt.Stringer](all []T) string {
	var words []string
	for _, each := range all {
		words = append(words, each.String())
	}
	return strings.Join(words, ",")
}
