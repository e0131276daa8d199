// Approver approves the serving certificates of lite-apiserver on edge nodes, and no other certificates.
//
// It watches certificate signing requests of the signer kubernetes.io/kubelet-serving and approves those that the
// policy in policy.go allows. It leaves all others pending for an administrator, denies none and has no key.
package main

import (
	"flag"
	"log"
	"net"
	"os"
	"time"

	"edgeadm/own/internal/flags"
	"edgeadm/own/internal/health"
	"edgeadm/own/internal/kubeapi"
)

// A loop that takes longer is stuck: a watch without events ends earlier.
const longest = 3 * kubeapi.WatchFor

func main() {
	var addresses, names flags.List
	flag.Var(&addresses, "address", "`address` that certificates may contain; may be repeated")
	flag.Var(&names, "name", "`name` that certificates may contain; may be repeated")
	listen := flag.String("health", ":8080", "`address` of the health endpoint for the probes of kubelet")
	flag.Parse()
	log.SetFlags(0)
	policy := policy{names: names}
	for _, address := range addresses {
		ip := net.ParseIP(address)
		if ip == nil {
			log.Printf("--address: %q is not an IP address", address)
			os.Exit(2)
		}
		policy.addresses = append(policy.addresses, ip)
	}
	cluster, err := connect()
	if err != nil {
		log.Print(err)
		os.Exit(1)
	}
	state := health.New(longest)
	go state.Listen(*listen)
	for {
		err := kubeapi.Follow(
			cluster, requests, nil,
			func(request *signingRequest) { handle(cluster, policy, request) },
			func() { state.Seen(true) },
		)
		if err != nil {
			log.Print(err)
			state.Seen(false)
		}
		time.Sleep(time.Second)
	}
}

// handle approves one request if the policy allows it; otherwise it logs the reason.
func handle(cluster *kubeapi.Client, policy policy, request *signingRequest) {
	if request.Spec.SignerName != servingSigner || request.settled() {
		return
	}
	reason, err := policy.refuses(request, func(name string) (bool, error) { return nodeIsReady(cluster, name) })
	switch {
	case err != nil:
		log.Printf("%s: %v", request.Metadata.Name, err)
	case reason != "":
		log.Printf("%s: not approved: %s", request.Metadata.Name, reason)
	default:
		if err := approve(cluster, request); err != nil {
			log.Printf("%s: %v", request.Metadata.Name, err)
			return
		}
		log.Printf("%s: approved for %s, requested by %s", request.Metadata.Name, request.Spec.node, request.Spec.Username)
	}
}
