package main

import (
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"
)

// member is one control plane: its Node's name and its address.
type member struct {
	name    string
	address netip.Addr
}

// membersOf takes from each Node its first InternalIP of self's family. A Node without one is left out. This
// machine is always among them, under its own address, even before its Node is there.
func membersOf(nodes []node, name string, self netip.Addr) []member {
	mine := member{name, self}
	var others []member
	for _, each := range nodes {
		address, ok := internal(each, self)
		switch {
		case !ok || each.Metadata.Name == name:
		case address == self:
			// The Node is this machine's: its name counts where none was given.
			if name == "" {
				mine.name = each.Metadata.Name
			}
		default:
			others = append(others, member{each.Metadata.Name, address})
		}
	}
	if mine.name == "" {
		mine.name = "self"
	}
	found := append(others, mine)
	slices.SortFunc(found, func(a, b member) int { return strings.Compare(a.name, b.name) })
	return found
}

func anyUsable(nodes []node, self netip.Addr) bool {
	return slices.ContainsFunc(nodes, func(each node) bool {
		_, ok := internal(each, self)
		return ok
	})
}

func internal(each node, self netip.Addr) (netip.Addr, bool) {
	for _, one := range each.Status.Addresses {
		address, err := netip.ParseAddr(one.Address)
		if one.Type == "InternalIP" && err == nil && address.Unmap().Is4() == self.Is4() {
			return address.Unmap(), true
		}
	}
	return netip.Addr{}, false
}

// peers is what stands inside keepalived's `unicast_peer { }`: the others, sorted; where there are none, `alone`.
// keepalived without any peer would send multicast, and drop the virtual IP when it later gets one. What it sends to
// the virtual IP, or to the loopback, stays on the machine.
func peers(members []member, self, alone netip.Addr) string {
	var others []netip.Addr
	for _, each := range members {
		if each.address != self {
			others = append(others, each.address)
		}
	}
	if len(others) == 0 {
		others = []netip.Addr{alone}
	}
	var text strings.Builder
	for _, each := range sorted(others) {
		fmt.Fprintln(&text, each)
	}
	return text.String()
}

// servers is haproxy's section of backends. Everything else about them stands in the defaults of its main file.
func servers(members []member, port int) string {
	var text strings.Builder
	text.WriteString("backend apiservers\n")
	for _, each := range members {
		fmt.Fprintf(&text, "    server %s %s\n", each.name, net.JoinHostPort(each.address.String(), strconv.Itoa(port)))
	}
	return text.String()
}

// known is the annotation's value: every member's address, self among them, sorted.
func known(members []member) string {
	var addresses []netip.Addr
	for _, each := range members {
		addresses = append(addresses, each.address)
	}
	var words []string
	for _, each := range sorted(addresses) {
		words = append(words, each.String())
	}
	return strings.Join(words, ",")
}

func sorted(addresses []netip.Addr) []netip.Addr {
	slices.SortFunc(addresses, netip.Addr.Compare)
	return slices.Compact(addresses)
}
