package main

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"edgeadm/own/internal/podlist"
)

// showPods lists the Pods that this node would start after a power cut while the cloud is unreachable.
func showPods(args []string, out io.Writer) error {
	flags := newFlags("pods")
	folder := flags.String("cache", defaultCache, "`directory` of the cache of lite-apiserver")
	format := flags.String("o", "", "output `format`: json, or empty for a table")
	if err := parse(flags, args, format); err != nil {
		return err
	}
	found, err := podlist.Newest(*folder, time.Now())
	if err != nil {
		return err
	}
	if *format == "json" {
		return writeJSON(out, found)
	}
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "POD\tPHASE\tADDRESSES\tHOST NETWORK\tSTATIC\tTOKEN\tDELETING\tIMAGES")
	for _, each := range found.Pods {
		var names []string
		for _, image := range each.Images {
			names = append(names, image.Name)
		}
		fmt.Fprintf(table, "%s/%s\t%s\t%s\t%t\t%t\t%t\t%t\t%s\n", each.Namespace, each.Name, each.Phase,
			strings.Join(each.Addresses, ","), each.HostNetwork, each.Mirror, each.Token, each.Deleting, strings.Join(names, ","))
	}
	return table.Flush()
}
