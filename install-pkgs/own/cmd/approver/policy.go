package main

import (
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"net"
	"slices"
	"strings"
)

const (
	servingSigner = "kubernetes.io/kubelet-serving"
	bootstrappers = "system:bootstrappers:kubeadm:default-node-token"
	nodes         = "system:nodes"
	nodePrefix    = "system:node:"
)

var usages = []string{"digital signature", "key encipherment", "server auth"}

// signingRequest has the fields of a certificates.k8s.io/v1 CertificateSigningRequest that this program uses.
type signingRequest struct {
	Metadata struct {
		Name            string `json:"name"`
		ResourceVersion string `json:"resourceVersion"`
	} `json:"metadata"`
	Spec struct {
		Request    []byte   `json:"request"`
		SignerName string   `json:"signerName"`
		Usages     []string `json:"usages"`
		Username   string   `json:"username"`
		Groups     []string `json:"groups"`
		node       string
	} `json:"spec"`
	Status struct {
		Conditions []struct {
			Type string `json:"type"`
		} `json:"conditions"`
		Certificate []byte `json:"certificate"`
	} `json:"status"`
}

// settled returns whether the request was approved, denied or failed, or has a certificate.
func (r *signingRequest) settled() bool {
	return len(r.Status.Conditions) > 0 || len(r.Status.Certificate) > 0
}

// policy contains all addresses and names that a certificate may contain. The name of the node is not one of them: a
// client with a bootstrap token selects that name, and could select the name of a Service.
type policy struct {
	addresses []net.IP
	names     []string
}

// refuses returns the reason why the request must not be approved; empty if it may be approved. `ready` returns
// whether a Node with this name is ready; its errors are returned.
func (p policy) refuses(request *signingRequest, ready func(string) (bool, error)) (string, error) {
	block, rest := pem.Decode(request.Spec.Request)
	if block == nil || block.Type != "CERTIFICATE REQUEST" || len(strings.TrimSpace(string(rest))) > 0 {
		return "it does not contain exactly one PEM request", nil
	}
	parsed, err := x509.ParseCertificateRequest(block.Bytes)
	if err != nil {
		return "it cannot be parsed: " + err.Error(), nil
	}
	if err := parsed.CheckSignature(); err != nil {
		return "its signature is not valid: " + err.Error(), nil
	}
	node, isNode := strings.CutPrefix(parsed.Subject.CommonName, nodePrefix)
	if !isNode || node == "" {
		return fmt.Sprintf("its common name %q is not that of a node", parsed.Subject.CommonName), nil
	}
	request.Spec.node = node
	if !slices.Equal(parsed.Subject.Organization, []string{nodes}) {
		return fmt.Sprintf("its organization %q is not %s", parsed.Subject.Organization, nodes), nil
	}
	for _, usage := range request.Spec.Usages {
		if !slices.Contains(usages, usage) {
			return fmt.Sprintf("it requests the usage %q", usage), nil
		}
	}
	if reason := p.refusesNames(parsed); reason != "" {
		return reason, nil
	}
	return refusesRequester(request, node, ready)
}

func (p policy) refusesNames(parsed *x509.CertificateRequest) string {
	if len(parsed.EmailAddresses)+len(parsed.URIs) > 0 {
		return "it requests email addresses or URIs"
	}
	if len(parsed.DNSNames)+len(parsed.IPAddresses) == 0 {
		return "it requests no name and no address"
	}
	for _, name := range parsed.DNSNames {
		if !slices.Contains(p.names, name) {
			return fmt.Sprintf("it requests the name %q", name)
		}
	}
	for _, address := range parsed.IPAddresses {
		if !slices.ContainsFunc(p.addresses, address.Equal) {
			return fmt.Sprintf("it requests the address %s", address)
		}
	}
	return ""
}

// refusesRequester: a node may request its own certificate. A bootstrap token may request the certificate of a node
// that does not exist or is not ready.
func refusesRequester(request *signingRequest, node string, ready func(string) (bool, error)) (string, error) {
	if request.Spec.Username == nodePrefix+node && slices.Contains(request.Spec.Groups, nodes) {
		return "", nil
	}
	if !strings.HasPrefix(request.Spec.Username, "system:bootstrap:") ||
		!slices.Contains(request.Spec.Groups, bootstrappers) {
		return fmt.Sprintf("%q must not request a certificate of node %s", request.Spec.Username, node), nil
	}
	alive, err := ready(node)
	if err != nil {
		return "", err
	}
	if alive {
		return fmt.Sprintf("node %s is ready and did not send the request itself", node), nil
	}
	return "", nil
}
