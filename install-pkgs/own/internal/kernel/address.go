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

// An address that comes back within this time, as at a boot with a slow DHCP server, is not held.
const grace = 6 * time.Second

var nodeIP = regexp.MustCompile(`--node-ip=([0-9a-fA-F.:,]+)`)

// Link is a network link, with its addresses.
type Link struct {
	Name      string
	MTU       int
	Card      bool
	Addresses []netip.Prefix
}

// Network is what the machine's network is asked.
type Network interface {
	// Links are all that there are.
	Links() ([]Link, error)
	// HasDefault tells whether there is a default route of the address's family.
	HasDefault(netip.Addr) bool
}

// Holder keeps the node's own addresses on edgeadm's link while no network card has them: a card loses its address
// with its switch or its DHCP server. Probes of Pods in the host's network, host ports and the kubelet need it all the
// same. An address is held only while this machine cannot be told that somebody else has it: there is no default
// route, and no other link is in the address's network.
type Holder struct {
	Link    string
	Flags   []string // files with the kubelet's flags
	Network Network
	Run     func(ctx context.Context, argv []string) (string, error)
	Restart func(program string) error // end a program that is started again
	Say     func(format string, args ...any)
	absent  map[netip.Addr]time.Duration
}

// Round holds addresses, and lets go of them. Now is the time since the program started.
func (h *Holder) Round(ctx context.Context, now time.Duration) error {
	links, err := h.Network.Links()
	if err != nil {
		return err
	}
	at := slices.IndexFunc(links, func(l Link) bool { return l.Name == h.Link })
	if at < 0 {
		return nil // who keeps the link is told elsewhere
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

// addresses are those that the kubelet was told to be this node's.
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

// near tells that a link has the address, or another one of its network.
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
	// flannel takes the size of its packets from the link that has the address.
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
		return fmt.Errorf("%s is on no network card, and is not held either: %w: %.200s", address, err, out)
	}
	h.Say("%s is on no network card: held on %s until it is", address, h.Link)
	return nil
}

// release lets go of the address. A flannel that started meanwhile has built its link upon ours: it is started again.
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
			h.Say("%s is built upon %s: flannel starts again", link.Name, h.Link)
			return h.Restart("flanneld")
		}
	}
	return nil
}

func single(address netip.Addr) string {
	return netip.PrefixFrom(address, address.BitLen()).String()
}

// smallest is the smallest MTU of all network cards; 0 if there is none.
func smallest(links []Link) int {
	found := 0
	for _, each := range links {
		if each.Card && (found == 0 || each.MTU < found) {
			found = each.MTU
		}
	}
	return found
}

// DefaultFlags are the files in which kubeadm and people put flags of the kubelet.
func DefaultFlags(kubelet string) []string {
	return []string{filepath.Join(kubelet, "kubeadm-flags.env"), "/etc/default/kubelet", "/etc/sysconfig/kubelet"}
}
