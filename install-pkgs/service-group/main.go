// Service-group keeps what a ServiceGrid's Service answers within one site. It has two halves:
//
//	service-group zones   has Services of ServiceGrids preferred in the zone of who asks
//	service-group split   stands between kube-proxy and application-grid-wrapper, and answers what the wrapper cannot
package main

import (
	"errors"
	"flag"
	"log"
	"net/http"
	"net/url"
	"os"
	"time"
)

const usage = "usage: service-group zones --distribution NAME | service-group split --listen ADDRESS --wrapper URL"

func main() {
	log.SetFlags(0)
	if len(os.Args) < 2 {
		log.Fatal(usage)
	}
	cluster, err := inCluster()
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

func runZones(cluster *api, args []string) error {
	flags := flag.NewFlagSet("zones", flag.ExitOnError)
	distribution := flags.String("distribution", "", "what `spec.trafficDistribution` is to be")
	listen := flags.String("health", ":8080", "where the kubelet asks how it is")
	_ = flags.Parse(args)
	if *distribution == "" {
		return errors.New("--distribution is missing")
	}
	health := newHealth()
	go health.listen(*listen)
	for {
		err := cluster.followServices(
			func(service *service) { prefer(cluster, service, *distribution) },
			func() { health.seen(true) },
		)
		if err != nil {
			log.Print(err)
			health.seen(false)
		}
		time.Sleep(time.Second)
	}
}

func runSplit(cluster *api, args []string) error {
	flags := flag.NewFlagSet("split", flag.ExitOnError)
	listen := flags.String("listen", "127.0.0.1:51007", "where kube-proxy asks")
	wrapper := flags.String("wrapper", "http://127.0.0.1:51006", "where application-grid-wrapper answers")
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
