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
	// While it is there, the files are newer than what keepalived and haproxy have read.
	unreadMark = ".unread"
	// Where new files are checked.
	candidate     = ".candidate"
	commandWithin = 30 * time.Second
	answerWithin  = 10 * time.Second
)

// keeper brings the two files up to date, one round at a time.
type keeper struct {
	settings
	access *kubeapi.Kubeconfig
	// What was said last about each matter; the same is not said twice.
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

// round looks once. An error means that the two files are not there.
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
		return errors.New("the files are not there")
	}
	return nil
}

// ask tells which Nodes there are, and whether that is to be believed: an API server that knows no control plane at
// all has nothing to say yet.
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
		k.tell("api", "bad", fmt.Sprintf("the API server cannot be asked, the files are kept: %v", err))
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

// install brings the files to what they should be. Whether they are that now.
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

// try runs the checks on a folder that holds the new files alone.
func (k *keeper) try(files map[string][]byte) error {
	folder := filepath.Join(k.folder, candidate)
	defer os.RemoveAll(folder)
	// Another round may have been cut short.
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

// replace puts each file in place in one step. The mark comes first: cut short, the next start knows what is due.
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

// haveRead runs the reloads where they are due. Whether what is in the files is in use.
func (k *keeper) haveRead() bool {
	mark := filepath.Join(k.folder, unreadMark)
	if _, err := os.Stat(mark); err != nil {
		return true
	}
	for _, command := range k.reloads {
		if err := run(command); err != nil {
			k.tell("reload", "bad", fmt.Sprintf("it is tried again: %v", err))
			return false
		}
	}
	k.forget("reload")
	if err := os.Remove(mark); err != nil {
		k.tell("write", "bad", err.Error())
	}
	return true
}

// announce says on this machine's Node which control planes are in use here.
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

// tell says something about a matter when its state has changed.
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

// run starts a command without a shell. The error holds what it said.
func run(command string) error {
	words := strings.Fields(command)
	if len(words) == 0 {
		return errors.New("an empty command")
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
