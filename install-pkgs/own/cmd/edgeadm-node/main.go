// Edgeadm-node does what an edge node has to do by itself, without Python and without a person.
//
// `repair` runs at every boot, `keep` always, `renew-certificate` by a timer, `ask` once in `edgeadm join`;
// `addresses`, `cache`, `images` and `pods` are asked by `edgeadm check`.
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

// run does one verb; the status is 2 for a wrong command line, 1 for everything else that went wrong.
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

// usage is what is wrong with a command line.
type usage string

func (u usage) Error() string { return string(u) }

func newFlags(verb string) *flag.FlagSet {
	flags := flag.NewFlagSet(verb, flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	return flags
}

// parse reads the flags; nothing may be left over, and a format, where there is one, is none or json.
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
		return usage("not understood: " + flags.Arg(0))
	}
	for _, each := range formats {
		if !slices.Contains([]string{"", "json"}, *each) {
			return usage("-o knows only json, not " + *each)
		}
	}
	return nil
}

// renewCertificate reads the flags and renews the serving certificate of lite-apiserver if it is time.
func renewCertificate(args []string, _ io.Writer) error {
	flags := newFlags("renew-certificate")
	pair := flags.String("pair", "", "file with the certificate and its key")
	client := flags.String("client", "", "file with the certificate and key that the kubelet logs in with")
	authority := flags.String("ca", "", "file with the cluster's CA")
	server := flags.String("server", "", "the API server, as https://HOST:PORT")
	serves := flags.String("serves", "", "ADDRESS:PORT where the certificate is served")
	unit := flags.String("unit", "", "the unit that serves it")
	before := flags.Duration("before", 0, "renew when less than this is left; a third of its life if not set")
	if err := parse(flags, args); err != nil {
		return err
	}
	for _, given := range []*string{pair, client, authority, server, serves, unit} {
		if *given == "" {
			return usage("--pair, --client, --ca, --server, --serves and --unit are all needed")
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
