// Approver lets edge nodes have the certificate that their lite-apiserver serves with, and nothing else.
//
// It watches certificate signing requests of the signer kubernetes.io/kubelet-serving, approves those that the
// policy in policy.go allows, and leaves all others to people. It never denies, and holds no key.
package main

import (
	"flag"
	"log"
	"net"
	"os"
	"strings"
	"time"
)

type list []string

func (l *list) String() string { return strings.Join(*l, ",") }

func (l *list) Set(value string) error {
	*l = append(*l, value)
	return nil
}

func main() {
	var addresses, names list
	flag.Var(&addresses, "address", "an address that a certificate may hold; may be repeated")
	flag.Var(&names, "name", "a name that a certificate may hold; may be repeated")
	listen := flag.String("health", ":8080", "where the kubelet asks how it is")
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
	cluster, err := inCluster()
	if err != nil {
		log.Print(err)
		os.Exit(1)
	}
	health := newHealth()
	go health.listen(*listen)
	for {
		err := cluster.eachRequest(
			func(request *signingRequest) { handle(cluster, policy, request) },
			func() { health.seen(true) },
		)
		if err != nil {
			log.Print(err)
			health.seen(false)
		}
		time.Sleep(time.Second)
	}
}

// handle approves one request if the policy lets it pass, and says why it does not otherwise.
func handle(cluster *api, policy policy, request *signingRequest) {
	if request.Spec.SignerName != servingSigner || request.settled() {
		return
	}
	reason, err := policy.refuses(request, cluster.nodeIsReady)
	switch {
	case err != nil:
		log.Printf("%s: %v", request.Metadata.Name, err)
	case reason != "":
		log.Printf("%s: left alone: %s", request.Metadata.Name, reason)
	default:
		if err := cluster.approve(request); err != nil {
			log.Printf("%s: %v", request.Metadata.Name, err)
			return
		}
		log.Printf("%s: approved for %s, asked by %s", request.Metadata.Name, request.Spec.node, request.Spec.Username)
	}
}
