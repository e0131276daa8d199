package kernel

import (
	"bufio"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
)

// Network cards are identified by their names, because /sys may belong to another network namespace.
var card = regexp.MustCompile(`^(eth|en|wl|ww|usb|bond)`)

// Machine is the network of this host.
type Machine struct{}

// Links returns all links.
func (Machine) Links() ([]Link, error) {
	interfaces, err := net.Interfaces()
	if err != nil {
		return nil, err
	}
	var found []Link
	for _, each := range interfaces {
		link := Link{Name: each.Name, MTU: each.MTU, Card: card.MatchString(each.Name)}
		addresses, err := each.Addrs()
		if err != nil {
			continue // the link was removed meanwhile
		}
		for _, address := range addresses {
			if prefix, err := netip.ParsePrefix(address.String()); err == nil {
				link.Addresses = append(link.Addresses, prefix)
			}
		}
		found = append(found, link)
	}
	return found, nil
}

// HasDefault reads the main routing table of the kernel.
func (Machine) HasDefault(address netip.Addr) bool {
	if address.Is6() {
		return hasLine("/proc/net/ipv6_route", func(f []string) bool {
			zero := strings.Repeat("0", 32)
			return len(f) > 9 && f[0] == zero && f[1] == "00" && f[9] != "lo"
		})
	}
	return hasLine("/proc/net/route", func(f []string) bool {
		return len(f) > 7 && f[1] == "00000000" && f[7] == "00000000"
	})
}

func hasLine(file string, fits func(fields []string) bool) bool {
	opened, err := os.Open(file)
	if err != nil {
		return false
	}
	defer opened.Close()
	for lines := bufio.NewScanner(opened); lines.Scan(); {
		if fits(strings.Fields(lines.Text())) {
			return true
		}
	}
	return false
}

// Terminate terminates all processes with this name; their supervisor restarts them.
func Terminate(program string) error {
	names, err := filepath.Glob("/proc/[0-9]*/comm")
	if err != nil {
		return err
	}
	var failed error
	for _, name := range names {
		data, err := os.ReadFile(name)
		if err != nil || strings.TrimSpace(string(data)) != program {
			continue
		}
		pid, err := strconv.Atoi(filepath.Base(filepath.Dir(name)))
		if err != nil {
			continue
		}
		if err := syscall.Kill(pid, syscall.SIGTERM); err != nil && !errors.Is(err, syscall.ESRCH) {
			failed = errors.Join(failed, fmt.Errorf("%s: %w", program, err))
		}
	}
	return failed
}
