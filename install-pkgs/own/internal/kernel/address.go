package kernel

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// If the address returns within this time, as at a boot with a slow DHCP server, it is not held.
const grace = 6 * time.Second

var nodeIP = regexp.MustCompile(`--node-ip=([0-9a-fA-F.:,]+)`)

// Link is a network link, with its addresses.
type Link struct {
	Name      string
	MTU       int
	Card      bool
	Addresses []netip.Prefix
}

// Network has the queries of the host's network.
type Network interface {
	// Links returns all links.
	Links() ([]Link, error)
	// HasDefault returns whether a default route of the address's family exists.
	HasDefault(netip.Addr) bool
}

// Holder assigns the node's own addresses to edgeadm's link while no network card has them: a card loses its address
// together with its switch or its DHCP server. Probes of Pods in the host's network, host ports and kubelet require
// the address in any case. An address is held only if no other host could use it on a network of this host: there is
// no default route, and no other link is in the network of the address.
type Holder struct {
	Link    string
	Flags   []string // files with kubelet's flags
	Network Network
	Run     func(ctx context.Context, argv []string) (string, error)
	Restart func(program string) error // terminates a program that is restarted
	Say     func(format string, args ...any)
	absent  map[netip.Addr]time.Duration
}

// Round assigns and releases addresses. `now` is the time since the start of the program.
func (h *Holder) Round(ctx context.Context, now time.Duration) error {
	links, err := h.Network.Links()
	if err != nil {
		return err
	}
	at := slices.IndexFunc(links, func(l Link) bool { return l.Name == h.Link })
	if at < 0 {
		return nil // the state of the link is kept by package kernel
	}
	own := links[at]
	others := slices.Delete(slices.Clone(links), at, at+1)
	if h.absent == nil {
		h.absent = map[netip.Addr]time.Duration{}
	}
	var failed error
	for _, address := range h.addresses() {
		held := slices.ContainsFunc(own.Addresses, func(p netip.Prefix) bool { return p.Addr() == address })
		wanted := !near(others, address) && !h.Network.HasDefault(address)
		since, known := h.absent[address]
		switch {
		case !wanted:
			delete(h.absent, address)
			if held {
				failed = errors.Join(failed, h.release(ctx, address, others))
			}
		case held:
		case !known:
			h.absent[address] = now
		case now-since >= grace:
			failed = errors.Join(failed, h.hold(ctx, address, others))
		}
	}
	return failed
}

// addresses returns the addresses of this node from the flags of kubelet.
func (h *Holder) addresses() []netip.Addr {
	var found []netip.Addr
	for _, file := range h.Flags {
		data, err := os.ReadFile(file)
		if err != nil {
			continue
		}
		for _, match := range nodeIP.FindAllStringSubmatch(string(data), -1) {
			for word := range strings.SplitSeq(match[1], ",") {
				if address, err := netip.ParseAddr(word); err == nil && !address.IsUnspecified() {
					found = append(found, address)
				}
			}
		}
	}
	return found
}

// near returns whether a link has the address, or another address of its network.
func near(links []Link, address netip.Addr) bool {
	for _, link := range links {
		for _, each := range link.Addresses {
			if each.Addr() == address || (!each.IsSingleIP() && each.Masked().Contains(address)) {
				return true
			}
		}
	}
	return false
}

func (h *Holder) hold(ctx context.Context, address netip.Addr, others []Link) error {
	// flannel derives its MTU from the link that has the address.
	if mtu := smallest(others); mtu > 0 {
		if out, err := h.Run(ctx, []string{"ip", "link", "set", h.Link, "mtu", strconv.Itoa(mtu)}); err != nil {
			return fmt.Errorf("%s: %w: %.200s", h.Link, err, out)
		}
	}
	argv := []string{"ip", "addr", "add", single(address), "dev", h.Link}
	if address.Is6() {
		argv = append(argv, "nodad")
	}
	if out, err := h.Run(ctx, argv); err != nil {
		return fmt.Errorf("%s is on no network card, and cannot be held: %w: %.200s", address, err, out)
	}
	h.Say("%s is on no network card: held on %s meanwhile", address, h.Link)
	return nil
}

// release removes the address. A flannel that started meanwhile uses our link: it is restarted.
func (h *Holder) release(ctx context.Context, address netip.Addr, others []Link) error {
	if out, err := h.Run(ctx, []string{"ip", "addr", "del", single(address), "dev", h.Link}); err != nil {
		return fmt.Errorf("%s is still held on %s: %w: %.200s", address, h.Link, err, out)
	}
	h.Say("%s is no longer held on %s", address, h.Link)
	for _, link := range others {
		if !strings.HasPrefix(link.Name, "flannel") {
			continue
		}
		out, err := h.Run(ctx, []string{"ip", "-d", "-o", "link", "show", "dev", link.Name})
		if err == nil && strings.Contains(out+" ", " dev "+h.Link+" ") {
			h.Say("%s uses %s: flannel is restarted", link.Name, h.Link)
			return h.Restart("flanneld")
		}
	}
	return nil
}

func single(address netip.Addr) string {
	return netip.PrefixFrom(address, address.BitLen()).String()
}

// smallest returns the smallest MTU of all network cards; 0 if there is none.
func smallest(links []Link) int {
	found := 0
	for _, each := range links {
		if each.Card && (found == 0 || each.MTU < found) {
			found = each.MTU
		}
	}
	return found
}

// DefaultFlags returns the files in which kubeadm and administrators set flags of kubelet.
func DefaultFlags(kubelet string) []string {
	return []string{filepath.Join(kubelet, "kubeadm-flags.env"), "/etc/default/kubelet", "/etc/sysconfig/kubelet"}
}
