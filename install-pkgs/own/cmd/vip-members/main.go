// Vip-members keeps the lists of control planes for keepalived and haproxy current.
//
// It lists the Nodes through the API server of its own host and writes their addresses to two files, which keepalived
// and haproxy include. It checks new files before it replaces the old ones, and reloads both programs. The addresses
// in use are in an annotation of its own Node, so that a control plane that joins can see that it is included.
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
	options.StringVar(&wanted.kubeconfig, "kubeconfig", "/etc/kubernetes/admin.conf", "kubeconfig `file`; read again if it changes")
	options.StringVar(&wanted.server, "server", "", "`URL` of the API server instead of that of the kubeconfig, such as https://127.0.0.1:6443")
	options.StringVar(&wanted.node, "node", "", "`name` of the Node of this host, which is annotated; empty: none")
	options.StringVar(&self, "self", "", "`address` of this control plane")
	options.StringVar(&alone, "alone", "", "`address` to which keepalived sends without another control plane, usually the virtual IP; empty: the loopback")
	options.IntVar(&wanted.port, "port", 6443, "`port` of the API servers")
	options.StringVar(&wanted.folder, "folder", "/var/lib/edgeadm/vip", "`directory` of the two files")
	options.DurationVar(&wanted.interval, "interval", defaultInterval, "`interval` between two rounds")
	options.BoolVar(&wanted.once, "once", false, "run one round; exit status 0 if the files exist afterwards")
	options.Var(&wanted.checks, "check", "`command` that must succeed before new files are used; {folder} in it is replaced by their directory; may be repeated")
	options.Var(&wanted.reloads, "reload", "`command` to run after the files were replaced; may be repeated")
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
		return wanted, fmt.Errorf("--alone: not an address of the same family as --self: %s", alone)
	}
	if wanted.port < 1 || wanted.port > 65535 {
		return wanted, errors.New("--port must be from 1 to 65535")
	}
	if wanted.interval <= 0 {
		return wanted, errors.New("--interval must be greater than zero")
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
