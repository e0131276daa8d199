// Vip-members keeps keepalived and haproxy of a control plane told which control planes there are.
//
// It asks the API server of its own machine for the Nodes, writes their addresses into two files that keepalived
// and haproxy include, has both checked before they take the place of the old ones, and reloads the two. What is in
// use stands in an annotation of its own Node, so that a control plane that joins can see that it is known.
package main

import (
	"errors"
	"flag"
	"fmt"
	"log"
	"net/netip"
	"os"
	"time"

	"edgeadm/own/internal/flags"
)

const defaultInterval = 2 * time.Second

type settings struct {
	kubeconfig string
	server     string
	node       string
	self       netip.Addr
	alone      netip.Addr
	port       int
	folder     string
	interval   time.Duration
	once       bool
	checks     flags.List
	reloads    flags.List
}

func main() {
	log.SetFlags(0)
	wanted, err := parse(os.Args[1:])
	if errors.Is(err, flag.ErrHelp) {
		return
	}
	if err != nil {
		log.Print(err)
		os.Exit(2)
	}
	keeper := newKeeper(wanted)
	for {
		err := keeper.round()
		if wanted.once {
			if err != nil {
				os.Exit(1)
			}
			return
		}
		time.Sleep(wanted.interval)
	}
}

func parse(args []string) (settings, error) {
	var wanted settings
	var self, alone string
	options := flag.NewFlagSet("vip-members", flag.ContinueOnError)
	options.StringVar(&wanted.kubeconfig, "kubeconfig", "/etc/kubernetes/admin.conf", "`file` with the way to the API server; read anew when it changes")
	options.StringVar(&wanted.server, "server", "", "`address` to use in place of the kubeconfig's, such as https://127.0.0.1:6443")
	options.StringVar(&wanted.node, "node", "", "`name` of this machine's Node, which is annotated; none where empty")
	options.StringVar(&self, "self", "", "this control plane's `address`")
	options.StringVar(&alone, "alone", "", "`address` for keepalived to send to while there is no other control plane: best the virtual IP; the loopback where empty")
	options.IntVar(&wanted.port, "port", 6443, "`port` of the API servers")
	options.StringVar(&wanted.folder, "folder", "/var/lib/edgeadm/vip", "`folder` of the two files")
	options.DurationVar(&wanted.interval, "interval", defaultInterval, "`time` between two looks")
	options.BoolVar(&wanted.once, "once", false, "look once; exit status 0 where the files are there afterwards")
	options.Var(&wanted.checks, "check", "`command` that must succeed before new files are used; {folder} in it is theirs; may be repeated")
	options.Var(&wanted.reloads, "reload", "`command` to run after new files were put in place; may be repeated")
	err := options.Parse(args)
	if err != nil {
		return wanted, err
	}
	if options.NArg() > 0 {
		return wanted, errors.New("unknown argument: " + options.Arg(0))
	}
	if wanted.self, err = address(self); err != nil {
		return wanted, fmt.Errorf("--self: %w", err)
	}
	if alone == "" {
		alone = loopback(wanted.self)
	}
	if wanted.alone, err = address(alone); err != nil || wanted.alone.Is4() != wanted.self.Is4() {
		return wanted, fmt.Errorf("--alone: not an address such as --self: %s", alone)
	}
	if wanted.port < 1 || wanted.port > 65535 {
		return wanted, errors.New("--port: not a port")
	}
	if wanted.interval <= 0 {
		return wanted, errors.New("--interval: must be more than nothing")
	}
	return wanted, nil
}

func address(text string) (netip.Addr, error) {
	found, err := netip.ParseAddr(text)
	return found.Unmap(), err
}

func loopback(self netip.Addr) string {
	if self.Is4() {
		return "127.0.0.1"
	}
	return "::1"
}
