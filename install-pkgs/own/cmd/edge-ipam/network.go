package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"net/netip"
	"path/filepath"
	"slices"
	"strings"
)

const (
	defaultStore = "/var/lib/cni/edge-ipam"
	defaultData  = "/var/lib/cni/networks" // the default of host-local
)

// network is the configuration on stdin. Only the fields of this plugin are read; the others are forwarded to
// host-local unchanged.
type network struct {
	all  map[string]any
	seen seen
	sets []rangeSet
	want []netip.Addr
}

type seen struct {
	CNIVersion string `json:"cniVersion"`
	Name       string `json:"name"`
	IPAM       *struct {
		rawRange
		DataDir string       `json:"dataDir"`
		Store   string       `json:"store"`
		Ranges  [][]rawRange `json:"ranges"`
	} `json:"ipam"`
	RuntimeConfig struct {
		IPRanges [][]rawRange `json:"ipRanges"`
		IPs      []string     `json:"ips"`
	} `json:"runtimeConfig"`
	Args struct {
		CNI struct {
			IPs []string `json:"ips"`
		} `json:"cni"`
	} `json:"args"`
	PrevResult struct {
		IPs []struct {
			Address string `json:"address"`
		} `json:"ips"`
	} `json:"prevResult"`
	Valid *[]attachment `json:"cni.dev/valid-attachments"`
}

// attachment is a container with one of its interfaces.
type attachment struct {
	Container string `json:"containerID"`
	Interface string `json:"ifname"`
}

type rawRange struct {
	Subnet  string `json:"subnet"`
	Start   string `json:"rangeStart"`
	End     string `json:"rangeEnd"`
	Gateway string `json:"gateway"`
}

// addressRange is a range with its gateway, which is never assigned.
type addressRange struct{ first, last, gateway netip.Addr }

// rangeSet contains the ranges that one address of a Pod is selected from.
type rangeSet []addressRange

func (s rangeSet) contains(address netip.Addr) bool {
	return slices.ContainsFunc(s, func(r addressRange) bool {
		return address != r.gateway && r.first.Compare(address) <= 0 && address.Compare(r.last) <= 0
	})
}

// all iterates over the addresses in order.
func (s rangeSet) all() iter.Seq[netip.Addr] {
	return func(yield func(netip.Addr) bool) {
		for _, r := range s {
			for each := r.first; each.IsValid() && each.Compare(r.last) <= 0; each = each.Next() {
				if each != r.gateway && !yield(each) {
					return
				}
			}
		}
	}
}

func readNetwork(data []byte) (*network, *failure) {
	n := &network{}
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.UseNumber()
	if err := errors.Join(decoder.Decode(&n.all), json.Unmarshal(data, &n.seen)); err != nil {
		return n, fail(codeDecoding, "the configuration is not valid", err)
	}
	if n.seen.CNIVersion != "" && !slices.Contains(versions, n.seen.CNIVersion) {
		return n, fail(codeVersion, "this version of CNI is not supported", errors.New(n.seen.CNIVersion))
	}
	if n.seen.IPAM == nil {
		return n, fail(codeConfig, "the configuration is incomplete", errors.New("it has no `ipam`"))
	}
	// The name becomes the name of a directory.
	if name := n.seen.Name; name == "" || name == "." || name == ".." || name != filepath.Base(name) {
		return n, fail(codeConfig, "the network has no valid name", fmt.Errorf("%q", name))
	}
	if err := n.readRanges(); err != nil {
		return n, fail(codeConfig, "the ranges of addresses are not valid", err)
	}
	return n, nil
}

// readRanges puts the ranges in the order of host-local.
func (n *network) readRanges() error {
	sets := slices.Clone(n.seen.RuntimeConfig.IPRanges)
	if n.seen.IPAM.Subnet != "" {
		sets = append(sets, []rawRange{n.seen.IPAM.rawRange})
	}
	for _, raw := range append(sets, n.seen.IPAM.Ranges...) {
		var set rangeSet
		for _, each := range raw {
			parsed, err := each.parse()
			if err != nil {
				return err
			}
			set = append(set, parsed)
		}
		if len(set) == 0 {
			return errors.New("one of them has no range")
		}
		n.sets = append(n.sets, set)
	}
	for _, text := range slices.Concat(n.seen.Args.CNI.IPs, n.seen.RuntimeConfig.IPs) {
		address, err := parseAddress(text)
		if err != nil {
			return err
		}
		n.want = append(n.want, address)
	}
	return nil
}

// parse sets the defaults that host-local sets.
func (r rawRange) parse() (addressRange, error) {
	subnet, err := netip.ParsePrefix(r.Subnet)
	if err != nil {
		return addressRange{}, err
	}
	subnet = subnet.Masked()
	found := addressRange{subnet.Addr().Next(), lastOf(subnet), subnet.Addr().Next()}
	texts := []string{r.Start, r.End, r.Gateway}
	for i, into := range []*netip.Addr{&found.first, &found.last, &found.gateway} {
		if texts[i] == "" {
			continue
		}
		if *into, err = parseAddress(texts[i]); err != nil {
			return addressRange{}, err
		}
	}
	return found, nil
}

// lastOf is the last address that may be assigned: in IPv4 the last address of a network is the broadcast address.
func lastOf(subnet netip.Prefix) netip.Addr {
	bits := subnet.Addr().AsSlice()
	for i := subnet.Bits(); i < len(bits)*8; i++ {
		bits[i/8] |= 0x80 >> (i % 8)
	}
	last, _ := netip.AddrFromSlice(bits)
	if last.Is4() {
		return last.Prev()
	}
	return last
}

// parseAddress reads an address with or without a prefix length.
func parseAddress(text string) (netip.Addr, error) {
	text, _, _ = strings.Cut(text, "/")
	address, err := netip.ParseAddr(text)
	return address.Unmap(), err
}

func (n *network) version() string { return n.seen.CNIVersion }

func (n *network) store() string {
	if n.seen.IPAM.Store != "" {
		return n.seen.IPAM.Store
	}
	return defaultStore
}

// reservations is the directory in which host-local has a file for each assigned address.
func (n *network) reservations() string {
	data := n.seen.IPAM.DataDir
	if data == "" {
		data = defaultData
	}
	return filepath.Join(data, n.seen.Name)
}

// asking is the configuration for host-local: the same one, with the addresses to assign. `args` is the field with
// which host-local accepts several, one of each family.
func (n *network) asking(addresses []netip.Addr) ([]byte, error) {
	all := clone(n.all)
	ipam := clone(all["ipam"])
	ipam["type"] = program
	delete(ipam, "store")
	all["ipam"] = ipam
	if len(addresses) > 0 {
		args := clone(all["args"])
		cni := clone(args["cni"])
		cni["ips"], args["cni"], all["args"] = addresses, cni, args
	}
	return json.Marshal(all)
}

func clone(found any) map[string]any {
	cloned := map[string]any{}
	if object, is := found.(map[string]any); is {
		for key, value := range object {
			cloned[key] = value
		}
	}
	return cloned
}

// pairs iterates over CNI_ARGS, KEY=VALUE;KEY=VALUE.
func pairs(args string) iter.Seq2[string, string] {
	return func(yield func(string, string) bool) {
		for each := range strings.SplitSeq(args, ";") {
			if key, value, is := strings.Cut(each, "="); is && !yield(key, value) {
				return
			}
		}
	}
}
