package main

import (
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"
)

// member is one control plane: the name of its Node and its address.
type member struct {
	name    string
	address netip.Addr
}

// membersOf selects the first InternalIP of each Node in the family of `self`. Nodes without one are skipped. This
// host is always included, with its own address, even if its Node does not exist yet.
func membersOf(nodes []node, name string, self netip.Addr) []member {
	mine := member{name, self}
	var others []member
	for _, each := range nodes {
		address, ok := internal(each, self)
		switch {
		case !ok || each.Metadata.Name == name:
		case address == self:
			// The Node is that of this host: its name is used if none was given.
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

// peers is the content of keepalived's `unicast_peer { }`: the other control planes, sorted; `alone` if there are
// none. keepalived without a peer would send multicast, and release the virtual IP when a peer is added. Packets to
// the virtual IP or to the loopback do not leave the host.
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

// servers is the section of haproxy with the backends. All other settings are in the defaults of its main file.
func servers(members []member, port int) string {
	var text strings.Builder
	text.WriteString("backend apiservers\n")
	for _, each := range members {
		fmt.Fprintf(&text, "    server %s %s\n", each.name, net.JoinHostPort(each.address.String(), strconv.Itoa(port)))
	}
	return text.String()
}

// known is the value of the annotation: the addresses of all members, `self` included, sorted.
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
