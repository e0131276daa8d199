// Service-group keeps the traffic of a ServiceGrid's Service within one site. It has two commands:
//
//	service-group zones   sets the traffic distribution of the Services of ServiceGrids
//	service-group split   is a proxy between kube-proxy and application-grid-wrapper: it forwards requests that the
//	                      wrapper does not support to the API server
package main

import (
	"errors"
	"flag"
	"log"
	"net/http"
	"net/url"
	"os"
	"time"

	"edgeadm/own/internal/health"
	"edgeadm/own/internal/kubeapi"
)

const (
	answerWithin    = 30 * time.Second
	handshakeWithin = 10 * time.Second
	headerWithin    = time.Minute
	// A loop that takes longer is stuck: a watch without events ends earlier.
	longest = 3 * kubeapi.WatchFor
)

const usage = "usage: service-group zones --distribution NAME | service-group split --listen ADDRESS --wrapper URL"

func main() {
	log.SetFlags(0)
	if len(os.Args) < 2 {
		log.Fatal(usage)
	}
	cluster, err := connect()
	if err != nil {
		log.Fatal(err)
	}
	switch os.Args[1] {
	case "zones":
		err = runZones(cluster, os.Args[2:])
	case "split":
		err = runSplit(cluster, os.Args[2:])
	default:
		err = errors.New(usage)
	}
	log.Fatal(err)
}

// connect returns a client with the service account of this Pod.
func connect() (*kubeapi.Client, error) {
	cluster, err := kubeapi.InCluster()
	if err != nil {
		return nil, err
	}
	return limited(cluster), nil
}

// limited sets the time limits of the client. Requests that split forwards have no limit but those of the transport.
func limited(cluster *kubeapi.Client) *kubeapi.Client {
	cluster.Timeout = answerWithin
	cluster.Transport.ForceAttemptHTTP2 = true
	cluster.Transport.TLSHandshakeTimeout = handshakeWithin
	cluster.Transport.ResponseHeaderTimeout = headerWithin
	return cluster
}

func runZones(cluster *kubeapi.Client, args []string) error {
	flags := flag.NewFlagSet("zones", flag.ExitOnError)
	distribution := flags.String("distribution", "", "`value` of spec.trafficDistribution, such as PreferClose")
	listen := flags.String("health", ":8080", "`address` of the health endpoint for the probes of kubelet")
	_ = flags.Parse(args)
	if *distribution == "" {
		return errors.New("--distribution is required")
	}
	state := health.New(longest)
	go state.Listen(*listen)
	for {
		err := followServices(
			cluster,
			func(service *service) { prefer(cluster, service, *distribution) },
			func() { state.Seen(true) },
		)
		if err != nil {
			log.Print(err)
			state.Seen(false)
		}
		time.Sleep(time.Second)
	}
}

func runSplit(cluster *kubeapi.Client, args []string) error {
	flags := flag.NewFlagSet("split", flag.ExitOnError)
	listen := flags.String("listen", "127.0.0.1:51007", "`address` to which kube-proxy connects")
	wrapper := flags.String("wrapper", "http://127.0.0.1:51006", "`URL` of application-grid-wrapper")
	_ = flags.Parse(args)
	behind, err := url.Parse(*wrapper)
	if err != nil {
		return err
	}
	handler, err := newSplitter(cluster, behind)
	if err != nil {
		return err
	}
	server := &http.Server{Addr: *listen, Handler: handler, ReadHeaderTimeout: 10 * time.Second}
	return server.ListenAndServe()
}
