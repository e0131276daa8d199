package main

import (
	"bytes"
	"context"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

const (
	program  = "host-local"
	patience = 30 * time.Second
)

// hostLocal is the plugin that assigns the addresses.
type hostLocal struct{ path string }

// refusal is the output of host-local if it fails.
type refusal struct {
	said []byte
	why  string
}

func (r *refusal) Error() string { return r.why }

// find searches the directories of CNI_PATH, as every CNI plugin does that delegates to another one.
func (h hostLocal) find() (string, error) {
	for _, folder := range filepath.SplitList(h.path) {
		file := filepath.Join(folder, program)
		if found, err := os.Stat(file); err == nil && found.Mode().IsRegular() {
			return file, nil
		}
	}
	return "", fmt.Errorf("no %s in CNI_PATH (%s)", program, h.path)
}

// run starts host-local. The process inherits the lock of the store: if this program is killed meanwhile, the next
// call waits until host-local has finished, and sees its result.
func (h hostLocal) run(lock *os.File, conf []byte, settings ...string) ([]byte, error) {
	file, err := h.find()
	if err != nil {
		return nil, fail(codeUnavailable, "host-local is missing", err)
	}
	limited, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	command := exec.CommandContext(limited, file)
	command.Env = append(os.Environ(), settings...)
	command.Stdin, command.ExtraFiles = bytes.NewReader(conf), []*os.File{lock}
	var said, complaint bytes.Buffer
	command.Stdout, command.Stderr = &said, &complaint
	if err := command.Run(); err != nil {
		why := fmt.Sprintf("host-local: %v: %s%s", err, said.String(), complaint.String())
		return nil, &refusal{said.Bytes(), why}
	}
	return said.Bytes(), nil
}

// holders reads the reservations of host-local: one file per address with the container and its interface. If the
// directory does not exist, no address was assigned since the boot.
func holders(folder string) map[netip.Addr]attachment {
	found, _ := os.ReadDir(folder)
	held := map[netip.Addr]attachment{}
	for _, each := range found {
		address, err := netip.ParseAddr(each.Name())
		if err != nil {
			continue // its lock, and the last assigned address
		}
		data, _ := os.ReadFile(filepath.Join(folder, each.Name()))
		container, ifname, _ := strings.Cut(strings.TrimSpace(string(data)), "\r\n")
		held[address.Unmap()] = attachment{container, ifname}
	}
	return held
}
