package main

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"edgeadm/own/internal/records"
)

const (
	workers = 6
	most    = 3 // the number of Pods of a worker that run at the same time
	kills   = 60
	cuts    = 8
)

// crowd calls the plugin as a runtime does on a busy node, and kills it at random moments.
type crowd struct {
	*node
	pods    int           // of each worker
	late    time.Duration // the longest time until a kill
	lock    sync.Mutex
	held    map[string]string // address → its present Pod
	settled map[string]string // Pod → its first addresses
	running map[int]bool
	killed  atomic.Int64
	stop    atomic.Bool
	cut     atomic.Bool
	faults  []string
	given   int // the number of calls that succeeded
}

func (c *crowd) fault(format string, args ...any) {
	c.lock.Lock()
	defer c.lock.Unlock()
	c.faults = append(c.faults, fmt.Sprintf(format, args...))
	c.stop.Store(true)
}

// chance starts a call, and in two of five cases kills it, the plugin alone, so that host-local keeps running. It
// returns whether the call succeeded.
func (c *crowd) chance(verb, pod, container string) (string, bool) {
	command := c.command(verb, pod, container)
	command.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	var said, complaint bytes.Buffer
	command.Stdout, command.Stderr = &said, &complaint
	if !c.start(command) {
		return "", false
	}
	if rand.IntN(5) < 2 {
		timer := time.AfterFunc(time.Duration(rand.Int64N(int64(c.late))), func() { _ = command.Process.Kill() })
		defer timer.Stop()
	}
	err := command.Wait()
	c.lock.Lock()
	delete(c.running, command.Process.Pid)
	c.lock.Unlock()
	if err == nil {
		return given(c.t, said.Bytes()), true
	}
	if status, is := command.ProcessState.Sys().(syscall.WaitStatus); is && status.Signaled() {
		c.killed.Add(1)
		return "", false
	}
	// If host-local was killed first at the power cut, the plugin may report that. Other failures are errors.
	if !c.cut.Load() {
		c.fault("%s %s: %v %s%s", verb, pod, err, said.String(), complaint.String())
	}
	return "", false
}

// start does nothing after the power cut.
func (c *crowd) start(command *exec.Cmd) bool {
	c.lock.Lock()
	defer c.lock.Unlock()
	if c.cut.Load() {
		return false
	}
	if err := command.Start(); err != nil {
		c.faults = append(c.faults, err.Error())
		return false
	}
	c.running[command.Process.Pid] = true
	return true
}

// cutPower kills all processes at once, host-local too.
func (c *crowd) cutPower() {
	c.lock.Lock()
	defer c.lock.Unlock()
	c.cut.Store(true)
	for each := range c.running {
		_ = syscall.Kill(-each, syscall.SIGKILL)
	}
}

// takeDown repeats the call until it succeeds, as runtimes do.
func (c *crowd) takeDown(pod, container string) bool {
	for !c.stop.Load() && !c.cut.Load() {
		if _, done := c.chance("DEL", pod, container); done {
			return true
		}
	}
	return false
}

// live is one worker: its Pods are created and deleted, each time in another container.
func (c *crowd) live(worker, round int, stable bool) {
	staying := map[string]string{}
	for i := 0; !c.stop.Load() && !c.cut.Load(); i++ {
		pod := fmt.Sprintf("pod-%d-%d", worker, rand.IntN(c.pods))
		for each, container := range staying {
			if each != pod && len(staying) < most {
				continue
			}
			if c.leave(each); !c.takeDown(each, container) {
				return
			}
			delete(staying, each)
		}
		container := fmt.Sprintf("%s-%d-%d", pod, round, i)
		found, done := c.chance("ADD", pod, container)
		if done {
			c.arrive(pod, found, stable)
			staying[pod] = container
		} else if !c.takeDown(pod, container) {
			return
		}
	}
}

// arrive requires that no other Pod has the addresses, and that they are the same as before.
func (c *crowd) arrive(pod, found string, stable bool) {
	c.lock.Lock()
	defer c.lock.Unlock()
	c.given++
	if c.settled[pod] == "" {
		c.settled[pod] = found
	}
	if stable && c.settled[pod] != found {
		c.faults = append(c.faults, fmt.Sprintf("%s had %s and got %s", pod, c.settled[pod], found))
	}
	for address := range strings.FieldsSeq(found) {
		if other := c.held[address]; other != "" {
			c.faults = append(c.faults, fmt.Sprintf("%s has %s, which %s has, too", pod, address, other))
		}
		c.held[address] = pod
	}
}

func (c *crowd) leave(pod string) {
	c.lock.Lock()
	defer c.lock.Unlock()
	for address, each := range c.held {
		if each == pod {
			delete(c.held, address)
		}
	}
}

// TestKilledAtAnyMoment kills calls while several run at once, cuts the power in between, and verifies the addresses.
func TestKilledAtAnyMoment(t *testing.T) {
	for name, each := range map[string]struct {
		ranges string
		pods   int
		stable bool
	}{
		"there is room for all, so no address changes": {large, 4, true},
		"there is not, so addresses change hands":      {`[[{"subnet":"10.1.2.0/27"}],[{"subnet":"fd00:1::/64"}]]`, 8, false},
	} {
		t.Run(name, func(t *testing.T) {
			c := &crowd{node: newNode(t, each.ranges), pods: each.pods, settled: map[string]string{}}
			begun := time.Now()
			c.want("", "first", "10.1.2.2/"+strings.SplitAfter(each.ranges, "/")[1][:2]+" fd00:1::2/64")
			c.del("", "first")
			// Calls wait for one another, so this measures one call from its start to its end.
			c.late = time.Since(begun) * workers
			all := workers * each.pods
			for round := 0; c.killed.Load() < kills || c.given < kills || len(c.settled) < all || round < cuts; round++ {
				c.round(round, each.stable)
				if len(c.faults) > 0 {
					t.Fatal(strings.Join(c.faults, "\n"))
				}
				c.verify(each.stable)
			}
			t.Logf("%d calls were killed, addresses given %d times", c.killed.Load(), c.given)
		})
	}
}

// round is the time of the node from one boot to the next power cut.
func (c *crowd) round(round int, stable bool) {
	c.held, c.running = map[string]string{}, map[int]bool{}
	c.cut.Store(false)
	var all sync.WaitGroup
	for worker := range workers {
		all.Go(func() { c.live(worker, round, stable) })
	}
	time.Sleep(500*time.Millisecond + time.Duration(rand.Int64N(int64(500*time.Millisecond))))
	c.cutPower()
	all.Wait()
	c.boot()
}

// verify checks the store after the power cut.
func (c *crowd) verify(stable bool) {
	found, problems, err := records.List(c.store, 10*time.Second)
	if err != nil || len(problems) > 0 {
		c.t.Fatal(err, problems)
	}
	now := map[string]string{}
	for _, each := range found {
		now[each.Pod] = fmt.Sprintf("%s/24 %s/64", each.Addresses[0], each.Addresses[len(each.Addresses)-1])
	}
	for pod, first := range c.settled {
		if stable && now[pod] != first {
			c.t.Fatalf("%s had %s, and what is remembered is %q", pod, first, now[pod])
		}
	}
}

// TestALockIsHeldUntilTheChildOfAKilledProcessEnds: as long as host-local runs, the next call waits.
func TestALockIsHeldUntilTheChildOfAKilledProcessEnds(t *testing.T) {
	n := newNode(t, small)
	folder := t.TempDir()
	slow := "#!/bin/sh\n: >" + folder + "/runs\nsleep 1\nexec " + cniSet + "/host-local\n"
	if err := os.WriteFile(folder+"/host-local", []byte(slow), 0o755); err != nil {
		t.Fatal(err)
	}
	first := n.command("ADD", "a", "c1", "CNI_PATH="+folder)
	if err := first.Start(); err != nil {
		t.Fatal(err)
	}
	for i := 0; ; i++ { // until host-local runs
		if _, err := os.Stat(folder + "/runs"); err == nil {
			break
		}
		if i == 2000 {
			t.Fatal("it never started host-local")
		}
		time.Sleep(5 * time.Millisecond)
	}
	if err := first.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = first.Wait()
	begun := time.Now()
	n.del("a", "c1")
	if time.Since(begun) < 200*time.Millisecond {
		t.Fatal("it did not wait")
	}
	n.want("b", "c2", "10.1.2.2/29")
}
