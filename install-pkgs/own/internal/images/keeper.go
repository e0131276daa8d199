package images

import (
	"context"
	"errors"
	"fmt"
	"syscall"
	"time"
)

// An image that was not used by a container for this long is unpinned.
const idleAfter = time.Hour

// The time until an unknown size is queried again.
const weighAgain = 10 * time.Minute

// Keeper pins the images of containers, and unpins them later.
type Keeper struct {
	Runtime Runtime
	Disk    func() (Disk, error)
	Percent int
	Say     func(format string, args ...any)
	last    map[string]time.Duration // the time of the last use of each, since the start of the program
	sizes   map[string]weight        // the unpacked size of each
	refused map[string]bool          // already logged that they do not fit
}

// weight is the unpacked size of an image; if it is unknown, `again` is the time of the next query.
type weight struct {
	unpacked int64
	again    time.Duration
}

// Disk is the file system of the images.
type Disk struct{ Total, Free int64 }

// DiskOf returns the file system of a directory.
func DiskOf(folder string) (Disk, error) {
	var found syscall.Statfs_t
	if err := syscall.Statfs(folder, &found); err != nil {
		return Disk{}, fmt.Errorf("%s: %w", folder, err)
	}
	block := int64(found.Bsize)
	return Disk{int64(found.Blocks) * block, int64(found.Bavail) * block}, nil
}

// Report has the images, and the size of those that edgeadm has pinned.
type Report struct {
	Images []*Image `json:"images"`
	Pinned int64    `json:"pinnedBytes"`
	Limit  int64    `json:"limitBytes"`
	Free   int64    `json:"freeBytes"`
	Total  int64    `json:"totalBytes"`
}

// Look returns the report and changes nothing.
func (k *Keeper) Look(ctx context.Context, now time.Duration) (Report, error) {
	report, _, err := k.look(ctx, now)
	return report, err
}

func (k *Keeper) look(ctx context.Context, now time.Duration) (Report, map[*Image]bool, error) {
	disk, err := k.Disk()
	if err != nil {
		return Report{}, nil, err
	}
	used, err := k.Runtime.Used(ctx)
	if err != nil {
		return Report{}, nil, err
	}
	references, err := k.Runtime.References(ctx)
	if err != nil {
		return Report{}, nil, err
	}
	report := Report{Images: group(references, used), Limit: disk.Total / 100 * int64(k.Percent), Free: disk.Free, Total: disk.Total}
	k.age(report.Images, now)
	k.measure(ctx, report.Images, now)
	chosen := choose(report.Images, report.Limit)
	for _, each := range report.Images {
		if each.Ours {
			report.Pinned += each.Bytes
		}
	}
	return report, chosen, nil
}

// age records which images are in use, and deletes the records of images that no longer exist. The age of a new image
// starts now.
func (k *Keeper) age(all []*Image, now time.Duration) {
	last := map[string]time.Duration{}
	for _, each := range all {
		before, known := k.last[each.digest]
		if each.InUse || !known {
			before = now
		}
		last[each.digest] = before
		each.idle = now-before >= idleAfter
	}
	k.last = last
}

// measure adds the unpacked sizes. An image never changes, so each is queried once. If containerd does not report it,
// because the image was never unpacked, only the packed size counts until the next query.
func (k *Keeper) measure(ctx context.Context, all []*Image, now time.Duration) {
	sizes := map[string]weight{}
	for _, each := range all {
		found, known := k.sizes[each.digest]
		if !known || found.again != 0 && now >= found.again {
			size, err := k.Runtime.Unpacked(ctx, each.Name)
			found = weight{unpacked: size}
			if err != nil {
				found.again = now + weighAgain
			}
		}
		sizes[each.digest] = found
		each.Bytes += found.unpacked
	}
	k.sizes = sizes
}

// Round pins and unpins images as selected.
func (k *Keeper) Round(ctx context.Context, now time.Duration) error {
	report, chosen, err := k.look(ctx, now)
	if err != nil {
		return err
	}
	var failed error
	refused := map[string]bool{}
	// Images are unpinned first, so that new ones fit.
	for _, each := range report.Images {
		if len(each.ourTag) > 0 && (!chosen[each] || !each.Ours) {
			failed = errors.Join(failed, k.unpin(ctx, each))
		}
		if !each.Fits && each.InUse {
			refused[each.digest] = true
		}
		if refused[each.digest] && !k.refused[each.digest] {
			k.Say("%s is not pinned: its %d MiB do not fit into the limit of %d MiB for pinned images",
				each.Name, each.Bytes>>20, report.Limit>>20)
		}
	}
	k.refused = refused
	for _, each := range report.Images {
		if chosen[each] && !each.Pinned {
			failed = errors.Join(failed, k.Runtime.Label(ctx, each.label(), pinning, ours))
		}
	}
	return failed
}

// unpin removes our label, and the pin that it caused.
func (k *Keeper) unpin(ctx context.Context, image *Image) error {
	var failed error
	for _, each := range image.ourTag {
		failed = errors.Join(failed, k.Runtime.Label(ctx, each, pinKey+"=", ourKey+"="))
	}
	return failed
}
