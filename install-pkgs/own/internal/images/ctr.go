// Package images prevents that kubelet deletes the images of running containers while they cannot be pulled again.
//
// The comments about containerd describe v2.1.5. kubelet deletes no image that CRI reports as pinned. CRI identifies
// an image by its config, with several references: a tag, a digest, and `sha256:` with the digest of the config. It
// is pinned as long as one reference has the label (pin and unpin in internal/cri/store/image/image.go). CRI observes
// changes of labels while containerd runs (the ImageUpdate event in internal/cri/server/events.go).
package images

import (
	"bytes"
	"context"
	"fmt"
	"os/exec"
	"strconv"
	"strings"
	"time"
)

const (
	namespace = "k8s.io"
	// A query takes much less than a second, but a node that has just booted is busy.
	ctrPatience = 30 * time.Second
)

// Runtime has the queries and changes of containerd that this package requires.
type Runtime interface {
	// Used returns the names of the images of all containers, also of those that have exited.
	Used(context.Context) ([]string, error)
	// References returns all names of all images.
	References(context.Context) ([]Reference, error)
	// Unpacked returns the disk usage of the layers of an image.
	Unpacked(ctx context.Context, name string) (int64, error)
	// Label sets labels of one name, given as KEY=VALUE; labels without a value are removed.
	Label(ctx context.Context, name string, labels ...string) error
}

// Reference is one name of an image, which its digest identifies.
type Reference struct {
	Name, Digest string
	Packed       int64
	Labels       map[string]string
}

// Ctr uses containerd's command-line program.
type Ctr struct{ Program string }

// Used reads CONTAINER, IMAGE and RUNTIME of each container.
func (c Ctr) Used(ctx context.Context) ([]string, error) {
	rows, err := c.table(ctx, "containers", "ls")
	var found []string
	for _, fields := range rows {
		if len(fields) > 1 && fields[1] != "-" {
			found = append(found, fields[1])
		}
	}
	return found, err
}

// References reads REF, TYPE, DIGEST, SIZE, PLATFORMS and LABELS of each reference; the size contains a blank.
func (c Ctr) References(ctx context.Context) ([]Reference, error) {
	rows, err := c.table(ctx, "images", "ls")
	if err != nil {
		return nil, err
	}
	var found []Reference
	for _, fields := range rows {
		if len(fields) < 7 {
			return nil, fmt.Errorf("%s: unexpected output: %s", c.Program, strings.Join(fields, " "))
		}
		size, err := parseSize(fields[3], fields[4])
		if err != nil {
			return nil, fmt.Errorf("%s: the size of %s: %w", c.Program, fields[0], err)
		}
		each := Reference{Name: fields[0], Digest: fields[2], Packed: size, Labels: map[string]string{}}
		for label := range strings.SplitSeq(strings.Join(fields[6:], " "), ",") {
			if key, value, is := strings.Cut(label, "="); is {
				each.Labels[key] = value
			}
		}
		found = append(found, each)
	}
	return found, nil
}

// Unpacked adds up the layers: KEY, SIZE and INODES of each.
func (c Ctr) Unpacked(ctx context.Context, name string) (int64, error) {
	rows, err := c.table(ctx, "images", "usage", name)
	var sum int64
	for _, fields := range rows {
		if len(fields) < 3 {
			continue
		}
		size, err := parseSize(fields[1], fields[2])
		if err != nil {
			return 0, err
		}
		sum += size
	}
	return sum, err
}

func (c Ctr) Label(ctx context.Context, name string, labels ...string) error {
	_, err := c.run(ctx, append([]string{"images", "label", name}, labels...)...)
	return err
}

// table returns the rows that ctr prints, without the heading.
func (c Ctr) table(ctx context.Context, args ...string) ([][]string, error) {
	out, err := c.run(ctx, args...)
	var rows [][]string
	for line := range strings.Lines(out) {
		rows = append(rows, strings.Fields(line))
	}
	if len(rows) > 0 {
		rows = rows[1:]
	}
	return rows, err
}

func (c Ctr) run(ctx context.Context, args ...string) (string, error) {
	limited, cancel := context.WithTimeout(ctx, ctrPatience)
	defer cancel()
	command := exec.CommandContext(limited, c.Program, append([]string{"-n", namespace}, args...)...)
	command.WaitDelay = time.Second
	var said, complaint bytes.Buffer
	command.Stdout, command.Stderr = &said, &complaint
	if err := command.Run(); err != nil {
		return "", fmt.Errorf("%s %s: %w: %s", c.Program, args[0], err, strings.TrimSpace(complaint.String()))
	}
	return said.String(), nil
}

// parseSize parses sizes in the format of ctr: `12.3 MiB`. Rounding is not a problem.
func parseSize(number, unit string) (int64, error) {
	size, err := strconv.ParseFloat(number, 64)
	if err != nil {
		return 0, err
	}
	for _, each := range []string{"B", "KiB", "MiB", "GiB", "TiB", "PiB"} {
		if unit == each {
			return int64(size), nil
		}
		size *= 1024
	}
	return 0, fmt.Errorf("the unit %q is not supported", unit)
}
