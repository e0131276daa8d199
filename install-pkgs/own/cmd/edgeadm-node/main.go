// Edgeadm-node runs the tasks of an edge node that need neither Python nor an administrator.
//
// `repair` runs at every boot, `keep` all the time, `renew-certificate` with a timer, `ask` once in `edgeadm join`;
// `edgeadm check` runs `addresses`, `cache`, `images` and `pods`.
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"log"
	"os"
	"os/exec"
	"slices"
	"time"

	"edgeadm/own/internal/kubeapi"
)

const version = "v1.2.0"

var verbs = map[string]func(args []string, out io.Writer) error{
	"addresses":         showAddresses,
	"ask":               askAnew,
	"cache":             showCache,
	"images":            showImages,
	"keep":              keepSnapshot,
	"pods":              showPods,
	"renew-certificate": renewCertificate,
	"repair":            repairNode,
}

func main() {
	log.SetFlags(0)
	os.Exit(run(os.Args[1:], os.Stdout))
}

// run executes one command. The exit status is 2 for an invalid command line, 1 for any other error.
func run(args []string, out io.Writer) int {
	var err error
	switch {
	case len(args) > 0 && args[0] == "version":
		fmt.Fprintln(out, "edgeadm-node", version)
	case len(args) > 0 && verbs[args[0]] != nil:
		err = verbs[args[0]](args[1:], out)
	default:
		err = usage("edgeadm-node addresses|ask|cache|images|keep|pods|renew-certificate|repair|version [FLAGS]")
	}
	var wrong usage
	switch {
	case err == nil, errors.Is(err, flag.ErrHelp):
		return 0
	case errors.As(err, &wrong):
		log.Print("usage: ", err)
		return 2
	}
	log.Print(err)
	return 1
}

// usage is an error in the command line.
type usage string

func (u usage) Error() string { return string(u) }

func newFlags(verb string) *flag.FlagSet {
	flags := flag.NewFlagSet(verb, flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	return flags
}

// parse reads the flags. Arguments are an error, and so is a format other than json.
func parse(flags *flag.FlagSet, args []string, formats ...*string) error {
	if err := flags.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			flags.SetOutput(os.Stdout)
			flags.PrintDefaults()
			return err
		}
		return usage(err.Error())
	}
	if flags.NArg() > 0 {
		return usage("unknown argument: " + flags.Arg(0))
	}
	for _, each := range formats {
		if !slices.Contains([]string{"", "json"}, *each) {
			return usage("-o supports only json, not " + *each)
		}
	}
	return nil
}

// renewCertificate renews the serving certificate of lite-apiserver if it is due.
func renewCertificate(args []string, _ io.Writer) error {
	flags := newFlags("renew-certificate")
	pair := flags.String("pair", "", "`file` with the certificate and its key")
	client := flags.String("client", "", "`file` with the client certificate and key of kubelet")
	authority := flags.String("ca", "", "`file` with the CA of the cluster")
	server := flags.String("server", "", "`URL` of the API server, https://HOST:PORT")
	serves := flags.String("serves", "", "`ADDRESS:PORT` at which the certificate is served")
	unit := flags.String("unit", "", "systemd `unit` that serves it")
	before := flags.Duration("before", 0, "renew if it expires within this `duration`; 0: a third of its lifetime")
	if err := parse(flags, args); err != nil {
		return err
	}
	for _, given := range []*string{pair, client, authority, server, serves, unit} {
		if *given == "" {
			return usage("--pair, --client, --ca, --server, --serves and --unit are required")
		}
	}
	roots, err := kubeapi.ReadAuthorities(*authority)
	if err != nil {
		return err
	}
	cluster, err := asKubelet(*server, *client, roots)
	if err != nil {
		return err
	}
	return renewal{
		file:     *pair,
		before:   *before,
		roots:    roots,
		cluster:  cluster,
		served:   func() ([]byte, error) { return servedAt(*serves) },
		restart:  func() error { return exec.Command("systemctl", "try-restart", *unit).Run() },
		patience: time.Minute,
	}.run(time.Now())
}
