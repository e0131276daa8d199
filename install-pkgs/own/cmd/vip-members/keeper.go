package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"edgeadm/own/internal/durable"
	"edgeadm/own/internal/kubeapi"
)

const (
	peersFile   = "peers.conf"
	serversFile = "servers.cfg"
	// While this file exists, the files are newer than the configuration that keepalived and haproxy use.
	unreadMark = ".unread"
	// The directory in which new files are checked.
	candidate     = ".candidate"
	commandWithin = 30 * time.Second
	answerWithin  = 10 * time.Second
)

// keeper updates the two files, one round at a time.
type keeper struct {
	settings
	access *kubeapi.Kubeconfig
	// The last message about each subject; a message is not repeated.
	said map[string]string
	log  func(string)
}

func newKeeper(wanted settings) *keeper {
	return &keeper{
		settings: wanted,
		access:   &kubeapi.Kubeconfig{Path: wanted.kubeconfig, Server: wanted.server, Timeout: answerWithin},
		said:     map[string]string{},
		log:      func(text string) { log.Print(text) },
	}
}

// round runs once. It returns an error if the two files do not exist.
func (k *keeper) round() error {
	nodes, answered := k.ask()
	members := membersOf(nodes, k.node, k.self)
	current := true
	if answered || !k.complete() {
		current = k.install(members)
	}
	if k.haveRead() && current && answered {
		k.announce(nodes, members)
	}
	if !k.complete() {
		return errors.New("the files do not exist")
	}
	return nil
}

// ask returns the Nodes, and whether the answer is usable: an API server that lists no control plane is not ready.
func (k *keeper) ask() ([]node, bool) {
	connection, err := k.access.Connect()
	var nodes []node
	if err == nil {
		nodes, err = controlPlanes(connection)
	}
	if err == nil && !anyUsable(nodes, k.self) {
		err = errors.New("it lists no control plane with an address")
	}
	if err != nil {
		k.tell("api", "bad", fmt.Sprintf("the API server does not answer, the files are kept: %v", err))
		return nil, false
	}
	k.tell("api", "good", "the API server answers")
	return nodes, true
}

func (k *keeper) complete() bool {
	for _, name := range []string{peersFile, serversFile} {
		if info, err := os.Stat(filepath.Join(k.folder, name)); err != nil || info.Size() == 0 {
			return false
		}
	}
	return true
}

// install replaces the files if necessary. It returns whether they are current.
func (k *keeper) install(members []member) bool {
	files := map[string][]byte{
		peersFile:   []byte(peers(members, k.self, k.alone)),
		serversFile: []byte(servers(members, k.port)),
	}
	if !k.differ(files) {
		return true
	}
	if err := k.try(files); err != nil {
		k.tell("check", known(members), fmt.Sprintf("%s is not used: %v", known(members), err))
		return false
	}
	if err := k.replace(files); err != nil {
		k.tell("write", "bad", fmt.Sprintf("the files cannot be written: %v", err))
		return false
	}
	k.forget("check", "write")
	k.log("control planes: " + known(members))
	return true
}

func (k *keeper) differ(files map[string][]byte) bool {
	for name, data := range files {
		found, err := os.ReadFile(filepath.Join(k.folder, name))
		if err != nil || !bytes.Equal(found, data) {
			return true
		}
	}
	return false
}

// try runs the checks on a directory that contains only the new files.
func (k *keeper) try(files map[string][]byte) error {
	folder := filepath.Join(k.folder, candidate)
	defer os.RemoveAll(folder)
	// A previous round may have been interrupted.
	if err := os.RemoveAll(folder); err != nil {
		return err
	}
	for name, data := range files {
		if err := write(filepath.Join(folder, name), data); err != nil {
			return err
		}
	}
	for _, command := range k.checks {
		if err := run(strings.ReplaceAll(command, "{folder}", folder)); err != nil {
			return err
		}
	}
	return nil
}

// replace replaces each file atomically. It creates the mark first: after an interruption the next start runs the
// reloads.
func (k *keeper) replace(files map[string][]byte) error {
	if err := write(filepath.Join(k.folder, unreadMark), nil); err != nil {
		return err
	}
	for name, data := range files {
		if err := write(filepath.Join(k.folder, name), data); err != nil {
			return err
		}
	}
	return nil
}

// haveRead runs the reloads if they are due. It returns whether the contents of the files are in use.
func (k *keeper) haveRead() bool {
	mark := filepath.Join(k.folder, unreadMark)
	if _, err := os.Stat(mark); err != nil {
		return true
	}
	for _, command := range k.reloads {
		if err := run(command); err != nil {
			k.tell("reload", "bad", fmt.Sprintf("reload failed, it will be retried: %v", err))
			return false
		}
	}
	k.forget("reload")
	if err := os.Remove(mark); err != nil {
		k.tell("write", "bad", err.Error())
	}
	return true
}

// announce sets the annotation of the Node of this host to the control planes that are in use here.
func (k *keeper) announce(nodes []node, members []member) {
	for _, each := range nodes {
		if each.Metadata.Name != k.node || each.Metadata.Annotations[annotation] == known(members) {
			continue
		}
		connection, err := k.access.Connect()
		if err == nil {
			err = annotate(connection, k.node, known(members))
		}
		if err != nil {
			k.tell("announce", "bad", fmt.Sprintf("node %s could not be annotated: %v", k.node, err))
		} else {
			k.forget("announce")
		}
	}
}

// tell logs a message about a subject if its state has changed.
func (k *keeper) tell(matter, state, text string) {
	if k.said[matter] != state {
		k.said[matter] = state
		k.log(text)
	}
}

func (k *keeper) forget(matters ...string) {
	for _, matter := range matters {
		delete(k.said, matter)
	}
}

// run starts a command without a shell. The error contains its output.
func run(command string) error {
	words := strings.Fields(command)
	if len(words) == 0 {
		return errors.New("the command is empty")
	}
	ctx, cancel := context.WithTimeout(context.Background(), commandWithin)
	defer cancel()
	said, err := exec.CommandContext(ctx, words[0], words[1:]...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("`%s`: %w: %s", command, err, bytes.TrimSpace(said))
	}
	return nil
}

// write replaces a file and creates its directory if necessary.
func write(path string, data []byte) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	return durable.Write(path, data, 0o644)
}
